"""Quiet times of alerts: instants from a reader's wall clock, over midnights and changes of the clock."""

from datetime import UTC, date, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.alerts.quiet import day_of, next_morning, quiet_until
from subscribers.alert_choices import AlertChoices
from subscribers.rhythm import InvalidRhythm, zone_names

PARIS = ZoneInfo("Europe/Paris")
HOUR = timedelta(hours=1)

choices_of_quiet = st.builds(
    AlertChoices,
    quiet_from=st.integers(0, 23),
    quiet_until=st.integers(0, 23),
    quiet_days=st.frozensets(st.integers(0, 6), max_size=6),
)
zones = st.sampled_from(sorted(zone_names())).map(ZoneInfo)
moments = st.integers(0, 4 * 365 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + minutes * timedelta(minutes=1)
)


def wall(moment: datetime | None, zone: ZoneInfo = PARIS) -> str | None:
    return f"{moment.astimezone(zone):%a %H:%M}" if moment else None


def at(day: int, hour: int, minute: int = 0, zone: ZoneInfo = PARIS) -> datetime:
    """A time in the week of Monday, 5 January 2026."""
    return datetime(2026, 1, 4 + day, hour, minute, tzinfo=zone).astimezone(UTC)


def is_quiet(choices: AlertChoices, wall: datetime) -> bool:
    """The rule once more, as a person reads it off a clock that nobody changes."""
    first, last = choices.quiet_from, choices.quiet_until
    if wall.weekday() in choices.quiet_days or first <= wall.hour < last:
        return True
    return first > last and (wall.hour >= first or wall.hour < last)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (at(1, 21, 59), None),
        (at(1, 22), "Tue 07:00"),
        (at(2, 3), "Tue 07:00"),
        (at(2, 6, 59), "Tue 07:00"),
        (at(2, 7), None),
    ],
)
def test_quiet_hours_reach_over_midnight(now: datetime, until: str | None) -> None:
    """Quiet from 22 to 7 holds from the first minute up to the last, and ends on the next morning."""
    assert wall(quiet_until(AlertChoices(), PARIS, now)) == until


def test_quiet_hours_within_a_day_leave_the_night_alone() -> None:
    """Quiet from 9 to 17 holds in the daytime, and only then."""
    choices = AlertChoices(9, 17)
    assert wall(quiet_until(choices, PARIS, at(1, 12))) == "Mon 17:00"
    assert quiet_until(choices, PARIS, at(1, 23)) is None


def test_equal_hours_are_no_quiet() -> None:
    """From 8 to 8 means that no hour is quiet, not that all are."""
    assert quiet_until(AlertChoices(8, 8), PARIS, at(1, 8)) is None


def test_quiet_hours_and_days_follow_each_other() -> None:
    """The night to Saturday, a quiet weekend and the night after it are one quiet."""
    choices = AlertChoices(quiet_days=frozenset({5, 6}))
    assert wall(quiet_until(choices, PARIS, at(5, 22))) == "Mon 07:00"
    assert wall(quiet_until(choices, PARIS, at(6, 12))) == "Mon 07:00"
    assert quiet_until(choices, PARIS, at(5, 21)) is None
    assert wall(quiet_until(AlertChoices(0, 0, frozenset({5})), PARIS, at(6, 12))) == "Sun 00:00"


@given(choices_of_quiet, moments)
def test_quiet_is_what_the_clock_on_the_wall_says(choices: AlertChoices, now: datetime) -> None:
    """Where no clock is changed, quiet holds just in quiet hours and days, up to the first that are not."""
    until = quiet_until(choices, ZoneInfo("UTC"), now)
    assert (until is not None) == is_quiet(choices, now)
    if until:
        assert not is_quiet(choices, until)
        hours = range(ceil((until - now) / HOUR))
        assert all(is_quiet(choices, now + hour * HOUR) for hour in hours)


