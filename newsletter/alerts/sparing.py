"""What is not sent: when an alert leaves, waits, goes into the next digest, or is dropped. Pure.

First it is asked whether the story is news to a reader at all (`is_news`), when it comes in. What is,
waits; and at each moment at which something of a reader's is due, `dispose` says what becomes of all
that waits for them. So one rule decides, whether an alert is a second old or was held over night.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.alerts.matching import News
from newsletter.content import Impact
from newsletter.memory import Told
from newsletter.selection import Reason
from subscribers.alert_choices import AlertChoices


@dataclass(frozen=True, slots=True)
class Limits:
    """How sparing the alerts are for everybody; see `site.AlertSpec`."""

    life: timedelta
    fresh: timedelta
    story_rest: timedelta
    company_rest: timedelta
    gather: timedelta
    #: stories told whole in one mail
    whole: int


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader was told of a story, or was to be told: by a digest, an alert, or in the next digest."""

    told: Told
    #: in words, for `newsletter why`: "told by the digest of …"
    how: str


@dataclass(frozen=True, slots=True)
class Newsworthy:
    """Whether a story is news to a reader, and why."""

    reasons: tuple[Reason, ...]
    #: what is new, for a reader who knew of it
    changes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(reason.passed for reason in self.reasons)


def is_news(news: News, known: Known | None, limits: Limits, *, muted: str | None) -> Newsworthy:
    """Whether this revision is worth an alert to a reader whose rule it meets.

    `muted` says in words why they want to hear nothing of it: the story, a company or a topic was muted.
    Without `known` the story must be fresh; with it, there must be a new fact (`memory.news_since`).
    """
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that waits for one reader."""

    id: int
    story_id: int
    companies: frozenset[str]
    impact: Impact | None
    outlets: int
    #: when it came up for this reader
    decided_at: datetime
    expires_at: datetime
    #: of the kind CORRECTION: no rest of story or company keeps it back
    corrects: bool = False
    #: what the reader knows of the story by now, and did not when it came up
    told_since: str | None = None


@dataclass(frozen=True, slots=True)
class Mailed:
    """An alert mail that a reader got, or is about to get."""

    at: datetime
    story_ids: frozenset[int]
    companies: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reader:
    """What decides about the alerts of one reader at one moment."""

    choices: AlertChoices
    zone: ZoneInfo
    #: whether a digest comes to them, into which something can be folded
    reads_digest: bool
    #: digests and alerts of their day that left or are leaving
    mails_today: int
    #: alert mails of the last hours, as far back as the longest rest
    mailed: Sequence[Mailed] = ()


@dataclass(frozen=True, slots=True)
class Disposal:
    """What becomes now of what waits for a reader: each alert's id stands in just one of them."""

    #: one mail, the first leads
    mail: tuple[int, ...] = ()
    #: until when, and why
    held: Mapping[int, tuple[datetime, Reason]] = field(default_factory=dict)
    #: into the next digest, and why
    folded: Mapping[int, Reason] = field(default_factory=dict)
    dropped: Mapping[int, Reason] = field(default_factory=dict)


def dispose(waiting: Sequence[Waiting], reader: Reader, limits: Limits, *, now: datetime) -> Disposal:
    """What becomes of all that waits for the reader, held ones included.

    In this order: told meanwhile or too old → dropped; the story or one of its companies rests → folded;
    the day's mails are used up → folded; it is quiet → held, folded, or let through for the highest
    impact; an alert left less than `gather` ago → held until then, all together. What remains is one mail.
    For a reader without a digest, folding means holding until the next morning, and dropping what is
    older than its life by then. Nothing is held beyond its life: it is folded instead.
    """
    raise NotImplementedError
