"""What if: past issues told once more under other limits."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.content import Company
from newsletter.judging import Window
from newsletter.pool import Candidate
from newsletter.selection import Limits
from newsletter.what_if.simulation import Comparison, PastIssue, Readers, compare
from subscribers.lens import Lens
from tests.builders import NOON, a_candidate, a_story

DAY = timedelta(days=1)
DAILY = 127
AUDIENCES = ("Investors", "Engineers", "Founders")


def an_issue(day: int, stories: list[Candidate]) -> PastIssue:
    """Of the day so many days after NOON, with those of the stories that were seen by then."""
    closes = NOON + day * DAY
    seen = [one for one in stories if one.first_seen_at <= closes]
    windows = {back: Window(closes - back * DAY, closes - (back + 1) * DAY, closes) for back in range(1, 8)}
    return PastIssue(closes.date(), closes, True, seen, windows)


def told_on(day: int, story_id: int, audience: str = "Investors", **changes: Any) -> Candidate:
    """A story seen in the hours before the issue of that day."""
    content = replace(
        a_story(f"Story {story_id}", audiences=(audience,), companies=(), category=None), **changes
    )
    return replace(a_candidate(story_id, content), first_seen_at=NOON + day * DAY - timedelta(hours=2))


def run(
    stories: list[Candidate], *groups: Readers, now: Limits, changed: Limits, days: int = 4
) -> Comparison:
    return compare([], [an_issue(day, stories) for day in range(days)], groups, now, changed)


def readers(number: int = 10, *audiences: str, weekdays: int = DAILY) -> Readers:
    return Readers(Lens.of(audiences=audiences), weekdays, number)


STORIES = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(AUDIENCES)), min_size=1, max_size=24).map(
    lambda places: [told_on(day, n, audience) for n, (day, audience) in enumerate(places, start=1)]
)
GROUPS = st.lists(
    st.tuples(st.integers(1, 50), st.sets(st.sampled_from(AUDIENCES)), st.integers(1, 127)),
    min_size=1,
    max_size=4,
).map(lambda found: [readers(number, *sorted(names), weekdays=days) for number, names, days in found])


@settings(max_examples=40)
@given(STORIES, GROUPS, st.integers(1, 3), st.integers(3, 8))
def test_the_same_rule_gives_the_same(
    stories: list[Candidate], groups: list[Readers], least: int, most: int
) -> None:
    """Unchanged limits give two equal columns."""
    found = run(stories, *groups, now=Limits(least, most), changed=Limits(least, most))
    assert found.now == found.changed
    assert found.moved(10) == []


@settings(max_examples=40)
@given(STORIES, GROUPS, st.integers(1, 5), st.integers(0, 4))
def test_more_room_never_tells_less(
    stories: list[Candidate], groups: list[Readers], most: int, more: int
) -> None:
    """A larger maximum takes no story from anybody, nor any mail on the first day."""
    found = run(stories, *groups, now=Limits(1, most), changed=Limits(1, most + more))
    assert found.changed.all_told >= found.now.all_told
    assert all(found.changed.stories[story] >= number for story, number in found.now.stories.items())
    assert found.never[1] <= found.never[0]
    assert found.changed.without <= found.now.without


@settings(max_examples=40)
@given(STORIES, GROUPS, st.integers(1, 8))
def test_nobody_is_told_twice(stories: list[Candidate], groups: list[Readers], most: int) -> None:
    """Over all days a story is told to each reader at most once, and mails add up to their stories."""
    found = run(stories, *groups, now=Limits(1, most), changed=Limits(1, 8))
    everybody = sum(group.number for group in groups)
    for outcome in (found.now, found.changed):
        assert all(number <= everybody for number in outcome.stories.values())
        assert outcome.stories.total() == outcome.all_told
        assert sum(length * mails for length, mails in outcome.lengths.items()) == outcome.all_told
        assert outcome.lengths.total() == outcome.all_mails


def test_a_minimum_skips_mails() -> None:
    """With a higher minimum the days with few stories are without mail, and readers stay without."""
    stories = [told_on(0, 1), told_on(1, 2), told_on(1, 3)]
    found = run(stories, readers(), now=Limits(1, 8), changed=Limits(3, 8), days=1)
    assert (found.now.all_mails, found.changed.all_mails) == (10, 0)
    assert (found.changed.skipped.total(), found.changed.without) == (10, 10)
    assert found.never == (frozenset(), frozenset({1}))


def test_spread_decides_who_comes_first() -> None:
    """A tighter spread over companies tells another story in the place of the third of one company."""
    one: dict[str, Any] = {"companies": (Company("Sample Lab"),)}
    stories = [told_on(0, n, coverage=a_story(outlets=9 - n).coverage, **one) for n in (1, 2)]
    stories.append(told_on(0, 3))
    found = run(stories, readers(), now=Limits(1, 2), changed=Limits(1, 2, per_company=1), days=1)
    assert found.moved(5) == [(2, 10, 0), (3, 0, 10)]


def test_an_update_is_told_again() -> None:
    """A story that was told comes back when a later issue knew something new of it."""
    first = told_on(0, 1)
    grown = replace(first, revision=2, content=replace(first.content, coverage=a_story(outlets=9).coverage))
    issues = [an_issue(0, [first]), an_issue(3, [grown])]
    found = compare([], issues, [readers()], Limits(1, 8), Limits(1, 8))
    assert found.now.stories == {1: 20}


def test_what_was_told_before_is_remembered() -> None:
    """An issue before the days is told by the rule of now, counts nowhere, and is not told again."""
    stories = [told_on(0, 1), told_on(1, 2)]
    found = compare([an_issue(0, stories)], [an_issue(1, stories)], [readers()], Limits(1, 8), Limits(1, 8))
    assert found.now.stories == {2: 10}
    assert found.days == (an_issue(1, stories).date,)


def test_who_does_not_read_that_day_gets_it_at_the_next() -> None:
    """Readers of Fridays alone get on Friday what was new since the last one, and nothing before."""
    stories = [told_on(day, day + 1) for day in (0, 1)]
    thursday = NOON.date().weekday()
    found = run(stories, readers(weekdays=1 << thursday + 1), now=Limits(1, 8), changed=Limits(1, 8), days=2)
    assert list(found.now.mails.values()) == [10]
    assert found.now.stories == {1: 10, 2: 10}


def test_leaving_out_what_is_too_old_changes_nothing() -> None:
    """An issue's many old candidates are no part of any pick, pinned and added ones are."""
    old = [replace(told_on(-5, n), first_seen_at=NOON - 5 * DAY) for n in range(2, 30)]
    pinned = replace(old[0], story_id=90, pin=1)
    added = replace(old[0], story_id=91, added=True)
    found = run(
        [told_on(0, 1), *old, pinned, added], readers(), now=Limits(1, 8), changed=Limits(1, 8), days=1
    )
    assert found.now.stories == {1: 10, 90: 10, 91: 10}
