"""What the desk keeps beside the issues: corrections, links followed, warnings, keys of programs, numbers."""

import datetime as dt
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.columns import Key
from subscribers.models import Base


class CorrectionKind(StrEnum):
    CORRECTION = "correction"  # something in it was wrong
    RETRACTION = "retraction"  # it should not have been told at all


class Correction(Base):
    """That what was told of a story up to one of its revisions was wrong; it counts once it is confirmed."""

    __tablename__ = "correction"

    id: Mapped[Key]
    story_id: Mapped[int] = mapped_column(ForeignKey("story.id"), index=True)
    #: whoever was told this revision or an older one is to hear of it
    revision: Mapped[int]
    kind: Mapped[str]
    #: what was wrong, and what is right, in the editors' words
    text: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(index=True)
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("editor.id"))
    #: when an approver let it count; nobody hears of it before
    confirmed_at: Mapped[datetime | None] = mapped_column(index=True)
    #: None for the command line
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("editor.id"))
    #: when it went out as a mail of its own; None while it waits for the next digest
    noted_at: Mapped[datetime | None]


class LinkCheck(Base):
    """What came of following a link last."""

    __tablename__ = "link_check"

    id: Mapped[Key]
    url: Mapped[str] = mapped_column(unique=True)
    checked_at: Mapped[datetime]
    #: HTTP status; None where nothing answered
    status: Mapped[int | None]
    #: where redirects ended, if not at `url`
    led_to: Mapped[str | None]
    #: what kept us from an answer
    trouble: Mapped[str | None]


LASTING = text("over_at IS NULL")


class Inspection(Base):
    """The last time that the links of an issue were followed, and its spam score asked for."""

    __tablename__ = "inspection"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    begun_at: Mapped[datetime]
    #: when something was last heard of it
    beat: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    #: how many links were to be followed, and how many are
    links: Mapped[int]
    done: Mapped[int]
    #: of how many of them nothing could be told, since their sites shut out programs
    untold: Mapped[int]
    #: why it ended before all of them were
    trouble: Mapped[str | None]
    #: SpamAssassin's points, and the rules that gave them; None without it
    spam_score: Mapped[float | None]
    spam_rules: Mapped[str | None]


class Notice(Base):
    """What the watchdog found, told to the editors once; when it comes back, it is another notice."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("uq_notice_lasting", "key", unique=True, sqlite_where=LASTING, postgresql_where=LASTING),
    )

    id: Mapped[Key]
    #: what it is about: such as "issue:12:held", "way:provider:smtp"
    key: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    text: Mapped[str]
    #: when the mail that tells it was queued; notices with the same instant share a mail
    told_at: Mapped[datetime | None]
    #: since when it holds no longer
    over_at: Mapped[datetime | None]


class ApiKey(Base):
    """A program that may do at the desk what its role may."""

    __tablename__ = "api_key"

    id: Mapped[Key]
    name: Mapped[str]
    #: SHA-256 of the key, so that the table opens no door
    digest: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("editor.id"))
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class DayCount(Base):
    """How often something happened on one day (UTC) that is over; so that charts need not count anew."""

    __tablename__ = "day_count"
    __table_args__ = (UniqueConstraint("day", "newsletter", "what", "kind"),)

    id: Mapped[Key]
    day: Mapped[dt.date]
    newsletter: Mapped[str]
    #: such as "confirmed"
    what: Mapped[str]
    #: which of them: an audience, a source; empty for all
    kind: Mapped[str]
    number: Mapped[int]
