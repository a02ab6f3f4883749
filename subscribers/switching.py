"""From one newsletter to another that writes less often, in one step.

The link in a mail counts as the owner's yes here, although mails are forwarded: whoever presses it
gets fewer mails than were confirmed, never more. The line in the ledger says so.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from subscribers.enrolment import locked
from subscribers.ledger import Channel, Evidence
from subscribers.models import Act, Subscriber, SubscriptionState


def may_switch(subscriber: Subscriber, leave: str, join: str) -> bool:
    """Only what was confirmed can be given for another, and only for one not yet received."""
    return (
        leave != join
        and subscriber.state(leave) is SubscriptionState.CONFIRMED
        and subscriber.state(join) is not SubscriptionState.CONFIRMED
    )


def switch(
    session: Session,
    subscriber: Subscriber,
    leave: str,
    join: str,
    *,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    now: datetime,
) -> bool:
    """Leave `leave` and receive `join` instead; False, and nothing is changed, unless `may_switch`.

    `join` must be the rarer of the two: it needs no other confirmation.
    """
    locked(session, Subscriber.id == subscriber.id)
    if not may_switch(subscriber, leave, join):
        return False
    subscriber.subscription(leave, now).end(now)
    joined = subscriber.subscription(join, now)
    joined.ask(now)
    joined.confirm(now)
    why = f"{wording} (confirmed without a further mail, since it takes the place of {leave})"
    Evidence(channel, wording, ip, now).write(session, Act.UNSUBSCRIBED, subscriber, [leave])
    Evidence(channel, why, ip, now).write(session, Act.CONFIRMED, subscriber, [join])
    session.flush()
    return True
