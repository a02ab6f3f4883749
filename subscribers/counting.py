"""Whether a person agrees that it is counted which of their mails they open and which links they follow."""

from datetime import datetime

from sqlalchemy.orm import Session

from subscribers.enrolment import locked
from subscribers.ledger import Channel, Evidence
from subscribers.models import Act, Subscriber


def agree_to_be_counted(
    session: Session,
    subscriber: Subscriber,
    counted: bool,
    *,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    now: datetime,
) -> bool:
    """Keep their yes, or their no, under the `wording` that asked them; True when it is another than before.

    Holds from the next mail that is claimed on, and a no for every mail that they have.
    """
    locked(session, Subscriber.id == subscriber.id)
    if subscriber.counted == counted:
        return False
    subscriber.counted = counted
    evidence = Evidence(channel, f"{wording}: {'yes' if counted else 'no'}", ip, now)
    evidence.write(session, Act.CHANGED, subscriber, [held.newsletter for held in subscriber.subscriptions])
    session.flush()
    return True
