"""The tab Preflight: what is wrong with an issue, where each fault is mended, and how its links are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.background import BackgroundTask

from newsletter.desk.changes import CHANGEABLE
from newsletter.editors.audit import audit
from newsletter.models import Inspection, Issue, Story
from newsletter.models.editor import Role
from newsletter.preflight import spam
from newsletter.preflight.findings import Finding, Severity
from newsletter.preflight.inspection import Errand, at_work, begin, inspect
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import reading, writing
from newsletter.web.desk.issue_head import IssueNumber, find_issue, head_of
from newsletter.web.desk.pages import answer
from newsletter.web.desk.spans import span
from newsletter.web.desk.visits import Curator, Viewer
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute

router = APIRouter(prefix="/desk", route_class=PageRoute)


@dataclass(frozen=True)
class Group:
    """What was found in one story, or, without one, in the issue as a whole."""

    story_id: int | None
    headline: str | None
    findings: tuple[Finding, ...]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.findings)


@router.get("/issues/{issue_id}/preflight")
def show_preflight(visit: Viewer, issue_id: IssueNumber, door: AtDoor) -> Response:
    now = door.clock()
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        head = head_of(session, issue, now)
        findings: Sequence[Finding] = ()
        fault = None
        if head.changeable:
            try:
                findings = door.services.look_over(session, issue, now)
            except RenderError as error:
                fault = str(error)
        inspection = session.get(Inspection, issue.id)
        busy = at_work(inspection, now)
        return answer(
            door,
            "preflight.html",
            visit,
            follows=busy,
            busy=busy,
            head=head,
            fault=fault,
            blocking=_grouped(session, issue, findings, Severity.BLOCKING),
            warnings=_grouped(session, issue, findings, Severity.WARNING),
            inspection=inspection,
            ago=_ago(inspection, now),
            has_spam=spam.is_installed(),
            may_check=head.changeable and visit.may(Role.EDITOR) and not busy,
        )


@router.post("/issues/{issue_id}/preflight/links", max_body_size=FORM_LIMIT)
def check_links(visit: Curator, issue_id: IssueNumber, door: AtDoor) -> Response:
    """Begin to follow the links of the issue; that goes on after the answer."""
    here = RedirectResponse(f"{door.pages.base}/desk/issues/{issue_id}/preflight", 303)
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        if issue.state not in CHANGEABLE:
            return here
        try:
            asked = door.services.errand(session, issue, door.clock())
        except RenderError:  # the page says so
            return here
    with writing(door.services.engine) as session:
        here.background = follow_links(door, session, issue_id, asked, editor_id=visit.editor_id, ip=visit.ip)
    return here


def follow_links(
    door: Door, session: Session, issue_id: int, asked: Errand, *, editor_id: int | None, ip: str | None
) -> BackgroundTask | None:
    """Note that the links are followed from now on; the work for after the answer, if nobody is at it."""
    now = door.clock()
    left = begin(session, find_issue(session, issue_id, lock=True), asked, now=now)
    if left is None:
        return None
    detail = {"links": len(left.urls)}
    audit(session, "links checked", f"issue {issue_id}", editor_id=editor_id, now=now, detail=detail, ip=ip)
    return BackgroundTask(inspect, door.services.engine, issue_id, left, door.clock)


def _grouped(session: Session, issue: Issue, findings: Sequence[Finding], severity: Severity) -> list[Group]:
    """The findings of that severity by their stories, in the order in which they come."""
    found: dict[int | None, list[Finding]] = {}
    for finding in findings:
        if finding.severity is severity:
            found.setdefault(finding.story_id, []).append(finding)
    titles = dict(
        session.execute(select(Story.id, Story.title).where(Story.id.in_(set(found) - {None}))).all()
    )
    headlines = titles | {pick.story_id: pick.headline for pick in issue.picks if pick.headline}
    return [Group(story_id, headlines.get(story_id or 0), tuple(of)) for story_id, of in found.items()]


def _ago(inspection: Inspection | None, now: datetime) -> str | None:
    """How long ago the last check ended, or was last heard of."""
    if inspection is None:
        return None
    return span(now - (inspection.ended_at or inspection.beat))
