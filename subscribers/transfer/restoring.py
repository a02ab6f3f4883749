"""People of our own export come back into a database that does not know them, just as they were."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from subscribers.enrolment import enrol
from subscribers.models import Consent, Subscription
from subscribers.transfer.people import Person


def restore(session: Session, people: Sequence[Person], *, batch_id: int | None, now: datetime) -> None:
    """Add these new subscribers with the subscriptions and the ledger that the file has of them."""
    applicants = [person.applicant(None, batch_id) for person in people]
    subscribers = enrol(session, applicants, now=now) if applicants else {}
    for person in people:
        subscriber = subscribers[person.address.key]
        assert person.past
        for held in person.past.subscriptions:
            subscriber.subscriptions.append(Subscription(**held))
        session.add_all(Consent(subscriber_id=subscriber.id, **line) for line in person.past.consent)
    session.flush()
