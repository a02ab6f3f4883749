"""The book of corrections: they are written by editors, and count once an approver has confirmed them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from newsletter.corrections.rules import Wrong
from newsletter.models import Correction, EditionStory, Issue, Piece, Story, StoryRevision
from newsletter.models.desk import CorrectionKind
from newsletter.models.issue import FROZEN
from newsletter.rendering.pieces import ALERT, CORRECTION, Card, Form, corrected_by, correction_piece
from newsletter.rendering.renderer import Renderer

#: characters that a correction may have
LONGEST = 1_500
#: of those that wait for an approver, so many are shown
MOST_WAITING = 10
#: for so long digests tell it to those who have not heard it yet; later it is no news to anybody
LIFE = timedelta(days=31)


def locked(session: Session, correction_id: int) -> Correction:
    """The correction, for this transaction alone. Raises LookupError without it."""
    found = session.scalars(
        select(Correction).where(Correction.id == correction_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if found is None:
        raise LookupError(f"There is no correction {correction_id}: it was taken away.")
    return found


def written_for(session: Session, story_id: int) -> Sequence[Correction]:
    """All corrections of the story, confirmed or not, the newest first."""
    return session.scalars(
        select(Correction).where(Correction.story_id == story_id).order_by(Correction.id.desc())
    ).all()


def waiting(session: Session) -> Sequence[tuple[Correction, str]]:
    """The corrections that nobody confirmed yet, the oldest first, each with the title of its story."""
    rows = session.execute(
        select(Correction, Story.title)
        .join(Story, Story.id == Correction.story_id)
        .where(Correction.confirmed_at.is_(None))
        .order_by(Correction.id)
        .limit(MOST_WAITING)
    )
    return [(correction, title) for correction, title in rows]


def corrections_of(session: Session, story_ids: Collection[int]) -> Mapping[int, Sequence[Correction]]:
    """Story id → its confirmed corrections, the oldest first; a story without any is not there."""
    rows = session.scalars(
        select(Correction)
        .where(Correction.story_id.in_(story_ids), Correction.confirmed_at.is_not(None))
        .order_by(Correction.id)
    )
    found: dict[int, list[Correction]] = {}
    for correction in rows:
        found.setdefault(correction.story_id, []).append(correction)
    return found


def carried_by(session: Session, issue: Issue) -> Sequence[Correction]:
    """The corrections that the issue tells to whom they concern, the oldest first.

    Once it is approved, those that were confirmed by then: a later one waits for the next issue.
    """
    query = select(Correction).order_by(Correction.confirmed_at, Correction.id)
    if issue.state in FROZEN:
        names = session.scalars(
            select(Piece.name).where(Piece.issue_id == issue.id, Piece.name.startswith(CORRECTION))
        )
        return session.scalars(query.where(Correction.id.in_(map(corrected_by, names)))).all()
    told = exists().where(
        EditionStory.story_id == Correction.story_id,
        # an alert may have told newer facts beside the card of an older one
        or_(EditionStory.revision <= Correction.revision, EditionStory.piece.startswith(ALERT)),
    )
    return session.scalars(query.where(Correction.confirmed_at > issue.publish_at - LIFE, told)).all()


def cards(session: Session, issue: Issue, renderer: Renderer) -> dict[str, Card]:
    """The pieces that tell the corrections of the issue, compiled now. Raises RenderError."""
    carried = carried_by(session, issue)
    return {correction_piece(one.id): card_of(session, one, renderer) for one in carried}


def card_of(session: Session, correction: Correction, renderer: Renderer) -> Card:
    """How a digest tells the correction. Raises RenderError."""
    story = session.get_one(Story, correction.story_id)
    known = session.get_one(StoryRevision, (story.id, story.revision))
    return renderer.card(
        known.content,
        Form.CORRECTION,
        note=correction.text,
        retracts=correction.kind == CorrectionKind.RETRACTION,
    )


def as_wrong(correction: Correction) -> Wrong:
    """The part of a correction that decides who hears of it."""
    return Wrong(correction.id, correction.story_id, correction.revision)
