"""Outgoing webhooks: who is told what happens here, and what was told."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.columns import BigKey, Key
from subscribers.models import Base


class Hook(Base):
    """Somebody else's web address that wants to be told what happens here."""

    __tablename__ = "hook"

    id: Mapped[Key]
    url: Mapped[str]
    #: signs what is posted there
    secret: Mapped[str]
    #: kinds of event it wants to hear of
    events: Mapped[list[Any]]
    added_at: Mapped[datetime]
    #: since then nothing is posted there
    removed_at: Mapped[datetime | None]
    #: how far it was told: the last line of the consent ledger, and the last event
    consent_id: Mapped[int] = mapped_column(BigKey)
    event_id: Mapped[int] = mapped_column(BigKey)


class HookPost(Base):
    """One thing told to one hook, until it has answered."""

    __tablename__ = "hook_post"
    __table_args__ = (
        UniqueConstraint("hook_id", "source"),
        Index(
            "ix_hook_post_due",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[Key]
    #: random, the same however often it is posted
    public_id: Mapped[str] = mapped_column(unique=True)
    hook_id: Mapped[int] = mapped_column(ForeignKey("hook.id"))
    #: what is told, such as "consent 17": nothing is told twice to one hook but by replay
    source: Mapped[str]
    kind: Mapped[str]
    #: taken from the people's tables when it is posted, so that nothing of somebody erased waits here
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscriber.id"), index=True)
    body: Mapped[dict[str, Any]]
    #: waiting, done or given up
    state: Mapped[str]
    attempt: Mapped[int]
    due_at: Mapped[datetime]
    #: what came back last: a status, or why there was none
    answer: Mapped[str | None]
    settled_at: Mapped[datetime | None]
