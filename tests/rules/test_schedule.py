"""The schedule, against every clock of the tz database and an oracle that only watches a clock tick."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.schedule import (
    Timetable,
    days_since_last_reading,
    delivery_time,
    due,
    instant,
    occurrence,
    occurrences,
)
from subscribers.rhythm import EVERY_DAY, InvalidRhythm, Rhythm, zone_names

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2031, 1, 1, tzinfo=UTC)

#: homes whose clocks change in all the ways there are: never, by an hour, at midnight, by half an
#: hour, by two, for a month; and one half a world away from UTC
HOMES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Africa/Cairo",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Africa/Casablanca",
    "America/Nuuk",
    "Pacific/Apia",
)

Changes = tuple[tuple[datetime, timedelta], ...]


@cache
def offsets(name: str) -> Changes:
    """The offset at the start, and each day by which it has changed, with the new one."""
    zone = ZoneInfo(name)
    days = [START + n * DAY for n in range(-1, (END - START).days + 2)]
    seen = [(day, day.astimezone(zone).utcoffset() or timedelta(0)) for day in days]
    return (seen[0], *(now for before, now in pairwise(seen) if before[1] != now[1]))


def changes(name: str) -> list[datetime]:
    return [day for day, _ in offsets(name)[1:]]


@cache
def clocks() -> tuple[str, ...]:
    """One zone of each kind that the years 2024 to 2030 know: those whose offsets agree on every
    day are one clock under several names."""
    return tuple({offsets(name): name for name in sorted(zone_names())}.values())


def daily(timezone: str, publish: time, cutoff: time | None = None) -> Timetable:
    return Timetable("daily", None, timezone, cutoff or publish, publish, 12 * HOUR, 12 * HOUR)


def watch(zone: ZoneInfo, since: datetime, until: datetime, step: timedelta) -> dict[datetime, datetime]:
    """The oracle: let the clock run, and note for each full hour on it when it was first reached."""
    first_reached = {}
    now = since
    target = now.astimezone(zone).replace(tzinfo=None, minute=0, second=0, fold=0) + HOUR
    while now <= until:
        wall = now.astimezone(zone).replace(tzinfo=None, fold=0)
        while wall >= target:
            first_reached[target] = now
            target += HOUR
        now += step
    return first_reached


def check_every_hour(name: str, around: datetime, publications: list[datetime], step: timedelta) -> None:
    """Each hour of the day has, for each publication, the delivery time that the oracle finds."""
    reached = watch(ZoneInfo(name), around - 5 * DAY, around + 7 * DAY, step)
    for hour in range(24):
        moments = [moment for wall, moment in reached.items() if wall.hour == hour]
        rhythm = Rhythm(name, hour)
        for publish_at in publications:
            expected = min(moment for moment in moments if moment >= publish_at)
            assert delivery_time(rhythm, publish_at=publish_at) == expected, (name, hour, publish_at)
            assert expected - publish_at < 26 * HOUR, (name, hour, publish_at)


def published_near(around: datetime) -> list[datetime]:
    """Publications at all times of the day, on either side for longer than a mail may wait."""
    return [around + n * timedelta(minutes=131) for n in range(-14, 15)]


def test_every_reader_receives_every_issue_once_at_their_hour() -> None:
    """In every zone, at every hour, around every change of its clock, each issue has exactly one
    delivery time: the first at or after publication at which the reader's hour is reached."""
    for name in clocks():
        for changed_by in changes(name):
            check_every_hour(name, changed_by, published_near(changed_by), timedelta(minutes=15))


@pytest.mark.parametrize("name", ["Australia/Lord_Howe", "America/Nuuk", "Africa/Cairo", "Antarctica/Troll"])
def test_delivery_is_exact_to_the_minute(name: str) -> None:
    """Nothing between two quarters of an hour is overlooked, where clocks do the oddest things."""
    for changed_by in changes(name)[:4]:
        check_every_hour(name, changed_by, published_near(changed_by), timedelta(minutes=1))


def test_a_quiet_week_is_exact_in_every_zone() -> None:
    """Where no clock changes, too, the hour is the reader's own, and delivery is within a day."""
    for name in clocks():
        changing = {day + n * DAY for day in changes(name) for n in range(-8, 9)}
        quiet = next(day for day in (START + n * DAY for n in range(366)) if day not in changing)
        check_every_hour(name, quiet, published_near(quiet)[:24], timedelta(minutes=15))


