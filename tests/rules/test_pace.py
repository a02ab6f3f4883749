"""Pace as a rule: no window ever sees more than its share, and nobody waits for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.dispatch.pace import (
    FIRST_CLOSING,
    LONGEST_ASKED,
    LONGEST_CLOSING,
    WARM,
    Rate,
    Room,
    WarmUp,
    closing,
    kept_for_letters,
)

NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)

rates = st.builds(Rate, st.integers(1, 10_000_000), st.integers(1, 5_000))
#: how long after the one before a worker asks, and for how many
asked = st.lists(
    st.tuples(st.timedeltas(timedelta(), timedelta(minutes=5)), st.integers(1, 3_000)),
    min_size=1,
    max_size=60,
)


def passed(rate: Rate, asked: list[tuple[timedelta, int]]) -> list[tuple[datetime, int]]:
    """When how many of those that asked left, whichever worker it was that asked."""
    at, next_at, found = NOW, None, []
    for pause, wanted in asked:
        at += pause
        number = min(wanted, rate.room(next_at, at))
        if number:
            next_at = rate.after(next_at, at, number)
        found.append((at, number))
    return found


@given(rates, asked)
def test_no_window_sees_more_than_its_share(rate: Rate, asked: list[tuple[timedelta, int]]) -> None:
    """From any moment to any other, at most a burst leaves and what the steady rate allows: exactly."""
    left = passed(rate, asked)
    for first in range(len(left)):
        number = 0
        for at, now_left in left[first:]:
            number += now_left
            # in whole numbers, so that the test rounds nothing away either
            assert (number - rate.burst) * HOUR <= (at - left[first][0]) * rate.per_hour


@given(
    st.builds(Rate, st.integers(1_000, 10_000), st.integers(1, 20)),
    st.lists(
        st.tuples(
            st.timedeltas(timedelta(), timedelta(seconds=15)),
            st.integers(1, 20),
            # how many of them do not leave, and after how many more have asked that is told
            st.sampled_from([0, 1, 5, 20]),
            st.integers(0, 3),
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_what_is_given_back_lets_nobody_through_twice(
    rate: Rate, asked: list[tuple[timedelta, int, int, int]]
) -> None:
    """Whenever places are given back, no window sees more leave than a burst and the steady rate."""
    at, next_at, left = NOW, None, []
    told: list[tuple[int, datetime, int]] = []
    for turn, (pause, wanted, unsent, later) in enumerate(asked):
        at += pause
        for when, counted_at, number in [one for one in told if one[0] <= turn]:
            assert next_at
            next_at = rate.given_back(next_at, number, at - counted_at)
            told.remove((when, counted_at, number))
        number = min(wanted, rate.room(next_at, at))
        if number:
            next_at = rate.after(next_at, at, number)
            told.append((turn + later, at, min(unsent, number)))
        left.append((at, number - min(unsent, number)))
    for first in range(len(left)):
        number = 0
        for at, now_left in left[first:]:
            number += now_left
            assert (number - rate.burst) * HOUR <= (at - left[first][0]) * rate.per_hour


@given(rates, st.integers(1, 5_000), st.timedeltas(timedelta(), timedelta(minutes=5)))
def test_what_is_given_back_may_be_taken(rate: Rate, number: int, later: timedelta) -> None:
    """A way that nobody else took has all its room again; soon or late, it never has more than a burst."""
    number = min(number, rate.burst)
    next_at = rate.after(None, NOW, number)
    given = rate.given_back(next_at, number, later)
    assert rate.burst - rate.room(given, NOW + later) <= 1
    assert rate.room(given, NOW + later) <= rate.burst


@given(rates, asked)
def test_all_that_is_allowed_may_leave(rate: Rate, asked: list[tuple[timedelta, int]]) -> None:
    """Who always asks for more, and before a burst has gathered again, gets the whole rate."""
    span = rate.span(rate.burst - 1)
    steady = [(min(pause, span), rate.burst) for pause, _ in asked]
    left = passed(rate, steady)
    time = left[-1][0] - left[0][0]
    lost_to_rounding = len(left) * MICROSECOND * rate.per_hour
    assert sum(number for _, number in left) * HOUR > time * rate.per_hour - HOUR - lost_to_rounding


@given(rates, asked, st.booleans())
def test_the_next_may_leave_when_it_is_said(
    rate: Rate, asked: list[tuple[timedelta, int]], letter: bool
) -> None:
    """At the moment that is told to one who has to wait there is room, and just before there was none."""
    at, next_at = NOW, None
    kept = 0 if letter else kept_for_letters(rate.burst)
    for pause, wanted in asked:
        at += pause
        next_at = rate.after(next_at, at, min(wanted, rate.room(next_at, at)))
    opens = rate.opens(next_at, at, kept=kept)
    assert rate.room(next_at, opens) > kept
    assert opens == at or rate.room(next_at, opens - MICROSECOND) <= kept


@given(rates, st.timedeltas(timedelta(), timedelta(days=400)))
def test_a_clock_set_back_stops_nothing_for_long(rate: Rate, back: timedelta) -> None:
    """However far the clock is set back, the next one leaves after the time of one mail."""
    set_back = NOW - back
    next_at = rate.believed(rate.after(None, NOW, rate.burst), set_back)
    opens = rate.opens(next_at, set_back)
    assert opens <= set_back + rate.span(1) + MICROSECOND
    assert rate.room(next_at, opens) >= 1
    assert rate.believed(next_at, NOW) == next_at, "what can be is believed"


@given(rates)
def test_a_silence_gives_a_burst_and_no_more(rate: Rate) -> None:
    """After a burst there is no room; after its time there is a burst's room, and never more."""
    next_at = rate.after(None, NOW, rate.burst)
    assert rate.room(next_at, NOW) == 0
    assert rate.room(next_at, NOW + rate.span(rate.burst)) == rate.burst
    assert rate.room(next_at, NOW + timedelta(days=400)) == rate.burst == rate.room(None, NOW)


