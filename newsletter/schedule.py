"""When things are due: from wall clocks to instants. Pure; `now` is an argument.

An issue belongs to a local date of its newsletter's home zone; a reader receives it at their own
hour in their own zone. One rule makes an instant of a wall time everywhere: the first moment at
which the clock has reached it. So a time that a change of the clock leaves out means the first
valid one after the gap, and a time that comes twice means its first occurrence.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from subscribers.rhythm import EVERY_DAY, Rhythm, parse_zone

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Timetable:
    """When a newsletter appears. Raises ValueError for one that cannot be kept."""

    #: daily or weekly
    cadence: str
    #: 0 is Monday; only for weekly
    weekday: int | None
    #: home zone, in which `cutoff` and `publish` are wall-clock times
    timezone: str
    #: selection closes
    cutoff: time
    #: readers receive it from here on; not earlier in the day than `cutoff`
    publish: time
    #: how long before the cut-off the issue is planned
    lead: timedelta
    #: how long after its time an issue may still be published
    catch_up: timedelta

    def __post_init__(self) -> None:
        parse_zone(self.timezone)
        if self.cadence not in ("daily", "weekly"):
            raise ValueError(f"unknown cadence {self.cadence!r}: use daily or weekly")
        if self.weekday not in (range(7) if self.cadence == "weekly" else (None,)):
            raise ValueError("a weekly timetable needs a weekday from 0 to 6, a daily one has none")
        if self.publish < self.cutoff:
            raise ValueError(f"publish ({self.publish}) must not be earlier than cutoff ({self.cutoff})")
        if self.lead < timedelta(0) or self.catch_up <= timedelta(0):
            raise ValueError("lead must not be negative, and catch_up must be longer than nothing")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One issue's date and its instants, in the order in which they come to pass."""

    date: date
    plan_at: datetime
    cutoff_at: datetime
    publish_at: datetime
    expires_at: datetime


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first moment at which the clocks of `zone` have reached `at` on `day`, in UTC."""
    wall = datetime.combine(day, at)
    # fold 0 is the first occurrence of a repeated time; in a gap it reads the clock of before the
    # change and lands after it, while fold 1 lands before it (PEP 495)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(moment, zone) == wall:
        return moment
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    seconds = range(int((moment - before).total_seconds()))
    reached = bisect_left(seconds, True, key=lambda n: _wall(before + timedelta(seconds=n), zone) > wall)
    return before + timedelta(seconds=reached)


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def occurrence(timetable: Timetable, day: date) -> Occurrence:
    """The issue of `day`, which must be one of the timetable's."""
    cutoff_at = instant(day, timetable.cutoff, timetable.zone)
    publish_at = instant(day, timetable.publish, timetable.zone)
    return Occurrence(
        date=day,
        plan_at=cutoff_at - timetable.lead,
        cutoff_at=cutoff_at,
        publish_at=publish_at,
        expires_at=publish_at + timetable.catch_up,
    )


def occurrences(timetable: Timetable, *, since: datetime, until: datetime) -> list[Occurrence]:
    """The issues to be planned after `since` and not after `until`, in order.

    Whoever asks from one `until` to the next meets every issue once.
    """
    near = _near(timetable, since + timetable.lead, until + timetable.lead)
    return [one for one in near if since < one.plan_at <= until]


def due(timetable: Timetable, *, now: datetime) -> list[Occurrence]:
    """The issues that there is something to do about: planned by now, and not yet expired."""
    near = _near(timetable, now - timetable.catch_up, now + timetable.lead)
    return [one for one in near if one.plan_at <= now < one.expires_at]


def _near(timetable: Timetable, first: datetime, last: datetime) -> Iterator[Occurrence]:
    """All issues with a wall-clock time from `first` to `last`, perhaps others beside them."""
    # a gap at midnight moves the times of a day to the next
    day = first.astimezone(timetable.zone).date() - DAY
    end = last.astimezone(timetable.zone).date()
    while day <= end:
        if timetable.weekday in (None, day.weekday()):
            yield occurrence(timetable, day)
        day += DAY


def delivery_time(rhythm: Rhythm, *, publish_at: datetime) -> datetime | None:
    """When a reader receives the issue published at `publish_at`, or None if they do not read that day.

    It is the first moment at or after publication that is the reader's hour in the reader's zone,
    so each issue has exactly one. Stories of an issue that is not received are left to the next one.

    Where the home zone and the reader's change their clocks on different days, publications and
    reading hours drift against each other for a while. If the hour lies close to publication, two
    issues may then fall on one moment at the one end, and a local date go without at the other; no
    issue is lost or doubled.
    """
    day = reading_day(rhythm, publish_at=publish_at)
    return instant(day, time(rhythm.hour), rhythm.zone) if day.weekday() in rhythm.weekdays else None


def reading(rhythm: Rhythm, *, cadence: str, publish_at: datetime) -> tuple[datetime, int] | None:
    """When a reader of this rhythm receives an issue, and how many days ago they read last.

    None when they do not read on that day. Days of the week are chosen for dailies; a weekly has
    its own day.
    """
    if cadence == "weekly":
        rhythm = Rhythm(rhythm.timezone, rhythm.hour, EVERY_DAY)
    due_at = delivery_time(rhythm, publish_at=publish_at)
    if due_at is None:
        return None
    day = reading_day(rhythm, publish_at=publish_at)
    return due_at, days_since_last_reading(rhythm.mask, day.weekday())


def reading_day(rhythm: Rhythm, *, publish_at: datetime) -> date:
    """The day whose reading hour is the first at or after `publish_at`.

    A gap may move the moment past midnight; the day is still that whose hour it is.
    """
    # the reading hour of the day before may have been moved past midnight
    day = publish_at.astimezone(rhythm.zone).date() - DAY
    while instant(day, time(rhythm.hour), rhythm.zone) < publish_at:
        day += DAY
    return day


def days_since_last_reading(weekdays: int, weekday: int) -> int:
    """Days from `weekday` back to the last chosen one before it: 1 to 7.

    `weekdays` is a mask as in `Rhythm.mask`, with at least one bit set.
    """
    return next(days for days in range(1, 8) if weekdays >> (weekday - days) % 7 & 1)
