"""The last digest that a reader got, and why each of its stories was in it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.ledger import TELLS_A_STORY
from newsletter.models import Delivery, EditionStory, StoryRevision
from newsletter.models.delivery import DeliveryKind, DeliveryState


@dataclass(frozen=True, slots=True)
class ToldStory:
    title: str
    #: BCP 47, of the title
    language: str
    #: the reasons that the mail gave
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastDigest:
    #: slug
    newsletter: str
    #: when it came
    at: datetime
    stories: tuple[ToldStory, ...]


def last_digest(session: Session, subscriber_id: int) -> LastDigest | None:
    """The newest digest that left for the subscriber; None before the first."""
    delivery = session.scalars(
        select(Delivery)
        .where(
            Delivery.subscriber_id == subscriber_id,
            Delivery.kind == DeliveryKind.DIGEST,
            Delivery.state == DeliveryState.ACCEPTED,
        )
        .order_by(Delivery.due_at.desc(), Delivery.id.desc())
        .limit(1)
    ).one_or_none()
    if delivery is None:
        return None
    told = session.execute(
        select(EditionStory, StoryRevision)
        .join(
            StoryRevision,
            (StoryRevision.story_id == EditionStory.story_id)
            & (StoryRevision.number == EditionStory.revision),
        )
        .where(EditionStory.edition_id == delivery.edition_id, TELLS_A_STORY)
        .order_by(EditionStory.position)
    )
    stories = tuple(_told(story, revision) for story, revision in told)
    return LastDigest(delivery.newsletter or "", delivery.due_at, stories)


def _told(story: EditionStory, revision: StoryRevision) -> ToldStory:
    content = revision.content
    return ToldStory(content.title, content.language, (*story.because, *story.changes))
