"""What was told wrong: an editor writes it down, an approver confirms it, and may let it go at once."""

import re
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.corrections.book import LIFE
from newsletter.corrections.noting import compose_note, note_about
from newsletter.desk import correcting
from newsletter.desk.correcting import BadCorrection, By, Settled
from newsletter.editors.audit import names
from newsletter.models import Correction, Delivery
from newsletter.models.delivery import DeliveryKind
from newsletter.models.desk import CorrectionKind
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from newsletter.story_life import told_in
from newsletter.web.desk.issue_refused import text_in
from newsletter.web.desk.pages import answer
from newsletter.web.desk.stories import StoryNumber, find_story, story_page
from newsletter.web.desk.visits import Approver, Curator, Viewer, Visit
from newsletter.web.pages import AtDoor, Door, PageRoute

router = APIRouter(prefix="/desk", route_class=PageRoute)

CorrectionNumber = Annotated[int, Path(ge=1, lt=2**63)]


@router.post("/stories/{story_id}/corrections")
def write(visit: Curator, door: AtDoor, story_id: StoryNumber) -> Response:
    """Write a correction down; its page shows how it will be told."""
    kind, revision = text_in(visit.form, "kind"), text_in(visit.form, "revision")
    if kind not in list(CorrectionKind):
        raise HTTPException(400)
    try:
        with writing(door.services.engine) as session:
            story, _ = find_story(session, story_id)
            made = correcting.write(
                session,
                story,
                kind=CorrectionKind(kind),
                text=text_in(visit.form, "text"),
                revision=int(revision) if re.fullmatch("[0-9]{1,9}", revision) else None,
                by=_by(visit, door),
            )
            number = made.id
    except BadCorrection as fault:
        return story_page(visit, door, story_id, status=422, fault=str(fault))
    return RedirectResponse(f"{door.pages.base}/desk/corrections/{number}", 303)


@router.get("/corrections/{correction_id}")
def show(visit: Viewer, door: AtDoor, correction_id: CorrectionNumber) -> Response:
    """The correction as its readers will see it, to how many it goes, and what can be done."""
    return _page(visit, door, correction_id)


@router.post("/corrections/{correction_id}/confirm")
def confirm(visit: Approver, door: AtDoor, correction_id: CorrectionNumber) -> Response:
    """Let it count."""

    def act(session: Session) -> None:
        correcting.confirm(session, correction_id, by=_by(visit, door))

    return _do(visit, door, correction_id, act)


@router.post("/corrections/{correction_id}/send")
def send(visit: Approver, door: AtDoor, correction_id: CorrectionNumber) -> Response:
    """Let it go at once, to all who were told."""

    def act(session: Session) -> None:
        correcting.send_note(session, correction_id, by=_by(visit, door))

    return _do(visit, door, correction_id, act)


@router.post("/corrections/{correction_id}/take-away")
def take_away(visit: Curator, door: AtDoor, correction_id: CorrectionNumber) -> Response:
    """Forget it, as long as nobody confirmed it."""
    with reading(door.services.engine) as session:
        story_id = _find(session, correction_id).story_id
    try:
        with writing(door.services.engine) as session:
            correcting.take_away(session, correction_id, by=_by(visit, door))
    except Settled as refusal:
        return _page(visit, door, correction_id, status=409, fault=str(refusal))
    return RedirectResponse(f"{door.pages.base}/desk/stories/{story_id}#corrections", 303)


def _do(visit: Visit, door: Door, correction_id: int, act: Callable[[Session], object]) -> Response:
    """In one transaction, and back to the page; refused, it says why and nothing is done."""
    with reading(door.services.engine) as session:
        _find(session, correction_id)
    try:
        with writing(door.services.engine) as session:
            act(session)
    except Settled as refusal:
        return _page(visit, door, correction_id, status=409, fault=str(refusal))
    return RedirectResponse(f"{door.pages.base}/desk/corrections/{correction_id}", 303)


def _page(
    visit: Visit, door: Door, correction_id: int, *, status: int = 200, fault: str | None = None
) -> Response:
    with reading(door.services.engine) as session:
        correction = _find(session, correction_id)
        story, _ = find_story(session, correction.story_id)
        told = told_in(session, story.id, up_to=correction.revision)
        last = told[0] if told else None
        note = note_about(session, correction, last)
        confirmed_at, now = correction.confirmed_at, door.clock()
        newsletter = last.newsletter if last else door.services.site.newsletters[0].name
        return answer(
            door,
            "correction.html",
            visit,
            status=status,
            fault=fault,
            correction=correction,
            story=story,
            note=note,
            mail=compose_note(door.services.renderer, note, newsletter=newsletter),
            told=told,
            readers=sum(each.readers for each in told),
            mails=_mails(session, correction) if correction.noted_at else 0,
            is_old=confirmed_at is not None and now >= confirmed_at + LIFE,
            people=names(session),
            may_edit=visit.may(Role.EDITOR),
            may_confirm=visit.may(Role.APPROVER),
        )


def _mails(session: Session, correction: Correction) -> int:
    """How many mails went out at once."""
    return session.scalars(
        select(func.count()).where(
            Delivery.kind == DeliveryKind.CORRECTION, Delivery.occasion_id == correction.id
        )
    ).one()


def _find(session: Session, correction_id: int) -> Correction:
    found = session.get(Correction, correction_id)
    if found is None:
        raise HTTPException(404)
    return found


def _by(visit: Visit, door: Door) -> By:
    return By(door.clock(), visit.editor_id, visit.ip)
