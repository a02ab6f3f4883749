"""What a simulation needs of the past: issues as they closed, and today's readers in groups.

One query counts the readers by lens and days of the week; no row of a single reader is read.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter.desk.planning import limits, pool, window
from newsletter.models import Issue, Newsletter, Story
from newsletter.models.issue import IssueState
from newsletter.pool import Pool
from newsletter.selection import Limits
from newsletter.what_if.simulation import Comparison, PastIssue, Readers, compare
from subscribers.among import among
from subscribers.lens import Lens
from subscribers.models import LensRecord, Subscriber, Subscription, SubscriptionState, Suppression

#: days looked back at most
MOST_DAYS = 31
#: groups that are looked at, the largest, and tellings of an issue to a group: a second for each thousand
MOST_GROUPS, MOST_TELLINGS = 2_000, 12_000
#: rows of lens and weekdays that are read, those with the most readers
MOST_ROWS = 10_000

#: issues whose stories are known and that were closed by their rule
CLOSED = (IssueState.PUBLISHED, IssueState.PAUSED, IssueState.FINISHED, IssueState.SKIPPED)


class NoPast(LookupError):
    """There is nothing to look back at: no issue of the newsletter has closed in these days."""

    def __init__(self, newsletter: str, days: int) -> None:
        super().__init__(
            f"no issue of {newsletter} has closed in the last {days} days: name more days, or wait"
        )


@dataclass(frozen=True)
class LookBack:
    """What came of a changed rule, over which days and for how many of the readers."""

    newsletter: Newsletter
    now: Limits
    changed: Limits
    comparison: Comparison
    issues: int
    groups: int
    #: readers in those groups, and all readers
    covered: int
    readers: int
    #: story → headline, for those that are named
    titles: dict[int, str]

    @property
    def share(self) -> float:
        """The part of the readers that was looked at."""
        return self.covered / self.readers if self.readers else 1.0


#: stories named in each list
NAMED = 12


def look_back(session: Session, slug: str, days: int, changed: Limits, *, now: datetime) -> LookBack:
    """Run `changed` over the issues of the last `days` days. Raises LookupError without a past."""
    newsletter = session.scalars(select(Newsletter).where(Newsletter.slug == slug)).one_or_none()
    if newsletter is None:
        raise LookupError(f"no newsletter {slug}: see publication.toml for those there are")
    earlier, issues = _issues(session, newsletter, days, now)
    if not issues:
        raise NoPast(newsletter.name, days)
    past = [_past(session, issue) for issue in [*earlier, *issues]]
    groups, readers = _groups(session, slug, past, now)
    tellings = len(earlier) + 2 * len(issues)
    groups = groups[: min(MOST_GROUPS, MOST_TELLINGS // tellings)]
    before, after = past[: len(earlier)], past[len(earlier) :]
    comparison = compare(before, after, groups, limits(newsletter), changed)
    return LookBack(
        newsletter,
        limits(newsletter),
        changed,
        comparison,
        len(issues),
        len(groups),
        sum(group.number for group in groups),
        readers,
        _titles(session, comparison),
    )


def _issues(
    session: Session, newsletter: Newsletter, days: int, now: datetime
) -> tuple[list[Issue], list[Issue]]:
    """The one before those days, if there is one, and those of the days; the oldest first.

    The days end today, or yesterday as long as today's issue is open.
    """
    mine = (Issue.newsletter_id == newsletter.id, Issue.state.in_(CLOSED), Issue.cutoff_at <= now)
    newest = session.scalar(select(func.max(Issue.date)).where(*mine))
    open_days = 0 if newest == now.date() else 1
    since = now.date() - timedelta(days=days + open_days)
    found = session.scalars(select(Issue).where(*mine, Issue.date > since).order_by(Issue.date)).all()
    last = select(Issue).where(*mine, Issue.date <= since).order_by(Issue.date.desc()).limit(1)
    return list(session.scalars(last)), list(found)


def _past(session: Session, issue: Issue) -> PastIssue:
    return PastIssue(
        issue.date,
        issue.publish_at,
        issue.newsletter.cadence == "daily",
        tuple(pool(session, issue)),
        {days_back: window(issue, days_back=days_back) for days_back in range(1, 8)},
    )


def _groups(session: Session, slug: str, past: list[PastIssue], now: datetime) -> tuple[list[Readers], int]:
    """The readers by what of their lens can matter in these days, the largest first; and all of them."""
    number = func.count()
    reads = (
        Subscription.newsletter == slug,
        Subscription.state == SubscriptionState.CONFIRMED,
        or_(Subscription.paused_until.is_(None), Subscription.paused_until <= now),
        ~exists().where(Suppression.email_key == Subscriber.email_key),
    )
    joined = Subscription.subscriber_id == Subscriber.id
    every = select(number).select_from(Subscriber).join(Subscription, joined).where(*reads)
    rows = session.execute(
        select(Subscriber.lens_id, Subscriber.weekdays, number)
        .join(Subscription, joined)
        .where(*reads)
        .group_by(Subscriber.lens_id, Subscriber.weekdays)
        .order_by(number.desc(), Subscriber.lens_id)
        .limit(MOST_ROWS)
    ).all()
    whole = _whole(past)
    by_weekday = any(issue.by_weekday for issue in past)
    definitions = select(LensRecord.id, LensRecord.definition).where(
        among(LensRecord.id, {row[0] for row in rows})
    )
    seen = {
        lens_id: whole.project(Lens.read(definition)) for lens_id, definition in session.execute(definitions)
    }
    sizes: Counter[tuple[Lens, int]] = Counter()
    for lens_id, weekdays, readers in rows:
        sizes[seen[lens_id], weekdays if by_weekday else 127] += readers
    groups = [Readers(lens, weekdays, readers) for (lens, weekdays), readers in sizes.most_common()]
    return groups, session.scalars(every).one()


def _whole(past: list[PastIssue]) -> Pool:
    """All stories of these days, each revision as a candidate of its own."""
    known = {(one.story_id, one.revision): one for issue in past for one in issue.candidates}
    return Pool([replace(one, story_id=place) for place, one in enumerate(known.values())])


def _titles(session: Session, comparison: Comparison) -> dict[int, str]:
    wanted = {story for story, _, _ in comparison.moved(NAMED)}
    for never in comparison.never:
        wanted |= set(sorted(never, reverse=True)[:NAMED])
    return dict(session.execute(select(Story.id, Story.title).where(Story.id.in_(wanted))).all())
