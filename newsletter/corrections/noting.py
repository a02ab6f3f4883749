"""A correction that goes out at once: a mail each to those who were told what is wrong and still read us."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.content import StoryContent
from newsletter.corrections.book import as_wrong
from newsletter.corrections.owing import Debts
from newsletter.corrections.rules import Owed
from newsletter.ledger import TELLS_A_STORY, Lookup, one_at_a_time
from newsletter.mail import Content
from newsletter.models import Correction, Delivery, Edition, EditionStory, Story, StoryRevision
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from newsletter.models.desk import CorrectionKind
from newsletter.rendering.joining import in_line
from newsletter.rendering.pieces import Form, alerted_by
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.telling import Telling, tell
from newsletter.store.bulk import insert_many
from newsletter.story_life import ToldIn
from subscribers.models import Subscriber, Subscription
from subscribers.roster import receiving

#: a note that could not leave for so long is left to the next digest
NOTE_LIFE = timedelta(hours=24)
_COLUMNS = ("subscriber_id", "newsletter", "edition_id")


def freeze_notes(session: Session, correction: Correction, *, now: datetime) -> int:
    """Put a mail into the outbox for everybody who is to hear of it and still receives a newsletter that
    told them; returns how many. The correction is locked by the caller.

    A mail goes by the newsletter that told its reader last, as far as they receive it still.
    """
    one_at_a_time(session)
    debts = Debts(session, [as_wrong(correction)])
    alike = {
        "kind": DeliveryKind.CORRECTION,
        "occasion_id": correction.id,
        "priority": Priority.ALERT,
        "state": DeliveryState.QUEUED,
        "attempt": 0,
        "queued_at": now,
        "due_at": now,
        "expires_at": now + NOTE_LIFE,
    }
    rows = _recipients(session, debts, now)
    return insert_many(session, Delivery, alike, _COLUMNS, rows, order=("edition_id", "subscriber_id"))


def _recipients(
    session: Session, debts: Debts, now: datetime
) -> Iterator[tuple[int, str | None, int | None]]:
    """One row of _COLUMNS for each of them."""
    session.flush()
    addressable = session.connection().execute(
        _addressable(debts, now), execution_options={"yield_per": 10_000}
    )
    with closing(debts.readers()) as stream, addressable:
        owed = Lookup(stream)
        for subscriber_id, group in groupby(addressable, key=itemgetter(0)):
            if owed.of(subscriber_id):
                _, newsletter, edition_id = next(group)
                yield subscriber_id, newsletter, edition_id


def _addressable(debts: Debts, now: datetime) -> Select[int | None, str | None, int | None]:
    """The mails that told it to readers who receive the same newsletter still; of each the last first."""
    return (
        select(Delivery.subscriber_id, Delivery.newsletter, Delivery.edition_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .join(
            Subscription,
            (Subscription.subscriber_id == Subscriber.id) & (Subscription.newsletter == Delivery.newsletter),
        )
        .where(debts.told_by, *receiving(now))
        .order_by(Delivery.subscriber_id, Delivery.due_at.desc(), Delivery.id.desc())
    )


class Note(NamedTuple):
    """What the readers of one issue, or of one alert, are written."""

    content: StoryContent
    text: str
    retracts: bool
    #: what they were told, and when; empty where nobody was
    told: str


def note_of(session: Session, correction_id: int, edition_id: int) -> Note:
    """The note for those who were told by this edition. Raises NoResultFound."""
    correction = session.get_one(Correction, correction_id)
    edition = session.get_one(Edition, edition_id)
    told = session.scalars(
        select(EditionStory).where(
            EditionStory.edition_id == edition_id,
            EditionStory.story_id == correction.story_id,
            TELLS_A_STORY,
        )
    ).one()
    day = edition.alerted_at.date() if edition.alerted_at else None
    one = Owed(
        correction.id, correction.story_id, edition.issue_id, told.revision, alerted_by(told.piece), day
    )
    return _note(session, correction, Debts(session, []).words(one))


def note_about(session: Session, correction: Correction, told: ToldIn | None) -> Note:
    """The note for those whom that issue or alert told it; without one, for nobody yet."""
    if told is None:
        return _note(session, correction, "")
    day = told.date if told.alert_id else None
    one = Owed(correction.id, correction.story_id, told.issue_id, told.revision, told.alert_id, day)
    return _note(session, correction, Debts(session, []).words(one))


def _note(session: Session, correction: Correction, told: str) -> Note:
    story = session.get_one(Story, correction.story_id)
    known = session.get_one(StoryRevision, (story.id, story.revision))
    return Note(known.content, correction.text, correction.kind == CorrectionKind.RETRACTION, told)


def compose_note(renderer: Renderer, note: Note, *, newsletter: str) -> Content:
    """The mail of a note; what differs by reader stays in it as `@@slots@@`. Raises RenderError."""
    story = tell(Telling(note.content, Form.CORRECTION, note=note.text, retracts=note.retracts))
    return renderer.letter(
        "correction",
        story=story,
        changes=in_line((note.told,) if note.told else ()),
        block="",
        newsletter=newsletter,
    )
