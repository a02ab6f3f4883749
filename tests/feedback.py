"""For tests of what comes back: mails that were handed over, and what is told of them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from newsletter.feedback.applying import apply_events
from newsletter.feedback.told import Told, store
from newsletter.models import Delivery
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from newsletter.models.event import EventKind
from newsletter.store.engine import writing
from tests.people import FINGERPRINTS

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)

_keys = count(1)


def a_delivery(
    session: Session,
    subscriber_id: int,
    *,
    issue: int = 1,
    state: DeliveryState = DeliveryState.ACCEPTED,
    **changes: Any,
) -> int:
    """A digest of that issue to that subscriber, handed over an hour ago; returns its id."""
    columns = {
        "kind": DeliveryKind.DIGEST,
        "occasion_id": issue,
        "subscriber_id": subscriber_id,
        "newsletter": "daily",
        "priority": Priority.DIGEST,
        "state": state,
        "due_at": NOW - timedelta(hours=2),
        "expires_at": NOW + timedelta(hours=10),
        "attempt": 1,
        "queued_at": NOW - timedelta(hours=3),
        "settled_at": NOW - timedelta(hours=1),
        "provider": "sendgrid",
    }
    row = Delivery(**(columns | changes))
    session.add(row)
    session.flush()
    return row.id


def told(kind: EventKind, delivery_id: int | None, **changes: Any) -> Told:
    """SendGrid tells this of the delivery, under a key that nobody used yet, after those before."""
    known = {"at": NOW - timedelta(minutes=30), "reason": None, "key": f"key-{next(_keys):06}"}
    return Told("sendgrid", kind=kind, delivery_id=delivery_id, **(known | changes))


def hear(engine: Engine, *events: Told, now: datetime = NOW) -> None:
    """Store the events, and work in all that waits."""
    with writing(engine) as session:
        store(session, events, now)
    work_in(engine, now=now)


def work_in(engine: Engine, *, now: datetime = NOW, limit: int = 1000) -> None:
    """Work in all that waits, a transaction a batch."""
    waiting: Iterable[str] = ["something"]
    while waiting:
        with writing(engine) as session:
            waiting = apply_events(session, FINGERPRINTS, now=now, limit=limit)
