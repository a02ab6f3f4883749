"""Erasure, all of it: what `subscribers` keeps of a person, the mails still to leave, and those that
the folder provider has written.

Deliveries stay: they name nobody, and without them the numbers of an issue would not add up.
"""

from datetime import datetime
from email.parser import BytesHeaderParser
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.orm import Session

from newsletter.models import AlertReader, Delivery
from newsletter.models.alert import AlertReaderState
from newsletter.models.delivery import DeliveryState
from newsletter.tracking.counting import forget_reader
from subscribers import erasure, roster
from subscribers.address import Address, InvalidAddress, parse
from subscribers.fingerprints import Fingerprints
from subscribers.ledger import Channel

REASON = "erased"


def erase(
    session: Session,
    address: Address,
    *,
    mail_folder: Path,
    channel: Channel,
    fingerprints: Fingerprints,
    now: datetime,
) -> bool:
    """Forget the person of that address; False when nothing was kept of them.

    A mail that is being handed over at this moment still leaves. The files go before the commit: if
    one cannot be removed, nothing is erased and whoever asked is told so.
    """
    subscriber = roster.find(session, address.mailbox)
    if subscriber is not None:
        _withhold(session, subscriber.id, now)
        forget_reader(session, subscriber.id)
    known = erasure.erase(session, address, channel=channel, fingerprints=fingerprints, now=now)
    if subscriber is not None:
        # the person is locked by now: whoever makes a mail of these has done so, or does not
        _forget_alerts(session, subscriber.id)
    return bool(remove_mails(mail_folder, address)) or known


def _withhold(session: Session, subscriber_id: int, now: datetime) -> None:
    """A worker that has claimed one loses it: it cannot mark it any more."""
    session.execute(
        update(Delivery)
        .where(
            Delivery.subscriber_id == subscriber_id,
            Delivery.state.in_((DeliveryState.QUEUED, DeliveryState.CLAIMED)),
        )
        .values(state=DeliveryState.WITHHELD, reason=REASON, settled_at=now, owner=None, lease_until=None)
    )


def _forget_alerts(session: Session, subscriber_id: int) -> None:
    """Nothing waits for them any more; of what was told, like of deliveries, the count stays."""
    session.execute(
        update(AlertReader)
        .where(AlertReader.subscriber_id == subscriber_id, AlertReader.state == AlertReaderState.WAITING)
        .values(state=AlertReaderState.DROPPED, reason=REASON, rule=None)
    )
    session.execute(update(AlertReader).where(AlertReader.subscriber_id == subscriber_id).values(rules=[]))


def remove_mails(folder: Path, address: Address) -> int:
    """Remove the mails to that address from the folder provider's folder; returns how many there were.

    They are told by their header, so that test mails and those of former deliveries go too.
    """
    removed = 0
    for path in folder.glob("*.eml"):
        with path.open("rb") as file:
            to = BytesHeaderParser().parse(file)["to"]
        if _key(str(to)) == address.key:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _key(to: str) -> str | None:
    try:
        return parse(to).key
    except InvalidAddress:
        return None
