"""Claim: take what is due, and read consent and the day's budget once more before anything leaves.

What goes before what is said in `lanes`; the mails of one claim take the same ways.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.alerts import budget, wanted
from newsletter.composition import Claimed
from newsletter.dispatch import gates
from newsletter.dispatch.lanes import Lane, lanes, routes
from newsletter.dispatch.places import Asking
from newsletter.models import Delivery, Editor
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from newsletter.store.clock import database_now
from newsletter.store.engine import UNSEEN
from subscribers import roster
from subscribers.among import among

#: of the mails of newsletters, those that the budget of a day is about
_COUNTED = (DeliveryKind.DIGEST, DeliveryKind.ALERT)
#: editions in one claim, at most: the contents of all of them are in memory at one time
MOST_EDITIONS = 100


@dataclass(frozen=True, slots=True)
class Worker:
    """Who claims, and by which way the mail will leave."""

    #: no two dispatchers have the same
    owner: str
    #: the provider's name
    provider: str
    #: the keys of the ways that all its mail takes, see `gates`
    ways: tuple[str, ...]
    #: for how long a claim holds
    lease: timedelta
    #: those of alerts, which may have a sender of their own; None: the same
    alert_ways: tuple[str, ...] | None = None


@dataclass
class Claim:
    """What one claim brought."""

    mails: list[Claimed] = field(default_factory=list)
    #: state → number of deliveries that were settled instead
    settled: Counter[str] = field(default_factory=Counter)
    #: the ways that its mails take, what they let through, and why not more
    ways: tuple[str, ...] = ()
    passage: gates.Passage = field(default_factory=gates.Passage)

    @property
    def brings(self) -> bool:
        """Whether something leaves by it, or was moved out of the way."""
        return bool(self.mails or self.settled or self.passage.postponed)

    @cached_property
    def attempts(self) -> dict[int, int]:
        """Which attempt it is, by delivery id."""
        return {one.delivery_id: one.attempt for one in self.mails}


class _Due(NamedTuple):
    id: int
    kind: str
    priority: int
    occasion_id: int
    newsletter: str | None
    edition_id: int | None
    subscriber_id: int | None
    editor_id: int | None
    attempt: int
    expires_at: datetime
    queued_at: datetime


_COLUMNS = [getattr(Delivery, name) for name in _Due._fields]


def claim(session: Session, limit: int, worker: Worker, *, now: datetime) -> Claim:
    """Take up to `limit` deliveries that are due at `now`, as far as every way lets them through.

    Settled at once are those that came too late, those whose readers may not be mailed any more, and
    alerts that they want no more.
    """
    first = Claim()
    for ways, route in routes(session, worker.ways, worker.alert_ways):
        found = _claim_by(session, limit, worker, ways, route, now)
        if found.brings:
            return found
        # what waits on one way holds up nobody on another
        first = first if first.passage.waiting else found
    return first


def _claim_by(
    session: Session,
    limit: int,
    worker: Worker,
    ways: tuple[str, ...],
    route: Iterable[Lane],
    now: datetime,
) -> Claim:
    found = Claim(ways=ways)
    due = _of_few_editions(_due(session, limit, route, now))
    if not due:
        return found
    expired = [row.id for row in due if row.expires_at <= now]
    _settle(session, expired, DeliveryState.EXPIRED, "could not leave in its time", now, found)
    ready, barred = _sort_out(session, [row for row in due if row.expires_at > now], now)
    for reason, ids in barred.items():
        _settle(session, ids, DeliveryState.WITHHELD, reason, now, found)
    ready = _still_wanted(session, due, ready, now, found)
    ready = _within_budget(session, due, ready, now, found)
    asking = [Asking(one.delivery_id, one.address, one.letter, one.expires_at) for one in ready]
    found.passage = gates.admit(session, ways, asking, owner=worker.owner, now=now)
    found.mails = [one for one in ready if one.delivery_id in found.passage.ids]
    _take(session, [one.delivery_id for one in found.mails], worker)
    return found


def _still_wanted(
    session: Session, due: Sequence[_Due], ready: list[Claimed], now: datetime, found: Claim
) -> list[Claimed]:
    """Those but for alerts that had to wait here, and of which their readers want nothing any more, or not
    now: what they hold in their quiet waits until that is over."""
    may_leave = {one.delivery_id for one in ready}
    waited = [
        budget.Asking(row.id, row.subscriber_id, row.kind, row.edition_id)
        for row in due
        if row.kind == DeliveryKind.ALERT and row.queued_at < now - wanted.WAITED and row.id in may_leave
        if row.subscriber_id
    ]
    if not waited:
        return ready
    unwanted = wanted.unwanted(session, waited, now=now)
    for one in dict.fromkeys(unwanted.values()):
        ids = [delivery_id for delivery_id, why in unwanted.items() if why == one]
        if one.until:
            wanted.put_off(session, ids, one)
        else:
            _settle(session, ids, DeliveryState.WITHHELD, one.why, now, found)
    return [one for one in ready if one.delivery_id not in unwanted]


def _within_budget(
    session: Session, due: Sequence[_Due], ready: list[Claimed], now: datetime, found: Claim
) -> list[Claimed]:
    """Those that are not one mail too many on their reader's day; such a one is withheld."""
    may_leave = {one.delivery_id for one in ready}
    counted = [
        budget.Asking(row.id, row.subscriber_id, row.kind, row.edition_id)
        for row in due
        if row.id in may_leave and row.subscriber_id and row.kind in _COUNTED
    ]
    answer = budget.ask(session, counted, now=now)
    beyond = [one.delivery_id for one in answer.beyond]
    _settle(session, beyond, DeliveryState.WITHHELD, budget.USED_UP, now, found)
    budget.fold_withheld(session, answer.beyond, now=now)
    kept_back = {*beyond, *(one.delivery_id for one in answer.busy)}
    return [one for one in ready if one.delivery_id not in kept_back] if kept_back else ready


