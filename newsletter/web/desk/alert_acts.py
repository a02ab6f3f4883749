"""What people do to an alert: write and aim it, approve it, take that back, cancel it. Each act a form.

It is done to the alert as the page before showed it, whole; or nothing is done, and the page says why.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from newsletter.alert_desk import letting_go
from newsletter.alert_desk.editing import (
    STEPS,
    IllegalStep,
    Overtaken,
    Unsaved,
    Wanted,
    change,
    check,
    nothing_unsaved,
)
from newsletter.desk.editing import TooLong
from newsletter.models import Alert
from newsletter.models.alert import AlertState
from newsletter.release import Actor
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import reading, writing
from newsletter.web.desk import test_mail
from newsletter.web.desk.alert_view import AlertNumber, find_alert, home_zone, lines
from newsletter.web.desk.alerts import Sent, alert_page
from newsletter.web.desk.issue_refused import text_in
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Approver, Curator, Visit
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, alerts_of
from subscribers.segments.parsing import BadRule

router = APIRouter(prefix="/desk/alerts/{alert_id}", route_class=PageRoute)

Act = Callable[[Session, Alert, Actor], object]
#: what a person can mend
MENDABLE = (
    IllegalStep,
    RenderError,
    letting_go.BadTime,
    letting_go.Barred,
    letting_go.NotWhatWasSeen,
    letting_go.SamePerson,
    BadRule,
    TooLong,
    Unsaved,
)


@router.post("", max_body_size=FORM_LIMIT)
def save(visit: Curator, alert_id: AlertNumber, door: AtDoor) -> Response:
    """Its words and its aim. What was not kept stands in the form again, with what stands there now."""
    wanted = _wanted(door, visit)
    fault, status = "", 422
    try:
        _act(door, visit, alert_id, lambda session, alert, actor: change(session, alert, wanted, actor))
    except Overtaken as error:
        fault, status = f"Nothing was saved: {error}. Yours is still in the form below", 409
    except IllegalStep as error:
        fault, status = f"Nothing was saved: {error}", 409
    except (TooLong, BadRule) as error:
        fault = f"Nothing was saved: {_in_words(error)}"
    if fault:
        sent = Sent(wanted, text_in(visit.form, "at"), overtaken=status == 409)
        return alert_page(visit, door, alert_id, status=status, fault=f"{fault}.", sent=sent)
    return RedirectResponse(f"{door.pages.base}/desk/alerts/{alert_id}", 303)


def _wanted(door: Door, visit: Visit) -> Wanted:
    """The words and the aim in the form."""
    chosen = visit.form.getlist("audience")
    return Wanted(
        line=text_in(visit.form, "line"),
        headline=text_in(visit.form, "headline"),
        audiences=tuple(name for name in door.services.site.audiences if name in chosen),
        segment=text_in(visit.form, "segment"),
    )


@router.post("/approve", max_body_size=FORM_LIMIT)
def approve(visit: Approver, alert_id: AlertNumber, door: AtDoor) -> Response:
    """Let it go as it was seen, at the time that was chosen, or else as soon as it can.

    Its words stand in the same form: nobody sends what they wrote and did not save.
    """
    services, wanted, chosen = door.services, _wanted(door, visit), text_in(visit.form, "at")
    life = timedelta(hours=alerts_of(door).life_hours)

    def act(session: Session, alert: Alert, actor: Actor) -> None:
        seen = text_in(visit.form, "seen")
        try:
            check(session, alert, actor)
            nothing_unsaved(session, alert, wanted)
            at = _time(door, chosen) if "then" in visit.form else None
            letting_go.approve(
                session,
                alert,
                services.renderer,
                services.look_over_alert,
                actor,
                seen=seen,
                life=life,
                at=at,
            )
        except Overtaken:
            # the second click of a double one finds done what it asks for
            done = AlertState.APPROVED, actor.name, seen
            if (alert.state, alert.approved_by, alert.content_hash) != done:
                raise

    return _do(door, visit, alert_id, act, Sent(wanted, chosen))


def _time(door: Door, text: str) -> datetime:
    """What was typed, in the home zone: `2026-11-24 09:00`."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=home_zone(door)).astimezone(UTC)
    except (ValueError, OverflowError):
        said = f"“{text}” is not one" if text.strip() else "none is there"
        raise letting_go.BadTime(f"a time is to be written as 2026-11-24 09:00, and {said}") from None


@router.post("/withdraw", max_body_size=FORM_LIMIT)
def take_back(visit: Approver, alert_id: AlertNumber, door: AtDoor) -> Response:
    return _do(door, visit, alert_id, letting_go.take_back)


@router.get("/cancel")
def ask_whether_to_cancel(visit: Approver, alert_id: AlertNumber, door: AtDoor) -> Response:
    with reading(door.services.engine) as session:
        alert = find_alert(session, alert_id)
        return answer(
            door,
            "alert_cancel.html",
            visit,
            alert=alert,
            line=lines(session, [alert], home_zone(door), door.clock())[0],
            possible=AlertState.CANCELLED in STEPS[AlertState(alert.state)],
            counts=door.services.counts.proof(session, alert, now=door.clock()),
        )


@router.post("/cancel", max_body_size=FORM_LIMIT)
def cancel(visit: Approver, alert_id: AlertNumber, door: AtDoor) -> Response:
    return _do(door, visit, alert_id, letting_go.cancel)


@router.post("/send-test", max_body_size=FORM_LIMIT)
def send_test(visit: Curator, alert_id: AlertNumber, door: AtDoor) -> Response:
    """Hand a test mail over at once; nobody counts as told by it, and its outcome stands on the page."""
    to, once = str(visit.form.get("to", visit.editor_id)), str(visit.form.get("once", ""))
    make = test_mail.of_alert(door, alert_id)
    wanted = test_mail.Wanted(f"alert {alert_id}", make, to, once, visit.editor_id, visit.ip)
    try:
        test_mail.send(door, wanted)
    except test_mail.REFUSALS as error:
        return alert_page(visit, door, alert_id, status=409, fault=f"No test mail left. {error}")
    return RedirectResponse(f"{door.pages.base}/desk/alerts/{alert_id}#test", 303)


def _do(door: Door, visit: Visit, alert_id: int, act: Act, sent: Sent | None = None) -> Response:
    try:
        _act(door, visit, alert_id, act)
    except (Overtaken, *MENDABLE) as error:
        if sent and isinstance(error, Overtaken):
            sent = replace(sent, overtaken=True)
        fault = f"Nothing was done: {_in_words(error)}."
        return alert_page(visit, door, alert_id, status=409, fault=fault, sent=sent)
    return RedirectResponse(f"{door.pages.base}/desk/alerts/{alert_id}", 303)


def _in_words(error: Exception) -> str:
    return f"this segment is none any more: {error.reason}" if isinstance(error, BadRule) else str(error)


def _act(door: Door, visit: Visit, alert_id: int, act: Act) -> None:
    actor = Actor(visit.name, door.clock(), visit.editor_id, visit.ip, seen=text_in(visit.form, "version"))
    with writing(door.services.engine) as session:
        act(session, find_alert(session, alert_id), actor)
