"""The page of one issue: what is told, in which order, what is not and why, and what was changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from newsletter.corrections.book import carried_by
from newsletter.desk.changes import history, since, taken_back, to_take_back
from newsletter.desk.editing import LONGEST
from newsletter.desk.looking import stories_about
from newsletter.models import Issue, Story
from newsletter.models.editor import Role
from newsletter.models.issue import IssueState
from newsletter.store.engine import reading
from newsletter.web.desk.issue_head import IssueNumber, find_issue, head_of
from newsletter.web.desk.issue_view import SHOWN, ShownChange, shown_changes, stories_of
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Viewer
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(prefix="/desk", route_class=PageRoute)

Number = Annotated[int, Query(ge=0, lt=2**31)]
Words = Annotated[str, Query(max_length=200)]
#: a page says at which version it was made
VersionSeen = Annotated[int, Query(alias="since", ge=0, lt=2**31)]


@router.get("/issues/{issue_id}")
def show_issue(
    visit: Viewer,
    door: AtDoor,
    issue_id: IssueNumber,
    audience: Annotated[str, Query(alias="as")] = "",
    find: Words = "",
    shown: Number = SHOWN,
    saved: Number = 0,
    seen: Number | None = None,
    voided: bool = False,
) -> Response:
    """The stories as readers of `audience` see them; `find`: stories to be added, by their titles.

    After a change: `saved` is its version, `seen` the one that it was made from, and `voided` whether it
    took away the approval.
    """
    now = door.clock()
    audiences = door.services.site.audiences
    if audience and audience not in audiences:
        raise HTTPException(404)
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        head = head_of(session, issue, now)
        lines = history(session, issue)
        changes = shown_changes(session, issue, lines, editor_id=visit.editor_id, now=now)
        mine = to_take_back(session, issue, visit.editor_id) if issue.version else None
        return answer(
            door,
            "issue.html",
            visit,
            scripts=("issue.js",),
            head=head,
            may_edit=head.changeable and visit.may(Role.EDITOR),
            warning=_warning(issue, now),
            audience=audience,
            kept={"as": audience, "find": find, "shown": shown if shown != SHOWN else None},
            audiences=audiences,
            stories=(stories := stories_of(session, issue, audience or None, shown=shown)),
            pinned={row.id for row in stories.told if row.pick.pin is not None},
            more=shown + SHOWN,
            limits=issue.newsletter,
            intro=issue.intro or "",
            corrections=[(one, session.get_one(Story, one.story_id)) for one in carried_by(session, issue)],
            longest=LONGEST,
            changes=changes,
            undone=taken_back(lines),
            undo=mine,
            done=next((change for change in changes if change.version == saved), None),
            meanwhile=_meanwhile(changes, seen, saved),
            voided=voided,
            find=find,
            found=_found(session, find),
        )


@router.get("/issues/{issue_id}/changes")
def news(visit: Viewer, door: AtDoor, issue_id: IssueNumber, since_version: VersionSeen) -> Response:
    """What was changed since a version, for a page that is open."""
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        later = since(session, issue, since_version)[:5]
        lines = shown_changes(session, issue, later, editor_id=visit.editor_id, now=door.clock())
        sentences = [line.sentence for line in lines]
        return JSONResponse({"version": issue.version, "state": issue.state, "news": sentences})


def _found(session: Session, words: str) -> Sequence[Story]:
    return stories_about(session, words) if words.split() else ()


def _meanwhile(changes: Sequence[ShownChange], seen: int | None, saved: int) -> list[ShownChange]:
    """What others did between what was looked at and what was saved."""
    if seen is None:
        return []
    return [change for change in changes if seen < change.version < saved and change.who != "You"]


def _warning(issue: Issue, now: datetime) -> str | None:
    """What a change does to an issue that is not simply being prepared."""
    if issue.state == IssueState.APPROVED:
        return f"Approved by {issue.approved_by}: any change voids the approval, and it must be given anew."
    if issue.state == IssueState.HELD:
        return "Held: whatever you change, the issue leaves only when somebody approves it."
    if now >= issue.cutoff_at and issue.state == IssueState.DRAFT:
        return "The cut-off is over: a change may come too late for this issue."
    return None
