"""Links asked for by mail: to one's preferences or data, without an old mail at hand.

Anybody can ask in anybody's name, so the link goes to the mailbox alone, and not often.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers import suppression
from subscribers.address import Address
from subscribers.admission import Asked, too_soon
from subscribers.enrolment import locked
from subscribers.fingerprints import Fingerprints
from subscribers.ledger import Channel, Evidence
from subscribers.models import Act, Consent, Subscriber

PREFERENCES_WORDING = "Mail me the link to my preferences"


def ask_link(
    session: Session,
    address: Address,
    *,
    channel: Channel,
    wording: str = PREFERENCES_WORDING,
    ip: str | None = None,
    fingerprints: Fingerprints,
    now: datetime,
) -> Asked | None:
    """Ask for a link by mail; None when no mail is due, and nothing has changed.

    No mail is due to an address that is unknown or closed by hand, and beyond one mail in 10 minutes and
    three a day for links of the same `wording`.
    """
    found = locked(session, Subscriber.email_key == address.key)
    closed = suppression.why(session, address, fingerprints)
    if not found or (closed and closed.reason not in suppression.CONFIRMATION_OPENS):
        return None
    [subscriber] = found
    asked_at = session.scalars(
        select(Consent.at).where(
            Consent.subscriber_id == subscriber.id,
            Consent.act == Act.LINK_ASKED,
            Consent.wording == wording,
            Consent.at > now - timedelta(days=1),
        )
    ).all()
    if too_soon(asked_at, now):
        return None
    line = Evidence(channel, wording, ip, now).write(session, Act.LINK_ASKED, subscriber, ())
    session.flush()
    return Asked(line.subscriber_id, line.id, ())
