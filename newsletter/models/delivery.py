"""One mail to one subscriber: from frozen intent to last known fate. The outbox is this table."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.columns import BigKey, Key
from subscribers.models import Base


class DeliveryKind(StrEnum):
    DIGEST = "digest"  # occasion: the issue
    CONFIRMATION = "confirmation"  # occasion: the line in the consent ledger that asked
    PREFERENCES_LINK = "preferences link"  # occasion: the line that asked for it
    DATA_LINK = "data link"  # occasion: the line that asked for it


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


class Delivery(Base):
    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("kind", "occasion_id", "subscriber_id"),
        Index(None, "state", "due_at"),
        Index(None, "edition_id", "state"),
        CheckConstraint(f"state IN ({', '.join(repr(str(s)) for s in DeliveryState)})", name="state"),
    )

    id: Mapped[Key]
    kind: Mapped[str]
    #: what gave rise to it; with kind and subscriber unique, so that nobody gets it twice
    occasion_id: Mapped[int] = mapped_column(BigKey)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    newsletter: Mapped[str | None]
    edition_id: Mapped[int | None] = mapped_column(ForeignKey("edition.id"))
    state: Mapped[str]
    #: why it is in this state; an error text of the provider, never an address
    reason: Mapped[str | None]
    #: not before this instant
    due_at: Mapped[datetime]
    #: not after this instant
    expires_at: Mapped[datetime]
    #: fences: only the claim that made this attempt as this owner may write the outcome
    attempt: Mapped[int]
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    provider: Mapped[str | None]
    provider_message_id: Mapped[str | None]
    queued_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
