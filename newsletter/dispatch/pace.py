"""Pace: how many mails may leave now, and when the next one may. Pure rules over plain values.

A rate is kept by the generic cell rate algorithm (ITU-T I.371, annex A): one instant, `next_at`,
says at what time all that left so far would have left at the steady rate. All arithmetic is in whole
microseconds, so that no rounding ever lets one mail too many through.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

_HOUR = timedelta(hours=1) // timedelta(microseconds=1)
#: how long a way stays closed that nobody asked to be closed for longer; doubled each time in a row
FIRST_CLOSING, LONGEST_CLOSING = timedelta(seconds=30), timedelta(minutes=15)
#: whoever asks us to wait for longer is not believed
LONGEST_ASKED = timedelta(days=1)
#: mails a day of which a mailbox provider takes no notice any more: the warm-up is over
WARM = 100_000_000


def kept_for_letters(number: int) -> int:
    """How many places of `number` are for letters alone: a person waits for them.

    A tenth, and at least one, unless there is only one place.
    """
    return min(number - 1, max(1, number // 10)) if number > 0 else 0


@dataclass(frozen=True, slots=True)
class Rate:
    """So many an hour at a steady pace, and up to `burst` at once after a silence."""

    per_hour: int
    burst: int

    @classmethod
    def of(cls, per_hour: int, burst: int | None) -> "Rate":
        """With the burst that holds without any: what leaves in a minute, and at least two."""
        return cls(per_hour, burst or max(2, per_hour // 60))

    def believed(self, next_at: datetime | None, now: datetime) -> datetime | None:
        """`next_at`, unless it is so far ahead that the clock must have been set back since."""
        return next_at and min(next_at, now + self.span(self.burst))

    def room(self, next_at: datetime | None, now: datetime) -> int:
        """How many may leave at `now`."""
        if next_at is None or next_at <= now:
            return self.burst
        debt = (next_at - now) // timedelta(microseconds=1)
        return max(0, self.burst - -(-debt * self.per_hour // _HOUR))

    def after(self, next_at: datetime | None, now: datetime, number: int) -> datetime:
        """The new `next_at`, once `number` left at `now`."""
        return max(next_at or now, now) + self.span(number)

    def given_back(self, next_at: datetime, number: int, since: timedelta) -> datetime:
        """The new `next_at`, once `number` that were counted that long ago turn out not to have left.

        What the pace has regained since then by itself is not given twice: it is never earlier than if
        they had not been counted.
        """
        credit = timedelta(microseconds=number * _HOUR // self.per_hour)
        return next_at - max(timedelta(), credit - max(timedelta(), since))

    def opens(self, next_at: datetime | None, now: datetime, *, kept: int = 0) -> datetime:
        """The first instant from `now` on at which there is room for one more than `kept`."""
        credit = timedelta(microseconds=(self.burst - 1 - kept) * _HOUR // self.per_hour)
        return max(now, (next_at or now) - credit)

    def span(self, number: int) -> timedelta:
        """How long `number` mails take at the steady rate, never too short."""
        return timedelta(microseconds=-(-number * _HOUR // self.per_hour))


@dataclass(frozen=True, slots=True)
class Room:
    """How many more may leave by one way, or by several at once; without a limit, as many as want.

    A digest finds less room than a letter, so that a letter need not wait until a digest has left.
    """

    letters: float = float("inf")
    others: float = float("inf")

    @classmethod
    def of(cls, places: int, total: int) -> "Room":
        """`places` that are free, of a `total` after a silence."""
        return cls(max(0, places), max(0, places - kept_for_letters(total)))

    def narrowed(self, rooms: Iterable["Room"]) -> "Room":
        """What is left when all the others limit as well."""
        every = [self, *rooms]
        return Room(min(room.letters for room in every), min(room.others for room in every))

    def has(self, *, letter: bool) -> bool:
        return (self.letters if letter else self.others) >= 1

    def taken(self) -> "Room":
        """The room that is left when one more has left."""
        return Room(self.letters - 1, self.others - 1)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A sender that nobody knows yet: `first` mails on its first day, each day `growth` times more."""

    first: int
    growth: float

    def ceiling(self, days: int) -> int | None:
        """How many may leave within the day that comes `days` after the first; None for no limit more.

        Before its first day it may send as much as on it.
        """
        allowed = float(self.first)
        for _ in range(max(0, days)):
            allowed *= self.growth
            if allowed >= WARM:
                return None
        return int(allowed)


def closing(times: int, asked: timedelta | None) -> timedelta:
    """How long a way stays closed that is being closed for the `times`-th time in a row.

    As long as was asked for; without that, and when it goes on, longer each time.
    """
    growing: timedelta = min(LONGEST_CLOSING, FIRST_CLOSING * 2 ** min(times - 1, 10))
    if asked is None or asked <= timedelta():
        return growing
    asked = min(asked, LONGEST_ASKED)
    return asked if times == 1 else max(asked, growing)
