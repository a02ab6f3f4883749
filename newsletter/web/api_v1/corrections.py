"""Corrections: written by editors, confirmed by approvers, told to exactly those who were told wrong."""

from datetime import datetime
from typing import Literal, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from newsletter.corrections.book import written_for
from newsletter.desk import correcting
from newsletter.desk.changes import NotThere
from newsletter.desk.correcting import By
from newsletter.models import Correction, Story
from newsletter.models.desk import CorrectionKind
from newsletter.store.engine import reading
from newsletter.web.api_v1.callers import ApiRoute, ByApprover, ByEditor, ByViewer, Caller
from newsletter.web.api_v1.documents import Text, Told
from newsletter.web.api_v1.problems import PREFIX
from newsletter.web.desk.corrections import CorrectionNumber
from newsletter.web.desk.stories import StoryNumber
from newsletter.web.pages import AtDoor, Door

router = APIRouter(prefix=PREFIX, route_class=ApiRoute, tags=["Corrections"])

Kind = Literal["correction", "retraction"]


class CorrectionDocument(BaseModel):
    id: int
    story: int = Field(validation_alias="story_id")
    kind: Kind
    text: str
    revision: int = Field(description="Whoever was told this revision or an older one is to hear of it.")
    made_at: datetime
    confirmed_at: datetime | None = Field(description="Nobody hears of it before.")
    noted_at: datetime | None = Field(description="When it went out as a mail of its own.")

    @classmethod
    def of(cls, correction: Correction) -> Self:
        return cls.model_validate(correction, from_attributes=True)


class Corrections(BaseModel):
    corrections: list[CorrectionDocument] = Field(description="The newest first.")


class NewCorrection(Told):
    kind: Kind
    text: Text = Field(description="What was wrong, and what is right.")
    revision: int | None = Field(
        None, ge=1, lt=2**31, description="What was told up to it was wrong; without it, all that is known."
    )


class Confirmed(BaseModel):
    correction: CorrectionDocument
    voided: list[int] = Field(description="Issues whose approval it took away.")


class Noted(BaseModel):
    correction: CorrectionDocument
    mails: int = Field(description="How many were queued by this request; none by a second one.")


@router.get("/stories/{story_id}/corrections")
def list_corrections(_caller: ByViewer, door: AtDoor, story_id: StoryNumber) -> Corrections:
    """List the corrections of a story, confirmed or not."""
    with reading(door.services.engine) as session:
        _story(session, story_id)
        return Corrections(corrections=[CorrectionDocument.of(one) for one in written_for(session, story_id)])


@router.post("/stories/{story_id}/corrections", status_code=201)
def write_correction(
    caller: ByEditor, door: AtDoor, response: Response, story_id: StoryNumber, told: NewCorrection
) -> CorrectionDocument:
    """Write down what was wrong; nobody hears of it before an approver confirms it.

    Sent twice, it is written once: the second answer is 200.
    """
    with caller.writing(door) as session:
        story = _story(session, story_id, lock=True)
        kind = CorrectionKind(told.kind)
        wanted = correcting.check(story, kind, told.text, told.revision)
        for one in written_for(session, story_id):
            if (one.kind, one.text, one.revision) == (wanted.kind, wanted.text, wanted.revision):
                response.status_code = 200
                return CorrectionDocument.of(one)
        by = _by(caller, door)
        made = correcting.write(session, story, kind=kind, text=told.text, revision=told.revision, by=by)
        return CorrectionDocument.of(made)


@router.post("/corrections/{correction_id}/confirm")
def confirm_correction(caller: ByApprover, door: AtDoor, correction_id: CorrectionNumber) -> Confirmed:
    """Let a correction count: the next digests tell it, and the archive shows it."""
    with caller.writing(door) as session:
        voided = correcting.confirm(session, correction_id, by=_by(caller, door))
        return Confirmed(
            correction=CorrectionDocument.of(session.get_one(Correction, correction_id)),
            voided=[issue.id for issue in voided],
        )


@router.post("/corrections/{correction_id}/send")
def send_note(caller: ByApprover, door: AtDoor, correction_id: CorrectionNumber) -> Noted:
    """Let a confirmed correction go out at once, as a mail of its own."""
    with caller.writing(door) as session:
        mails = correcting.send_note(session, correction_id, by=_by(caller, door))
        return Noted(
            correction=CorrectionDocument.of(session.get_one(Correction, correction_id)), mails=mails
        )


@router.delete("/corrections/{correction_id}", status_code=204, response_class=Response)
def take_away_correction(caller: ByEditor, door: AtDoor, correction_id: CorrectionNumber) -> None:
    """Forget a correction that nobody confirmed."""
    with caller.writing(door) as session:
        correcting.take_away(session, correction_id, by=_by(caller, door))


def _story(session: Session, story_id: int, *, lock: bool = False) -> Story:
    story = session.get(Story, story_id, with_for_update=lock)
    if story is None:
        raise NotThere(f"there is no story {story_id}: search for it at {PREFIX}/stories")
    return story


def _by(caller: Caller, door: Door) -> By:
    return By(door.clock(), caller.editor_id, caller.ip)
