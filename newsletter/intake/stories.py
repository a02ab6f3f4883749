"""Stories for people to look at."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.models import Story, StoryRecord


def list_stories(session: Session, *, limit: int) -> Sequence[Story]:
    """The newest stories, by date and then by when they were first seen."""
    newest = (Story.date.desc(), Story.first_seen_at.desc(), Story.id.desc())
    return session.scalars(select(Story).order_by(*newest).limit(limit)).all()


def story_by_ref(session: Session, ref: str) -> Story | None:
    """The story of that number, or else the one that a source knows by that id."""
    # what is beyond a bigint is no number of ours
    if ref.isascii() and ref.isdecimal() and len(ref) <= 18 and (story := session.get(Story, int(ref))):
        return story
    return session.scalar(select(Story).join(Story.records).where(StoryRecord.external_id == ref))
