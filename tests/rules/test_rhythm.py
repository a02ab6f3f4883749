"""Rhythms: what a person writes about zone, hour and days is understood or refused with a remedy."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.rhythm import DAYS, InvalidRhythm, Rhythm, parse_hour, parse_weekdays, parse_zone, zone_names

rhythms = st.builds(
    Rhythm,
    st.sampled_from(sorted(zone_names())),
    st.integers(0, 23),
    st.frozensets(st.integers(0, 6), min_size=1),
)


@given(rhythms)
def test_the_stored_form_loses_nothing(rhythm: Rhythm) -> None:
    """A rhythm comes back from zone, hour and seven bits as it was."""
    assert Rhythm.of(rhythm.timezone, rhythm.hour, rhythm.mask) == rhythm
    assert 1 <= rhythm.mask <= 127


def test_every_choice_of_days_is_another_mask() -> None:
    """The seven bits tell all 127 choices apart, Monday lowest."""
    choices = [frozenset(days) for size in range(1, 8) for days in combinations(range(7), size)]
    assert sorted(Rhythm(weekdays=days).mask for days in choices) == list(range(1, 128))
    assert Rhythm(weekdays=frozenset({0})).mask == 1


@given(st.sampled_from(sorted(zone_names())), st.sampled_from([str.lower, str.upper, str.title]))
def test_zones_are_understood_in_any_case(zone: str, case: object) -> None:
    """Every zone of the tz database is found however it is capitalised, and comes back exact."""
    assert callable(case)
    assert parse_zone(f" {case(zone)}\n") == zone


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "CEST", "+02:00", "../etc/passwd", "Europe/Paris\x00", "x" * 10_240]
)
def test_zones_that_are_none(name: str) -> None:
    """What the tz database does not have is refused, with an example of what it has."""
    with pytest.raises(InvalidRhythm, match="tz database name such as Europe/Paris") as caught:
        parse_zone(name)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("text", "hour"), [("0", 0), (" 7 ", 7), ("07", 7), ("23", 23), (12, 12)])
def test_hours(text: str | int, hour: int) -> None:
    """An hour is a whole number of the clock."""
    assert parse_hour(text) == hour


@pytest.mark.parametrize("text", ["", "24", "-1", "7.5", "7am", "noon", "1_2", "9" * 10_240, 24, -1])
def test_hours_that_are_none(text: str | int) -> None:
    """What is no hour is refused, with the range of those that are."""
    with pytest.raises(InvalidRhythm, match="whole number from 0 to 23") as caught:
        parse_hour(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("names", "days"),
    [
        (["mon"], {0}),
        (["Friday", " SUN "], {4, 6}),
        (["tues", "wednes", "thurs"], {1, 2, 3}),
        (DAYS, set(range(7))),
    ],
)
def test_days(names: list[str], days: set[int]) -> None:
    """A day is known by its name or the beginning of it."""
    assert parse_weekdays(names) == days


@pytest.mark.parametrize("name", ["", "mo", "monkey", "sunny", "7"])
def test_days_that_are_none(name: str) -> None:
    """A word that only looks like a day is refused, with the words that are."""
    with pytest.raises(InvalidRhythm, match="use mon, tue, wed, thu, fri, sat, sun"):
        parse_weekdays(["mon", name])


@pytest.mark.parametrize(
    ("zone", "hour", "days"),
    [
        ("europe/paris", 7, {0}),
        (" UTC", 7, {0}),
        ("Mars/Base", 7, {0}),
        ("UTC", 24, {0}),
        ("UTC", 7, set()),
        ("UTC", 7, {7}),
    ],
)
def test_a_rhythm_is_always_possible(zone: str, hour: int, days: set[int]) -> None:
    """No rhythm exists that has another zone, hour or day than the world has, in its exact spelling."""
    with pytest.raises(InvalidRhythm):
        Rhythm(zone, hour, frozenset(days))
