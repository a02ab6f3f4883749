"""An alert: one breaking story, whom it concerns, and what became of it for each of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, String, UniqueConstraint, bindparam, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.models.story import Story
from subscribers.columns import BigKey, Key
from subscribers.models import Base


class AlertKind(StrEnum):
    RULES = "rules"  # readers' own rules found it
    EDITORS = "editors"  # editors aimed it
    CORRECTION = "correction"  # to those whom an alert told what was wrong

    @property
    def words(self) -> str:
        """How an alert of this kind came about, for editors."""
        return _KINDS[self]


_KINDS = {
    AlertKind.RULES: "found by rules of readers",
    AlertKind.EDITORS: "by the editors",
    AlertKind.CORRECTION: "a correction",
}


class AlertState(StrEnum):
    DRAFT = "draft"  # an editor's; approved -> draft: an approval is void, or taken back
    APPROVED = "approved"  # draft -> approved; waits for its time
    SPREADING = "spreading"  # approved -> spreading; those of rules begin here: its readers are looked for
    SPREAD = "spread"  # spreading -> spread: every reader has been decided on, or newer facts came in
    CANCELLED = "cancelled"  # draft | approved | spreading | spread -> cancelled: what has not left stays
    EXPIRED = "expired"  # approved | spreading -> expired: too old to be news


class Alert(Base):
    """One story at one revision, told to readers outside of any issue."""

    __tablename__ = "alert"
    __table_args__ = (Index(None, "story_id", "revision"), Index(None, "state", "release_at"))

    id: Mapped[Key]
    kind: Mapped[str]
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"))
    revision: Mapped[int]
    #: what was told wrong; only for one of the kind CORRECTION
    correction_id: Mapped[int | None] = mapped_column(ForeignKey("correction.id"))
    state: Mapped[str]
    #: why it is in this state, for people
    reason: Mapped[str | None]
    made_at: Mapped[datetime]
    #: none of its mails leaves after: it is no news any more
    expires_at: Mapped[datetime]
    #: company keys that the story mentions, for the rest that companies are given
    companies: Mapped[list[Any]]
    #: of the kind RULES: ids of the rules that it met
    rules: Mapped[list[Any]]
    #: of the kind EDITORS: the audiences and the segment's rule that it is aimed at, the editors' words
    audiences: Mapped[list[Any]]
    segment: Mapped[str | None]
    headline: Mapped[str | None]
    line: Mapped[str | None]
    #: counts its changes, so that no old page is taken for one of now
    version: Mapped[int] = mapped_column(server_default="0", default=0)
    #: who changed it last
    edited_by: Mapped[int | None] = mapped_column(ForeignKey("editor.id"))
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    #: not before
    release_at: Mapped[datetime | None]
    #: SHA-256 over its pieces and its aim
    content_hash: Mapped[str | None]
    #: its compiled parts, by name: the shell and the cards from which its mails are joined
    pieces: Mapped[dict[str, Any]]
    #: how far its readers have been decided on: the last subscriber's id
    reached: Mapped[int] = mapped_column(BigKey, server_default="0", default=0)

    story: Mapped[Story] = relationship(lazy="joined", innerjoin=True)

    @property
    def title(self) -> str:
        """What it is called: the editors' headline, or else the story's."""
        return self.headline or self.story.title


class AlertReaderState(StrEnum):
    WAITING = "waiting"  # to be mailed, at once or later; mailed -> waiting: its mail was cancelled
    MAILED = "mailed"  # waiting -> mailed: what becomes of the mail is the delivery's
    FOLDED = "folded"  # waiting | mailed, but not left -> folded: the next digest tells it
    DROPPED = "dropped"  # waiting | mailed, but not left -> dropped: told meanwhile, or too old


WAITING = text("state = 'waiting'")
MAILED = text("state = 'mailed'")
FOLDED = text("state = 'folded'")


class AlertReader(Base):
    """What became of an alert for one reader whom it concerns."""

    __tablename__ = "alert_reader"
    __table_args__ = (
        UniqueConstraint("alert_id", "subscriber_id"),
        Index("ix_alert_reader_waiting", "due_at", sqlite_where=WAITING, postgresql_where=WAITING),
        Index(
            "ix_alert_reader_mailed",
            "subscriber_id",
            "mailed_at",
            sqlite_where=MAILED,
            postgresql_where=MAILED,
        ),
        Index(
            "ix_alert_reader_folded",
            "story_id",
            "subscriber_id",
            sqlite_where=FOLDED,
            postgresql_where=FOLDED,
        ),
        Index("ix_alert_reader_folded_at", "due_at", sqlite_where=FOLDED, postgresql_where=FOLDED),
        # what a reader was told, or spared, of a story
        Index(None, "subscriber_id", "story_id"),
        # the desk counts them: a hundred thousand of each of the alerts on a page
        Index(None, "alert_id", "state"),
    )

    id: Mapped[Key]
    #: None where a digest that would have told the story was withheld
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"))
    #: ids of the reader's rules that it met
    rules: Mapped[list[Any]]
    #: what is new since they were told the story before
    changes: Mapped[list[Any]]
    state: Mapped[str]
    #: why it is in this state, for people
    reason: Mapped[str | None]
    #: by which rule of `alerts.sparing` it is held, folded or dropped; None where it was by none of them
    rule: Mapped[str | None]
    decided_at: Mapped[datetime]
    #: while it waits: looked at again then; afterwards: when it came to its end
    due_at: Mapped[datetime]
    #: the mail's; with kind and subscriber it names the delivery
    edition_id: Mapped[int | None] = mapped_column(ForeignKey("edition.id"))
    mailed_at: Mapped[datetime | None]

    alert: Mapped[Alert | None] = relationship()


def of_state(state: AlertReaderState) -> ColumnElement[bool]:
    """Whether an `AlertReader` is in it; in words, since SQLite sees no index behind a parameter."""
    return AlertReader.state == bindparam(None, str(state), String(), literal_execute=True)
