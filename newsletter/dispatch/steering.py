"""Steering: what a person sets, stops and opens on a way."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.dispatch.gates import locked_row
from newsletter.dispatch.ways import is_closed
from newsletter.models import Pace
from newsletter.store.clock import database_now
from subscribers.address import InvalidAddress, parse

#: what can be set for which kind of way
RATE = frozenset({"per_hour", "burst"})
WARM_UP = frozenset({"warm_up_first", "warm_up_growth", "warm_up_from"})
LIMITS = {
    "provider": RATE | {"connections"},
    "sender": RATE | WARM_UP,
    "domain": RATE,
    "newsletter": frozenset[str](),
}


class BadWay(ValueError):
    """There is no such way, or no such limit on it; the message says what there is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a person sets; what is None stays as it is."""

    per_hour: int | None = None
    burst: int | None = None
    connections: int | None = None
    warm_up_first: int | None = None
    warm_up_growth: float | None = None
    warm_up_from: date | None = None

    def given(self) -> dict[str, int | float | date]:
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


def parse_way(text: str, *, providers: Collection[str], newsletters: Collection[str]) -> str:
    """The key of the way in `text`, with a domain as A-labels; BadWay for none."""
    kind, _, name = text.strip().partition(":")
    match kind:
        case "provider":
            return f"provider:{_one_of(name, providers, 'provider')}"
        case "newsletter":
            return f"newsletter:{_one_of(name, newsletters, 'newsletter')}"
        case "sender" | "domain":
            try:
                # the reader's side of an address is of no interest, only its domain
                return f"{kind}:{parse(f'a@{name}').key.rpartition('@')[2]}"
            except InvalidAddress:
                raise BadWay(f"{name!r} is no domain: write it as {kind}:example.com") from None
    raise BadWay(
        f"{text!r} is no way: write it as provider:{next(iter(providers))}, sender:example.com, "
        f"domain:gmail.com or newsletter:{next(iter(newsletters))}"
    )


def _one_of(name: str, known: Collection[str], kind: str) -> str:
    if name not in known:
        raise BadWay(f"there is no {kind} {name!r}, only {', '.join(known)}")
    return name


def find_ways(session: Session) -> list[Pace]:
    """All ways that have a limit, or are closed."""
    return [row for row in session.scalars(select(Pace).order_by(Pace.key)) if _matters(session, row)]


def closed_ways(session: Session) -> list[Pace]:
    """Those that let nothing through now."""
    clock = database_now(session)
    return [row for row in session.scalars(select(Pace).order_by(Pace.key)) if is_closed(row, clock)]


def _matters(session: Session, row: Pace) -> bool:
    limits = (row.per_hour, row.connections, row.warm_up_first)
    return any(limits) or is_closed(row, database_now(session))


def limit(session: Session, key: str, limits: Limits) -> Pace:
    """Set limits on a way, beside those that it has. BadWay for one that its kind cannot have."""
    given = limits.given()
    kind = key.partition(":")[0]
    if not LIMITS[kind]:
        raise BadWay(f"a {kind} has no pace: limit its sender or provider; a {kind} is stopped and opened")
    if strange := given.keys() - LIMITS[kind]:
        raise BadWay(f"a {kind} has no {_words(strange)}: it has {_words(LIMITS[kind])}")
    if not given:
        raise BadWay(f"say what to set: {_words(LIMITS[kind])}")
    row = locked_row(session, key)
    if not given.keys().isdisjoint(WARM_UP) and row.warm_up_from is None:
        given = {"warm_up_from": database_now(session).date(), **given}
    for name, value in given.items():
        setattr(row, name, value)
    if row.burst is not None and row.per_hour is None:
        raise BadWay("a burst belongs to a pace: set --per-hour too")
    if row.warm_up_from is not None and None in (row.warm_up_first, row.warm_up_growth):
        raise BadWay("a warm-up needs both --warm-up-first and --warm-up-growth")
    if not given.keys().isdisjoint(RATE):
        # what was reckoned by the old pace says nothing about the new one
        row.next_at = row.reserved_at = None
    session.flush()
    return row


def _words(names: Collection[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in sorted(names))


def clear(session: Session, key: str) -> None:
    """Take all limits off a way; LookupError where it has none. One that is closed stays closed."""
    row = session.scalars(select(Pace).where(Pace.key == key).with_for_update()).one_or_none()
    if row is None or not any((row.per_hour, row.connections, row.warm_up_first)):
        raise LookupError(f"{key} has no limits: `newsletter pace list` shows those that have")
    row.per_hour = row.burst = row.connections = row.next_at = row.reserved_at = None
    row.warm_up_from = row.warm_up_first = row.warm_up_growth = None
    session.flush()


def stop(session: Session, key: str, because: str) -> Pace:
    """Let nothing through until a person opens the way again."""
    row = locked_row(session, key)
    row.stopped, row.closed_because = True, because
    session.flush()
    return row


def open_again(session: Session, key: str) -> bool:
    """Let mail through again at once; whether the way was closed.

    Bounces and complaints of mails that left before count no more.
    """
    row = locked_row(session, key)
    clock: datetime = database_now(session)
    was_closed = is_closed(row, clock)
    if was_closed:
        row.stopped, row.closed_times = False, 0
        row.closed_until, row.closed_because = clock, None
        session.flush()
    return was_closed
