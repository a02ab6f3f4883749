"""Days that are over are counted once, and issues while something is still heard of them: the tick's part.

What was counted stands in `DayCount`. A day that is missing there, or of which the ledger was told
later (an import brings old lines), is counted anew; counting twice gives the same.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter.models import DayCount, Issue, Newsletter
from newsletter.numbers.tally import (
    ALL,
    ISSUE,
    READERS,
    RESTING,
    Key,
    days,
    midnight,
    of_issue,
    standing,
    tally,
)
from newsletter.store.engine import UNSEEN
from subscribers.models import Consent
from subscribers.unique import insert_new

#: how far back days are counted
REACH = timedelta(days=366)
#: that a day is counted; the number is the newest line of the ledger that was known then
COUNTED = "counted"
#: of today: the hour in which was counted last
HOUR = "hour"
#: lines that may have been written before the newest, and be seen after it
BEHIND = 1_000
#: an issue is counted every hour at first, then once a day as long as complaints may come
FRESH, WARM = timedelta(days=2), timedelta(days=30)
#: issues counted in one go
AT_ONCE = 40


@dataclass(frozen=True)
class Counts:
    """What a count came to, before it is written down."""

    first: date
    #: today
    end: date
    #: of the days from `first` to the one before `end`
    steps: Counter[Key]
    #: noted for yesterday, once: empty where it is
    standing: Counter[Key]
    issues: Counter[Key]
    newest: int


def is_due(session: Session, *, now: datetime) -> bool:
    """Whether nothing was counted in this hour."""
    hour = session.scalar(
        select(DayCount.number).where(
            DayCount.day == now.date(), DayCount.newsletter == "", DayCount.what == HOUR
        )
    )
    return hour is None or hour < now.hour


def count(session: Session, *, now: datetime) -> Counts:
    """Count what is missing; changes nothing, and may take seconds after a large import."""
    today = now.date()
    first = _first_missing(session, today)
    issues: Counter[Key] = Counter()
    for issue in _issues(session, now):
        issues.update(of_issue(session, issue))
    return Counts(
        first,
        today,
        tally(session, first, today) if first < today else Counter(),
        Counter() if _is_noted(session, today) else standing(session, today, now=now),
        issues,
        session.scalar(select(func.max(Consent.id))) or 0,
    )


def keep(session: Session, counts: Counts, *, now: datetime) -> None:
    """Write the counts down in place of those before; of two who do it at once, one does."""
    over = (DayCount.day >= counts.first, DayCount.day < counts.end, DayCount.kind != ISSUE)
    steps = delete(DayCount).where(*over, DayCount.what.not_in((READERS, RESTING)))
    session.execute(steps, execution_options=UNSEEN)
    session.execute(
        delete(DayCount).where(DayCount.day == now.date(), DayCount.what == HOUR), execution_options=UNSEEN
    )
    for day, slug in sorted({(key.day, key.newsletter) for key in counts.issues}):
        mine = (DayCount.day == day, DayCount.newsletter == slug, DayCount.kind == ISSUE)
        session.execute(delete(DayCount).where(*mine), execution_options=UNSEEN)
    marks = Counter({Key(day, "", COUNTED, ALL): counts.newest for day in days(counts.first, counts.end)})
    marks[Key(now.date(), "", HOUR, ALL)] = now.hour
    found = {**counts.steps, **counts.standing, **counts.issues, **marks}
    # in order, so that two who write at once wait for each other and no more
    insert_new(session, DayCount, [{**key._asdict(), "number": n} for key, n in sorted(found.items())])


def _is_noted(session: Session, today: date) -> bool:
    mine = (DayCount.day == today - timedelta(days=1), DayCount.what == READERS)
    return session.scalars(select(DayCount.id).where(*mine).limit(1)).first() is not None


def _first_missing(session: Session, today: date) -> date:
    """The first day to be counted; today if there is none."""
    mine = (DayCount.newsletter == "", DayCount.what == COUNTED, DayCount.day >= today - REACH)
    marks = dict(session.execute(select(DayCount.day, DayCount.number).where(*mine)).all())
    oldest = session.scalar(select(func.min(Consent.at)))
    begun = {today - timedelta(days=1), *marks, *([oldest.date()] if oldest else [])}
    floor = max(today - REACH, min(begun))
    first = next((day for day in days(floor, today) if day not in marks), today)
    told_late = session.scalar(
        select(func.min(Consent.at)).where(
            Consent.id > max(marks.values(), default=0) - BEHIND,
            Consent.at >= midnight(floor),
            Consent.at < midnight(today),
        )
    )
    return min(first, told_late.date()) if told_late else first


def _issues(session: Session, now: datetime) -> Sequence[Issue]:
    """Those of which something may be new since they were counted last."""
    counted = exists().where(
        DayCount.day == Issue.date, DayCount.newsletter == Newsletter.slug, DayCount.kind == ISSUE
    )
    today = exists().where(DayCount.day == now.date(), DayCount.what == HOUR)
    return session.scalars(
        select(Issue)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .where(
            Issue.published_at > now - REACH,
            or_(
                Issue.published_at > now - FRESH,
                ~counted,
                (Issue.published_at > now - WARM) & ~today,
            ),
        )
        .order_by(Issue.publish_at.desc())
        .limit(AT_ONCE)
    ).all()
