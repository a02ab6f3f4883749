"""A newsletter, its issues, and what an issue consists of."""

import datetime as dt
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from subscribers.columns import Key
from subscribers.models import Base


class IssueState(StrEnum):
    DRAFT = "draft"  # planned; filled anew until its cut-off
    HELD = "held"  # draft | approved -> held, waits for a person
    APPROVED = "approved"  # draft | held -> approved; its pieces are frozen
    PUBLISHED = "published"  # approved -> published; its deliveries are frozen
    PAUSED = "paused"  # published <-> paused: what has not left waits for a person
    FINISHED = "finished"  # published -> finished, when the counts add up
    SKIPPED = "skipped"  # draft -> skipped: too little to tell
    CANCELLED = "cancelled"  # draft | held | approved | published | paused -> cancelled
    EXPIRED = "expired"  # draft | held | approved -> expired: its catch-up window is over


class Newsletter(Base):
    """A standing publication with its timetable. Its rows follow `publication.toml`."""

    __tablename__ = "newsletter"

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str]
    #: daily or weekly
    cadence: Mapped[str]
    #: 0 is Monday; only for weekly
    weekday: Mapped[int | None]
    #: home zone, in which the wall-clock times below are meant
    timezone: Mapped[str]
    #: HH:MM, selection closes
    cutoff: Mapped[str]
    #: HH:MM, at or after the cut-off
    publish: Mapped[str]
    #: hours before the cut-off at which the issue is planned
    lead_hours: Mapped[int]
    #: hours after publication within which an issue may still go out
    catch_up_hours: Mapped[int]
    #: what happens to a draft that nobody approved by its cut-off: send or hold
    policy: Mapped[str]
    min_stories: Mapped[int]
    max_stories: Mapped[int]
    #: what a new subscriber's chosen hour is until they choose
    default_hour: Mapped[int]
    #: what becomes of a mail of which nobody knows whether it was taken: keep, or repeat (once)
    unknown: Mapped[str] = mapped_column(server_default="keep")
    #: hours to wait for evidence before that
    unknown_wait_hours: Mapped[int] = mapped_column(server_default="24")
    #: whether clicks and opens are counted: off, links (by issue) or readers (of those who agreed)
    tracking: Mapped[str] = mapped_column(server_default="off")
    active: Mapped[bool]


class Issue(Base):
    """One dated number of a newsletter."""

    __tablename__ = "issue"
    __table_args__ = (UniqueConstraint("newsletter_id", "date"),)

    id: Mapped[Key]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletter.id"))
    #: local date in the newsletter's home zone
    date: Mapped[dt.date]
    state: Mapped[str] = mapped_column(index=True)
    #: why it is in this state, for people
    reason: Mapped[str | None]
    #: stories first seen in (since_at, cutoff_at] are new in this issue
    since_at: Mapped[datetime]
    cutoff_at: Mapped[datetime]
    publish_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    content_hash: Mapped[str | None]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    #: how many deliveries were frozen at publication
    frozen: Mapped[int | None]

    newsletter: Mapped[Newsletter] = relationship(lazy="joined", innerjoin=True)
    picks: Mapped[list["Pick"]] = relationship(back_populates="issue", order_by="Pick.position")


class Pick(Base):
    """A story's place in an issue: a candidate that editors may pin or drop."""

    __tablename__ = "pick"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), primary_key=True)
    revision: Mapped[int]
    position: Mapped[int]
    #: told to everybody first, in this order; None for a story that is not pinned
    pin: Mapped[int | None]
    dropped: Mapped[bool] = mapped_column(default=False)
    #: the editor's own headline and note for this issue
    headline: Mapped[str | None]
    note: Mapped[str | None]

    issue: Mapped[Issue] = relationship(back_populates="picks")


class Piece(Base):
    """A compiled part of an approved issue: its shell, or a story's card in one form.

    Mails are joined from these bytes, so what leaves is what was approved, whatever happens to
    templates and stories afterwards.
    """

    __tablename__ = "piece"
    __table_args__ = (UniqueConstraint("issue_id", "name"),)

    id: Mapped[Key]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    #: "shell", or "<story id>@<revision>/<form>"
    name: Mapped[str]
    #: a rendering.pieces.Card or Shell
    document: Mapped[dict[str, Any]]


class Edition(Base):
    """An issue as seen through one lens by readers who were told the same before."""

    __tablename__ = "edition"
    __table_args__ = (UniqueConstraint("issue_id", "fingerprint"),)

    id: Mapped[Key]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    #: over the ordered stories, their forms and their reasons
    fingerprint: Mapped[str]
    #: how many readers share it
    readers: Mapped[int]
    #: why its readers get no mail; None for an edition that is sent
    skipped: Mapped[str | None]
    subject: Mapped[str | None]
    #: of the finished html, with the longest possible links
    size_bytes: Mapped[int | None]

    issue: Mapped[Issue] = relationship()
    stories: Mapped[list["EditionStory"]] = relationship(
        back_populates="edition", order_by="EditionStory.position"
    )


class EditionStory(Base):
    """A story in an edition: what its readers were told, and why."""

    __tablename__ = "edition_story"

    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), index=True)
    revision: Mapped[int]
    #: names the piece: "<story id>@<revision>/<form>"
    piece: Mapped[str]
    #: the reasons shown to the reader
    because: Mapped[list[Any]]
    #: in an update: what is new since they were told
    changes: Mapped[list[Any]]

    edition: Mapped[Edition] = relationship(back_populates="stories")
