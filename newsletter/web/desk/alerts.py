"""All alerts, and each of them: what it says, whom it is for, what bars it, what became of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.alert_desk import letting_go
from newsletter.alert_desk.counting import mails
from newsletter.alert_desk.editing import CHANGEABLE, STEPS, Wanted, draft
from newsletter.alert_desk.foreseeing import Aimed
from newsletter.alert_desk.looking_over import as_of_now, shown
from newsletter.alerts.aim import segment_names
from newsletter.alerts.pieces import alert_limits
from newsletter.desk.editing import LONGEST
from newsletter.editors.audit import names
from newsletter.models import Alert
from newsletter.models.alert import AlertState
from newsletter.models.editor import Role
from newsletter.preflight.findings import Finding, Severity
from newsletter.release import Actor
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import reading, writing
from newsletter.testmail import recipients
from newsletter.web.desk.alert_view import (
    AlertNumber,
    find_alert,
    home_zone,
    lines,
)
from newsletter.web.desk.pages import answer
from newsletter.web.desk.sights import Sight, as_shown, framed
from newsletter.web.desk.spans import span
from newsletter.web.desk.stories import StoryNumber, find_story
from newsletter.web.desk.test_mail import last_test, new_once
from newsletter.web.desk.visits import Curator, Viewer, Visit
from newsletter.web.pages import AtDoor, Door, PageRoute, alerts_of

router = APIRouter(prefix="/desk", route_class=PageRoute)

#: alerts on one page
PAGE = 25
#: the page follows an alert for so long before it leaves, and after
FOLLOWED = timedelta(minutes=10)
#: the time that is shown as an example of one
AHEAD = timedelta(hours=2)


@dataclass(frozen=True)
class Offer:
    """What an approver would let go, and what bars them."""

    findings: tuple[Finding, ...]
    #: the content hash; None where it cannot be rendered
    digest: str | None
    #: the approver changed it last, and alerts go by two persons
    own_change: bool
    #: the template at fault
    fault: str | None = None

    @property
    def barred(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.BLOCKING]

    @property
    def warnings(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.WARNING]

    @property
    def open(self) -> bool:
        return bool(self.digest and not self.barred and not self.own_change)


@dataclass(frozen=True)
class Sent:
    """What an editor filled in that was not kept: it stands in the forms again."""

    wanted: Wanted
    #: the time, as it was typed
    at: str = ""
    #: by somebody else's change
    overtaken: bool = False


@router.get("/alerts")
def list_alerts(visit: Viewer, door: AtDoor, page: Annotated[int, Query(ge=1, le=10_000)] = 1) -> Response:
    """The newest first, of all kinds."""
    zone, now = home_zone(door), door.clock()
    with reading(door.services.engine) as session:
        query = select(Alert).order_by(Alert.id.desc()).offset((page - 1) * PAGE).limit(PAGE + 1)
        found = session.scalars(query).all()
        return answer(
            door,
            "alerts.html",
            visit,
            alerts=lines(session, found[:PAGE], zone, now),
            readers=door.services.counts.tallies(session, found[:PAGE], now=now),
            page=page,
            is_last=len(found) <= PAGE,
        )


@router.post("/stories/{story_id}/alerts")
def draft_alert(visit: Curator, door: AtDoor, story_id: StoryNumber) -> Response:
    """Begin an alert of the story, or go on with the one that is being worked at."""
    actor = Actor(visit.name, door.clock(), visit.editor_id, visit.ip)
    with writing(door.services.engine) as session:
        story, _ = find_story(session, story_id)
        number = draft(session, story, actor, life=timedelta(hours=alerts_of(door).life_hours)).id
    return RedirectResponse(f"{door.pages.base}/desk/alerts/{number}", 303)


@router.get("/alerts/{alert_id}")
def show_alert(
    visit: Viewer, alert_id: AlertNumber, sight: Annotated[Sight, Depends()], door: AtDoor
) -> Response:
    """The alert as it is now."""
    return alert_page(visit, door, alert_id, sight)


@router.get("/alerts/{alert_id}/frame")
def show_frame(
    _visit: Viewer, alert_id: AlertNumber, sight: Annotated[Sight, Depends()], door: AtDoor
) -> Response:
    with reading(door.services.engine) as session:
        alert = find_alert(session, alert_id)
        as_of_now(session, alert)
        return framed(door, shown(session, alert, door.services.renderer).content, sight)


def alert_page(
    visit: Visit,
    door: Door,
    alert_id: int,
    sight: Sight | None = None,
    *,
    status: int = 200,
    fault: str | None = None,
    sent: Sent | None = None,
) -> Response:
    """The page of an alert; with what an editor `sent` that was not kept, and the `fault` of it."""
    now, sight = door.clock(), sight or Sight()
    with reading(door.services.engine) as session:
        alert = find_alert(session, alert_id)
        as_of_now(session, alert)
        zone, people = home_zone(door), names(session)
        is_draft = alert.state == AlertState.DRAFT
        is_open = alert.state in CHANGEABLE
        counts = None if is_open else door.services.counts.proof(session, alert, now=now)
        busy = _is_moving(alert, now)
        return answer(
            door,
            "alert.html",
            visit,
            status=status,
            follows=busy,
            busy=busy,
            alert=alert,
            line=lines(session, [alert], zone, now)[0],
            now=now,
            zone=zone,
            soon=(now + AHEAD).astimezone(zone),
            span=span,
            people=people,
            offer=_offer(session, alert, door, visit, now) if is_draft else None,
            aimed=_aimed(session, alert, door, now) if is_open else None,
            undo=letting_go.undo_window(session),
            counts=counts,
            mails=None if is_open else mails(session, alert),
            mail=_mail(session, alert, door, sight),
            recipients=recipients(session) if is_open and visit.may(Role.EDITOR) else [],
            last_test=last_test(session, f"alert {alert.id}", visit),
            once=new_once(),
            frame_path=f"/desk/alerts/{alert_id}/frame",
            steps=STEPS[AlertState(alert.state)],
            form=sent.wanted if sent else Wanted.of(alert),
            sent=sent,
            fault=fault,
            segments=segment_names(session),
            longest=LONGEST,
            curates=visit.may(Role.EDITOR),
            approves=visit.may(Role.APPROVER),
        )


def _is_moving(alert: Alert, now: datetime) -> bool:
    """Whether the page should be followed: it is about to leave, or has just left."""
    if alert.state == AlertState.SPREADING:
        return True
    soon = alert.state in (AlertState.APPROVED, AlertState.SPREAD)
    return soon and abs((alert.release_at or alert.made_at) - now) <= FOLLOWED


def _offer(session: Session, alert: Alert, door: Door, visit: Visit, now: datetime) -> Offer:
    own_change = letting_go.needs_another(session, alert, visit.editor_id)
    try:
        findings = door.services.look_over_alert(session, alert, now)
        return Offer(findings, letting_go.draft_hash(session, alert, door.services.renderer), own_change)
    except RenderError as error:
        return Offer((), None, own_change, str(error))


def _aimed(session: Session, alert: Alert, door: Door, now: datetime) -> Aimed | None:
    """Who would get it if it left now, or when it is to."""
    if not alert.audiences and not alert.segment:
        return None
    return door.services.counts.foresee(session, alert, alert_limits(alerts_of(door)), now=now)


def _mail(session: Session, alert: Alert, door: Door, sight: Sight) -> dict[str, object] | None:
    """None where it cannot be rendered."""
    try:
        mail = shown(session, alert, door.services.renderer)
    except RenderError:
        return None
    return as_shown(door, mail, sight, {}, sender=door.services.settings.alert_sender)
