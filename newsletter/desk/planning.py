"""Plan an issue, and fill it until its cut-off."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter.folds import folded
from newsletter.judging import Window
from newsletter.models import AlertReader, Correction, Issue, Newsletter, Pick, Story, StoryRevision
from newsletter.models.desk import CorrectionKind
from newsletter.models.issue import MISSED, IssueState
from newsletter.pool import Candidate, Pool
from newsletter.schedule import Occurrence, Timetable, occurrences
from newsletter.selection import Limits
from newsletter.selection import select as select_stories
from newsletter.store.contents import contents_of
from subscribers.lens import Lens

#: from one issue to the next
PERIODS = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}
#: how far back an issue reaches at most: after a longer silence the rest is no news any more.
#: It covers a reader who chose a single weekday.
REACH = {"daily": timedelta(days=7), "weekly": timedelta(days=14)}


#: a service that was down for longer than this starts anew
REMEMBERED_DAYS = 31


def timetable(newsletter: Newsletter) -> Timetable:
    """The newsletter's timetable as the pure rules of `schedule` take it."""
    return Timetable(
        cadence=newsletter.cadence,
        weekday=newsletter.weekday,
        timezone=newsletter.timezone,
        cutoff=time.fromisoformat(newsletter.cutoff),
        publish=time.fromisoformat(newsletter.publish),
        lead=timedelta(hours=newsletter.lead_hours),
        catch_up=timedelta(hours=newsletter.catch_up_hours),
    )


def plan(session: Session, newsletter: Newsletter, occurrence: Occurrence) -> Issue | None:
    """The newsletter's issue of that date, as a draft; None if it was planned before.

    Two clocks may plan at once: the unique key lets one of them win.
    """
    mine = (Issue.newsletter_id == newsletter.id, Issue.date == occurrence.date)
    if session.scalar(select(Issue.id).where(*mine)) is not None:
        return None
    issue = Issue(
        newsletter=newsletter,
        date=occurrence.date,
        state=IssueState.DRAFT,
        since_at=_since(session, newsletter, occurrence.date, occurrence.cutoff_at),
        cutoff_at=occurrence.cutoff_at,
        publish_at=occurrence.publish_at,
        expires_at=occurrence.expires_at,
    )
    session.add(issue)
    session.flush()
    fill(session, issue)
    return issue


def missed(session: Session, newsletter: Newsletter, *, now: datetime) -> list[Occurrence]:
    """The issues since the last one planned whose time is over: nobody was there to plan them.

    At most those of the last REMEMBERED_DAYS.
    """
    last = session.scalar(select(func.max(Issue.cutoff_at)).where(Issue.newsletter_id == newsletter.id))
    if last is None:
        return []
    table = timetable(newsletter)
    since = max(last, now - timedelta(days=REMEMBERED_DAYS)) - table.lead
    return [one for one in occurrences(table, since=since, until=now) if one.expires_at <= now]


def _since(session: Session, newsletter: Newsletter, day: date, cutoff_at: datetime) -> datetime:
    """The cut-off of the last issue that told anything, within the reach of this newsletter."""
    last = session.scalar(
        select(func.max(Issue.cutoff_at)).where(
            Issue.newsletter_id == newsletter.id,
            Issue.date < day,
            Issue.state.in_((IssueState.PUBLISHED, IssueState.FINISHED)),
        )
    )
    if last is None:
        return cutoff_at - PERIODS[newsletter.cadence]
    return max(last, cutoff_at - REACH[newsletter.cadence])


def left_since(session: Session, issue: Issue) -> datetime:
    """From when on what was left to a digest waits for this issue.

    Each of its readers had one since, unless it did not appear on their day: then it reaches back to the
    one before that, and as far again.
    """
    reach = REACH[issue.newsletter.cadence]
    without = session.scalar(
        select(func.min(Issue.since_at)).where(
            Issue.newsletter_id == issue.newsletter_id,
            Issue.cutoff_at > issue.cutoff_at - reach - PERIODS[issue.newsletter.cadence],
            Issue.cutoff_at <= issue.cutoff_at,
            Issue.state.in_(MISSED),
        )
    )
    return min(issue.since_at, without or issue.since_at) - reach


def window(issue: Issue, *, days_back: int = 1) -> Window:
    """What is new in this issue for readers whose last reading day was `days_back` days ago."""
    return window_between(
        issue.since_at, issue.cutoff_at, cadence=issue.newsletter.cadence, days_back=days_back
    )


def window_between(since: datetime, cutoff: datetime, *, cadence: str, days_back: int) -> Window:
    """`window`, for an issue that closes at `cutoff` after one that closed at `since`."""
    new_since = since - timedelta(days=days_back - 1)
    return Window(new_since=new_since, overflow_since=new_since - PERIODS[cadence], closes=cutoff)


