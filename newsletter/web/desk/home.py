"""The desk's first page: who one is, what is on its way, what holds mail back, and what comes next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from newsletter.desk.planning import timetable
from newsletter.dispatch.steering import closed_ways
from newsletter.models import Issue, Newsletter
from newsletter.models.issue import IssueState
from newsletter.proof import proof
from newsletter.schedule import Occurrence, occurrences
from newsletter.store.engine import reading
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Viewer
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(prefix="/desk", route_class=PageRoute)

TO_COME = (IssueState.DRAFT, IssueState.HELD, IssueState.APPROVED)
ON_THEIR_WAY = (IssueState.PUBLISHED, IssueState.PAUSED)
#: how long an issue whose books are closed is still shown
LATELY = timedelta(hours=36)


@dataclass(frozen=True)
class NextIssue:
    """An issue that is to come, with its times in the newsletter's home zone."""

    newsletter: str
    date: date
    state: str
    reason: str | None
    cutoff_at: datetime
    publish_at: datetime
    #: how long it is until each of them; None for what is over
    to_cutoff: str | None
    to_publish: str | None


@router.get("")
def show_home(visit: Viewer, door: AtDoor) -> Response:
    now = door.clock()
    with reading(door.services.engine) as session:
        return answer(
            door,
            "home.html",
            visit,
            issues=list(_next_issues(session, now)),
            counted=[(issue, proof(session, issue)) for issue in _on_their_way(session, now)],
            closed=closed_ways(session),
        )


def _on_their_way(session: Session, now: datetime) -> Sequence[Issue]:
    """Published issues whose mails are leaving, and those that were finished lately; the newest first."""
    finished = and_(Issue.state == IssueState.FINISHED, Issue.finished_at > now - LATELY)
    return session.scalars(
        select(Issue)
        .where(or_(Issue.state.in_(ON_THEIR_WAY), finished))
        .order_by(Issue.publish_at.desc(), Issue.id)
    ).all()


def _next_issues(session: Session, now: datetime) -> Iterator[NextIssue]:
    """The open issues of each newsletter, and where there is none to come, the one to be planned next."""
    for newsletter in session.scalars(select(Newsletter).where(Newsletter.active).order_by(Newsletter.id)):
        mine = (Issue.newsletter_id == newsletter.id, Issue.state.in_(TO_COME))
        found = session.scalars(select(Issue).where(*mine).order_by(Issue.date)).all()
        for issue in found:
            yield _shown(newsletter, issue, issue.state, issue.reason, now)
        if not any(issue.publish_at > now for issue in found):
            [following, *_] = occurrences(timetable(newsletter), since=now, until=now + timedelta(days=8))
            planned_at = following.plan_at.astimezone(ZoneInfo(newsletter.timezone))
            yield _shown(newsletter, following, "not planned", f"will be on {planned_at:%a %H:%M}", now)


def _shown(
    newsletter: Newsletter, one: Issue | Occurrence, state: str, reason: str | None, now: datetime
) -> NextIssue:
    zone = ZoneInfo(newsletter.timezone)
    to_cutoff, to_publish = (
        f"in {span(at - now)}" if at > now else None for at in (one.cutoff_at, one.publish_at)
    )
    return NextIssue(
        newsletter.name,
        one.date,
        state,
        reason,
        one.cutoff_at.astimezone(zone),
        one.publish_at.astimezone(zone),
        to_cutoff,
        to_publish,
    )


def span(time: timedelta) -> str:
    """A time to come in two units at most: `2 days 3 h`, `3 h 20 min`, `5 min`."""
    minutes = int(time.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "day" if days == 1 else "days"), (hours, "h"), (minutes, "min")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number) or "less than 1 min"
