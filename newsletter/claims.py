"""The rows behind dispatch: claim, mark, record, and what to do about claims that nobody settled.

Every write names owner and attempt, so a worker that slept through its lease can write nothing
over what another one did since.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, bindparam, case, func, select, update
from sqlalchemy.orm import Session

from newsletter.composition import Claimed
from newsletter.mail import Outcome, Verdict
from newsletter.models import Delivery
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.store.clock import database_now
from subscribers import roster
from subscribers.columns import UTCDateTime

#: longer than any hand-over of one batch may take
LEASE = timedelta(minutes=10)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=30)


def claim(session: Session, limit: int, owner: str, *, now: datetime) -> tuple[list[Claimed], int]:
    """Take up to `limit` deliveries that are due; letters before digests.

    Returns them, and how many were withheld because their readers may not be mailed any more.
    """
    rows = session.scalars(
        select(Delivery)
        .where(Delivery.state == DeliveryState.QUEUED, Delivery.due_at <= now)
        .order_by(
            case((Delivery.kind == DeliveryKind.DIGEST, 1), else_=0),
            Delivery.due_at,
            Delivery.edition_id,
            Delivery.id,
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    barred = _barred(session, rows, now=now)
    lease_until = database_now(session) + LEASE
    mailboxes = roster.mailboxes(session, [row.subscriber_id for row in rows])
    claimed = []
    for row in rows:
        if reason := barred.get(row.id):
            row.state, row.reason, row.settled_at = DeliveryState.WITHHELD, reason, now
            continue
        row.state, row.owner, row.lease_until = DeliveryState.CLAIMED, owner, lease_until
        row.attempt += 1
        mailbox = mailboxes[row.subscriber_id]
        claimed.append(
            Claimed(
                delivery_id=row.id,
                attempt=row.attempt,
                kind=DeliveryKind(row.kind),
                occasion_id=row.occasion_id,
                newsletter=row.newsletter,
                edition_id=row.edition_id,
                address=mailbox.address,
                public_id=mailbox.public_id,
                queued_at=row.queued_at,
            )
        )
    return claimed, len(rows) - len(claimed)


def _barred(session: Session, rows: Sequence[Delivery], *, now: datetime) -> dict[int, str]:
    """Delivery id → why its reader may not be mailed now."""
    by_newsletter: dict[str | None, list[Delivery]] = {}
    for row in rows:
        by_newsletter.setdefault(row.newsletter, []).append(row)
    found = {}
    for newsletter, group in by_newsletter.items():
        why = roster.barred(session, [row.subscriber_id for row in group], newsletter, now=now)
        found.update({row.id: why[row.subscriber_id] for row in group if row.subscriber_id in why})
    return found


def mark(session: Session, delivery_ids: Sequence[int], owner: str) -> set[int]:
    """The point of no return; returns those that are still ours."""
    if not delivery_ids:
        return set()
    marked = session.scalars(
        update(Delivery)
        .where(
            Delivery.id.in_(delivery_ids),
            Delivery.state == DeliveryState.CLAIMED,
            Delivery.owner == owner,
        )
        .values(state=DeliveryState.SUBMITTING)
        .returning(Delivery.id),
        execution_options={"synchronize_session": False},
    )
    return set(marked)


_STATES = {
    Verdict.ACCEPTED: DeliveryState.ACCEPTED,
    Verdict.REFUSED: DeliveryState.REFUSED,
    Verdict.UNKNOWN: DeliveryState.UNKNOWN,
    Verdict.NOT_TAKEN: DeliveryState.QUEUED,
}


def record(
    session: Session,
    outcomes: Mapping[int, Outcome],
    attempts: Mapping[int, int],
    owner: str,
    provider: str,
    *,
    now: datetime,
) -> Counter[str]:
    """Write what became of deliveries that are still ours; returns the numbers by state."""
    if not outcomes:
        return Counter()
    table = Delivery.__table__
    statement = (
        update(table)  # type: ignore[arg-type]
        .where(
            table.c.id == bindparam("the_id"),
            table.c.owner == owner,
            table.c.attempt == bindparam("the_attempt"),
        )
        .values(
            state=bindparam("new_state"),
            reason=bindparam("new_reason"),
            due_at=func.coalesce(bindparam("wait_until", type_=UTCDateTime()), table.c.due_at),
            settled_at=bindparam("new_settled_at"),
            provider=provider,
            provider_message_id=bindparam("new_message_id"),
            owner=None,
            lease_until=None,
        )
    )
    rows = []
    for delivery_id, outcome in outcomes.items():
        again = outcome.verdict is Verdict.NOT_TAKEN
        wait = outcome.retry_after or waiting(attempts[delivery_id], delivery_id)
        rows.append(
            {
                "the_id": delivery_id,
                "the_attempt": attempts[delivery_id],
                "new_state": _STATES[outcome.verdict],
                "new_reason": outcome.reason,
                "wait_until": now + wait if again else None,
                "new_settled_at": None if again else now,
                "new_message_id": outcome.message_id,
            }
        )
    session.connection().execute(statement, rows)
    return Counter(str(_STATES[outcome.verdict]) for outcome in outcomes.values())


def waiting(attempt: int, delivery_id: int) -> timedelta:
    """How long to wait before trying again: doubled each time, and spread so that not all come at once."""
    doubled: timedelta = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempt - 1, 10))
    return doubled + timedelta(seconds=delivery_id % 30)


def rescue(session: Session, *, now: datetime) -> Counter[str]:
    """Take back what dead workers held: retried if it had not left, unknown if it may have.

    An unknown mail keeps its owner: should that one only be slow, its outcome is still the truth.
    """
    ended = Delivery.lease_until < database_now(session)
    retried = session.execute(
        update(Delivery)
        .where(Delivery.state == DeliveryState.CLAIMED, ended)
        .values(state=DeliveryState.QUEUED, owner=None, lease_until=None)
    )
    lost = session.execute(
        update(Delivery)
        .where(Delivery.state == DeliveryState.SUBMITTING, ended)
        .values(
            state=DeliveryState.UNKNOWN,
            reason="the worker died while it was handing the mail over",
            settled_at=now,
            lease_until=None,
        )
    )
    return _counted({DeliveryState.QUEUED: retried, DeliveryState.UNKNOWN: lost})


def expire(session: Session, *, now: datetime) -> Counter[str]:
    """Give up what could not leave in its time."""
    gone = session.execute(
        update(Delivery)
        .where(Delivery.state == DeliveryState.QUEUED, Delivery.expires_at <= now)
        .values(state=DeliveryState.EXPIRED, reason="could not leave in its time", settled_at=now)
    )
    return _counted({DeliveryState.EXPIRED: gone})


def _counted(results: Mapping[DeliveryState, object]) -> Counter[str]:
    numbers: Counter[str] = Counter()
    for state, result in results.items():
        assert isinstance(result, CursorResult)
        if result.rowcount:
            numbers[state] = result.rowcount
    return numbers
