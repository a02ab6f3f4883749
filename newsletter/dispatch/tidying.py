"""Tidying: what dead workers held, what came too late, and what nobody wants any more."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import CursorResult, and_, select, update
from sqlalchemy.orm import Session

from newsletter.models import Delivery, Issue
from newsletter.models.delivery import DeliveryState, Priority
from newsletter.models.issue import IssueState
from newsletter.store.clock import database_now
from newsletter.store.engine import UNSEEN


def tidy(session: Session, *, now: datetime) -> Counter[str]:
    """All of it; returns the numbers by the state that deliveries came into."""
    return rescue(session, now=now) + expire(session, now=now) + cancel_leftovers(session, now=now)


def rescue(session: Session, *, now: datetime) -> Counter[str]:
    """Take back what dead workers held: retried if it had not left, unknown if it may have.

    An unknown mail keeps its owner: should that one only be slow, its outcome is still the truth.
    """
    ended = Delivery.lease_until < database_now(session)
    retried = session.execute(
        update(Delivery)
        .where(Delivery.state == DeliveryState.CLAIMED, ended)
        .values(state=DeliveryState.QUEUED, owner=None, lease_until=None),
        execution_options=UNSEEN,
    )
    lost = session.execute(
        update(Delivery)
        .where(Delivery.state == DeliveryState.SUBMITTING, ended)
        .values(
            state=DeliveryState.UNKNOWN,
            reason="its worker gave no sign of life while it was handing the mail over",
            settled_at=now,
            lease_until=None,
        ),
        execution_options=UNSEEN,
    )
    return _counted({DeliveryState.QUEUED: retried, DeliveryState.UNKNOWN: lost})


def expire(session: Session, *, now: datetime) -> Counter[str]:
    """Give up what could not leave in its time."""
    on_their_way = select(Issue.id).where(Issue.state.in_((IssueState.PUBLISHED, IssueState.PAUSED)))
    numbers: Counter[str] = Counter()
    for which in (
        Delivery.priority.in_((Priority.LETTER, Priority.ALERT)),
        and_(Delivery.priority == Priority.DIGEST, Delivery.occasion_id.in_(on_their_way)),
    ):
        gone = session.execute(
            update(Delivery)
            .where(
                which,
                Delivery.state == DeliveryState.QUEUED,
                # whatever expires was due before, and the index finds what is due
                Delivery.due_at <= now,
                Delivery.expires_at <= now,
            )
            .values(state=DeliveryState.EXPIRED, reason="could not leave in its time", settled_at=now),
            execution_options=UNSEEN,
        )
        numbers += _counted({DeliveryState.EXPIRED: gone})
    return numbers


def cancel_leftovers(session: Session, *, now: datetime) -> Counter[str]:
    """Cancel what came back into the outbox after its issue had been cancelled."""
    cancelled = select(Issue.id).where(Issue.state == IssueState.CANCELLED)
    gone = session.execute(
        update(Delivery)
        .where(
            Delivery.state == DeliveryState.QUEUED,
            Delivery.priority == Priority.DIGEST,
            Delivery.occasion_id.in_(cancelled),
        )
        .values(state=DeliveryState.CANCELLED, reason="its issue was cancelled", settled_at=now),
        execution_options=UNSEEN,
    )
    return _counted({DeliveryState.CANCELLED: gone})


def _counted(results: Mapping[DeliveryState, object]) -> Counter[str]:
    numbers: Counter[str] = Counter()
    for state, result in results.items():
        assert isinstance(result, CursorResult)
        if result.rowcount:
            numbers[state] = result.rowcount
    return numbers