def test_issues_reach_a_reader_in_their_order() -> None:
    """A later issue never arrives before an earlier one, whatever the two clocks do."""
    for name in clocks():
        for home in HOMES[:4]:
            issues = occurrences(daily(home, time(4, 30)), since=START, until=START + 366 * DAY)
            times = [delivery_time(Rhythm(name, 5), publish_at=issue.publish_at) for issue in issues]
            assert all(a is not None and b is not None and a <= b for a, b in pairwise(times)), (name, home)


@pytest.mark.parametrize("wall", [time(0), time(0, 30), time(2, 30), time(23, 30)])
def test_every_local_date_has_one_issue(wall: time) -> None:
    """Seven years of a daily newsletter are one issue for each local date, in every home zone, even
    where the hour of publication is left out or repeated."""
    for name in clocks():
        issues = occurrences(daily(name, wall), since=START, until=END)
        dates = [issue.date for issue in issues]
        assert dates == [dates[0] + n * DAY for n in range(len(dates))], name
        assert len(dates) == (END - START).days, name
        assert all(a.publish_at < b.publish_at for a, b in pairwise(issues)), name


def test_a_weekly_newsletter_appears_on_its_weekday() -> None:
    """A weekly newsletter has one issue for each of its weekdays and none besides."""
    for name in clocks():
        weekly = Timetable("weekly", 6, name, time(2), time(2, 30), 24 * HOUR, 24 * HOUR)
        dates = [issue.date for issue in occurrences(weekly, since=START, until=END)]
        assert {day.weekday() for day in dates} == {6}
        assert {b - a for a, b in pairwise(dates)} == {7 * DAY}
        assert len(dates) in (365, 366)


def test_an_issue_keeps_its_order_through_every_change() -> None:
    """Planned, closed, published, expired: in that order, also on the days on which clocks change."""
    for name in clocks():
        for changed_by in changes(name):
            for days in range(-2, 2):
                for cutoff, publish in ((0, 1), (1, 2), (2, 3), (22, 23)):
                    timetable = daily(name, time(publish, 15), time(cutoff, 45))
                    found = occurrence(timetable, changed_by.date() + days * DAY)
                    assert found.plan_at < found.cutoff_at <= found.publish_at < found.expires_at


@given(
    home=st.sampled_from(HOMES),
    weekday=st.none() | st.integers(0, 6),
    publish=st.times(),
    lead=st.integers(0, 168),
    ticks=st.lists(st.timedeltas(timedelta(0), 60 * DAY), max_size=30),
)
def test_ticks_at_any_moments_meet_every_issue_once(
    home: str, weekday: int | None, publish: time, lead: int, ticks: list[timedelta]
) -> None:
    """However irregularly the clock strikes, from one tick to the next no issue is missed or repeated."""
    cadence = "daily" if weekday is None else "weekly"
    timetable = Timetable(cadence, weekday, home, publish, publish, lead * HOUR, 12 * HOUR)
    first = datetime(2026, 3, 1, tzinfo=UTC)
    last = first + 60 * DAY
    moments = [first, *(first + tick for tick in sorted(ticks)), last]
    met = [
        one for since, until in pairwise(moments) for one in occurrences(timetable, since=since, until=until)
    ]
    assert met == occurrences(timetable, since=first, until=last)


@given(
    home=st.sampled_from(HOMES),
    publish=st.times(),
    lead=st.integers(0, 168),
    catch_up=st.integers(1, 168),
    since_start=st.timedeltas(timedelta(0), 366 * DAY),
)
def test_due_is_all_between_planning_and_expiry(
    home: str, publish: time, lead: int, catch_up: int, since_start: timedelta
) -> None:
    """What a tick must look at is every issue that is planned and not expired; the newest is last."""
    timetable = Timetable("daily", None, home, publish, publish, lead * HOUR, catch_up * HOUR)
    now = START + since_start
    around = [occurrence(timetable, now.date() + n * DAY) for n in range(-20, 21)]
    assert due(timetable, now=now) == [one for one in around if one.plan_at <= now < one.expires_at]


