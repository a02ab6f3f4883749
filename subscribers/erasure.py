"""Erasure (GDPR art. 17): the person goes, the counts stay.

The row of the subscriber stays without anything that is theirs, so that what was once told, and to
how many, still adds up. So do the lines of the ledger, without their words and IPs. Of the address
only a fingerprint is left, among the suppressions, so that no import brings the person back.
"""

import secrets
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from subscribers import suppression
from subscribers.address import Address
from subscribers.alert_models import AlertChoicesRecord, Watch
from subscribers.enrolment import intern, locked
from subscribers.fingerprints import Fingerprints
from subscribers.ledger import Channel, Evidence, strike_out
from subscribers.lens import Lens
from subscribers.models import Act, MutedStory, Subscriber, SubscriptionState, Tag
from subscribers.rhythm import Rhythm


def erase(
    session: Session,
    address: Address,
    *,
    channel: Channel,
    fingerprints: Fingerprints,
    now: datetime,
) -> bool:
    """Forget the person of that address; False when nothing was kept of them.

    Every link that was ever mailed to them leads to nobody from now on.
    """
    found = locked(session, Subscriber.email_key == address.key)
    for subscriber in found:
        _empty(session, subscriber, now)
        slugs = [held.newsletter for held in subscriber.subscriptions]
        Evidence(channel, "", None, now).write(session, Act.ERASED, subscriber, slugs)
        strike_out(session, subscriber)
    closed = suppression.why(session, address, fingerprints)
    if found or (closed and closed.email_key):
        suppression.keep_fingerprint(session, address, fingerprints=fingerprints, now=now)
        return True
    return False


def _empty(session: Session, subscriber: Subscriber, now: datetime) -> None:
    for held in subscriber.subscriptions:
        held.paused_until = None
        if held.state != SubscriptionState.UNSUBSCRIBED:
            held.end(now)
    for table in (Tag, MutedStory, Watch, AlertChoicesRecord):
        session.execute(delete(table).where(table.subscriber_id == subscriber.id))
    subscriber.email = subscriber.email_key = f"erased-{subscriber.id}@erased.invalid"
    subscriber.public_id = secrets.token_urlsafe(16)
    subscriber.name = subscriber.country = subscriber.batch_id = subscriber.engaged_at = None
    subscriber.counted = False
    subscriber.lens_record = intern(session, [Lens()])[Lens()]
    subscriber.rhythm = Rhythm()
    subscriber.erased_at = now
