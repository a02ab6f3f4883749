"""Whether a story is news to a reader: never told and fresh, or with a new fact since. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.alerts.matching import News, judge, meets
from newsletter.alerts.phrases import count, hours
from newsletter.alerts.sparing import Limits
from newsletter.content import StoryContent
from newsletter.judging import Reason
from newsletter.memory import Told, news_since, still_says
from subscribers.alert_rule import AlertRule


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader was told of a story, or was to be told: by a digest, an alert, or in the next digest."""

    told: Told
    #: in words, for `newsletter why`: "told by the digest of …"
    how: str
    #: whether they were only to be told that, and have not been yet
    spared: bool = False
    #: where they were spared it: what they were told before, if anything
    heard: Told | None = None

    def news_in(self, content: StoryContent, *, now: datetime) -> bool:
        """Whether it holds a new fact for them: neither told nor spared before."""
        return all(news_since(told, content, now=now) for told in (self.told, self.heard) if told is not None)

    def changes_to(self, content: StoryContent, *, now: datetime) -> tuple[str, ...]:
        """What is new to them in words, since they were really told; nothing, if they never were."""
        told = self.heard if self.spared else self.told
        return news_since(told, content, now=now) if told else ()


@dataclass(frozen=True, slots=True)
class Newsworthy:
    """Whether a story is news to a reader, and why."""

    reasons: tuple[Reason, ...]
    #: what is new, for a reader who knew of it
    changes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(reason.passed for reason in self.reasons)


def is_news(
    news: News, known: Known | None, limits: Limits, *, muted: str | None, waits: bool = False
) -> Newsworthy:
    """Whether this revision is worth an alert to a reader whose rule it meets.

    `muted` says in words why they want to hear nothing of it: the story, a company or a topic was muted.
    Without `known` the story must be fresh, or have been when an alert of it came up that still `waits` for
    them; with it, there must be a new fact (`memory.news_since`).
    """
    reasons = [Reason("mutes", False, muted)] if muted else []
    if known is None:
        fresh = Reason("fresh", True, "an alert of it waits for them") if waits else _fresh(news, limits)
        return Newsworthy((*reasons, Reason("told", True, "never told to this reader"), fresh))
    newer = news.revision > known.told.revision
    if not newer or not known.news_in(news.content, now=news.seen_at):
        return Newsworthy((*reasons, Reason("told", False, f"{known.how}; and nothing new since")))
    since = ", ".join(news_since(known.told, news.content, now=news.seen_at))
    reasons.append(Reason("told", True, f"{known.how}; since then {since}"))
    return Newsworthy(tuple(reasons), known.changes_to(news.content, now=news.seen_at))


def says_as_much(awaited: Told, news: News) -> bool:
    """Whether what waits for a reader says all that the news says, and nothing that it takes back."""
    has_more = news_since(awaited, news.content, now=news.seen_at)
    return not has_more and still_says(awaited.content, news.content)


def is_taken_back(told: StoryContent, latest: News, rules: Iterable[AlertRule], known: Known | None) -> bool:
    """Whether the story's `latest` revision takes back what an alert that waits tells: it meets none of the
    `rules` that fired, or is no news to a reader who knew `known` before.

    Whether it would lead their digest is not asked again.
    """
    if not any(meets(judge(rule, latest, leads=lambda: True)) for rule in rules):
        return True
    if still_says(told, latest.content) or known is None:
        return False
    return not known.news_in(latest.content, now=latest.seen_at)


def _fresh(news: News, limits: Limits) -> Reason:
    age = news.seen_at - news.first_seen_at
    text = f"first seen {_before(age)}, and a first alert is for stories of {hours(limits.fresh)} at most"
    return Reason("fresh", age <= limits.fresh, text)


def _before(age: timedelta) -> str:
    if age >= timedelta(hours=1):
        return f"{hours(age)} before"
    minutes = age // timedelta(minutes=1)
    return f"{count(minutes, 'minute')} before" if minutes else "just now"