def limits(newsletter: Newsletter) -> Limits:
    return Limits(minimum=newsletter.min_stories, maximum=newsletter.max_stories)


def fill(session: Session, issue: Issue) -> None:
    """Bring the picks of a draft up to date with the stories known; pins and drops stay.

    A story is picked at the last revision seen by the cut-off.
    """
    since = _since(session, issue.newsletter, issue.date, issue.cutoff_at)
    known = {pick.story_id: pick for pick in issue.picks}
    found = _candidates(session, issue)
    if since == issue.since_at and found == {
        pick.story_id: pick.revision for pick in issue.picks if not pick.added or pick.story_id in found
    }:
        return
    issue.since_at = since
    for story_id, revision in found.items():
        if story_id in known:
            known[story_id].revision = revision
        else:
            issue.picks.append(
                Pick(issue_id=issue.id, story_id=story_id, revision=revision, position=0, lead_for=[])
            )
    for story_id, pick in known.items():
        if story_id not in found and not pick.added:
            issue.picks.remove(pick)
            session.delete(pick)
    session.flush()
    order(session, issue)


def _candidates(session: Session, issue: Issue) -> dict[int, int]:
    """Story id → revision, for the stories that this issue could tell somebody.

    Whatever its age, a story is one of them for whose readers an alert was left to a digest.
    """
    reach = REACH[issue.newsletter.cadence] + PERIODS[issue.newsletter.cadence]
    floor = issue.cutoff_at - reach
    dropped_before = (
        select(Pick.story_id)
        .join(Issue)
        .where(
            Issue.newsletter_id == issue.newsletter_id,
            Issue.date < issue.date,
            Pick.dropped,
            # put in by hand and taken out again: that says nothing about its day
            Pick.added.is_(False),
        )
    )
    left_to_it = session.scalars(
        select(AlertReader.story_id)
        .where(*folded(since=left_since(session, issue), until=issue.cutoff_at))
        .distinct()
    ).all()
    rows = session.execute(
        select(StoryRevision.story_id, func.max(StoryRevision.number))
        .join(Story)
        .where(
            or_(Story.changed_at > floor, Story.id.in_(left_to_it)),
            StoryRevision.seen_at <= issue.cutoff_at,
            StoryRevision.story_id.not_in(dropped_before),
        )
        .group_by(StoryRevision.story_id)
        .having(or_(func.max(StoryRevision.seen_at) > floor, StoryRevision.story_id.in_(left_to_it)))
        .order_by(StoryRevision.story_id)
    )
    return dict(rows.all())


def order(session: Session, issue: Issue) -> None:
    """Number the picks as a reader without any preferences would see them."""
    everything = Limits(minimum=0, maximum=len(issue.picks))
    seen = select_stories(pool(session, issue), Lens(), {}, window=window(issue), limits=everything)
    positions = {d.candidate.story_id: place for place, d in enumerate(seen.decisions, start=1)}
    for pick in issue.picks:
        pick.position = positions[pick.story_id]
    session.flush()
    session.expire(issue, ["picks"])


def pool(session: Session, issue: Issue) -> Pool:
    """The issue's picks, to select from."""
    return Pool(candidates(session, issue))


def candidates(session: Session, issue: Issue) -> list[Candidate]:
    """The issue's picks as candidates for selection, in the order of their stories."""
    taken_back = exists().where(
        Correction.story_id == Pick.story_id,
        Correction.kind == CorrectionKind.RETRACTION,
        Correction.confirmed_at.is_not(None),
    )
    if issue.published_at is not None:  # what was told by then stays told
        taken_back = taken_back.where(Correction.confirmed_at <= issue.published_at)
    # columns, no objects: an issue may have a thousand candidates, and every page of it asks for them
    rows = session.execute(
        select(
            Pick.story_id,
            Pick.revision,
            StoryRevision.fingerprint,
            Story.first_seen_at,
            Pick.pin,
            Pick.rank,
            Pick.dropped,
            Pick.added,
            taken_back,
            Pick.lead_for,
        )
        .join(
            StoryRevision,
            (StoryRevision.story_id == Pick.story_id) & (StoryRevision.number == Pick.revision),
        )
        .join(Story, Story.id == Pick.story_id)
        .where(Pick.issue_id == issue.id)
        .order_by(Pick.story_id)
    ).all()
    contents = contents_of(session, {row.fingerprint: (row.story_id, row.revision) for row in rows})
    return [
        Candidate(
            story_id=story_id,
            revision=revision,
            content=contents[fingerprint],
            first_seen_at=first_seen_at,
            pin=pin,
            rank=rank,
            dropped=dropped,
            added=added,
            retracted=retracted,
            lead_for=frozenset(lead_for),
        )
        for (
            story_id,
            revision,
            fingerprint,
            first_seen_at,
            pin,
            rank,
            dropped,
            added,
            retracted,
            lead_for,
        ) in rows
    ]
