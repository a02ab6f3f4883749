"""Mark, release, record: the rows of mails that are on their way out.

Every write names owner and attempt, so a worker that slept through its lease can write nothing
over what another one did since.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from newsletter.desk.states import step
from newsletter.feedback.rules import names_no_mailbox
from newsletter.feedback.told import HAND_OVER, Told, store
from newsletter.mail import Outcome, Verdict
from newsletter.models import Delivery, Issue
from newsletter.models.delivery import DeliveryState, Priority
from newsletter.models.event import EventKind
from newsletter.models.issue import IssueState
from newsletter.store.clock import database_now
from newsletter.store.engine import UNSEEN
from subscribers.among import among
from subscribers.columns import UTCDateTime

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=30)


def mark(session: Session, delivery_ids: Sequence[int], owner: str, lease: timedelta) -> set[int]:
    """The point of no return; returns those that are still ours, for one more `lease`.

    Marking again what was not yet offered is no harm: an answer of the database may be lost, too.
    """
    if not delivery_ids:
        return set()
    marked = session.connection().execute(
        update(Delivery)
        .where(
            among(Delivery.id, delivery_ids),
            Delivery.state.in_((DeliveryState.CLAIMED, DeliveryState.SUBMITTING)),
            Delivery.owner == owner,
        )
        .values(state=DeliveryState.SUBMITTING, lease_until=database_now(session) + lease)
        .returning(Delivery.id)
    )
    return set(marked.scalars().all())


def release(session: Session, delivery_ids: Sequence[int], owner: str) -> set[int]:
    """Give back what was claimed and never offered: due as before, for whoever comes next.

    That includes what became unknown while this worker slept: nobody but it knows better. Returns those
    that were still ours to give.
    """
    if not delivery_ids:
        return set()
    released = session.scalars(
        update(Delivery)
        .where(
            among(Delivery.id, delivery_ids),
            Delivery.state.in_((DeliveryState.CLAIMED, DeliveryState.SUBMITTING, DeliveryState.UNKNOWN)),
            Delivery.owner == owner,
        )
        .values(state=DeliveryState.QUEUED, owner=None, lease_until=None, reason=None, settled_at=None)
        .returning(Delivery.id),
        execution_options=UNSEEN,
    )
    found = set(released)
    reopen_issues(session, delivery_ids)
    return found


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
    *,
    now: datetime,
) -> Counter[str]:
    """Write what became of deliveries that are still ours; returns the numbers by state."""
    groups: dict[tuple[Outcome, int], list[int]] = {}
    for delivery_id, outcome in outcomes.items():
        groups.setdefault((outcome, attempts[delivery_id]), []).append(delivery_id)
    alone = []
    for (outcome, attempt), ids in groups.items():
        if outcome.verdict is Verdict.NOT_TAKEN or len(ids) < _WORTH_A_STATEMENT:
            alone += [(delivery_id, attempt, outcome) for delivery_id in ids]
        else:
            _record_alike(session, ids, attempt, outcome, owner, now)
    _record_each(session, alone, owner, now)
    if back := [number for number, outcome in outcomes.items() if outcome.verdict is Verdict.NOT_TAKEN]:
        # a slow worker's mails were unknown meanwhile, and their issue may have been finished so
        reopen_issues(session, back)
    _tell_of_closed_mailboxes(session, outcomes, attempts, now)
    verdicts = Counter([outcome.verdict for outcome in outcomes.values()])
    return Counter({str(_STATES[verdict]): number for verdict, number in verdicts.items()})


def _tell_of_closed_mailboxes(
    session: Session, outcomes: Mapping[int, Outcome], attempts: Mapping[int, int], now: datetime
) -> None:
    """A server that refuses a recipient for good, while we hand over, tells as much as a later bounce."""
    told = [
        Told(HAND_OVER, f"{number}/{attempts[number]}", EventKind.DROPPED, number, now, outcome.reason)
        for number, outcome in outcomes.items()
        if outcome.verdict is Verdict.REFUSED and names_no_mailbox(outcome.reason)
    ]
    store(session, told, now)


def reopen_issues(session: Session, delivery_ids: Sequence[int]) -> None:
    """Publish finished issues again of which any of these deliveries is back in the outbox."""
    back = select(Delivery.occasion_id).where(
        Delivery.id.in_(delivery_ids),
        Delivery.state == DeliveryState.QUEUED,
        Delivery.priority == Priority.DIGEST,
    )
    finished = (
        select(Issue)
        .where(Issue.id.in_(back), Issue.state == IssueState.FINISHED)
        .order_by(Issue.id)
        .with_for_update(of=Issue)
        .execution_options(populate_existing=True)
    )
    for issue in session.scalars(finished).all():
        step(issue, IssueState.PUBLISHED, "unknown mails of it are handed over once more")
        issue.finished_at = None
    session.flush()


#: as many deliveries of one outcome are written faster by a statement of their own
_WORTH_A_STATEMENT = 8


def _record_alike(
    session: Session, ids: Sequence[int], attempt: int, outcome: Outcome, owner: str, now: datetime
) -> None:
    session.execute(
        update(Delivery)
        .where(among(Delivery.id, ids), Delivery.owner == owner, Delivery.attempt == attempt)
        .values(
            state=_STATES[outcome.verdict],
            reason=outcome.reason,
            settled_at=now,
            provider_message_id=outcome.message_id,
            owner=None,
            lease_until=None,
        ),
        execution_options=UNSEEN,
    )


def _record_each(
    session: Session, outcomes: Iterable[tuple[int, int, Outcome]], owner: str, now: datetime
) -> None:
    rows = []
    for delivery_id, attempt, outcome in outcomes:
        again = outcome.verdict is Verdict.NOT_TAKEN
        rows.append(
            {
                "the_id": delivery_id,
                "the_attempt": attempt,
                "new_state": _STATES[outcome.verdict],
                "new_reason": outcome.reason,
                "wait_until": now + waiting(attempt, delivery_id) if again else None,
                "new_settled_at": None if again else now,
                "new_message_id": outcome.message_id,
            }
        )
    if not rows:
        return
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
            provider_message_id=bindparam("new_message_id"),
            owner=None,
            lease_until=None,
        )
    )
    session.connection().execute(statement, rows)


def waiting(attempt: int, delivery_id: int) -> timedelta:
    """How long to wait before trying again: doubled each time, and spread so that not all come at once."""
    doubled: timedelta = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempt - 1, 10))
    return doubled + timedelta(seconds=delivery_id % 30)
