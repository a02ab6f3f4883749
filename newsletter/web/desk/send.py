"""The tab on which an issue is let go, kept back or stopped, and followed while its mails leave.

What is done here is done by a form alone, and only to the issue as the page before showed it: a page
that is older than the issue does nothing, and says what changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from newsletter import release
from newsletter.desk.approval import NothingToApprove, NotWhatWasSeen, draft_hash, pieces
from newsletter.desk.states import STEPS, IllegalStep
from newsletter.issue_forecast import kept
from newsletter.models import Issue
from newsletter.models.editor import Role
from newsletter.models.issue import LEAVING, UNAPPROVED, IssueState
from newsletter.preflight.findings import Finding, blocking
from newsletter.proof import Proof, proof
from newsletter.release import Act, Actor
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import reading, writing
from newsletter.testmail import recipients
from newsletter.web.desk.issue_head import IssueNumber, find_issue, head_of
from newsletter.web.desk.pages import answer
from newsletter.web.desk.send_refused import not_as_shown, refused
from newsletter.web.desk.spans import span
from newsletter.web.desk.test_mail import last_test, new_once
from newsletter.web.desk.visits import Approver, Curator, Viewer, Visit
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, in_one_line

router = APIRouter(prefix="/desk", route_class=PageRoute)

#: the page follows an approved issue for so long before it leaves
FOLLOWED = timedelta(hours=1)
#: characters of the reason for a hold
LONGEST_REASON = 200

#: what a person can mend
MENDABLE = (
    IllegalStep,
    NothingToApprove,
    RenderError,
    release.Barred,
    release.SamePerson,
    release.TooLate,
)


@dataclass(frozen=True)
class Offer:
    """What an approver would let go, and what bars them."""

    #: the content hash; None where it cannot be rendered
    digest: str | None
    stories: int
    barred: tuple[Finding, ...]
    warnings: int
    #: the approver changed it last, and the newsletter goes by two persons
    own_change: bool
    #: the template at fault
    fault: str | None

    @property
    def open(self) -> bool:
        return bool(self.digest and self.stories and not self.barred and not self.own_change)


@router.get("/issues/{issue_id}/send")
def show_send(visit: Viewer, issue_id: IssueNumber, door: AtDoor) -> Response:
    now = door.clock()
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        head, zone = head_of(session, issue, now), ZoneInfo(issue.newsletter.timezone)
        counts = None if issue.frozen is None else proof(session, issue)
        next_mail_at = release.next_mail_at(session, issue) if issue.state in LEAVING else None
        leaves_at = release.leaves_at(issue)
        busy = _is_moving(issue, counts, next_mail_at, now)
        return answer(
            door,
            "send.html",
            visit,
            follows=busy,
            busy=busy,
            head=head,
            zone=zone,
            issue=issue,
            mark=release.mark(issue),
            now=now,
            offer=_offer(session, issue, door, visit, now) if issue.state in UNAPPROVED else None,
            expected=kept(session, issue.id) if issue.state in UNAPPROVED else None,
            counts=counts,
            next_mail_at=next_mail_at and next_mail_at.astimezone(zone),
            leaves_at=leaves_at.astimezone(zone),
            leaves_in=_countdown(leaves_at - now),
            expires_at=issue.expires_at.astimezone(zone),
            approved_at=issue.approved_at and issue.approved_at.astimezone(zone),
            steps=STEPS[IssueState(issue.state)],
            curates=visit.may(Role.EDITOR),
            approves=visit.may(Role.APPROVER),
            longest_reason=LONGEST_REASON,
            recipients=recipients(session) if visit.may(Role.EDITOR) else [],
            last_test=last_test(session, f"issue {issue.id}", visit),
            once=new_once(),
        )


def _is_moving(issue: Issue, counts: Proof | None, next_mail_at: datetime | None, now: datetime) -> bool:
    """Whether the page should be followed: it is about to leave, or its mails are leaving."""
    if issue.state == IssueState.APPROVED:
        return release.leaves_at(issue) - now <= FOLLOWED
    if counts is not None and counts.counts["claimed"] + counts.counts["submitting"]:
        return True
    return issue.state == IssueState.PUBLISHED and next_mail_at is not None and next_mail_at <= now


def _offer(session: Session, issue: Issue, door: Door, visit: Visit, now: datetime) -> Offer | None:
    """For whoever may take it."""
    if not visit.may(Role.APPROVER):
        return None
    renderer = door.services.renderer
    digest: str | None = None
    findings: Sequence[Finding] = ()
    fault = None
    try:
        findings = door.services.look_over(session, issue, now)
        digest = draft_hash(issue, renderer, pieces(session, issue, renderer))
    except RenderError as error:
        fault = str(error)
    barred = blocking(findings)
    return Offer(
        digest,
        sum(not pick.dropped for pick in issue.picks),
        barred,
        len(findings) - len(barred),
        release.changed_last(issue, visit.editor_id),
        fault,
    )


def _countdown(time: timedelta) -> str:
    """`4:07` minutes where it is less than an hour, else as `span` says it."""
    seconds = max(0, int(time.total_seconds()))
    return span(time) if seconds >= 3600 else f"{seconds // 60}:{seconds % 60:02} min"


@router.post("/issues/{issue_id}/approve", max_body_size=FORM_LIMIT)
def approve(visit: Approver, issue_id: IssueNumber, door: AtDoor) -> Response:
    """What is to be compiled is compiled before, while nobody waits for the transaction."""
    services, seen = door.services, str(visit.form.get("seen", ""))
    try:
        with reading(services.engine) as session:
            pieces(session, find_issue(session, issue_id), services.renderer)
    except RenderError as error:
        return refused(door, visit, issue_id, error)

    def act(session: Session, issue: Issue, actor: Actor) -> None:
        undo = timedelta(minutes=issue.newsletter.undo_minutes)
        release.approve(session, issue, services.renderer, services.look_over, actor, seen=seen, undo=undo)

    return _do(door, visit, issue_id, Act.APPROVE, act)


@router.post("/issues/{issue_id}/withdraw", max_body_size=FORM_LIMIT)
def take_back(visit: Approver, issue_id: IssueNumber, door: AtDoor) -> Response:
    return _do(door, visit, issue_id, Act.TAKE_BACK, release.take_back)


@router.post("/issues/{issue_id}/hold", max_body_size=FORM_LIMIT)
def hold(visit: Curator, issue_id: IssueNumber, door: AtDoor) -> Response:
    """To stop something is for every editor, to let it go is for approvers."""
    because = in_one_line(str(visit.form.get("because", "")))[:LONGEST_REASON]

    def act(session: Session, issue: Issue, actor: Actor) -> None:
        release.hold(session, issue, actor, because=because or None)

    return _do(door, visit, issue_id, Act.HOLD, act)


@router.post("/issues/{issue_id}/let-go", max_body_size=FORM_LIMIT)
def let_go(visit: Approver, issue_id: IssueNumber, door: AtDoor) -> Response:
    return _do(door, visit, issue_id, Act.LET_GO, release.let_go)


@router.post("/issues/{issue_id}/pause", max_body_size=FORM_LIMIT)
def pause(visit: Curator, issue_id: IssueNumber, door: AtDoor) -> Response:
    return _do(door, visit, issue_id, Act.PAUSE, release.pause)


@router.post("/issues/{issue_id}/resume", max_body_size=FORM_LIMIT)
def resume(visit: Approver, issue_id: IssueNumber, door: AtDoor) -> Response:
    return _do(door, visit, issue_id, Act.RESUME, release.resume)


@router.get("/issues/{issue_id}/cancel")
def ask_whether_to_cancel(visit: Approver, issue_id: IssueNumber, door: AtDoor) -> Response:
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        return answer(
            door,
            "send_cancel.html",
            visit,
            head=head_of(session, issue, door.clock()),
            mark=release.mark(issue),
            possible=IssueState.CANCELLED in STEPS[IssueState(issue.state)],
            counts=None if issue.frozen is None else proof(session, issue).counts,
        )


@router.post("/issues/{issue_id}/cancel", max_body_size=FORM_LIMIT)
def cancel(visit: Approver, issue_id: IssueNumber, door: AtDoor) -> Response:
    return _do(door, visit, issue_id, Act.CANCEL, release.cancel)


def _do(
    door: Door, visit: Visit, issue_id: int, what: Act, act: Callable[[Session, Issue, Actor], object]
) -> Response:
    """Do it to the issue as the page showed it, whole; or nothing, and a page that says why.

    A form that comes twice, as by a double click, is done once.
    """
    mark = str(visit.form.get("mark", ""))
    actor = Actor(visit.name, door.clock(), visit.editor_id, visit.ip, seen=mark)
    try:
        with writing(door.services.engine) as session:
            issue = find_issue(session, issue_id, lock=True)
            if release.mark(issue) == mark or not release.is_repeated(session, issue, what, actor):
                act(session, issue, actor)
    except (release.NotAsShown, NotWhatWasSeen) as error:
        return not_as_shown(door, visit, issue_id, error)
    except MENDABLE as error:
        return refused(door, visit, issue_id, error)
    return RedirectResponse(f"{door.pages.base}/desk/issues/{issue_id}/send", 303)
