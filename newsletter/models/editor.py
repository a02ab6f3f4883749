"""The people at the desk: editors, how they sign in, and the log of what they did."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from subscribers.columns import Key
from subscribers.models import Base


class Role(StrEnum):
    """What an editor may do; each may do what those before it may."""

    VIEWER = "viewer"  # looks at everything but the readers' addresses
    EDITOR = "editor"  # curates issues, keeps them back, writes corrections
    APPROVER = "approver"  # lets issues go, ends them
    ADMIN = "admin"  # editors, readers, imports and exports


class Editor(Base):
    __tablename__ = "editor"
    __table_args__ = (
        CheckConstraint(f"role IN ({', '.join(repr(str(role)) for role in Role)})", name="role"),
    )

    id: Mapped[Key]
    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]
    role: Mapped[str]
    added_at: Mapped[datetime]
    #: since then they may not sign in; their name stays in the log
    removed_at: Mapped[datetime | None]


class SignIn(Base):
    """A link asked for, to be used once."""

    __tablename__ = "sign_in"

    id: Mapped[Key]
    editor_id: Mapped[int] = mapped_column(ForeignKey("editor.id"), index=True)
    asked_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class EditorSession(Base):
    """A browser in which an editor is signed in."""

    __tablename__ = "editor_session"

    id: Mapped[Key]
    #: SHA-256 of the secret in the cookie, so that the table opens no door
    digest: Mapped[str] = mapped_column(unique=True)
    editor_id: Mapped[int] = mapped_column(ForeignKey("editor.id"), index=True)
    signed_in_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    editor: Mapped[Editor] = relationship(lazy="joined", innerjoin=True)


class AuditLine(Base):
    """Who did what at the desk; only ever added to."""

    __tablename__ = "audit_line"

    id: Mapped[Key]
    at: Mapped[datetime] = mapped_column(index=True)
    #: None for the command line
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("editor.id"), index=True)
    #: such as "issue approved", "readers imported"
    act: Mapped[str]
    #: what it was done to, such as "issue 12"
    subject: Mapped[str]
    #: what changed, without any reader's address
    detail: Mapped[dict[str, Any] | None]
    ip: Mapped[str | None]
