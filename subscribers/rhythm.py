"""The rhythm: when a reader wants mail. Zone, hour of the day, days of the week.

A pure value; what instants it means for an issue is decided in `newsletter.schedule`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))


class InvalidRhythm(ValueError):
    """A zone, an hour or a day of the week that does not exist."""


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def parse_zone(name: str) -> str:
    """`name` if the tz database has it, else InvalidRhythm with the remedy."""
    name = name.strip()
    if name in _zones():
        return name
    by_case = {zone.casefold(): zone for zone in _zones()}
    if found := by_case.get(name.casefold()):
        return found
    raise InvalidRhythm(f"unknown time zone {name!r}: use a tz database name such as Europe/Paris")


def parse_hour(text: str | int) -> int:
    """An hour of the day, 0 to 23."""
    try:
        hour = int(text)
    except ValueError:
        hour = -1
    if not 0 <= hour <= 23:
        raise InvalidRhythm(f"unknown hour {text!r}: use a whole number from 0 to 23")
    return hour


@dataclass(frozen=True, slots=True)
class Rhythm:
    timezone: str = "UTC"
    #: wall-clock hour in `timezone`, 0 to 23
    hour: int = 7
    #: 0 is Monday
    weekdays: frozenset[int] = EVERY_DAY

    def __post_init__(self) -> None:
        parse_zone(self.timezone)
        parse_hour(self.hour)
        if not self.weekdays or not self.weekdays <= EVERY_DAY:
            raise InvalidRhythm("choose at least one day of the week, 0 (Monday) to 6 (Sunday)")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def mask(self) -> int:
        """The weekdays as seven bits, Monday lowest: how they are stored."""
        return sum(1 << day for day in self.weekdays)

    @classmethod
    def of(cls, timezone: str, hour: int, mask: int) -> Self:
        """The rhythm from its stored form."""
        return cls(timezone, hour, frozenset(day for day in range(7) if mask >> day & 1))


def parse_weekdays(names: Iterable[str]) -> frozenset[int]:
    """`["mon", "Friday"]` → {0, 4}; InvalidRhythm names the word it does not know."""
    found = set()
    for name in names:
        short = name.strip().casefold()[:3]
        if short not in DAYS:
            raise InvalidRhythm(f"unknown day {name!r}: use {', '.join(DAYS)}")
        found.add(DAYS.index(short))
    return frozenset(found)
