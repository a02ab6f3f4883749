"""Places: when a mail asks again for which the way to its domain has no room now.

So it leaves the front of the outbox, holds up nobody behind it, and is moved about once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from newsletter.dispatch.pace import LONGEST_CLOSING, kept_for_letters
from newsletter.dispatch.ways import is_closed, rate
from newsletter.models import Delivery, Pace


class Asking(NamedTuple):
    """A delivery that would leave."""

    id: int
    address: str
    #: somebody waits for it just now, so that it need not wait for digests
    letter: bool
    expires_at: datetime


def give_places(
    session: Session, row: Pace, asking: Sequence[Asking], *, clock: datetime, now: datetime
) -> None:
    """Let each of them be due again when its turn comes on the way of `row`.

    Digests stand in one line; letters take the next free moments. `clock` is the database's time,
    `now` the one by which things are due.
    """
    steady = rate(row)
    if steady is None or is_closed(row, clock):
        again = clock + LONGEST_CLOSING if row.stopped or row.closed_until is None else row.closed_until
        _move(session, asking, f"{row.key} is closed: {row.closed_because}", now + (again - clock))
        return
    reason = f"waits for its turn: {row.key} lets {steady.per_hour:,} an hour pass"
    step, lag = steady.span(1), now - clock
    letters = [one for one in asking if one.letter]
    _move(session, letters, reason, steady.opens(row.next_at, clock) + lag, step)
    others = [one for one in asking if not one.letter]
    end = steady.opens(row.next_at, clock, kept=kept_for_letters(steady.burst))
    if row.reserved_at is not None:
        end = max(end, row.reserved_at + step)
    given = _move(session, others, reason, end + lag, step)
    if given:
        row.reserved_at = end + step * (given - 1)


def _move(
    session: Session,
    asking: Sequence[Asking],
    reason: str,
    first: datetime,
    step: timedelta = timedelta(),
) -> int:
    """Make them due at `first` and, one after the other, a `step` later; returns how many got a place.

    One whose place would come too late is due when it expires, and takes up nobody's place.
    """
    moved, given = [], 0
    for one in asking:
        place = first + step * given
        if place < one.expires_at:
            given += 1
        moved.append({"the_id": one.id, "place": min(place, one.expires_at)})
    if moved:
        table = Delivery.__table__
        moving = update(table).where(table.c.id == bindparam("the_id"))  # type: ignore[arg-type]
        session.connection().execute(moving.values(due_at=bindparam("place"), reason=reason), moved)
    return given
