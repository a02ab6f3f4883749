"""Subscribers over time: what was counted of the days that are over, and today as it is now.

Nothing here goes over subscribers: a page reads some rows a day, and today's lines of the ledger.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.models import DayCount
from newsletter.numbers.keeping import COUNTED
from newsletter.numbers.tally import (
    ALL,
    AUDIENCE,
    CHANNEL,
    ISSUE,
    READERS,
    RESTING,
    SUPPRESSED,
    Key,
    days,
    midnight,
    tally,
)
from subscribers.comings import Step
from subscribers.models import Consent

#: lines of the ledger that are counted while somebody waits; a day with more is counted when it is over
LIVE = 1_000


@dataclass(frozen=True, slots=True)
class Moves:
    """How many came and went."""

    joined: int = 0
    confirmed: int = 0
    paused: int = 0
    left: int = 0

    @property
    def net(self) -> int:
        """By how many the confirmed became more."""
        return self.confirmed - self.left

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Moves":
        """From numbers by step."""
        return cls(*(counts.get(step, 0) for step in (Step.JOINED, Step.CONFIRMED, Step.PAUSED, Step.LEFT)))


@dataclass(frozen=True, slots=True)
class DayNumbers:
    day: date
    moves: Moves
    suppressed: int
    #: confirmed subscriptions at its end; None while that is not known
    readers: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """One newsletter, audience or way of coming and leaving, over all the days."""

    name: str
    moves: Moves


@dataclass(frozen=True)
class OverTime:
    days: Sequence[DayNumbers]
    total: Moves
    #: reason → addresses closed
    suppressed: Mapping[str, int]
    #: paused subscriptions, as they were counted last
    resting: int
    #: slug → confirmed subscriptions at the end of each day
    readers: Mapping[str, Sequence[int | None]]
    by_newsletter: Sequence[Part]
    #: an empty name for who chose none
    by_audience: Sequence[Part]
    by_channel: Sequence[Part]
    #: days that are over, and that nobody has counted yet
    missing: int
    #: whether today is in it
    is_live: bool


def over_time(session: Session, length: int, *, newsletter: str | None = None, now: datetime) -> OverTime:
    """The last `length` days with today (UTC), of one newsletter or of all together."""
    end = now.date() + timedelta(days=1)
    span = days(end - timedelta(days=length), end)
    counts, parts = _counted(session, span[0])
    live = _today(session, now)
    for key, number in (live or {}).items():
        (counts if key.kind == ALL else parts)[key] += number
    known = {key.day for key in counts if key.what == COUNTED}
    if newsletter:
        counts, parts = (
            Counter({k: n for k, n in c.items() if k.newsletter == newsletter}) for c in (counts, parts)
        )
    return _arranged(span, counts, parts, known, is_live=live is not None)


def _counted(session: Session, first: date) -> tuple[Counter[Key], Counter[Key]]:
    """The numbers of each day, and the sums of their parts over all days, noted for the first."""
    columns = (DayCount.day, DayCount.newsletter, DayCount.what, DayCount.number)
    whole = session.execute(select(*columns).where(DayCount.day >= first, DayCount.kind == ALL))
    counts = Counter({Key(day, slug, what, ALL): number for day, slug, what, number in whole})
    sums = session.execute(
        select(DayCount.newsletter, DayCount.what, DayCount.kind, func.sum(DayCount.number))
        .where(DayCount.day >= first, DayCount.kind.not_in((ALL, ISSUE)))
        .group_by(DayCount.newsletter, DayCount.what, DayCount.kind)
    )
    return counts, Counter({Key(first, *key): int(number) for *key, number in sums})


def _today(session: Session, now: datetime) -> Counter[Key] | None:
    """What happened today; None where that is too much to count now."""
    today = now.date()
    some = select(Consent.id).where(Consent.at >= midnight(today)).limit(LIVE + 1).subquery()
    if session.scalars(select(func.count()).select_from(some)).one() > LIVE:
        return None
    return tally(session, today, today + timedelta(days=1))


def _arranged(
    span: Sequence[date], counts: Counter[Key], parts: Counter[Key], known: set[date], *, is_live: bool
) -> OverTime:
    by_day: defaultdict[date, Counter[str]] = defaultdict(Counter)
    by_newsletter: defaultdict[str, Counter[str]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    for key, number in counts.items():
        if key.what not in (READERS, RESTING, COUNTED):
            total[key.what] += number
            by_day[key.day][key.what] += number
            by_newsletter[key.newsletter][key.what] += number
    slugs = sorted({key.newsletter for key in counts if key.newsletter})
    readers = {slug: _levels(span, slug, counts) for slug in slugs}
    since = min(known, default=span[0])
    return OverTime(
        days=[
            DayNumbers(
                day,
                Moves.of(by_day[day]),
                by_day[day][SUPPRESSED],
                _sum([levels[place] for levels in readers.values()]),
            )
            for place, day in enumerate(span)
        ],
        total=Moves.of(total),
        suppressed=_suppressed(parts),
        resting=sum(_newest(counts, slug, RESTING)[1] for slug in slugs),
        readers=readers,
        by_newsletter=[Part(slug, Moves.of(by_newsletter[slug])) for slug in slugs],
        by_audience=_parts(parts, AUDIENCE),
        by_channel=_parts(parts, CHANNEL),
        missing=sum(since <= day and day not in known for day in span[:-1]),
        is_live=is_live,
    )


def _levels(span: Sequence[date], slug: str, counts: Mapping[Key, int]) -> list[int | None]:
    """The confirmed at the end of each day: the number noted last, and from there what came and went."""
    noted, level = _newest(counts, slug, READERS)
    if noted is None:
        return [None] * len(span)

    def net(day: date) -> int:
        return Moves.of({s: counts.get(Key(day, slug, s, ALL), 0) for s in (Step.CONFIRMED, Step.LEFT)}).net

    found: dict[date, int] = {noted: level}
    for day in span:
        if day > noted:
            found[day] = found[day - timedelta(days=1)] + net(day)
    for day in reversed(span):
        if day < noted:
            found[day] = found[day + timedelta(days=1)] - net(day + timedelta(days=1))
    return [found[day] for day in span]


def _newest(counts: Mapping[Key, int], slug: str, what: str) -> tuple[date | None, int]:
    noted = [(key.day, n) for key, n in counts.items() if key.newsletter == slug and key.what == what]
    return max(noted, default=(None, 0), key=lambda one: one[0])


def _sum(levels: Sequence[int | None]) -> int | None:
    known = [level for level in levels if level is not None]
    return sum(known) if known else None


def _suppressed(parts: Mapping[Key, int]) -> dict[str, int]:
    found = Counter[str]()
    for key, number in parts.items():
        if key.what == SUPPRESSED:
            found[key.kind.removeprefix(CHANNEL)] += number
    return dict(found.most_common())


def _parts(parts: Mapping[Key, int], kind: str) -> list[Part]:
    """Those of one kind, the ones that brought most first."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for key, number in parts.items():
        if key.what != SUPPRESSED and key.kind.startswith(kind):
            found[key.kind.removeprefix(kind)][key.what] += number
    made = [Part(name, Moves.of(counts)) for name, counts in found.items()]
    return sorted(made, key=lambda part: (-part.moves.confirmed, -part.moves.left, part.name))


def by_day(session: Session, length: int, *, now: datetime) -> list[tuple[date, str, str, Moves]]:
    """Day, newsletter, kind of the count (`tally.ALL` and so on) and moves, of today too."""
    first = now.date() - timedelta(days=length - 1)
    columns = (DayCount.day, DayCount.newsletter, DayCount.what, DayCount.kind, DayCount.number)
    rows = session.execute(
        select(*columns).where(
            DayCount.day >= first, DayCount.kind != ISSUE, DayCount.what.in_([step.value for step in Step])
        )
    )
    counts = Counter({Key(day, slug, what, kind): number for day, slug, what, kind, number in rows})
    counts.update(_today(session, now) or {})
    found: defaultdict[tuple[date, str, str], Counter[str]] = defaultdict(Counter)
    for key, number in counts.items():
        if key.newsletter:
            found[key.day, key.newsletter, key.kind][key.what] = number
    return [(*place, Moves.of(found[place])) for place in sorted(found)]
