"""Addresses that must not be mailed at all: close one, open it again, say why it is closed.

An address has one reason, the strongest that was met. What its owner did (erased, complained)
outweighs what a mailbox told (bounced), and that outweighs what an operator entered by hand.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.address import Address
from subscribers.models import Suppression, SuppressionReason
from subscribers.unique import insert_new

WEAKEST_FIRST = (
    SuppressionReason.BY_HAND,
    SuppressionReason.BOUNCED,
    SuppressionReason.COMPLAINED,
    SuppressionReason.ERASED,
)


def suppress(
    session: Session,
    address: Address,
    reason: SuppressionReason,
    *,
    note: str | None = None,
    now: datetime,
) -> bool:
    """Close the address; True when that changed something.

    A reason no stronger than the one on record changes nothing, not even the date.
    """
    was_open = why(session, address) is None
    if was_open:
        row = {"email_key": address.key, "reason": reason.value, "note": note, "since": now}
        insert_new(session, Suppression, [row])
    record = session.scalars(
        select(Suppression)
        .where(Suppression.email_key == address.key)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    stronger = _strength(reason) > _strength(record.reason)
    if stronger:
        record.reason, record.note, record.since = reason, note, now
        session.flush()
    return was_open or stronger


def lift(session: Session, address: Address) -> bool:
    """Open the address again; False when it was open. Subscriptions stay as they are."""
    record = why(session, address)
    if record is None:
        return False
    session.delete(record)
    session.flush()
    return True


def why(session: Session, address: Address) -> Suppression | None:
    """The record that closes the address, or None when it may be mailed."""
    return session.scalars(select(Suppression).where(Suppression.email_key == address.key)).one_or_none()


def reasons(session: Session, keys: Collection[str]) -> dict[str, SuppressionReason]:
    """Why each of these address keys is closed; those that may be mailed are left out."""
    found = session.execute(
        select(Suppression.email_key, Suppression.reason).where(Suppression.email_key.in_(keys))
    )
    return {key: SuppressionReason(reason) for key, reason in found if key}


def _strength(reason: str) -> int:
    return WEAKEST_FIRST.index(SuppressionReason(reason))
