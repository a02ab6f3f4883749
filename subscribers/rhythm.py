"""The rhythm: when a reader wants mail. Zone, hour of the day, days of the week.

A pure value; what instants it means for an issue is decided in `newsletter.schedule`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS = tuple(name[:3] for name in _NAMES)
EVERY_DAY = frozenset(range(7))


class InvalidRhythm(ValueError):
    """A zone, an hour or a day of the week that does not exist."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{reason}: {remedy}")


@cache
def zone_names() -> frozenset[str]:
    """The zones of the tz database, without two names that a system may add: for its own, and none."""
    return frozenset(available_timezones()) - {"Factory", "localtime"}


@cache
def _by_folded_name() -> dict[str, str]:
    return {zone.casefold(): zone for zone in zone_names()}


def parse_zone(name: str) -> str:
    """The zone of the tz database that `name` means, in its exact spelling, or InvalidRhythm."""
    if found := _by_folded_name().get(name.strip().casefold()):
        return found
    raise InvalidRhythm(f"unknown time zone {name[:80]!r}", "use a tz database name such as Europe/Paris")


def parse_hour(text: str | int) -> int:
    """An hour of the day, 0 to 23."""
    digits = str(text).strip()
    if len(digits) <= 2 and digits.isdecimal() and int(digits) <= 23:
        return int(digits)
    raise InvalidRhythm(f"unknown hour {digits[:20]!r}", "use a whole number from 0 to 23")


@dataclass(frozen=True, slots=True)
class Rhythm:
    timezone: str = "UTC"
    #: wall-clock hour in `timezone`, 0 to 23
    hour: int = 7
    #: 0 is Monday
    weekdays: frozenset[int] = EVERY_DAY

    def __post_init__(self) -> None:
        if (zone := parse_zone(self.timezone)) != self.timezone:
            raise InvalidRhythm(f"unknown time zone {self.timezone!r}", f"write it {zone}")
        parse_hour(self.hour)
        if not self.weekdays or not self.weekdays <= EVERY_DAY:
            raise InvalidRhythm(
                "no such days of the week", "choose from 0 (Monday) to 6 (Sunday), at least one"
            )

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
        word = name.strip().casefold()
        days = [day for day, full in enumerate(_NAMES) if len(word) >= 3 and full.startswith(word)]
        if not days:
            raise InvalidRhythm(f"unknown day {name[:20]!r}", f"use {', '.join(DAYS)}")
        found.update(days)
    return frozenset(found)