@settings(max_examples=60)
@given(choices_of_quiet, zones, moments, st.floats(0, 1, exclude_max=True))
def test_quiet_ends_at_one_instant_whenever_one_asks(
    choices: AlertChoices, zone: ZoneInfo, now: datetime, part: float
) -> None:
    """In every zone, all moments of one quiet have the same end, and at that end no quiet holds."""
    until = quiet_until(choices, zone, now)
    if until:
        assert quiet_until(choices, zone, until) is None
        assert quiet_until(choices, zone, now + part * (until - now)) == until


@settings(max_examples=60)
@given(choices_of_quiet, zones, moments)
def test_the_next_morning_is_on_another_day_and_not_quiet(
    choices: AlertChoices, zone: ZoneInfo, now: datetime
) -> None:
    """The next morning lies after today, is not quiet, and between midnight and it all is quiet."""
    begin, end = day_of(zone, now)
    morning = next_morning(choices, zone, now)
    assert begin <= now < end <= morning
    assert quiet_until(choices, zone, morning) is None
    assert morning == (quiet_until(choices, zone, end) or end)


@settings(max_examples=60)
@given(zones, moments)
def test_days_follow_each_other_without_a_gap(zone: ZoneInfo, now: datetime) -> None:
    """Every moment is in one day of the reader's: what ends one begins the next."""
    begin, end = day_of(zone, now)
    assert begin <= now < end
    assert day_of(zone, end)[0] == end
    assert day_of(zone, end - timedelta(microseconds=1)) == (begin, end)


def test_a_day_of_a_changed_clock_is_longer_or_shorter() -> None:
    """In Paris a day in March has 23 hours, one in October 25; the night's quiet changes with it."""
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=PARIS)
        begin, end = day_of(PARIS, noon)
        assert end - begin == hours * HOUR
        evening = begin - 2 * HOUR
        until = quiet_until(AlertChoices(), PARIS, evening)
        assert wall(until) == "Sun 07:00"
        assert until is not None
        assert until - evening == (hours - 24 + 9) * HOUR


def test_a_quiet_hour_that_the_clock_leaves_out_is_over_at_once() -> None:
    """In March the clock jumps from 2 to 3: quiet until 2 ends as it jumps, and quiet from 2 to 3 is none."""
    midnight = datetime(2026, 3, 29, 0, tzinfo=PARIS)
    until = quiet_until(AlertChoices(22, 2), PARIS, midnight)
    assert until == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert quiet_until(AlertChoices(2, 3), PARIS, until) is None


def test_an_hour_that_comes_twice_ends_the_quiet_the_first_time() -> None:
    """Quiet until 2 in the night of October ends at the first 2 o'clock, and does not begin again."""
    choices = AlertChoices(22, 2)
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert quiet_until(choices, PARIS, first - HOUR) == first
    assert quiet_until(choices, PARIS, first + HOUR) is None


def test_a_midnight_that_comes_twice_begins_one_day() -> None:
    """Where the clock goes from 0:01 back to 23:01, the day that has begun goes on."""
    zone = ZoneInfo("America/St_Johns")
    begun = datetime(2006, 10, 29, 2, 30, tzinfo=UTC)
    again = begun + 30 * timedelta(minutes=1)
    assert wall(again, zone) == "Sat 23:30"
    assert day_of(zone, begun) == day_of(zone, again)


def test_a_day_that_a_zone_leaves_out_is_passed_over() -> None:
    """Samoa had no 30 December 2011: the morning after the 29th is that of the 31st."""
    zone = ZoneInfo("Pacific/Apia")
    noon = datetime(2011, 12, 29, 12, tzinfo=zone)
    assert f"{next_morning(AlertChoices(), zone, noon).astimezone(zone):%d %H:%M}" == "31 07:00"
    skipped = AlertChoices(0, 0, frozenset({4}))
    assert f"{next_morning(skipped, zone, noon).astimezone(zone):%d %H:%M}" == "31 00:00"


@pytest.mark.parametrize("days", [range(7), [7], [-1]])
def test_days_of_quiet_leave_one_to_alert_on(days: list[int]) -> None:
    """All seven days, or days that are none, are refused with a remedy."""
    with pytest.raises(InvalidRhythm, match="leave one day"):
        AlertChoices(quiet_days=frozenset(days))
