"""Addresses that must not be mailed at all: close one, open it again, say why it is closed.

An address has one reason, the strongest that was met. What its owner did (erased, complained)
outweighs what a mailbox told (bounced), and that outweighs what an operator entered by hand.

Of somebody erased only a fingerprint is left here, by which the address is known when it is typed or
imported again. Such records have no subscriber any more, so whoever looks for readers needs none.

Who may come back: an import or an operator brings back nobody. Who bounced, complained or was erased
comes back by asking at our form and confirming from the mailbox, which proves both that it takes mail
and that its owner wants it. What an operator closed by hand, an operator must open.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from subscribers.address import Address
from subscribers.fingerprints import Fingerprints
from subscribers.models import Suppression, SuppressionReason
from subscribers.unique import insert_new

WEAKEST_FIRST = (
    SuppressionReason.BY_HAND,
    SuppressionReason.BOUNCED,
    SuppressionReason.COMPLAINED,
    SuppressionReason.ERASED,
)
#: opened by their owner's own confirmation
CONFIRMATION_OPENS = frozenset(WEAKEST_FIRST) - {SuppressionReason.BY_HAND}


def suppress(
    session: Session,
    address: Address,
    reason: SuppressionReason,
    *,
    note: str | None = None,
    fingerprints: Fingerprints,
    now: datetime,
) -> bool:
    """Close the address; True when that changed something.

    A reason no stronger than the one on record changes nothing, not even the date.
    """
    was_open = why(session, address, fingerprints) is None
    if was_open:
        row = {"email_key": address.key, "reason": reason.value, "note": note, "since": now}
        insert_new(session, Suppression, [row])
    record = _locked(session, address, fingerprints)
    assert record is not None
    stronger = _strength(reason) > _strength(record.reason)
    if stronger:
        record.reason, record.since = reason, now
        # a note may name the person: none goes beside the fingerprint of somebody erased
        record.note = None if record.digest else note
        session.flush()
    return was_open or stronger


def keep_fingerprint(
    session: Session, address: Address, *, fingerprints: Fingerprints, now: datetime
) -> None:
    """Close an address for having been erased, and keep nothing of it but its fingerprint.

    One that was closed before keeps its reason, or erasing would open what was closed by hand.
    """
    record = _locked(session, address, fingerprints)
    if record is None:
        record = Suppression(reason=SuppressionReason.ERASED, since=now)
        session.add(record)
    record.email_key = record.note = None
    record.digest = fingerprints.make(address.key)
    session.flush()


def lift(session: Session, address: Address, fingerprints: Fingerprints) -> bool:
    """Open the address again; False when it was open. Subscriptions stay as they are."""
    found = _records(session, [address.key], fingerprints)
    for record, _ in found:
        session.delete(record)
    session.flush()
    return bool(found)


def why(session: Session, address: Address, fingerprints: Fingerprints) -> Suppression | None:
    """The record that closes the address, or None when it may be mailed."""
    found = [record for record, _ in _records(session, [address.key], fingerprints)]
    return max(found, key=lambda record: _strength(record.reason), default=None)


def reasons(
    session: Session, keys: Collection[str], fingerprints: Fingerprints
) -> dict[str, SuppressionReason]:
    """Why each of these address keys is closed; those that may be mailed are left out."""
    return {key: SuppressionReason(record.reason) for record, key in _records(session, keys, fingerprints)}


def _records(
    session: Session, keys: Collection[str], fingerprints: Fingerprints
) -> list[tuple[Suppression, str]]:
    """The records of these address keys, the weakest first, each with the key that it closes."""
    marks = {mark: key for key in keys for mark in fingerprints.known(key)}
    query = select(Suppression).where(or_(Suppression.email_key.in_(keys), Suppression.digest.in_(marks)))
    found = sorted(session.scalars(query), key=lambda record: _strength(record.reason))
    return [(record, record.email_key or marks[record.digest or ""]) for record in found]


def _locked(session: Session, address: Address, fingerprints: Fingerprints) -> Suppression | None:
    """The record as it is now, held until the transaction ends."""
    marks = fingerprints.known(address.key)
    return session.scalars(
        select(Suppression)
        .where(or_(Suppression.email_key == address.key, Suppression.digest.in_(marks)))
        .order_by(Suppression.digest)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def _strength(reason: str) -> int:
    return WEAKEST_FIRST.index(SuppressionReason(reason))
