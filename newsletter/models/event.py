"""What a provider or a mailbox tells later about a delivery."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.columns import BigKey, Key
from subscribers.models import Base


class EventKind(StrEnum):
    """What was told; a delivery's mailbox state is the highest of those that rank (`feedback`)."""

    PROCESSED = "processed"  # the provider works on it: proves that it was taken
    DEFERRED = "deferred"  # the mailbox asked to come again
    DELIVERED = "delivered"  # the mailbox took it
    SOFT_BOUNCE = "soft bounce"  # not now: mailbox full, server down
    BLOCKED = "blocked"  # refused for what we are or what we wrote, not for the address
    HARD_BOUNCE = "hard bounce"  # there is no such mailbox
    DROPPED = "dropped"  # the provider did not even try
    COMPLAINED = "complained"  # the reader called it spam
    UNSUBSCRIBED = "unsubscribed"  # through the provider's or the mailbox's own way
    OTHER = "other"  # kept, and of no consequence


class Event(Base):
    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("provider", "key"),
        Index(
            "ix_event_waiting",
            "id",
            sqlite_where=text("applied_at IS NULL"),
            postgresql_where=text("applied_at IS NULL"),
        ),
    )

    id: Mapped[Key]
    provider: Mapped[str]
    #: the provider's own name for the event: told twice, it counts once
    key: Mapped[str]
    kind: Mapped[str]
    #: as the mail carried it; there may be no such delivery
    delivery_id: Mapped[int | None] = mapped_column(BigKey, index=True)
    #: when it happened, by the provider's clock
    at: Mapped[datetime]
    #: the mailbox's words, without any address
    reason: Mapped[str | None]
    received_at: Mapped[datetime]
    #: when it was worked into delivery, suppression and subscription
    applied_at: Mapped[datetime | None]
