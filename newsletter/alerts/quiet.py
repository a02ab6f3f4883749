"""When a reader wants quiet, and which day it is for them. Pure; the wall clock is that of their zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

from subscribers.alert_choices import AlertChoices


def quiet_until(choices: AlertChoices, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The instant (UTC) at which the quiet that holds at `now` is over, all hours and days that follow
    each other taken together; None where no quiet holds."""
    raise NotImplementedError


def day_of(zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """The reader's day around `now`: from when, and up to when (both UTC)."""
    raise NotImplementedError


def next_morning(choices: AlertChoices, zone: ZoneInfo, now: datetime) -> datetime:
    """When the next day's mails may begin: the first moment of the next day that is not quiet."""
    raise NotImplementedError
