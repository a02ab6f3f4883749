"""The watchdog's rules: what is worth an alarm, what is not, and in which words."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.watchdog.alarms import (
    Alarm,
    ClosedWay,
    Facts,
    OddCount,
    Voice,
    WaitingIssue,
    alarms,
    patience,
    urgency,
)

#: a Thursday
NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)

ISSUE = WaitingIssue(
    7,
    "Daily",
    date(2026, 1, 9),
    ZoneInfo("Europe/Paris"),
    cutoff_at=NOW,
    expires_at=NOW + 12 * HOUR,
    leaves_anyway=False,
)
VOICE = Voice("daily", "Daily", UTC_ZONE, patience(3, period=DAY), NOW - 30 * DAY, NOW - 2 * DAY)


def keys(facts: Facts, now: datetime = NOW) -> list[str]:
    return [alarm.key for alarm in alarms(facts, now=now)]


@pytest.mark.parametrize(
    ("minutes", "key"),
    [(61, None), (60, "first call"), (16, "first call"), (15, "last call"), (1, "last call")],
)
def test_two_calls_before_the_cut_off(minutes: int, key: str | None) -> None:
    """An issue that waits for a person is called out an hour before its cut-off, and a quarter before."""
    found = keys(Facts(issues=[ISSUE]), NOW - timedelta(minutes=minutes))
    assert found == ([f"issue:7:{key}"] if key else [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "is not approved. It closes Thu 8 Jan, 13:00 CET, and then waits for an approval."),
        ({"leaves_anyway": True}, None),
        (
            {"leaves_anyway": True, "two_persons": True},
            "is not approved. It closes Thu 8 Jan, 13:00 CET, and then goes out as it is.",
        ),
        (
            {"leaves_anyway": True, "held": "by Ada"},
            "is held. It closes Thu 8 Jan, 13:00 CET, and then waits for an approval.",
        ),
        (
            {"leaves_anyway": True, "barred": 2},
            "is not approved, and preflight bars it (2 to mend). It closes Thu 8 Jan, 13:00 CET, and then "
            "waits for an approval.",
        ),
    ],
)
def test_a_call_says_what_comes_of_it(changes: dict[str, Any], words: str | None) -> None:
    """It names the issue, the moment in the home zone, and what happens if nobody does anything.

    Nobody is called for an issue that may leave by itself.
    """
    found = alarms(Facts(issues=[replace(ISSUE, **changes)]), now=NOW - HOUR)
    assert [alarm.text for alarm in found] == ([f"Daily of Fri 9 Jan {words}"] if words else [])


def test_held_after_the_cut_off() -> None:
    """An issue that its cut-off left behind is shown with the last moment and the reason; a draft is not."""
    [alarm] = alarms(Facts(issues=[replace(ISSUE, held="policy: hold")]), now=NOW)
    until = "It goes out only if somebody approves it by Fri 9 Jan, 01:00 CET: policy: hold"
    assert alarm == Alarm("issue:7:held", f"Daily of Fri 9 Jan is held after its cut-off. {until}")
    assert keys(Facts(issues=[ISSUE])) == []


@pytest.mark.parametrize(
    ("quiet_days", "period", "silence", "is_quiet"),
    [
        (3, DAY, 3 * DAY, False),  # the issue due now may be on its way
        (3, DAY, 3 * DAY + 2 * HOUR, True),
        (1, DAY, DAY + 2 * HOUR, False),  # yesterday's came
        (1, DAY, 2 * DAY + 2 * HOUR, True),
        (3, WEEK, 7 * DAY, False),  # a weekly says nothing for a week
        (3, WEEK, 8 * DAY + 2 * HOUR, True),
        (20, WEEK, 15 * DAY, False),
    ],
)
def test_a_quiet_newsletter(quiet_days: int, period: timedelta, silence: timedelta, is_quiet: bool) -> None:
    """Nothing for its quiet days is an alarm, but never before an issue was missed."""
    voice = replace(VOICE, patience=patience(quiet_days, period=period), told_at=NOW - silence)
    assert keys(Facts(voices=[voice])) == ["newsletter:daily"] * is_quiet


def test_a_newsletter_that_never_spoke() -> None:
    """One that reached nobody yet is quiet from its first issue on, counted in the same way."""
    voice = replace(VOICE, told_at=None, since=NOW - 4 * DAY)
    [alarm] = alarms(Facts(voices=[voice]), now=NOW)
    assert alarm.text == "Daily has reached nobody yet: its first issue was due Sun 4 Jan, 12:00 UTC."
    assert keys(Facts(voices=[replace(voice, since=NOW - 2 * DAY)])) == []


def test_an_audience_without_stories() -> None:
    """It is named by newsletter and audience; not while the newsletter is young, or quiet altogether."""
    voice = replace(VOICE, unserved=["Investors", "Engineers"])
    [investors, engineers] = alarms(Facts(voices=[voice]), now=NOW)
    assert investors == Alarm("audience:daily:Investors", "Daily has had no story for Investors for 3 days.")
    assert engineers.key == "audience:daily:Engineers"
    assert keys(Facts(voices=[replace(voice, since=NOW - 2 * DAY)])) == []
    assert keys(Facts(voices=[replace(voice, told_at=NOW - 9 * DAY)])) == ["newsletter:daily"]


def every(hours: float, *, until: datetime = NOW, days: float = 14, weekends: bool = True) -> list[datetime]:
    moments = [until - n * timedelta(hours=hours) for n in range(int(days * 24 / hours))]
    return sorted(at for at in moments if weekends or at.weekday() < 5)


@pytest.mark.parametrize(
    ("hours", "silence", "is_stale"),
    [(1, 12, False), (1, 12.5, True), (6, 24, False), (6, 24.5, True), (24, 95, False), (24, 97, True)],
)
def test_a_stale_intake(hours: float, silence: float, is_stale: bool) -> None:
    """Silence is alarming from twelve hours on, and only beyond four times the usual pause."""
    facts = Facts(intake=every(hours))
    assert keys(facts, NOW + timedelta(hours=silence)) == ["intake"] * is_stale


def test_weekends_that_are_always_silent() -> None:
    """Where nothing ever comes on weekends, they do not count; where something does, they do."""
    friday = datetime(2026, 1, 9, 18, tzinfo=UTC)
    monday_morning = datetime(2026, 1, 12, 4, tzinfo=UTC)
    working = every(2, until=friday, weekends=False)
    assert keys(Facts(intake=working), monday_morning) == []
    assert keys(Facts(intake=working), monday_morning + 4 * HOUR) == ["intake"]
    assert keys(Facts(intake=every(2, until=friday)), monday_morning) == ["intake"]


def test_nights_are_usual() -> None:
    """A pause that every day has, such as the night, makes no alarm of the next night."""
    days = [at for at in every(1) if 6 <= at.hour < 20]
    assert keys(Facts(intake=days), days[-1] + 14 * HOUR) == []


@pytest.mark.parametrize("moments", [[], [NOW - 20 * DAY], every(1, until=NOW - 20 * DAY, days=1)])
def test_nothing_is_usual_yet(moments: list[datetime]) -> None:
    """Before there were three days with news, no silence is strange."""
    assert keys(Facts(intake=moments)) == []


@settings(max_examples=50)
@given(st.sets(st.integers(0, 14 * 24 * 60)), st.integers(0, 400))
def test_silence_that_alarms_goes_on_alarming(minutes: set[int], hours: int) -> None:
    """Whatever came in before: once silence is an alarm, more of it is one too; half a day never is."""
    facts = Facts(intake=sorted(NOW - timedelta(minutes=each) for each in minutes))
    last = max(facts.intake, default=NOW)
    if keys(facts, last + hours * HOUR):
        assert hours > 12
        assert keys(facts, last + (hours + 72) * HOUR) == ["intake"]


@pytest.mark.parametrize(
    ("lasts", "is_long"),
    [(None, True), (timedelta(minutes=10), True), (timedelta(minutes=7.5), False)],
)
def test_closed_ways(lasts: timedelta | None, is_long: bool) -> None:
    """A way that is closed for ten minutes or without an end is an alarm; a short rest is none."""
    assert keys(Facts(ways=[ClosedWay("provider:smtp", "busy", lasts)])) == ["way:provider:smtp"] * is_long


def test_the_most_urgent_first() -> None:
    """What keeps mail back stands before what waits for a person, and that before silence."""
    facts = Facts(
        [replace(ISSUE, held="")],
        [replace(VOICE, told_at=NOW - 9 * DAY)],
        every(1, until=NOW - 3 * DAY),
        [ClosedWay("provider:smtp", "wrong key", None)],
        [OddCount(3, "Daily", date(2026, 1, 7), "3 frozen ≠ 2 accepted")],
    )
    found = alarms(facts, now=NOW)
    assert [alarm.key for alarm in found] == [
        "way:provider:smtp",
        "issue:3:counts",
        "issue:7:held",
        "intake",
        "newsletter:daily",
    ]
    assert [urgency(alarm.key) for alarm in found] == sorted(urgency(alarm.key) for alarm in found)
    assert found[1].text == "The counts of Daily of Wed 7 Jan do not add up: 3 frozen ≠ 2 accepted"
    assert found[3].text.startswith("No story has come in or changed since Mon 5 Jan, 12:00 UTC; at most 1 h")
