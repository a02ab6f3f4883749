"""Gates: whether mail may leave by a way at all, and how much of it, the same for every machine.

A way is a provider, a sender, the domain of a mailbox or a newsletter. Each has a row in `pace`, or
none, which is to be open and without a limit. Time is the database's own: the machines agree on it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from newsletter.dispatch import ways as meaning
from newsletter.dispatch.pace import Room, closing
from newsletter.dispatch.places import Asking, give_places
from newsletter.models import Delivery, Pace
from newsletter.models.delivery import DeliveryState
from newsletter.store.clock import database_now
from subscribers.unique import insert_new


def provider_way(name: str) -> str:
    return f"provider:{name}"


def sender_way(address: str) -> str:
    return f"sender:{_domain(address)}"


def ways(provider: str, sender: str) -> tuple[str, ...]:
    """Those that all mail of a sender takes, whomever it goes to."""
    return provider_way(provider), sender_way(sender)


def domain_way(address: str) -> str:
    return f"domain:{_domain(address)}"


def newsletter_way(slug: str) -> str:
    return f"newsletter:{slug}"


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Passage:
    """Who of those that asked may leave now."""

    ids: Collection[int] = ()
    #: why not all, in words
    waiting: str | None = None
    #: whether that is because a way is closed, and not only because its pace is used up
    closed: bool = False
    #: how many were given a place later on, and ask again only then
    postponed: int = 0
    #: whether a way was closed until just now
    after_closing: bool = False
    #: whether a way is closed until a person has mended something
    until_mended: bool = False
    #: the ways on which they were counted, each with its rate; and when, by the database's clock
    counted_on: Mapping[str, int | None] = field(default_factory=dict)
    counted_at: datetime | None = None


def admit(
    session: Session, ways: Sequence[str], asking: Sequence[Asking], *, owner: str, now: datetime
) -> Passage:
    """Which of `asking` may leave now by all of `ways`, and by the way to its domain; the first first.

    Each that passes is counted on every way that it takes, and one that does not on none. `now` is the
    time by which things are due to the caller.
    """
    if not asking:
        return Passage()
    rows = _locked(session, {*ways, *(domain_way(one.address) for one in asking)})
    if not rows:
        return Passage({one.id for one in asking})
    clock = database_now(session)
    for row in rows.values():
        meaning.believe(row, clock)
    shared = [rows.pop(way) for way in ways if way in rows]
    for row in shared:
        if meaning.is_closed(row, clock):
            why = f"{row.key} is closed: {row.closed_because}"
            return Passage(waiting=why, closed=True, until_mended=meaning.is_closed_until_mended(row))
        if not _has_connection(session, row, owner, clock):
            return Passage(waiting=f"{row.key}: no more than {row.connections} may hand over at one time")
    passed, beyond = _sort_out(
        asking,
        Room().narrowed(meaning.room(row, clock) for row in shared),
        {key: meaning.room(row, clock) for key, row in rows.items()},
    )
    ids = {delivery_id for of_domain in passed.values() for delivery_id in of_domain}
    for row in shared:
        meaning.count(row, len(ids), clock)
    for key, row in rows.items():
        meaning.count(row, len(passed.get(key, ())), clock)
        give_places(session, row, beyond.get(key, ()), clock=clock, now=now)
    session.flush()
    postponed = sum(map(len, beyond.values()))
    return Passage(
        ids,
        waiting=meaning.used_up(shared, clock) if len(ids) + postponed < len(asking) else None,
        postponed=postponed,
        after_closing=any(row.closed_times for row in shared),
        counted_on={row.key: row.per_hour for row in (*shared, *rows.values())},
        counted_at=clock,
    )


def give_back(session: Session, ways: Sequence[str], passage: Passage, addresses: Collection[str]) -> None:
    """Mails to these addresses passed and did not leave after all: their places are free for others.

    `ways` as for `admit`; they are locked in its order, and may be closed next.
    """
    if not addresses or passage.counted_at is None:
        return
    to_domain = Counter(map(domain_way, addresses))
    rows = session.scalars(
        select(Pace).where(Pace.key.in_({*ways, *passage.counted_on})).order_by(Pace.key).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    clock = database_now(session)
    for row in rows:
        if row.key in passage.counted_on:
            number = len(addresses) if row.key in ways else to_domain[row.key]
            per_hour = passage.counted_on[row.key]
            meaning.give_back(row, number, passage.counted_at, clock, per_hour=per_hour)
    session.flush()


def _locked(session: Session, keys: Collection[str]) -> dict[str, Pace]:
    """Those of the ways that limit anything, locked in the order of their keys, so that nobody deadlocks."""
    limiting = or_(
        Pace.per_hour.is_not(None),
        Pace.connections.is_not(None),
        Pace.warm_up_first.is_not(None),
        Pace.stopped,
        Pace.closed_times > 0,
    )
    rows = session.scalars(
        select(Pace).where(Pace.key.in_(keys), limiting).order_by(Pace.key).with_for_update(),
        execution_options={"populate_existing": True},
    )
    return {row.key: row for row in rows}


def _sort_out(
    asking: Sequence[Asking], room: Room, domains: Mapping[str, Room]
) -> tuple[dict[str, list[int]], dict[str, list[Asking]]]:
    """By the way to the domain: the ids of those that pass, and those for which it has no room."""
    left = dict(domains)
    passed: dict[str, list[int]] = {}
    beyond: dict[str, list[Asking]] = {}
    for one in asking:
        domain = domain_way(one.address)
        of_domain = left.get(domain, Room())
        if not of_domain.has(letter=one.letter):
            beyond.setdefault(domain, []).append(one)
        elif room.has(letter=one.letter):
            room, left[domain] = room.taken(), of_domain.taken()
            passed.setdefault(domain, []).append(one.id)
    return passed, beyond


def _has_connection(session: Session, row: Pace, owner: str, clock: datetime) -> bool:
    """Whether this owner may hand over by the way beside all the others that do so now."""
    return row.connections is None or len(_owners(session, row, clock) - {owner}) < row.connections


def _owners(session: Session, row: Pace, clock: datetime) -> set[str | None]:
    """Who hands over by the provider of that row at this moment."""
    return set(
        session.scalars(
            select(Delivery.owner)
            .where(
                Delivery.lease_until > clock,
                Delivery.state.in_((DeliveryState.CLAIMED, DeliveryState.SUBMITTING)),
                Delivery.provider == row.key.partition(":")[2],
            )
            .distinct()
        )
    )


def openings(session: Session, keys: Collection[str], *, per_claim: int) -> float:
    """For how many mails it is worth while to claim now; locks nothing, and is only a hint.

    One for a way that is closed until something is mended: somebody must look whether it is.
    """
    clock = database_now(session)
    found = float("inf")
    for row in session.scalars(select(Pace).where(Pace.key.in_(keys))):
        meaning.believe(row, clock)
        room = 1 if meaning.is_closed_until_mended(row) else meaning.room(row, clock).letters
        if row.connections is not None:
            free = max(0, row.connections - len(_owners(session, row, clock)))
            room = min(room, free * per_claim)
        found = min(found, room)
    return found


def closed(session: Session, keys: Collection[str]) -> set[str]:
    """Those of the ways that let nothing through now."""
    if not keys:
        return set()
    rows = session.scalars(select(Pace).where(Pace.key.in_(keys), or_(Pace.stopped, Pace.closed_times > 0)))
    clock = database_now(session)
    return {row.key for row in rows if meaning.is_closed(row, clock)}


def close(session: Session, key: str, because: str, *, wait: timedelta | None = None) -> bool:
    """Let nothing through for `wait`, or for longer each time in a row; whether it was open before.

    Several workers that run into it at once count as one time. What is closed for longer stays so.
    """
    row = locked_row(session, key)
    if row.stopped or meaning.is_closed_until_mended(row):
        return False
    now = database_now(session)
    was_open = row.closed_times == 0
    if not meaning.is_closed(row, now):
        row.closed_times += 1
    until = now + closing(row.closed_times, wait)
    row.closed_until = max(until, row.closed_until or until)
    row.closed_because = because
    session.flush()
    return was_open


def close_until_mended(session: Session, key: str, because: str) -> bool:
    """Let nothing through until somebody finds that it works again; whether that is news."""
    row = locked_row(session, key)
    if row.stopped or meaning.is_closed_until_mended(row):
        return False
    row.closed_until, row.closed_because = None, because
    row.closed_times += 1
    session.flush()
    return True


def reopen(session: Session, key: str) -> bool:
    """This way works again, as somebody just found out; whether that opens it.

    It does not where a person stopped it, or where another worker was asked to wait in the meantime.
    """
    row = session.scalars(
        select(Pace).where(Pace.key == key).with_for_update(), execution_options={"populate_existing": True}
    ).one_or_none()
    if row is None or not row.closed_times or row.stopped:
        return False
    if row.closed_until and row.closed_until > database_now(session):
        return False
    row.closed_until = row.closed_because = None
    row.closed_times = 0
    session.flush()
    return True


def locked_row(session: Session, key: str) -> Pace:
    """The row of a way, for this transaction alone; made where there is none."""
    insert_new(session, Pace, [{"key": key, "day_count": 0, "stopped": False, "closed_times": 0}])
    return session.scalars(
        select(Pace).where(Pace.key == key).with_for_update(),
        execution_options={"populate_existing": True},
    ).one()
