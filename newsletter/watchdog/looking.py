"""Looking: the facts of one moment for the rules of `alarms`, cheap enough for once a minute."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from newsletter.desk.planning import PERIODS
from newsletter.dispatch.pace import closing
from newsletter.dispatch.ways import is_closed_until_mended
from newsletter.ledger import TELLS_A_STORY
from newsletter.models import Edition, EditionStory, Issue, Newsletter, Pace, Pick, Story, StoryRevision
from newsletter.models.issue import OUT, UNAPPROVED, IssueState
from newsletter.newsletters import with_issues
from newsletter.preflight.findings import blocking
from newsletter.preflight.look import Preflight
from newsletter.proof import is_on_its_way, proof
from newsletter.rendering.renderer import RenderError
from newsletter.store.clock import database_now
from newsletter.watchdog.alarms import (
    CLOSED_LONG,
    FIRST_CALL,
    ClosedWay,
    Facts,
    OddCount,
    Voice,
    WaitingIssue,
    patience,
)
from subscribers.lens import term
from subscribers.models import Subscriber
from subscribers.segments.rule import AllOf, Field, Is, Rule
from subscribers.segments.sql import condition

#: how much of the past says what the intake's usual pace is
REMEMBERED = timedelta(days=14)
#: editions of an issue that are looked at for what it told; they come in the order of their
#: fingerprints, which is none
SAMPLE = 2_000

_REACHED_SOMEBODY = (
    Issue.state.in_(OUT),
    Issue.frozen > 0,
)


def look(session: Session, audiences: Sequence[str], preflight: Preflight, *, now: datetime) -> Facts:
    """What there is to know at `now`; `audiences` are those of the site."""
    return Facts(
        issues=list(_issues(session, preflight, now)),
        voices=list(_voices(session, audiences, now)),
        intake=_intake(session),
        ways=list(_ways(session)),
        odd=list(_odd(session)),
    )


def _issues(session: Session, preflight: Preflight, now: datetime) -> Iterator[WaitingIssue]:
    """Of those that have a story to tell: without one there is nothing to approve."""
    near = (
        Issue.state.in_(UNAPPROVED),
        Issue.cutoff_at <= now + FIRST_CALL,
        Issue.picks.any(Pick.dropped.is_(False)),
    )
    for issue in session.scalars(select(Issue).where(*near).order_by(Issue.cutoff_at, Issue.id)):
        yield WaitingIssue(
            issue.id,
            issue.newsletter.name,
            issue.date,
            ZoneInfo(issue.newsletter.timezone),
            issue.cutoff_at,
            issue.expires_at,
            leaves_anyway=issue.newsletter.policy == "send",
            two_persons=issue.newsletter.two_persons,
            barred=_barring(session, issue, preflight, now) if now < issue.cutoff_at else 0,
            held=issue.reason or "" if issue.state == IssueState.HELD else None,
        )


def _barring(session: Session, issue: Issue, preflight: Preflight, now: datetime) -> int:
    """How many findings keep it from leaving."""
    try:
        return len(blocking(preflight(session, issue, now)))
    except RenderError:
        return 1


def _voices(session: Session, audiences: Sequence[str], now: datetime) -> Iterator[Voice]:
    for newsletter in session.scalars(with_issues()):
        mine = Issue.newsletter_id == newsletter.id
        since = session.scalar(select(func.min(Issue.publish_at)).where(mine))
        readers = Is(Field.NEWSLETTER, newsletter.slug)
        if since is None or not _has_some(session, readers):
            continue
        told = select(func.max(Issue.publish_at)).where(mine, *_REACHED_SOMEBODY)
        bearable = patience(newsletter.quiet_days, period=PERIODS[newsletter.cadence])
        yield Voice(
            newsletter.slug,
            newsletter.name,
            ZoneInfo(newsletter.timezone),
            bearable,
            since,
            session.scalar(told),
            [
                audience
                for audience in _untold(session, newsletter, audiences, since=now - bearable)
                if _has_some(session, AllOf((Is(Field.AUDIENCE, term(audience)), readers)))
            ],
        )


def _has_some(session: Session, rule: Rule) -> bool:
    """Whether the rule selects anybody."""
    return session.scalars(select(Subscriber.id).where(condition(rule)).limit(1)).first() is not None


def _untold(
    session: Session, newsletter: Newsletter, audiences: Sequence[str], *, since: datetime
) -> list[str]:
    """The audiences for which no issue published since then told a story."""
    lately = select(Issue.id).where(
        Issue.newsletter_id == newsletter.id, *_REACHED_SOMEBODY, Issue.publish_at > since
    )
    left = list(audiences)
    for issue_id in session.scalars(lately.order_by(Issue.publish_at.desc())):
        for meant in _meant(session, issue_id):
            left = [audience for audience in left if meant and term(audience) not in meant]
        if not left:
            break
    return left


def _meant(session: Session, issue_id: int) -> Iterator[frozenset[str]]:
    """For each story that the issue told, the audiences that it names; none concerns every reader."""
    editions = (
        select(Edition.id)
        .where(Edition.issue_id == issue_id, Edition.skipped.is_(None))
        .order_by(Edition.fingerprint)
        .limit(SAMPLE)
    )
    told = (
        select(EditionStory.story_id, EditionStory.revision)
        .where(EditionStory.edition_id.in_(editions), TELLS_A_STORY)
        .distinct()
        .subquery()
    )
    of_story = (StoryRevision.story_id == told.c.story_id) & (StoryRevision.number == told.c.revision)
    for names in session.scalars(select(StoryRevision.document["audiences"]).join(told, of_story)):
        yield frozenset(map(term, names or ()))


def _intake(session: Session) -> list[datetime]:
    """When stories came in or changed, in the time that tells what is usual."""
    last = session.scalar(select(func.max(Story.changed_at)))
    if last is None:
        return []
    since = last - REMEMBERED
    came = select(Story.first_seen_at.label("at")).where(Story.first_seen_at > since)
    changed = select(Story.changed_at).where(Story.changed_at > since)
    return sorted(session.scalars(came.union(changed)))


def _ways(session: Session) -> Iterator[ClosedWay]:
    """What keeps mail back, but for domains, which close and open every day."""
    clock = database_now(session)
    closed = or_(Pace.stopped, Pace.closed_times > 0)
    for row in session.scalars(select(Pace).where(closed).order_by(Pace.key)):
        if row.key.startswith("domain:"):
            continue
        because = row.closed_because or "no reason was given"
        if row.stopped or is_closed_until_mended(row):
            yield ClosedWay(row.key, because, None)
        elif row.closed_until and row.closed_until > clock - CLOSED_LONG:  # else nobody tries any more
            in_a_row = sum((closing(time, None) for time in range(1, row.closed_times + 1)), timedelta())
            yield ClosedWay(row.key, because, max(in_a_row, row.closed_until - clock))


def _odd(session: Session) -> Iterator[OddCount]:
    for issue in session.scalars(select(Issue).where(Issue.state == IssueState.PUBLISHED)):
        if not is_on_its_way(session, issue) and not (found := proof(session, issue)).adds_up:
            yield OddCount(issue.id, issue.newsletter.name, issue.date, found.sentence)
