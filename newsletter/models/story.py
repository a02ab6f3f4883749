"""A story, its revisions, and what each source told us of it."""

import datetime as dt
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.content import StoryContent
from subscribers.columns import Key
from subscribers.models import Base

UNWATCHED = text("watched < revision")


class Story(Base):
    """One event in the world. What it says is in its revisions; the newest is the story as known."""

    __tablename__ = "story"
    __table_args__ = (
        Index("ix_story_category", "category", "first_seen_at"),
        Index("ix_story_impact", "impact", "first_seen_at"),
        Index("ix_story_unwatched", "id", sqlite_where=UNWATCHED, postgresql_where=UNWATCHED),
    )

    id: Mapped[Key]
    #: made of the date and title told last (`intake.merging`): records that share it tell of one story
    event_key: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    category: Mapped[str | None]
    #: a `content.Impact`
    impact: Mapped[str | None]
    date: Mapped[dt.date] = mapped_column(index=True)
    #: number of the newest revision, from 1
    revision: Mapped[int]
    first_seen_at: Mapped[datetime] = mapped_column(index=True)
    changed_at: Mapped[datetime] = mapped_column(index=True)
    #: the newest revision that was looked at for alerts
    watched: Mapped[int] = mapped_column(server_default="0", default=0)

    revisions: Mapped[list["StoryRevision"]] = relationship(
        back_populates="story", order_by="StoryRevision.number"
    )
    records: Mapped[list["StoryRecord"]] = relationship(back_populates="story", order_by="StoryRecord.id")


class StoryRevision(Base):
    """What was known of a story from one moment on. Never changed."""

    __tablename__ = "story_revision"

    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
    fingerprint: Mapped[str]
    document: Mapped[dict[str, Any]]

    story: Mapped[Story] = relationship(back_populates="revisions")

    @property
    def content(self) -> StoryContent:
        return StoryContent.from_json(self.document)


class StoryRecord(Base):
    """What one source told us last of a story, under the id that the source gives it."""

    __tablename__ = "story_record"

    id: Mapped[Key]
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), index=True)
    external_id: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str]
    document: Mapped[dict[str, Any]]
    seen_at: Mapped[datetime]

    story: Mapped[Story] = relationship(back_populates="records")

    @property
    def content(self) -> StoryContent:
        return StoryContent.from_json(self.document)


class CoverageEntry(Base):
    """When an outlet's report of a story was first seen: how fast coverage spreads is read here."""

    __tablename__ = "coverage"
    __table_args__ = (UniqueConstraint("story_id", "outlet_key", "url"),)

    id: Mapped[Key]
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"))
    outlet_key: Mapped[str]
    #: empty where the source gave no link
    url: Mapped[str]
    language: Mapped[str]
    first_seen_at: Mapped[datetime]


class Mention(Base):
    """That a story mentions a company: from the company to its stories."""

    __tablename__ = "mention"

    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), primary_key=True)
    company_key: Mapped[str] = mapped_column(primary_key=True, index=True)
    name: Mapped[str]
