"""Stories for people to look at."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from newsletter.models import Story, StoryRecord, StoryRevision


def list_stories(session: Session, *, limit: int) -> Sequence[Story]:
    """The newest stories, by date and then by when they were first seen."""
    newest = (Story.date.desc(), Story.first_seen_at.desc(), Story.id.desc())
    return session.scalars(select(Story).order_by(*newest).limit(limit)).all()


def search_stories(
    session: Session, *, words: str = "", category: str = "", impact: str = "", limit: int, offset: int = 0
) -> Sequence[tuple[Story, StoryRevision]]:
    """Stories as they are known, those first seen last first: of that category and impact, and with all of
    these words, or parts of words, in their titles."""
    wanted = in_title(words)
    if category:
        wanted.append(Story.category == category.replace("\0", ""))
    if impact:
        wanted.append(Story.impact == impact.replace("\0", ""))
    newest = (Story.first_seen_at.desc(), Story.id.desc())
    # what a story says is fetched for those alone that are shown
    shown = select(Story.id).where(*wanted).order_by(*newest).limit(limit).offset(offset).subquery()
    rows = session.execute(
        select(Story, StoryRevision)
        .join(shown, shown.c.id == Story.id)
        .join(StoryRevision, (StoryRevision.story_id == Story.id) & (StoryRevision.number == Story.revision))
        .order_by(*newest)
    )
    return [(story, known) for story, known in rows]


def in_title(words: str) -> list[ColumnElement[bool]]:
    """That a story's title has all these words, or parts of words."""
    # no database knows a NUL
    return [Story.title.icontains(word, autoescape=True) for word in words.replace("\0", " ").split()]


def categories(session: Session) -> Sequence[str]:
    """Those that the stories have, in their order."""
    query = select(Story.category).where(Story.category.is_not(None)).distinct().order_by(Story.category)
    return [category for category in session.scalars(query) if category]


def story_by_ref(session: Session, ref: str) -> Story | None:
    """The story of that number, or else the one that a source knows by that id."""
    # what is beyond a bigint is no number of ours
    if ref.isascii() and ref.isdecimal() and len(ref) <= 18 and (story := session.get(Story, int(ref))):
        return story
    return session.scalar(select(Story).join(Story.records).where(StoryRecord.external_id == ref))