def _due(session: Session, limit: int, route: Iterable[Lane], now: datetime) -> list[_Due]:
    """Up to `limit` deliveries that are due, locked; those that another worker holds are left out."""
    due: list[_Due] = []
    for lane in route:
        due += _first(session, limit - len(due), lane, now)
        if len(due) >= limit:
            break
    return due


def _of_few_editions(due: list[_Due]) -> list[_Due]:
    """The first of them, up to where one edition too many would come in."""
    editions = set()
    for place, row in enumerate(due):
        editions.add(row.edition_id)
        if len(editions) > MOST_EDITIONS:
            return due[:place]
    return due


def _first(session: Session, limit: int, lane: Lane, now: datetime) -> list[_Due]:
    # past the session, which would take longer over each row than the database
    session.flush()
    rows = session.connection().execute(
        select(*_COLUMNS)
        .where(Delivery.state == DeliveryState.QUEUED, lane.holds, Delivery.due_at <= now)
        .order_by(Delivery.due_at, Delivery.edition_id, Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [*map(_Due._make, rows.all())]


def count_due(session: Session, limit: int, *, now: datetime) -> int:
    """How many deliveries are due at `now` and held by nobody, counted up to `limit`."""
    counted = 0
    for lane in lanes(session):
        if counted >= limit:
            break
        due = (
            select(Delivery.id)
            .where(Delivery.state == DeliveryState.QUEUED, lane.holds, Delivery.due_at <= now)
            .limit(limit - counted)
        )
        counted += session.scalars(select(func.count()).select_from(due.subquery())).one()
    return counted


def _sort_out(
    session: Session, rows: Sequence[_Due], now: datetime
) -> tuple[list[Claimed], dict[str, list[int]]]:
    """Those that may leave, with where they go; and by the reason the ids of those that may not."""
    editors = _editors(session, {row.editor_id for row in rows if row.editor_id is not None})
    by_newsletter: dict[str | None, list[int]] = {}
    for row in rows:
        if row.subscriber_id is not None:
            by_newsletter.setdefault(row.newsletter, []).append(row.subscriber_id)
    standing = {
        newsletter: roster.recipients(session, ids, newsletter, now=now)
        for newsletter, ids in by_newsletter.items()
    }
    ready: list[Claimed] = []
    barred: dict[str, list[int]] = {}
    for row in rows:
        if row.subscriber_id is not None:
            mailbox = standing[row.newsletter][row.subscriber_id]
        else:
            mailbox = editors.get(row.editor_id or 0, "no longer an editor")
        if isinstance(mailbox, str):
            barred.setdefault(mailbox, []).append(row.id)
        else:
            ready.append(_claimed(row, mailbox))
    return ready, barred


def _claimed(row: _Due, mailbox: roster.Mailbox) -> Claimed:
    return Claimed(
        delivery_id=row.id,
        attempt=row.attempt + 1,
        expires_at=row.expires_at,
        kind=row.kind,
        letter=row.priority == Priority.LETTER,
        occasion_id=row.occasion_id,
        newsletter=row.newsletter,
        edition_id=row.edition_id,
        address=mailbox.address,
        public_id=mailbox.public_id,
        counted=mailbox.counted,
    )


def _editors(session: Session, ids: Iterable[int]) -> dict[int, roster.Mailbox]:
    wanted = list(ids)
    if not wanted:
        return {}
    rows = session.execute(
        select(Editor.id, Editor.email).where(Editor.id.in_(wanted), Editor.removed_at.is_(None))
    )
    return {editor_id: roster.Mailbox(email, f"editor-{editor_id}") for editor_id, email in rows}


def _settle(
    session: Session, ids: Sequence[int], state: DeliveryState, reason: str, now: datetime, found: Claim
) -> None:
    if not ids:
        return
    session.execute(
        update(Delivery).where(among(Delivery.id, ids)).values(state=state, reason=reason, settled_at=now),
        execution_options=UNSEEN,
    )
    found.settled[str(state)] += len(ids)


def _take(session: Session, ids: Sequence[int], worker: Worker) -> None:
    if not ids:
        return
    session.execute(
        update(Delivery)
        .where(among(Delivery.id, ids))
        .values(
            state=DeliveryState.CLAIMED,
            owner=worker.owner,
            provider=worker.provider,
            attempt=Delivery.attempt + 1,
            lease_until=database_now(session) + worker.lease,
        ),
        execution_options=UNSEEN,
    )
