"""When a reader wants quiet, and which day it is for them. Pure; the wall clock is that of their zone."""

from collections.abc import Iterator
from datetime import date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from newsletter.schedule import DAY, instant
from subscribers.alert_choices import AlertChoices

MIDNIGHT = time(0)


@lru_cache(maxsize=4096)  # many readers choose alike
def quiet_until(choices: AlertChoices, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The instant (UTC) at which the quiet that holds at `now` is over, all hours and days that follow
    each other taken together; None where no quiet holds."""
    until = now
    # the night before may reach into today
    day = now.astimezone(zone).date() - DAY
    while instant(day, MIDNIGHT, zone) <= until:
        for begin, end in _quiet_from(day, choices, zone):
            if begin <= until < end:
                until = end
        day += DAY
    return until if until > now else None


@lru_cache(maxsize=4096)
def quiet_begins(choices: AlertChoices, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When the next quiet begins (UTC), the one that holds at `now` aside; None where none ever does."""
    today = now.astimezone(zone).date()
    days = (today + DAY * ahead for ahead in range(-1, 9))
    begins = (begin for day in days for begin, _ in _quiet_from(day, choices, zone))
    return next((begin for begin in begins if begin > now), None)


def _quiet_from(day: date, choices: AlertChoices, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """The quiet that begins on `day`, from when up to when, the earliest first."""
    if day.weekday() in choices.quiet_days:
        yield instant(day, MIDNIGHT, zone), instant(day + DAY, MIDNIGHT, zone)
    if choices.quiet_from != choices.quiet_until:
        last = day if choices.quiet_from < choices.quiet_until else day + DAY
        yield instant(day, time(choices.quiet_from), zone), instant(last, time(choices.quiet_until), zone)


def day_of(zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """The reader's day around `now`: from when, and up to when (both UTC)."""
    day = now.astimezone(zone).date()
    # a clock that is put back at midnight shows the day before once more
    if instant(day + DAY, MIDNIGHT, zone) <= now:
        day += DAY
    return instant(day, MIDNIGHT, zone), instant(day + DAY, MIDNIGHT, zone)


def next_morning(choices: AlertChoices, zone: ZoneInfo, now: datetime) -> datetime:
    """When the next day's mails may begin: the first moment of the next day that is not quiet."""
    _, tomorrow = day_of(zone, now)
    return quiet_until(choices, zone, tomorrow) or tomorrow
