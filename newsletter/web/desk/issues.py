"""All issues, the newest first."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlalchemy import select

from newsletter.models import Issue
from newsletter.models.issue import IssueState
from newsletter.newsletters import ever_with_issues
from newsletter.store.engine import reading
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Viewer
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(prefix="/desk", route_class=PageRoute)

#: issues on one page
PAGE = 25


@router.get("/issues")
def list_issues(
    visit: Viewer,
    door: AtDoor,
    newsletter: str = "",
    state: str = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """The issues of one newsletter or all, in one state or any; an unknown name finds none."""
    query = select(Issue).order_by(Issue.publish_at.desc(), Issue.id.desc())
    if state:
        query = query.where(Issue.state.in_(each for each in IssueState if each == state))
    with reading(door.services.engine) as session:
        newsletters = session.scalars(ever_with_issues()).all()
        if newsletter:
            ids = [each.id for each in newsletters if each.slug == newsletter]
            query = query.where(Issue.newsletter_id.in_(ids))
        found = session.scalars(query.limit(PAGE + 1).offset((page - 1) * PAGE)).all()
        return answer(
            door,
            "issues.html",
            visit,
            issues=[(issue, issue.publish_at.astimezone(_zone(issue))) for issue in found[:PAGE]],
            newsletters=newsletters,
            states=list(IssueState),
            newsletter=newsletter,
            state=state,
            page=page,
            is_last=len(found) <= PAGE,
        )


def _zone(issue: Issue) -> ZoneInfo:
    return ZoneInfo(issue.newsletter.timezone)
