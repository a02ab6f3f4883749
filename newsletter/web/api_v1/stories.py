"""Stories: found by their titles, and whole."""

from datetime import date, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select

from newsletter.desk.changes import NotThere
from newsletter.desk.looking import stories_about
from newsletter.models import Story, StoryRevision
from newsletter.store.engine import reading
from newsletter.web.api_v1.callers import ApiRoute, ByViewer
from newsletter.web.api_v1.documents import Text
from newsletter.web.api_v1.issues import Cursor, Limit
from newsletter.web.api_v1.problems import PREFIX
from newsletter.web.desk.issue_acts import StoryNumber
from newsletter.web.pages import AtDoor

router = APIRouter(prefix=PREFIX, route_class=ApiRoute, tags=["Stories"])


class StoryDocument(BaseModel):
    """A story as it is known now, without its texts."""

    id: int
    title: str
    category: str | None
    impact: str | None = Field(examples=["advance"])
    date: date
    revision: int = Field(description="Number of the newest revision.")
    first_seen_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, story: Story) -> Self:
        return cls.model_validate(story, from_attributes=True)


class Stories(BaseModel):
    stories: list[StoryDocument] = Field(description="Those taken in last first.")
    next: int | None = Field(description="The `cursor` of the next page; null on the last.")


class RevisionDocument(BaseModel):
    number: int
    seen_at: datetime


class WholeStory(StoryDocument):
    content: dict[str, Any] = Field(description="What the newest revision says, in the schema of the files.")
    revisions: list[RevisionDocument] = Field(description="The newest first.")


@router.get("/stories")
def list_stories(
    _caller: ByViewer,
    door: AtDoor,
    find: Annotated[
        Text, Query(max_length=200, description="Words, or parts of words, that the title has.")
    ] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Stories:
    """List stories, or search for them by their titles."""
    with reading(door.services.engine) as session:
        found = stories_about(session, find, before=cursor, limit=limit + 1)
        page = found[:limit]
        return Stories(
            stories=[StoryDocument.of(story) for story in page],
            next=page[-1].id if len(found) > limit else None,
        )


@router.get("/stories/{story_id}")
def get_story(_caller: ByViewer, door: AtDoor, story_id: StoryNumber) -> WholeStory:
    """Get a story: all that its newest revision says, and when it changed."""
    with reading(door.services.engine) as session:
        story = session.get(Story, story_id)
        if story is None:
            raise NotThere(f"there is no story {story_id}: search for it at {PREFIX}/stories")
        columns = StoryRevision.number, StoryRevision.seen_at
        mine = select(*columns).where(StoryRevision.story_id == story_id)
        known = session.get_one(StoryRevision, (story_id, story.revision))
        return WholeStory(
            **StoryDocument.of(story).model_dump(),
            content=known.content.to_json(),
            revisions=[
                RevisionDocument(number=number, seen_at=seen_at)
                for number, seen_at in session.execute(mine.order_by(StoryRevision.number.desc()))
            ],
        )
