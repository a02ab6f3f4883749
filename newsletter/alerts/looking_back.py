"""What alert rules would have sent of late: the news of 30 days comes in once more.

The same rules decide as on any other day. What digests told meanwhile is what they did tell; the
alerts themselves are those of the rules that are tried, and of no others.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import takewhile
from math import ceil

from newsletter.alerts.matching import News, is_near, judge, meets
from newsletter.alerts.newness import Known, is_news, is_taken_back, says_as_much
from newsletter.alerts.past import Past
from newsletter.alerts.quiet import day_of
from newsletter.alerts.sparing import (
    REPLACED,
    TAKEN_BACK,
    WITHOUT_A_WORD,
    Limits,
    Mailed,
    Reader,
    Waiting,
    dispose,
)
from newsletter.judging import Reason
from newsletter.memory import Told, news_since
from newsletter.models.alert import AlertReaderState
from subscribers.alert_rule import AlertRule

A_DAY, WEEK = timedelta(days=1), timedelta(days=7)


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
    #: from the first story that there was to the end
    span: timedelta

    @property
    def mails(self) -> int:
        return len({alert.mailed_at for alert in self.alerts if alert.mailed_at})

    @property
    def days(self) -> int:
        """Those that were looked at, begun ones too; a service that is younger has fewer than 30."""
        return max(1, ceil(self.span / A_DAY))

    @property
    def a_week(self) -> float:
        """Mails; less than a day is taken for one."""
        return self.mails * (WEEK / max(self.span, A_DAY))

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
    return LookedBack(tuple(reversed(replay.alerts)), now - past.since)


def _found(
    rules: Collection[AlertRule], past: Past
) -> Iterator[tuple[News, dict[AlertRule, tuple[str, ...]]]]:
    """The news that meet one of the rules at least, each with the rules and its facts."""
    for news in past.news:
        met = {}
        for rule in rules:
            if not is_near(rule, news.content):
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
        #: of those that wait, the ones that a rest keeps back, which ends at another time than they are due
        self._resting: set[int] = set()
        self._revisions: defaultdict[int, list[News]] = defaultdict(list)
        for news in past.news:
            self._revisions[news.story_id].append(news)

    @property
    def alerts(self) -> list[LookedAt]:
        """The oldest first; whatever waited and was told with newer facts stands there once."""
        return [alert for alert in self._alerts if not alert.replaced]

    def take(self, news: News, facts: Mapping[AlertRule, tuple[str, ...]]) -> None:
        """The news comes in."""
        known = self._known_at(news.story_id, news.seen_at)
        verdict = is_news(news, known, self._limits, muted=self._past.muted(news))
        if not verdict.passed or self._awaits(news):
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
            names={company.key: company.name for company in news.content.companies},
        )
        self._due[number] = news.seen_at
        self._dispose(news.seen_at)

    def pass_time(self, until: datetime) -> None:
        """Decide on all that was held up to then."""
        while self._due and (next_at := min(self._due.values())) <= until:
            self._dispose(next_at)

    def _dispose(self, now: datetime) -> None:
        ripe = self._ripe(now)
        for one in [one for one in ripe if self._is_taken_back(one, now)]:
            ripe.remove(one)
            self._alerts[one.id].spared = Reason("taken back", False, TAKEN_BACK)
            self._settle(one.id, AlertReaderState.DROPPED, now)
        done = dispose(ripe, self._state(now), self._limits, now=now)
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
            (self._resting.add if reason.rule == "rest" else self._resting.discard)(number)
        for spared, state in (
            (done.folded, AlertReaderState.FOLDED),
            (done.dropped, AlertReaderState.DROPPED),
        ):
            for number, reason in spared.items():
                self._alerts[number].spared = reason
                self._settle(number, state, self._waiting[number].decided_at)

    def _ripe(self, now: datetime) -> list[Waiting]:
        """What is due, what else waits of the same stories, and what may rest no more; of the others,
        nothing could change."""
        stories = {self._waiting[number].story_id for number, at in self._due.items() if at <= now}
        ripe = (one for one in self._waiting.values() if one.story_id in stories or one.id in self._resting)
        told = ((one, self._told_since(one, now)) for one in ripe)
        return [replace(one, told_since=since) if since else one for one, since in told]

    def _settle(self, number: int, state: AlertReaderState, at: datetime) -> None:
        """It waits no longer; its reader was told the story, or spared it, or neither."""
        del self._waiting[number], self._due[number]
        self._resting.discard(number)
        alert = self._alerts[number]
        alert.state = state
        told, is_told = Told(alert.news.revision, alert.news.content, at), state is AlertReaderState.MAILED
        if is_told:
            self._known[alert.news.story_id] = Known(told, "told by an alert")
        elif not (alert.spared and alert.spared.text in WITHOUT_A_WORD):
            knew = self._known_at(alert.news.story_id, at)
            heard = None if knew is None else knew.heard if knew.spared else knew.told
            self._known[alert.news.story_id] = Known(told, "left to a digest", spared=True, heard=heard)

    def _state(self, now: datetime) -> Reader:
        begin, end = self._day
        if not begin <= now < end:
            begin, end = self._day = day_of(self._reader.zone, now)
        digests = bisect_right(self._past.digests, now) - bisect_left(self._past.digests, begin)
        alerts = sum(1 for _ in takewhile(lambda mail: mail.at >= begin, reversed(self._mailed)))
        since = now - max(self._limits.story_rest, self._limits.company_rest, self._limits.gather)
        recent = list(takewhile(lambda mail: mail.at > since, reversed(self._mailed)))
        return replace(self._reader, mails_today=digests + alerts, mailed=recent)

    def _awaits(self, news: News) -> bool:
        """Whether what waits says all of it."""
        waits = [one.id for one in self._waiting.values() if one.story_id == news.story_id]
        if not waits:
            return False
        awaited = self._alerts[waits[-1]].news
        told = Told(awaited.revision, awaited.content, awaited.seen_at)
        return says_as_much(told, news)

    def _is_taken_back(self, one: Waiting, now: datetime) -> bool:
        """As `standing.taken_back`."""
        alert, revisions = self._alerts[one.id], self._revisions[one.story_id]
        latest = revisions[bisect_right(revisions, now, key=lambda news: news.seen_at) - 1]
        if one.told_since or latest.revision <= alert.news.revision:
            return False
        return is_taken_back(alert.news.content, latest, alert.facts, self._known_at(one.story_id, now))

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