@pytest.mark.parametrize(("per_hour", "burst"), [(1, 2), (60, 2), (600, 10), (36_000, 600)])
def test_a_minute_at_once(per_hour: int, burst: int) -> None:
    """Where nobody says how many may leave at once, it is what leaves in a minute, at least two."""
    assert Rate.of(per_hour, None) == Rate(per_hour, burst)
    assert Rate.of(per_hour, 7) == Rate(per_hour, 7)


@pytest.mark.parametrize(("places", "kept"), [(-3, 0), (0, 0), (1, 0), (2, 1), (9, 1), (20, 2), (1000, 100)])
def test_places_kept_for_letters(places: int, kept: int) -> None:
    """A tenth is kept for letters, at least one, and never all."""
    assert kept_for_letters(places) == kept


def test_letters_find_room_where_digests_find_none() -> None:
    """When digests have used up what is theirs, there still is room for letters, up to the whole."""
    room = Room.of(20, 20)
    for _ in range(18):
        assert room.has(letter=False)
        room = room.taken()
    assert (room.has(letter=False), room.has(letter=True)) == (False, True)
    assert not room.taken().taken().has(letter=True)


def test_the_narrowest_room_counts() -> None:
    """Of several ways the one with the least room decides, for letters and digests each."""
    room = Room().narrowed([Room(5, 1), Room(3, 2)])
    assert room == Room(3, 1)
    assert Room().narrowed([]).has(letter=False)


def test_a_warm_up_grows_from_day_to_day() -> None:
    """On the first day as many as is said, each day so many times more, and in the end without a limit."""
    warm_up = WarmUp(50, 1.5)
    assert [warm_up.ceiling(day) for day in (-3, 0, 1, 2, 3)] == [50, 50, 75, 112, 168]
    assert warm_up.ceiling(100) is None
    assert WarmUp(50, 2.0).ceiling(1_000_000) is None
    assert WarmUp(50, 1.0).ceiling(400) == 50
    assert WarmUp(WARM, 2.0).ceiling(0) == WARM


@given(st.integers(1, 100_000), st.floats(1, 10), st.integers(0, 900))
@settings(max_examples=50)
def test_a_warm_up_never_shrinks(first: int, growth: float, day: int) -> None:
    """No day allows less than the day before, and a warm-up that is over does not begin again."""
    before, after = WarmUp(first, growth).ceiling(day), WarmUp(first, growth).ceiling(day + 1)
    assert (before or WARM) <= (after or WARM)


def test_closing_waits_grow() -> None:
    """Without being asked, the wait begins at half a minute and doubles up to a quarter of an hour."""
    waits = [closing(times, None) for times in range(1, 40)]
    assert waits[:3] == [FIRST_CLOSING, FIRST_CLOSING * 2, FIRST_CLOSING * 4]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_CLOSING


def test_closing_waits_as_long_as_asked() -> None:
    """The wait that was asked for is kept; when it helps nothing it grows; an absurd one is not believed."""
    assert closing(1, 2 * SECOND) == 2 * SECOND
    assert closing(1, HOUR) == closing(9, HOUR) == HOUR
    assert closing(4, 2 * SECOND) == closing(4, None)
    assert closing(1, timedelta(days=3650)) == LONGEST_ASKED
    for nonsense in (timedelta(), -HOUR):
        assert closing(1, nonsense) == FIRST_CLOSING