@pytest.mark.parametrize(
    ("zone", "day", "at", "expected"),
    [
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), "2026-03-29T01:00Z"),
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), "2026-10-25T00:30Z"),
        ("America/Santiago", date(2026, 9, 6), time(0), "2026-09-06T04:00Z"),
        ("Africa/Cairo", date(2026, 4, 24), time(0, 30), "2026-04-23T22:00Z"),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-03T15:30Z"),
        ("Antarctica/Troll", date(2026, 3, 29), time(2), "2026-03-29T01:00Z"),
        ("America/Nuuk", date(2026, 3, 28), time(23, 15), "2026-03-29T01:00Z"),
        ("Pacific/Apia", date(2011, 12, 30), time(7), "2011-12-30T10:00Z"),
        ("Pacific/Kwajalein", date(1993, 8, 21), time(7), "1993-08-21T12:00Z"),
    ],
)
def test_a_missing_time_is_the_first_valid_one_and_a_repeated_one_its_first(
    zone: str, day: date, at: time, expected: str
) -> None:
    """Gaps of half an hour, an hour, two and a whole day end where the clock goes on."""
    assert instant(day, at, ZoneInfo(zone)) == datetime.fromisoformat(expected)


def test_an_issue_waits_for_no_one_who_does_not_read_that_day() -> None:
    """A reader of Mondays and Fridays receives the issues of these two days of theirs, no others."""
    rhythm = Rhythm("Asia/Tokyo", 7, frozenset({0, 4}))
    issues = occurrences(daily("UTC", time(4, 30)), since=START, until=START + 28 * DAY)
    received = [at for one in issues if (at := delivery_time(rhythm, publish_at=one.publish_at))]
    local = [at.astimezone(rhythm.zone) for at in received]
    assert len(local) == 8
    assert {(at.hour, at.minute) for at in local} == {(7, 0)}
    assert {at.weekday() for at in local} == {0, 4}


def test_a_reading_day_is_the_one_whose_hour_it_is() -> None:
    """Where a gap moves Saturday's hour past midnight, the mail is Saturday's, not Sunday's."""
    published = datetime(2026, 3, 28, 12, tzinfo=UTC)
    moved = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert delivery_time(Rhythm("America/Nuuk", 23, frozenset({5})), publish_at=published) == moved
    assert delivery_time(Rhythm("America/Nuuk", 23, frozenset({6})), publish_at=published) is None
    assert delivery_time(Rhythm("America/Nuuk", 23, frozenset({5})), publish_at=moved) == moved


@given(chosen=st.frozensets(st.integers(0, 6), min_size=1), weekday=st.integers(0, 6))
def test_the_last_reading_is_the_nearest_chosen_day_before(chosen: frozenset[int], weekday: int) -> None:
    """From a weekday back to the last chosen one before it: at least one day, at most seven."""
    days = days_since_last_reading(Rhythm(weekdays=chosen).mask, weekday)
    between = {(weekday - n) % 7 for n in range(1, days)}
    assert 1 <= days <= 7
    assert (weekday - days) % 7 in chosen
    assert not between & chosen


def test_who_reads_every_day_read_last_yesterday() -> None:
    """An everyday reader looks back one day."""
    assert {days_since_last_reading(Rhythm(weekdays=EVERY_DAY).mask, day) for day in range(7)} == {1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cadence": "monthly"}, "monthly"),
        ({"weekday": 3}, "weekday"),
        ({"cadence": "weekly"}, "weekday"),
        ({"cadence": "weekly", "weekday": 7}, "weekday"),
        ({"publish": time(3)}, "03:00"),
        ({"lead": -HOUR}, "lead"),
        ({"catch_up": timedelta(0)}, "catch_up"),
    ],
)
def test_a_timetable_that_cannot_be_kept_is_refused(change: dict[str, object], message: str) -> None:
    """Each fault is named when the timetable is made, not when the issue fails to appear."""
    valid: dict[str, object] = {
        "cadence": "daily",
        "weekday": None,
        "timezone": "UTC",
        "cutoff": time(4),
        "publish": time(4, 30),
        "lead": HOUR,
        "catch_up": HOUR,
    }
    with pytest.raises(ValueError, match=message):
        Timetable(**{**valid, **change})  # type: ignore[arg-type]


def test_an_unknown_home_zone_is_refused() -> None:
    """A zone that the tz database does not have is named with the remedy."""
    with pytest.raises(InvalidRhythm, match="Mars/Base"):
        daily("Mars/Base", time(4))
