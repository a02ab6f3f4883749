"""Ways: what a row of `pace` means at a moment of the database's clock."""

from collections.abc import Iterable
from datetime import datetime

from newsletter.dispatch.pace import Rate, Room, WarmUp, kept_for_letters
from newsletter.models import Pace


def is_closed(row: Pace, clock: datetime) -> bool:
    """Whether nothing at all leaves by it."""
    ends_later = row.closed_until is not None and row.closed_until > clock
    return row.stopped or ends_later or is_closed_until_mended(row)


def is_closed_until_mended(row: Pace) -> bool:
    """Whether it was closed without an end, until somebody finds that it works again."""
    return row.closed_times > 0 and row.closed_until is None


def rate(row: Pace) -> Rate | None:
    """Its steady pace, if it has one."""
    return None if row.per_hour is None else Rate.of(row.per_hour, row.burst)


def ceiling(row: Pace, clock: datetime) -> int | None:
    """How many may leave by it today, as long as it is warming up."""
    if row.warm_up_from is None or row.warm_up_first is None or row.warm_up_growth is None:
        return None
    days = (clock.date() - row.warm_up_from).days
    return WarmUp(row.warm_up_first, row.warm_up_growth).ceiling(days)


def left_today(row: Pace, clock: datetime) -> int:
    """How many have left by it on this day in UTC."""
    return row.day_count if row.day == clock.date() else 0


def believe(row: Pace, clock: datetime) -> None:
    """Correct what it says of the future by a clock that was set back since."""
    if steady := rate(row):
        row.next_at = steady.believed(row.next_at, clock)


def room(row: Pace, clock: datetime) -> Room:
    """How many more may leave by it now."""
    if is_closed(row, clock):
        return Room(0, 0)
    found = Room()
    if steady := rate(row):
        found = found.narrowed([Room.of(steady.room(row.next_at, clock), steady.burst)])
    if (most := ceiling(row, clock)) is not None:
        found = found.narrowed([Room.of(most - left_today(row, clock), most)])
    return found


def count(row: Pace, number: int, clock: datetime) -> None:
    """Note that so many leave by it now."""
    if number:
        if steady := rate(row):
            row.next_at = steady.after(row.next_at, clock, number)
        row.day, row.day_count = clock.date(), left_today(row, clock) + number


def give_back(row: Pace, number: int, counted_at: datetime, clock: datetime, *, per_hour: int | None) -> None:
    """Note that so many that were counted at that time and rate did not leave after all."""
    steady = rate(row)
    # a rate that was set since has counted none of them
    if steady and row.next_at and row.per_hour == per_hour:
        row.next_at = steady.given_back(row.next_at, number, clock - counted_at)
    if row.day == counted_at.date():
        row.day_count = max(0, row.day_count - number)


def used_up(rows: Iterable[Pace], clock: datetime) -> str | None:
    """Which of them has no room any more for a digest, in words."""
    for row in rows:
        most = ceiling(row, clock)
        if most is not None and left_today(row, clock) >= most - kept_for_letters(most):
            return f"{row.key} is warming up: {most:,} may leave today, more after midnight UTC"
        if row.per_hour is not None and not room(row, clock).has(letter=False):
            return f"{row.key} lets {row.per_hour:,} an hour pass"
    return None
