"""Which alert rules a story meets, and by which facts. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from newsletter.content import StoryContent
from newsletter.selection import Reason
from subscribers.alert_rule import AlertRule


@dataclass(frozen=True)
class News:
    """A story at the revision that came in, as the rules look at it."""

    story_id: int
    revision: int
    content: StoryContent
    first_seen_at: datetime
    #: when this revision came in
    seen_at: datetime
    #: when each outlet was first seen to report it, the earliest first
    spread: tuple[datetime, ...]


def judge(rule: AlertRule, news: News, *, leads: Callable[[], bool]) -> tuple[Reason, ...]:
    """Every condition of the rule, passed or failed, in words with the story's own facts.

    `leads` says whether the story would lead the digest of the rule's reader; it is asked last, and only
    where the rule asks for it and all else is met.
    """
    raise NotImplementedError


def meets(reasons: tuple[Reason, ...]) -> bool:
    """Whether every condition is passed."""
    return all(reason.passed for reason in reasons)


def anchors(rule: AlertRule) -> tuple[tuple[str, str], ...]:
    """(kind, term): by one of these, at least, a story that meets the rule is found; see `terms`."""
    raise NotImplementedError


def terms(content: StoryContent) -> frozenset[tuple[str, str]]:
    """(kind, term) of the story: whatever rule it meets has one of them among its anchors."""
    raise NotImplementedError
