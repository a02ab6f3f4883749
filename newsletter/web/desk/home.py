"""The desk's first page, for seven in the morning: what is wrong, what comes next, what is on its way."""

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy.orm import Session

from newsletter import today
from newsletter.alert_desk.counting import underway
from newsletter.corrections.book import waiting
from newsletter.dispatch.steering import closed_ways
from newsletter.models import Issue, Notice
from newsletter.models.issue import IssueState
from newsletter.proof import Progress, progress
from newsletter.store.engine import reading
from newsletter.watchdog.notices import open_notices
from newsletter.web.desk.alert_view import home_zone, lines
from newsletter.web.desk.pages import answer
from newsletter.web.desk.spans import span
from newsletter.web.desk.visits import Viewer
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(prefix="/desk", route_class=PageRoute)


@router.get("")
def show_home(visit: Viewer, door: AtDoor) -> Response:
    now = door.clock()
    with reading(door.services.engine) as session:
        closed = closed_ways(session)
        return answer(
            door,
            "home.html",
            visit,
            now=now,
            span=span,
            closed=closed,
            warnings=list(_warnings(session, {f"way:{way.key}" for way in closed})),
            corrections=waiting(session),
            issues=today.next_issues(session, now),
            leaving=[(issue, _progress(session, issue)) for issue in today.on_their_way(session, now)],
            alerts=lines(session, underway(session), home_zone(door), now)
            if door.services.site.alerts
            else [],
            lately=today.lately(session, now),
        )


def _progress(session: Session, issue: Issue) -> Progress | None:
    """How far it is; None for a finished one, whose reason is its proof."""
    return None if issue.state == IssueState.FINISHED else progress(session, issue)


def _warnings(session: Session, shown: set[str]) -> list[tuple[Notice, int | None]]:
    """What the watchdog found and holds still, each with the number of the issue that it is about."""
    return [(notice, _issue_in(notice.key)) for notice in open_notices(session) if notice.key not in shown]


def _issue_in(key: str) -> int | None:
    kind, _, rest = key.partition(":")
    return int(rest.partition(":")[0]) if kind == "issue" else None
