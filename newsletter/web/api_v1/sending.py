"""An issue is let go, kept back or stopped: by a program as by a person, with the same bars.

What is approved is what was looked at: preflight tells its hash, and the approval names it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from fastapi import APIRouter, BackgroundTasks, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from newsletter import release
from newsletter.desk.approval import draft_hash, pieces
from newsletter.desk.changes import CHANGEABLE, Closed
from newsletter.editors.audit import names
from newsletter.models import Inspection, Issue
from newsletter.release import Act, Actor
from newsletter.store.engine import reading
from newsletter.web.api_v1.callers import ApiRoute, ByApprover, ByEditor, ByViewer, Caller
from newsletter.web.api_v1.conditions import AtIssue, Here, changed_since, etag
from newsletter.web.api_v1.documents import Finding, IssueDocument, Text, Told
from newsletter.web.api_v1.problems import PREFIX
from newsletter.web.desk.issue_head import IssueNumber, find_issue
from newsletter.web.desk.preflight import follow_links
from newsletter.web.desk.send import LONGEST_REASON
from newsletter.web.pages import AtDoor, in_one_line

router = APIRouter(prefix=PREFIX, route_class=ApiRoute, tags=["Send"])


class InspectionDocument(BaseModel):
    """The last time that the links of the issue were followed."""

    begun_at: datetime
    ended_at: datetime | None = Field(description="null while it goes on.")
    links: int = Field(description="How many were to be followed.")
    done: int
    trouble: str | None = Field(description="Why it ended before all of them were.")
    spam_score: float | None = Field(description="SpamAssassin's points; null without it.")


class Preflight(BaseModel):
    seen: str | None = Field(
        description="Hash of what was looked at, to be sent with an approval; null for an issue that is"
        " not to be approved any more."
    )
    findings: list[Finding]
    inspection: InspectionDocument | None = Field(description="null where no links were followed yet.")


class Approval(Told):
    seen: str = Field(
        max_length=64,
        description="The `seen` of the preflight: what is approved is what was looked at.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


class Reason(Told):
    because: Text | None = Field(None, max_length=LONGEST_REASON, description="Why, for the other editors.")


@router.get("/issues/{issue_id}/preflight")
def get_preflight(_caller: ByViewer, door: AtDoor, response: Response, issue_id: IssueNumber) -> Preflight:
    """Find what is wrong with an issue, and how to mend it; with what is blocking it cannot be approved.

    Its ETag is what an approval asks for as If-Match.
    """
    services, now = door.services, door.clock()
    with reading(services.engine) as session:
        issue = find_issue(session, issue_id)
        response.headers["etag"] = etag(issue)
        seen, findings = None, []
        if issue.state in CHANGEABLE:
            findings = [Finding.of(each) for each in services.look_over(session, issue, now)]
            parts = pieces(session, issue, services.renderer)
            seen = draft_hash(issue, services.renderer, parts)
        kept = session.get(Inspection, issue.id)
        return Preflight(
            seen=seen,
            findings=findings,
            inspection=InspectionDocument.model_validate(kept, from_attributes=True) if kept else None,
        )


@router.post("/issues/{issue_id}/preflight/links", status_code=202)
def check_links(
    caller: ByEditor, door: AtDoor, work: BackgroundTasks, issue_id: IssueNumber
) -> InspectionDocument:
    """Begin to follow the links of an issue; that goes on after the answer, and its preflight tells how far
    it is. Where somebody is at it already, they go on."""
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        if issue.state not in CHANGEABLE:
            raise Closed(issue)
        asked = door.services.errand(session, issue, door.clock())
    with caller.writing(door) as session:
        by, ip = caller.editor_id, caller.ip
        if task := follow_links(door, session, issue_id, asked, editor_id=by, ip=ip):
            work.tasks.append(task)
        begun = session.get_one(Inspection, issue_id)
        return InspectionDocument.model_validate(begun, from_attributes=True)


@router.post("/issues/{issue_id}/approve")
def approve(caller: ByApprover, here: AtIssue, told: Approval) -> IssueDocument:
    """Approve what was looked at; any change afterwards voids it."""
    services = here.door.services
    with reading(services.engine) as session:  # compiled before, while nobody waits for the transaction
        pieces(session, find_issue(session, here.issue_id), services.renderer)

    def act(session: Session, issue: Issue, actor: Actor) -> None:
        undo = timedelta(minutes=issue.newsletter.undo_minutes)
        look = services.look_over
        release.approve(session, issue, services.renderer, look, actor, seen=told.seen, undo=undo)

    return _do(caller, here, Act.APPROVE, act)


@router.post("/issues/{issue_id}/withdraw")
def withdraw(caller: ByApprover, here: AtIssue) -> IssueDocument:
    """Take an approval back, while nothing is published."""
    return _do(caller, here, Act.TAKE_BACK, release.take_back)


@router.post("/issues/{issue_id}/hold")
def hold(caller: ByEditor, here: AtIssue, told: Reason) -> IssueDocument:
    """Keep an issue from going out until somebody approves it."""
    because = in_one_line(told.because or "") or None

    def act(session: Session, issue: Issue, actor: Actor) -> None:
        release.hold(session, issue, actor, because=because)

    return _do(caller, here, Act.HOLD, act)


@router.post("/issues/{issue_id}/let-go")
def let_go(caller: ByApprover, here: AtIssue) -> IssueDocument:
    """End a hold before the cut-off: a draft again."""
    return _do(caller, here, Act.LET_GO, release.let_go)


@router.post("/issues/{issue_id}/pause")
def pause(caller: ByEditor, here: AtIssue) -> IssueDocument:
    """Keep back the mails of an issue that have not left yet."""
    return _do(caller, here, Act.PAUSE, release.pause)


@router.post("/issues/{issue_id}/resume")
def resume(caller: ByApprover, here: AtIssue) -> IssueDocument:
    """Let the mails of a paused issue leave again."""
    return _do(caller, here, Act.RESUME, release.resume)


@router.post("/issues/{issue_id}/cancel")
def cancel(caller: ByApprover, here: AtIssue) -> IssueDocument:
    """End an issue for good; its mails that have not left are stopped."""
    return _do(caller, here, Act.CANCEL, release.cancel)


def _do(
    caller: Caller, here: Here, what: Act, act: Callable[[Session, Issue, Actor], object]
) -> IssueDocument:
    """Do it to the issue as it was seen, whole or not at all. What comes twice is done once."""
    name, now, seen = f"the key “{caller.name}”", here.door.clock(), here.seen
    actor = Actor(name, now, caller.editor_id, caller.ip, seen=seen.mark)
    with caller.writing(here.door) as session:
        issue = find_issue(session, here.issue_id, lock=True)
        if release.mark(issue) == seen.mark:
            act(session, issue, actor)
        elif not release.is_repeated(session, issue, what, actor):
            raise changed_since(session, issue, seen.version)
        here.response.headers["etag"] = etag(issue)
        return IssueDocument.of(issue, names(session))
