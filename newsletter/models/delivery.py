"""One mail to one subscriber: from frozen intent to last known fate. The outbox is this table.

Letters of the desk go to an editor instead.
"""

from datetime import datetime
from enum import IntEnum, StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.columns import BigKey, Key
from subscribers.models import Base


class DeliveryKind(StrEnum):
    DIGEST = "digest"  # occasion: the issue
    ALERT = "alert"  # occasion: the edition
    CONFIRMATION = "confirmation"  # occasion: the line in the consent ledger that asked
    PREFERENCES_LINK = "preferences link"  # occasion: the line that asked for it
    DATA_LINK = "data link"  # occasion: the line that asked for it
    SIGN_IN = "sign-in"  # to an editor; occasion: the sign-in asked for
    NOTICE = "notice"  # to an editor; occasion: what the watchdog found
    CORRECTION = "correction"  # to whoever was told what was wrong; occasion: the correction


class DeliveryState(StrEnum):
    QUEUED = "queued"  # claimed -> queued again where nothing was taken
    CLAIMED = "claimed"  # queued -> claimed, for the time of a lease
    SUBMITTING = "submitting"  # claimed -> submitting: the point of no return
    ACCEPTED = "accepted"  # submitting -> accepted: the provider took it
    REFUSED = "refused"  # claimed | submitting -> refused, for good
    UNKNOWN = "unknown"  # submitting -> unknown: taken or not, nobody can tell yet
    WITHHELD = "withheld"  # queued | claimed -> withheld: the reader left or must not be mailed
    EXPIRED = "expired"  # queued | claimed -> expired: too old to be of use
    CANCELLED = "cancelled"  # queued | claimed -> cancelled with its issue


OPEN = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.SUBMITTING)
SETTLED = tuple(state for state in DeliveryState if state not in OPEN)
#: states after which the reader has been told, or may have been
TOLD = (*OPEN, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)


class Priority(IntEnum):
    """The lowest leaves first."""

    LETTER = 0
    ALERT = 1
    DIGEST = 2


class MailboxState(StrEnum):
    """What the mailbox said of a mail that was accepted, the later ones over the earlier ones.

    Told late, twice and out of order, so only the highest counts.
    """

    DEFERRED = "deferred"
    DROPPED = "dropped"  # the provider took it, and then did not even try
    DELIVERED = "delivered"
    BLOCKED = "blocked"  # refused for what we are or what we wrote
    SOFT_BOUNCED = "soft bounced"
    HARD_BOUNCED = "hard bounced"
    COMPLAINED = "complained"


QUEUED = text("state = 'queued'")
UNKNOWN = text("state = 'unknown'")
COMPLAINED = text("mailbox = 'complained'")
TO_EDITORS = text("editor_id IS NOT NULL")
#: alerts that ended without having left
UNSENT = text("kind = 'alert' AND state IN ('expired', 'withheld', 'cancelled')")
HELD = text("lease_until IS NOT NULL")


class Delivery(Base):
    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("kind", "occasion_id", "subscriber_id"),
        Index(
            "uq_delivery_editor",
            "kind",
            "occasion_id",
            "editor_id",
            unique=True,
            sqlite_where=TO_EDITORS,
            postgresql_where=TO_EDITORS,
        ),
        # the order in which the outbox is emptied
        Index(
            "ix_delivery_queued",
            "priority",
            "occasion_id",
            "due_at",
            "edition_id",
            "id",
            sqlite_where=QUEUED,
            postgresql_where=QUEUED,
        ),
        Index("ix_delivery_held", "lease_until", sqlite_where=HELD, postgresql_where=HELD),
        Index("ix_delivery_unknown", "settled_at", sqlite_where=UNKNOWN, postgresql_where=UNKNOWN),
        Index(
            "ix_delivery_complained",
            "settled_at",
            sqlite_where=COMPLAINED,
            postgresql_where=COMPLAINED,
        ),
        Index("ix_delivery_unsent", "settled_at", sqlite_where=UNSENT, postgresql_where=UNSENT),
        CheckConstraint("(subscriber_id IS NULL) <> (editor_id IS NULL)", name="one_recipient"),
        CheckConstraint(f"state IN ({', '.join(repr(str(s)) for s in DeliveryState)})", name="state"),
    )

    id: Mapped[Key]
    kind: Mapped[str]
    #: what gave rise to it; with kind and subscriber unique, so that nobody gets it twice
    occasion_id: Mapped[int] = mapped_column(BigKey)
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscriber.id"), index=True)
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("editor.id"))
    newsletter: Mapped[str | None]
    edition_id: Mapped[int | None] = mapped_column(ForeignKey("edition.id"))
    priority: Mapped[int]
    state: Mapped[str]
    #: why it is in this state; an error text of the provider, never an address
    reason: Mapped[str | None]
    #: not before this instant
    due_at: Mapped[datetime]
    #: not after this instant
    expires_at: Mapped[datetime]
    #: fences: only the claim that made this attempt as this owner may write the outcome
    attempt: Mapped[int]
    #: how often it was handed over again although nobody knows whether it had been taken
    repeats: Mapped[int] = mapped_column(server_default="0")
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    provider: Mapped[str | None]
    provider_message_id: Mapped[str | None]
    queued_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    #: what the mailbox said later, a `MailboxState`, and when
    mailbox: Mapped[str | None]
    mailbox_at: Mapped[datetime | None]
