"""What a choice means before it is saved: the next dates, mails a week, stories a mail."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.forecast import Forecast, forecast, next_readings
from newsletter.pool import Candidate
from newsletter.schedule import Timetable, delivery_time, occurrences
from newsletter.selection import Limits
from subscribers.lens import Lens
from subscribers.rhythm import Rhythm
from tests.builders import a_story

NOW = datetime(2026, 3, 27, 12, tzinfo=UTC)
DAILY = Timetable("daily", None, "UTC", time(4), time(4, 30), timedelta(hours=12), timedelta(hours=12))
WEEKLY = Timetable("weekly", 6, "UTC", time(6), time(7), timedelta(hours=24), timedelta(hours=24))
ROOM = Limits(minimum=1, maximum=8)
EVERY = Rhythm("UTC", 7)

rhythms = st.builds(
    Rhythm,
    st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"]),
    st.integers(0, 23),
    st.frozensets(st.integers(0, 6), min_size=1),
)
moments = st.integers(0, 17_520).map(lambda hours: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hours))


def story(number: int, days_ago: float, *, outlets: int = 2) -> Candidate:
    content = a_story(
        f"Story {number}", outlets=outlets, audiences=("Investors",), companies=(), category=None
    )
    return Candidate(number, 1, content, NOW - timedelta(days=days_ago))


def one_a_day() -> list[Candidate]:
    """A story on each of thirty days, seen some hours before its issue closes."""
    return [story(number, number + 0.8) for number in range(30)]


def told(stories: list[Candidate], lens: Lens, rhythm: Rhythm, times: Timetable = DAILY) -> Forecast:
    return forecast(times, ROOM, stories, lens, rhythm, now=NOW, starts=NOW)


def test_the_next_dates_keep_to_the_readers_clock() -> None:
    """Across the night in which Paris changes its clocks, mail comes at eight on the reader's clock."""
    rhythm = Rhythm("Europe/Paris", 8)
    found = next_readings(DAILY, rhythm, after=NOW)
    assert found == tuple(
        datetime(2026, 3, day, hour, tzinfo=UTC) for day, hour in ((28, 7), (29, 6), (30, 6))
    )
    assert {moment.astimezone(ZoneInfo("Europe/Paris")).hour for moment in found} == {8}


def test_the_next_dates_keep_to_the_chosen_days() -> None:
    """Days are chosen for the daily; the weekly comes on its own day, whatever was chosen."""
    mondays = Rhythm("UTC", 7, frozenset({0}))
    assert [moment.day for moment in next_readings(DAILY, mondays, after=NOW)] == [30, 6, 13]
    assert [moment.day for moment in next_readings(WEEKLY, mondays, after=NOW)] == [29, 5, 12]


def test_the_next_dates_begin_after_a_pause() -> None:
    """Whoever pauses is shown the first dates after it."""
    until = datetime(2026, 4, 10, tzinfo=UTC)
    assert [moment.day for moment in next_readings(DAILY, EVERY, after=until)] == [10, 11, 12]


@given(rhythm=rhythms, now=moments, times=st.sampled_from([DAILY, WEEKLY]))
@settings(max_examples=40)
def test_the_next_dates_are_those_at_which_mail_leaves(
    rhythm: Rhythm, now: datetime, times: Timetable
) -> None:
    """Always three, rising, after now; each is what the schedule says for an issue, and none is left out."""
    found = next_readings(times, rhythm, after=now)
    assert len(found) == 3
    assert now < found[0] <= found[1] <= found[2]
    near = occurrences(times, since=now - timedelta(days=9), until=found[2])
    days = rhythm if times is DAILY else Rhythm(rhythm.timezone, rhythm.hour)
    due = [delivery_time(days, publish_at=issue.publish_at) for issue in near]
    assert [moment for moment in due if moment and now < moment <= found[2]][:3] == list(found)


def test_a_story_a_day_is_a_mail_a_day() -> None:
    """With one story each day, the reader of every day gets seven mails with one story each."""
    found = told(one_a_day(), Lens(), EVERY)
    assert (found.mails_a_week, found.stories_a_mail) == (7, 1)


def test_fewer_days_are_fewer_and_fuller_mails() -> None:
    """Who reads on two days gets two mails, and the stories of the days between are in them."""
    found = told(one_a_day(), Lens(), Rhythm("UTC", 7, frozenset({0, 3})))
    assert found.mails_a_week == 2
    assert found.stories_a_mail is not None
    assert found.stories_a_mail > 2


def test_a_narrow_lens_means_fewer_mails() -> None:
    """What the lens keeps out is not counted; where nothing comes through, there are no mails."""
    stories = [story(n, n + 0.8, outlets=9 if n % 2 else 1) for n in range(30)]
    found = told(stories, Lens(min_outlets=5), EVERY)
    assert found.mails_a_week == 3.5
    assert found.stories_a_mail == 1
    none = told(stories, Lens.of(audiences=["Engineers"]), EVERY)
    assert (none.mails_a_week, none.stories_a_mail) == (0, None)


def test_nothing_is_told_twice_in_a_forecast() -> None:
    """A story that came with one mail does not count for the next one as well."""
    found = told([story(1, 5)], Lens(), EVERY)
    assert (found.mails_a_week, found.stories_a_mail) == (7 / 5, 1), "five issues since, one mail"


def test_without_stories_there_is_nothing_to_tell_from() -> None:
    """A new instance says that it does not know, instead of promising no mails; the dates hold."""
    found = told([], Lens(), EVERY)
    assert (found.mails_a_week, found.stories_a_mail) == (None, None)
    assert len(found.next) == 3


def test_the_weekly_is_one_mail_a_week() -> None:
    """The weekly is replayed over its two last issues."""
    found = told(one_a_day(), Lens(), EVERY, WEEKLY)
    assert found.mails_a_week == 1
    assert found.stories_a_mail is not None
    assert 6 <= found.stories_a_mail <= 8
