"""Work what was told into delivery, suppression and subscription, by the rules of `rules`.

A batch is one transaction. It may be worked in by whoever comes first, the web request that stored
it or the clock: events and deliveries that somebody else holds are left for the next one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, func, select, update
from sqlalchemy.orm import Session

from newsletter.feedback import readers
from newsletter.feedback.readers import Consequences
from newsletter.feedback.rules import MEMORY, Fate, after
from newsletter.models import Delivery, Event
from newsletter.models.delivery import DeliveryState
from newsletter.models.event import EventKind
from newsletter.providers.words import keep
from newsletter.store.clock import database_now
from newsletter.store.engine import UNSEEN
from subscribers.columns import UTCDateTime
from subscribers.fingerprints import Fingerprints

#: events that one batch works in
BATCH = 1_000
#: how long an event is kept
KEPT = MEMORY


class _Told(NamedTuple):
    id: int
    provider: str
    kind: str
    delivery_id: int | None
    at: datetime
    reason: str | None


class _Mail(NamedTuple):
    id: int
    state: str
    attempt: int
    mailbox: str | None
    mailbox_at: datetime | None
    subscriber_id: int | None
    newsletter: str | None

    @property
    def fate(self) -> Fate:
        """A claim counts as an attempt before anything is handed over."""
        tried = self.attempt > (self.state == DeliveryState.CLAIMED)
        return Fate(self.state, tried, self.mailbox, self.mailbox_at)


_EVENT = [getattr(Event, name) for name in _Told._fields]
_DELIVERY = [getattr(Delivery, name) for name in _Mail._fields]


def apply_events(
    session: Session, fingerprints: Fingerprints, *, now: datetime, limit: int = BATCH
) -> Counter[str]:
    """Work in up to `limit` of the events that wait, the oldest first.

    Returns how many `events` that were, how many deliveries were `accepted` or `refused` by them, and
    how many readers were `suppressed`, `opened` or `unsubscribed`; nothing when no event waits. An
    event about a mail in a worker's hands waits until that has written its outcome.
    """
    told = _waiting(session, limit)
    if not told:
        return Counter()
    ids = {one.delivery_id for one in told if one.delivery_id is not None}
    mails = _locked(session, ids)
    if missing := ids - mails.keys():
        # what is there is held by somebody else, and waits; of what is not, nothing follows
        held = set(session.scalars(select(Delivery.id).where(Delivery.id.in_(missing))))
        told = [one for one in told if one.delivery_id not in held]
    fates, consequences = _consider(told, mails)
    changed = _write(session, fates, mails, now)
    changed += readers.apply(session, consequences, fingerprints, now=now)
    session.execute(
        update(Event).where(Event.id.in_([one.id for one in told])).values(applied_at=now),
        execution_options=UNSEEN,
    )
    return changed + Counter(events=len(told))


def forget_old(session: Session, *, now: datetime, limit: int = BATCH) -> int:
    """Delete events that were told longer ago than KEPT, among the `limit` oldest; returns how many.

    The newest stays, however old: SQLite would give its number to the next one, and hooks go by numbers.
    """
    newest = select(func.max(Event.id)).scalar_subquery()
    oldest = select(Event.id, Event.received_at).order_by(Event.id).limit(limit).subquery()
    old = select(oldest.c.id).where(oldest.c.received_at < now - KEPT, oldest.c.id < newest)
    gone = session.scalars(
        delete(Event).where(Event.id.in_(old)).returning(Event.id), execution_options=UNSEEN
    )
    return len(gone.all())


def _waiting(session: Session, limit: int) -> list[_Told]:
    in_hands = exists().where(Delivery.id == Event.delivery_id, _in_hands(session))
    rows = session.execute(
        select(*_EVENT)
        .where(Event.applied_at.is_(None), ~in_hands)
        .order_by(Event.id)
        .limit(limit)
        .with_for_update(of=Event, skip_locked=True)
    )
    return [_Told(*row) for row in rows]


def _locked(session: Session, ids: set[int]) -> dict[int, _Mail]:
    """Those of the deliveries that nobody else is writing, held until the transaction ends.

    Waiting for a worker's transaction here could cost it its own, and with that its outcomes.
    """
    rows = session.execute(
        select(*_DELIVERY)
        .where(Delivery.id.in_(ids), ~_in_hands(session))
        .order_by(Delivery.id)
        .with_for_update(skip_locked=True)
    )
    return {row.id: _Mail(*row) for row in rows}


def _in_hands(session: Session) -> ColumnElement[bool]:
    """Whether a worker is handing it over, and will write what came of it.

    One that is only claimed may be written over: the worker cannot mark it any more, so it stays here.
    """
    return and_(Delivery.state == DeliveryState.SUBMITTING, Delivery.lease_until >= database_now(session))


def _consider(
    told: Sequence[_Told], mails: Mapping[int, _Mail]
) -> tuple[dict[int, tuple[Fate, _Told]], dict[int, Consequences]]:
    """The new fates, each with the event that decided on its state last; and what follows for readers."""
    fates: dict[int, tuple[Fate, _Told]] = {}
    consequences: dict[int, Consequences] = {}
    for one in told:
        mail = mails.get(one.delivery_id or 0)
        if mail is None:
            continue
        kind = EventKind(one.kind)
        known, why = fates.get(mail.id) or (mail.fate, one)
        fate = after(known, kind, one.at)
        fates[mail.id] = (fate, one if fate.state != known.state else why)
        if mail.subscriber_id is not None and fate.tried:
            for_reader = consequences.setdefault(mail.subscriber_id, Consequences())
            for_reader.hear(kind, one.provider, one.reason, mail.newsletter)
    return fates, {reader: found for reader, found in consequences.items() if found}


def _write(
    session: Session,
    fates: Mapping[int, tuple[Fate, _Told]],
    mails: Mapping[int, _Mail],
    now: datetime,
) -> Counter[str]:
    changed: Counter[str] = Counter()
    said = []
    for delivery_id, (fate, why) in fates.items():
        mail = mails[delivery_id]
        if fate.state != mail.state:
            changed[fate.state] += 1
            _settle(session, delivery_id, fate.state, _because(fate.state, why), now)
        if (fate.mailbox, fate.mailbox_at) != (mail.mailbox, mail.mailbox_at):
            said.append({"the_id": delivery_id, "said": fate.mailbox, "said_at": fate.mailbox_at})
    if said:
        table = Delivery.__table__
        statement = (
            update(table)  # type: ignore[arg-type]
            .where(table.c.id == bindparam("the_id"))
            .values(mailbox=bindparam("said"), mailbox_at=bindparam("said_at", type_=UTCDateTime()))
        )
        session.connection().execute(statement, said)
    return changed


def _because(state: str, why: _Told) -> str:
    """The same whichever of several proofs was told first."""
    if state == DeliveryState.ACCEPTED:
        return f"taken, as {why.provider} told"
    return keep(f"dropped, as {why.provider} told" + (f": {why.reason}" if why.reason else ""))


def _settle(session: Session, delivery_id: int, state: str, reason: str, now: datetime) -> None:
    """A worker that was only slow writes nothing over it any more."""
    session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id)
        .values(state=state, reason=reason, settled_at=now, owner=None, lease_until=None),
        execution_options=UNSEEN,
    )
