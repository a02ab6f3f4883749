"""What alert rules would have sent of late: the news of 30 days comes in once more.

The same rules decide as on any other day. What digests told meanwhile is what they did tell; the
alerts themselves are those of the rules that are tried, and of no others.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from newsletter.alerts.matching import News, judge, meets
from newsletter.alerts.newness import Known, is_news
from newsletter.alerts.past import Past
from newsletter.alerts.quiet import day_of
from newsletter.alerts.sparing import REPLACED, Limits, Mailed, Reader, Waiting, dispose
from newsletter.judging import Reason
from newsletter.memory import Told, news_since
from newsletter.models.alert import AlertReaderState
from subscribers.alert_rule import AlertRule

WEEK = timedelta(days=7)


@dataclass(slots=True)
class LookedAt:
    """An alert as it would have been."""

    news: News
    #: the rules that it meets, each with its facts in words
    facts: Mapping[AlertRule, tuple[str, ...]]
    #: what was new to a reader who knew of it
    changes: tuple[str, ...]
    state: AlertReaderState = AlertReaderState.WAITING
    #: when its mail would have left
    mailed_at: datetime | None = None
    #: why it would not have left at once, or not at all
    spared: Reason | None = None

    @property
    def replaced(self) -> bool:
        """Whether newer news of the story took its place while it waited."""
        dropped = self.state is AlertReaderState.DROPPED
        return dropped and self.spared is not None and self.spared.text == REPLACED


@dataclass(frozen=True, slots=True)
class LookedBack:
    """What rules would have come to."""

    #: the newest first
    alerts: tuple[LookedAt, ...]
    weeks: float

    @property
    def mails(self) -> int:
        return len({alert.mailed_at for alert in self.alerts if alert.mailed_at})

    @property
    def a_week(self) -> float:
        """Mails."""
        return self.mails / self.weeks

    @property
    def held(self) -> int:
        """Alerts whose mail would have left, but later."""
        return sum(alert.mailed_at is not None and alert.spared is not None for alert in self.alerts)

    def of(self, state: AlertReaderState) -> int:
        """Alerts that would have come to that."""
        return sum(alert.state is state for alert in self.alerts)


def look_back(
    rules: Collection[AlertRule], past: Past, reader: Reader, limits: Limits, *, now: datetime
) -> LookedBack:
    """What `rules` would have sent to the reader, had they been theirs all along. Pure.

    Of `reader` the choices and the zone count, and whether they read a digest.
    """
    replay = _Replay(past, reader, limits)
    for news, facts in _found(rules, past):
        replay.pass_time(news.seen_at)
        replay.take(news, facts)
    replay.pass_time(now)
    begun = past.news[0].seen_at if past.news else now
    return LookedBack(tuple(reversed(replay.alerts)), max(1.0, (now - begun) / WEEK))


def _found(
    rules: Collection[AlertRule], past: Past
) -> Iterator[tuple[News, dict[AlertRule, tuple[str, ...]]]]:
    """The news that meet one of the rules at least, each with the rules and its facts."""
    for news in past.news:
        met = {}
        for rule in rules:
            if len(news.content.outlets) < rule.min_outlets:  # most are passed over by it, at no cost
                continue
            reasons = judge(rule, news, leads=partial(past.leads, news))
            if meets(reasons):
                met[rule] = tuple(reason.text for reason in reasons if reason.shown)
        if met:
            yield news, met


class _Replay:
    """One reader's alerts, as time goes by."""

    def __init__(self, past: Past, reader: Reader, limits: Limits) -> None:
        self._past = past
        self._reader = reader
        self._limits = limits
        self._waiting: dict[int, Waiting] = {}
        self._due: dict[int, datetime] = {}
        self._known: dict[int, Known] = {}
        self._mailed: list[Mailed] = []
        self._day = (datetime.max.replace(tzinfo=UTC),) * 2
        #: an alert's place in it is its id
        self._alerts: list[LookedAt] = []

    @property
    def alerts(self) -> list[LookedAt]:
        """The oldest first; whatever waited and was told with newer facts stands there once."""
        return [alert for alert in self._alerts if not alert.replaced]

    def take(self, news: News, facts: Mapping[AlertRule, tuple[str, ...]]) -> None:
        """The news comes in."""
        known = self._known_at(news.story_id, news.seen_at)
        verdict = is_news(news, known, self._limits, muted=self._past.muted(news))
        if not verdict.passed:
            return
        number = len(self._alerts)
        self._alerts.append(LookedAt(news, facts, verdict.changes))
        self._waiting[number] = Waiting(
            id=number,
            story_id=news.story_id,
            companies=news.content.company_terms,
            impact=news.content.impact,
            outlets=len(news.content.outlets),
            decided_at=news.seen_at,
            expires_at=news.seen_at + self._limits.life,
        )
        self._due[number] = news.seen_at
        self._dispose(news.seen_at)

    def pass_time(self, until: datetime) -> None:
        """Decide on all that was held up to then."""
        while self._due and (next_at := min(self._due.values())) <= until:
            self._dispose(next_at)

    def _dispose(self, now: datetime) -> None:
        done = dispose(self._ripe(now), self._state(now), self._limits, now=now)
        for number in done.mail:
            self._alerts[number].mailed_at = now
            self._settle(number, AlertReaderState.MAILED, now)
        if done.mail:
            stories = [self._alerts[number].news for number in done.mail]
            companies = frozenset[str]().union(*(news.content.company_terms for news in stories))
            self._mailed.append(Mailed(now, frozenset(news.story_id for news in stories), companies))
        for number, (until, reason) in done.held.items():
            self._due[number] = until
            self._alerts[number].spared = self._alerts[number].spared or reason
        for spared, state in (
            (done.folded, AlertReaderState.FOLDED),
            (done.dropped, AlertReaderState.DROPPED),
        ):
            for number, reason in spared.items():
                self._alerts[number].spared = reason
                self._settle(number, state, self._waiting[number].decided_at)

    def _ripe(self, now: datetime) -> list[Waiting]:
        """What is due, and what else waits of the same stories; of the rest, nothing could change."""
        stories = {self._waiting[number].story_id for number, at in self._due.items() if at <= now}
        ripe = (one for one in self._waiting.values() if one.story_id in stories)
        return [replace(one, told_since=self._told_since(one, now)) for one in ripe]

    def _settle(self, number: int, state: AlertReaderState, at: datetime) -> None:
        """It waits no longer; its reader was told the story, or spared it."""
        del self._waiting[number], self._due[number]
        alert = self._alerts[number]
        alert.state = state
        if not alert.replaced:
            told = Told(alert.news.revision, alert.news.content, at)
            self._known[alert.news.story_id] = Known(told, "told by an alert")

    def _state(self, now: datetime) -> Reader:
        begin, end = self._day
        if not begin <= now < end:
            begin, end = self._day = day_of(self._reader.zone, now)
        moments = (*(mail.at for mail in self._mailed), *(at for at in self._past.digests if at <= now))
        today = sum(begin <= at < end for at in moments)
        longest = max(self._limits.story_rest, self._limits.company_rest, self._limits.gather)
        recent = [mail for mail in self._mailed if mail.at > now - longest]
        return replace(self._reader, mails_today=today, mailed=recent)

    def _known_at(self, story_id: int, at: datetime) -> Known | None:
        ways = filter(None, (self._known.get(story_id), self._digest(story_id, at)))
        return max(ways, key=lambda known: (known.told.revision, known.told.at), default=None)

    def _digest(self, story_id: int, at: datetime) -> Known | None:
        """What the last digest before `at` told of it."""
        told = [one for one in self._past.told.get(story_id, ()) if one.at <= at]
        return Known(told[-1], "told by a digest") if told else None

    def _told_since(self, waiting: Waiting, now: datetime) -> str | None:
        """As `known.told_since`: what a digest did not tell yet is worth an alert all the same."""
        digest, news = self._digest(waiting.story_id, now), self._alerts[waiting.id].news
        if digest is None or digest.told.at < waiting.decided_at:
            return None
        newer = news.revision > digest.told.revision and news_since(digest.told, news.content, now=now)
        return None if newer else digest.how
