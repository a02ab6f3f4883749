"""A newsletter, its issues, and what an issue consists of."""

import datetime as dt
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, false, text
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


#: states of an issue that nobody has approved yet
UNAPPROVED = (IssueState.DRAFT, IssueState.HELD)
#: states in which its mails leave, or could
LEAVING = (IssueState.PUBLISHED, IssueState.PAUSED)
#: states of an issue that its readers have, or are about to get
OUT = (*LEAVING, IssueState.FINISHED)
#: states of an issue that its readers never had, or not all of them
MISSED = (IssueState.SKIPPED, IssueState.CANCELLED, IssueState.EXPIRED)
#: states in which the pieces of an issue are those that were approved
FROZEN = (IssueState.APPROVED, *OUT)


ALERTED = text("issue_id IS NULL")


class Newsletter(Base):
    """A standing publication with its timetable. Its rows follow `publication.toml`."""

    __tablename__ = "newsletter"

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str]
    #: daily, weekly, or alert, which has no issues
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
    #: minutes between an approval at the desk and the first mail, in which it can be taken back
    undo_minutes: Mapped[int] = mapped_column(server_default="5")
    #: whether whoever changed an issue last may not approve it
    two_persons: Mapped[bool] = mapped_column(server_default=false())
    #: an audience that was told nothing for so many days is shown to the editors
    quiet_days: Mapped[int] = mapped_column(server_default="3")
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
    #: over what was approved beside the compiled pieces: picks, limits, templates
    rules_hash: Mapped[str | None]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    #: how many deliveries were frozen at publication
    frozen: Mapped[int | None]
    #: counts the editors' changes, see `IssueChange`
    version: Mapped[int] = mapped_column(server_default="0")
    #: counts its steps from state to state, so that no old page is taken for one of now
    turn: Mapped[int] = mapped_column(server_default="0", default=0)
    #: whoever made the last of them; None for the command line
    edited_by: Mapped[int | None] = mapped_column(ForeignKey("editor.id"))
    #: the editors' words above the stories, in paragraphs
    intro: Mapped[str | None]
    #: not published before: until then the approval can be taken back
    release_at: Mapped[datetime | None]

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
    #: after those, before all others, to the readers whom it concerns; None where nobody moved it
    rank: Mapped[int | None]
    dropped: Mapped[bool] = mapped_column(default=False)
    #: put in by an editor: no window makes it too old
    added: Mapped[bool] = mapped_column(server_default=false(), default=False)
    #: the audiences whose readers it is told to before all others
    lead_for: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    #: the editor's own headline, TL;DR and note for this issue
    headline: Mapped[str | None]
    tldr: Mapped[str | None]
    note: Mapped[str | None]

    issue: Mapped[Issue] = relationship(back_populates="picks")


class IssueChange(Base):
    """What one editor did to an issue in one go; the lines of an issue are its versions, from 1."""

    __tablename__ = "issue_change"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    #: None for the command line
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("editor.id"))
    #: for people: "pinned “…”"
    words: Mapped[str]
    #: what was changed → its value: "intro", or "<story id>.<field of its pick>"
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    #: the version that this one took back
    undoes: Mapped[int | None]


class IssueForecast(Base):
    """Who would get what of an issue, counted over all its readers at one of its versions."""

    __tablename__ = "issue_forecast"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    version: Mapped[int]
    made_at: Mapped[datetime]
    document: Mapped[dict[str, Any]]


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
    """What readers share: an issue as they see it through one lens, or what they are alerted of at once."""

    __tablename__ = "edition"
    __table_args__ = (
        UniqueConstraint("issue_id", "fingerprint"),
        Index(
            "uq_edition_alerted", "fingerprint", unique=True, sqlite_where=ALERTED, postgresql_where=ALERTED
        ),
    )

    id: Mapped[Key]
    #: None for alerts
    issue_id: Mapped[int | None] = mapped_column(ForeignKey("issue.id"))
    #: when the first of its readers was alerted; None for an issue
    alerted_at: Mapped[datetime | None]
    #: over the ordered stories, their forms and their reasons
    fingerprint: Mapped[str]
    #: how many readers share it
    readers: Mapped[int]
    #: why its readers get no mail; None for an edition that is sent
    skipped: Mapped[str | None]
    subject: Mapped[str | None]
    #: of the finished html, with the longest possible links
    size_bytes: Mapped[int | None]
    #: SHA-256 over subject, html and text, as they were frozen
    content_hash: Mapped[str | None]

    issue: Mapped[Issue | None] = relationship()
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
    #: in an alert: what brought the story, each a rule's id or who did, its words and the facts
    rules: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)

    edition: Mapped[Edition] = relationship(back_populates="stories")
