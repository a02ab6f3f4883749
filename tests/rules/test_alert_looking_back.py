"""A look back: what alert rules would have sent, by the rules that decide on any other day."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.alerts.looking_back import LookedBack, look_back
from newsletter.alerts.matching import News
from newsletter.alerts.past import Past
from newsletter.alerts.sparing import Limits, Reader
from newsletter.content import Company
from newsletter.memory import Told
from newsletter.models.alert import AlertReaderState as S
from subscribers.alert_choices import AlertChoices, InQuiet
from subscribers.alert_rule import AlertRule
from tests.builders import a_story

NOON = datetime(2026, 1, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIMITS = Limits(
    life=24 * HOUR,
    fresh=72 * HOUR,
    story_rest=12 * HOUR,
    company_rest=3 * HOUR,
    gather=timedelta(minutes=15),
    whole=3,
)
EVERY = AlertRule()
WIDE = AlertRule(min_outlets=5)


def news(story_id: int, at: datetime, *, outlets: int = 2, revision: int = 1) -> News:
    content = a_story(f"Story {story_id}", outlets=outlets, companies=())
    return News(story_id, revision, content, at if revision == 1 else NOON, at, ())


def back(
    past: Sequence[News], *rules: AlertRule, told: dict[int, list[Told]] | None = None, **choices: object
) -> LookedBack:
    """With the alerts of a reader of the daily in UTC, who chose these; a week later."""
    digests = sorted(one.at for telling in (told or {}).values() for one in telling)
    reader = Reader(AlertChoices(**choices), ZoneInfo("UTC"), reads_digest=True, mails_today=0)  # type: ignore[arg-type]
    everything = Past(list(past), NOON, digests, told or {})
    return look_back(rules or [EVERY], everything, reader, LIMITS, now=NOON + timedelta(days=7))


def test_a_story_is_told_when_it_meets_the_rule_and_then_no_more() -> None:
    """Its first revision that meets it, with the facts; a later one without news changes nothing."""
    found = back([news(1, NOON), news(1, NOON + HOUR, outlets=5, revision=2),
                  news(1, NOON + 2 * HOUR, outlets=6, revision=3)], WIDE)  # fmt: skip
    [alert] = found.alerts
    assert (alert.news.revision, alert.mailed_at) == (2, NOON + HOUR)
    assert alert.facts == {WIDE: ("5 outlets (you asked for 5)",)}
    assert (found.mails, found.a_week, found.held) == (1, 1.0, 0)


def test_what_came_up_in_the_quiet_is_told_in_one_mail_in_the_morning() -> None:
    """Held until the quiet is over, and newer facts of a story take the place of older ones."""
    night = NOON + 12 * HOUR
    found = back([news(1, night), news(2, night + HOUR), news(1, night + 2 * HOUR, outlets=9, revision=2)])
    assert [(one.news.story_id, one.news.revision) for one in found.alerts] == [(1, 2), (2, 1)]
    assert {one.mailed_at for one in found.alerts} == {NOON + 19 * HOUR}
    assert (found.mails, found.held) == (1, 2)


def test_beyond_the_mails_of_a_day_the_digest_tells() -> None:
    """The budget counts digests that came, and what overflows is folded, with its reason."""
    day = [news(number, NOON + number * HOUR) for number in range(4)]
    digest = {99: [Told(1, a_story(), NOON - HOUR)]}
    found = back(day, told=digest, mails_a_day=2)
    assert [one.state for one in reversed(found.alerts)] == [S.MAILED, S.FOLDED, S.FOLDED, S.FOLDED]
    assert found.alerts[0].spared is not None
    assert "2 mails today" in found.alerts[0].spared.text


def test_what_a_digest_told_is_no_news() -> None:
    """Whoever read of it in a digest is alerted of a new fact only."""
    told = {1: [Told(1, a_story("Story 1", outlets=2, companies=()), NOON)]}
    later = [news(1, NOON + HOUR, outlets=3, revision=2), news(1, NOON + 2 * HOUR, outlets=6, revision=3)]
    [alert] = back(later, told=told).alerts
    assert alert.news.revision == 3
    assert alert.changes


def test_mutes_keep_a_story_away() -> None:
    """What the reader muted comes up in no look back."""
    reader = Reader(AlertChoices(), ZoneInfo("UTC"), reads_digest=True, mails_today=0)
    past = Past(
        [news(1, NOON), news(2, NOON + HOUR)], NOON, muted=lambda one: "muted" if one.story_id == 1 else None
    )
    found = look_back([EVERY], past, reader, LIMITS, now=NOON + timedelta(days=1))
    assert [one.news.story_id for one in found.alerts] == [2]


@pytest.mark.parametrize("in_quiet", InQuiet)
@given(hours=st.lists(st.floats(0, 150), max_size=40).map(sorted), most=st.integers(1, 4))
def test_no_day_has_more_mails_than_were_chosen(in_quiet: InQuiet, hours: list[float], most: int) -> None:
    """Whatever comes in: each alert comes to one end, none leaves early, and no day has too many mails."""
    past = [news(number, NOON + hour * HOUR) for number, hour in enumerate(hours)]
    found = back(past, in_quiet=in_quiet, mails_a_day=most)
    assert sum(found.of(state) for state in S) == len(past)
    moments = {one.mailed_at for one in found.alerts if one.mailed_at}
    days = [at.date() for at in moments]
    assert all(days.count(day) <= most for day in days)
    assert all(one.mailed_at >= one.news.seen_at for one in found.alerts if one.mailed_at)


def test_a_young_service_is_not_diluted() -> None:
    """Mails a week go by the days of which there are stories, and not by 30 days."""
    reader = Reader(AlertChoices(), ZoneInfo("UTC"), reads_digest=True, mails_today=0)
    past = Past([news(1, NOON), news(2, NOON + 24 * HOUR)], NOON)
    found = look_back([EVERY], past, reader, LIMITS, now=NOON + 48 * HOUR)
    assert (found.mails, found.days, found.a_week) == (2, 2, 7.0)


def test_what_waits_keeps_its_place() -> None:
    """A revision that says no more takes no place of what waits, nor does it let it wait for longer."""
    past = [news(1, NOON), news(1, NOON + 20 * HOUR, outlets=3, revision=2)]
    [alert] = back(past, quiet_from=11, quiet_until=10).alerts
    assert (alert.news.revision, alert.mailed_at) == (1, NOON + 22 * HOUR)


def test_what_was_taken_back_is_not_told() -> None:
    """What waits in the night, and meets the rule no more in the morning, would not have been sent."""
    night = NOON + 12 * HOUR
    [alert] = back([news(1, night, outlets=6), news(1, night + HOUR, outlets=2, revision=2)], WIDE).alerts
    assert alert.state is S.DROPPED
    assert alert.mailed_at is None


def test_without_a_digest_a_rest_that_is_over_keeps_nothing_back() -> None:
    """What a rest held until the morning comes with the next mail after it, as on any other day."""
    lab = (Company("Sample Lab"),)
    about = [
        News(number, 1, a_story(f"Story {number}", companies=lab), at, at, ())
        for number, at in ((1, NOON), (2, NOON + HOUR))
    ]
    reader = Reader(AlertChoices(), ZoneInfo("UTC"), reads_digest=False, mails_today=0)
    past = Past([*about, news(3, NOON + 4 * HOUR)], NOON)
    found = look_back([EVERY], past, reader, LIMITS, now=NOON + 48 * HOUR)
    assert [one.mailed_at for one in reversed(found.alerts)] == [NOON, NOON + 4 * HOUR, NOON + 4 * HOUR]
