"""What is not sent: silence, rest, budget, quiet and gathering."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from newsletter.alerts.matching import News
from newsletter.alerts.newness import Known, is_news
from newsletter.alerts.sparing import (
    MOST_STORIES,
    ORDER,
    REPLACED,
    Disposal,
    Limits,
    Mailed,
    Reader,
    Waiting,
    dispose,
)
from newsletter.content import Company, Impact, StoryContent
from newsletter.memory import Told
from subscribers.alert_choices import AlertChoices, InQuiet
from tests.builders import NOON, a_story, coverage

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LIMITS = Limits(
    life=24 * HOUR,
    fresh=72 * HOUR,
    story_rest=12 * HOUR,
    company_rest=3 * HOUR,
    gather=15 * MINUTE,
    whole=3,
)
UTC_ZONE = ZoneInfo("UTC")
MIDNIGHT = NOON + 12 * HOUR
MORNING = NOON + 19 * HOUR


def news(
    content: StoryContent, *, revision: int = 2, seen_at: datetime = NOON, age: timedelta = HOUR
) -> News:
    return News(1, revision, content, seen_at - age, seen_at, ())


def told(content: StoryContent, *, revision: int = 1) -> Known:
    return Known(Told(revision, content, NOON - 30 * HOUR), "told by the daily digest on Wednesday")


def waiting(key: int = 1, **changes: Any) -> Waiting:
    one = Waiting(key, key, frozenset(), Impact.NEUTRAL, 2, NOON, NOON + LIMITS.life)
    return replace(one, **changes)


def reader(*mailed: Mailed, reads_digest: bool = True, mails_today: int = 0, **choices: Any) -> Reader:
    return Reader(AlertChoices(**choices), UTC_ZONE, reads_digest, mails_today, mailed)


def mailed(ago: timedelta, story: int = 99, *companies: str) -> Mailed:
    return Mailed(NOON - ago, frozenset({story}), frozenset(companies))


def why(disposal: Disposal, key: int = 1) -> str:
    """What became of the alert, and by which rule."""
    if key in disposal.mail:
        return "mailed"
    if key in disposal.held:
        until, reason = disposal.held[key]
        return f"held until {until:%d %H:%M}: {reason.rule}"
    folded = key in disposal.folded
    reason = disposal.folded[key] if folded else disposal.dropped[key]
    assert reason.rule in ORDER
    return f"{'folded' if folded else 'dropped'}: {reason.rule}"


def test_a_fresh_story_is_news_to_who_never_heard_of_it() -> None:
    """The first alert needs no new fact, but a story that is not an old one."""
    assert is_news(news(a_story(), age=72 * HOUR), None, LIMITS, muted=None).passed
    late = is_news(news(a_story(), age=73 * HOUR), None, LIMITS, muted=None)
    assert [(reason.rule, reason.passed) for reason in late.reasons] == [("told", True), ("fresh", False)]
    assert "73 hours" in late.reasons[-1].text


@pytest.mark.parametrize(
    ("age", "words"),
    [(timedelta(0), "just now"), (MINUTE, "1 minute before"), (HOUR - MINUTE, "59 minutes before")],
)
def test_how_old_a_story_is_can_be_read(age: timedelta, words: str) -> None:
    """Less than an hour is told in minutes."""
    verdict = is_news(news(a_story(), age=age), None, LIMITS, muted=None)
    assert verdict.reasons[-1].text.startswith(f"first seen {words}, and a first alert is for stories of 72")


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"coverage": coverage(4)}, "+2 outlets since Wednesday"),
        ({"impact": Impact.DELAY}, "label changed: may advance → may delay"),
        ({"companies": (Company("Sample Lab"), Company("Other Lab"))}, "now also about Other Lab"),
        ({"coverage": coverage(3)}, None),
        ({"title": "Told in other words", "audiences": ("Engineers",)}, None),
    ],
)
def test_after_the_first_time_only_a_new_fact_is_news(changes: dict[str, Any], fact: str | None) -> None:
    """Outlets doubled, a changed label or a new company break the silence, however old the story is."""
    verdict = is_news(news(a_story(**changes), age=500 * HOUR), told(a_story()), LIMITS, muted=None)
    assert verdict.passed is (fact is not None)
    assert verdict.changes == ((fact,) if fact else ())
    assert verdict.reasons[-1].text.startswith("told by the daily digest on Wednesday; ")


def test_who_was_told_a_newer_revision_learns_nothing_from_an_older_one() -> None:
    """A revision that is looked at late is no news to those whom a digest told a later one."""
    known = told(a_story(impact=Impact.DELAY), revision=3)
    assert not is_news(news(a_story(), revision=2), known, LIMITS, muted=None).passed


def test_a_mute_is_a_reason_of_its_own() -> None:
    """A muted story is no news, and the reason says what was muted beside all other reasons."""
    verdict = is_news(news(a_story()), None, LIMITS, muted="muted the company Sample Lab")
    assert not verdict.passed
    assert [reason.rule for reason in verdict.reasons] == ["mutes", "told", "fresh"]
    assert verdict.reasons[0].text == "muted the company Sample Lab"


@pytest.mark.parametrize(
    ("one", "of", "outcome"),
    [
        (waiting(), reader(), "mailed"),
        (waiting(told_since="told by a digest"), reader(mails_today=9), "dropped: meanwhile"),
        (waiting(expires_at=NOON), reader(), "folded: life"),
        (waiting(expires_at=NOON), reader(reads_digest=False), "dropped: life"),
        (waiting(99), reader(mailed(12 * HOUR - MINUTE)), "folded: rest"),
        (waiting(99), reader(mailed(12 * HOUR)), "mailed"),
        (waiting(companies=frozenset("ab")), reader(mailed(2 * HOUR, 99, "b", "c")), "folded: rest"),
        (waiting(companies=frozenset("ab")), reader(mailed(3 * HOUR, 99, "b", "c")), "mailed"),
        (waiting(99, corrects=True), reader(mailed(HOUR, 99)), "mailed"),
        (waiting(), reader(mails_today=3), "folded: budget"),
        (waiting(corrects=True), reader(mails_today=3), "folded: budget"),
        (waiting(), reader(mailed(14 * MINUTE)), "held until 08 12:01: gather"),
        (waiting(99, corrects=True), reader(mailed(14 * MINUTE)), "held until 08 12:01: gather"),
        (waiting(), reader(mailed(15 * MINUTE)), "mailed"),
        (waiting(99), reader(mailed(MINUTE), mails_today=3), "folded: rest"),
    ],
)
def test_what_becomes_of_an_alert_by_day(one: Waiting, of: Reader, outcome: str) -> None:
    """Told or too old, rest, budget, gathering: in this order, each with its own reason and exact end."""
    assert why(dispose([one], of, LIMITS, now=NOON), one.id) == outcome


@pytest.mark.parametrize(
    ("one", "of", "outcome"),
    [
        (waiting(), reader(), "held until 09 07:00: quiet"),
        (waiting(), reader(in_quiet=InQuiet.FOLD), "folded: quiet"),
        (waiting(impact=Impact.DELAY), reader(), "held until 09 07:00: quiet"),
        (waiting(impact=Impact.DELAY), reader(in_quiet=InQuiet.HIGHEST), "mailed"),
        (
            waiting(impact=Impact.DELAY, corrects=True),
            reader(in_quiet=InQuiet.HIGHEST),
            "held until 09 07:00: quiet",
        ),
        (waiting(impact=None), reader(in_quiet=InQuiet.HIGHEST), "held until 09 07:00: quiet"),
        (waiting(expires_at=MORNING), reader(), "folded: quiet"),
        (waiting(), reader(mails_today=3), "folded: budget"),
    ],
)
def test_what_becomes_of_an_alert_by_night(one: Waiting, of: Reader, outcome: str) -> None:
    """In quiet an alert waits, is folded, or comes if it is of the highest impact, as its reader chose."""
    assert why(dispose([one], of, LIMITS, now=MIDNIGHT)) == outcome


@pytest.mark.parametrize(
    ("one", "of", "outcome"),
    [
        (waiting(), reader(reads_digest=False, mails_today=3), "held until 09 07:00: budget"),
        (waiting(expires_at=MORNING), reader(reads_digest=False, mails_today=3), "dropped: budget"),
        (waiting(99), reader(mailed(HOUR), reads_digest=False), "held until 09 07:00: rest"),
        (waiting(corrects=True), reader(reads_digest=False, mails_today=3), "held until 09 07:00: budget"),
    ],
)
def test_without_a_digest_what_would_be_folded_waits_for_the_morning(
    one: Waiting, of: Reader, outcome: str
) -> None:
    """Nothing is folded into a digest that never comes; what is no news by the morning is dropped."""
    assert why(dispose([one], of, LIMITS, now=NOON), one.id) == outcome


def test_without_a_digest_quiet_ends_when_it_ends() -> None:
    """At two in the night the alert waits for this morning, not for that of the next day."""
    night = MIDNIGHT + 2 * HOUR
    of = reader(reads_digest=False, in_quiet=InQuiet.FOLD)
    assert why(dispose([waiting()], of, LIMITS, now=night)) == "held until 09 07:00: quiet"


def test_a_place_is_kept_for_a_digest_that_was_put_off() -> None:
    """It counts against the day's mails, and the reason does not call it a mail."""
    of = replace(reader(mails_today=2), kept=1)
    reason = dispose([waiting()], of, LIMITS, now=NOON).folded[1]
    assert reason.text == "2 mails today, and a place kept for your digest: you chose 3 at most"
    assert why(dispose([waiting()], replace(of, mails_today=1), LIMITS, now=NOON)) == "mailed"


def test_reasons_tell_the_time_on_the_readers_clock() -> None:
    """Until when an alert waits is said in the reader's zone."""
    tokyo = replace(reader(), zone=ZoneInfo("Asia/Tokyo"))
    _, reason = dispose([waiting()], tokyo, LIMITS, now=NOON + HOUR).held[1]
    assert reason.text == "you want quiet now; waits until 07:00 on Friday"


def test_stories_that_come_up_together_are_one_mail_led_by_the_weightiest() -> None:
    """High impact leads, then more outlets, then what came up first; a shared company keeps none back."""
    about = frozenset({"a"})
    together = [
        waiting(1, outlets=2, companies=about),
        waiting(2, outlets=9, companies=about),
        waiting(3, impact=Impact.ADVANCE, decided_at=NOON - MINUTE),
        waiting(4, impact=Impact.DELAY),
        waiting(5, outlets=2, decided_at=NOON - MINUTE),
    ]
    assert dispose(together, reader(), LIMITS, now=NOON).mail == (3, 4, 2, 5, 1)


def test_what_is_high_does_not_take_the_rest_along_into_the_quiet() -> None:
    """At night the highest impact comes alone; what lies beside it waits for the morning."""
    both = [waiting(1), waiting(2, impact=Impact.ADVANCE)]
    disposal = dispose(both, reader(in_quiet=InQuiet.HIGHEST), LIMITS, now=MIDNIGHT)
    assert disposal.mail == (2,)
    assert set(disposal.held) == {1}


def test_a_story_stands_once_in_a_mail_with_its_newest_facts() -> None:
    """Of two alerts of a story the newer one is told, and the older one says why it is not."""
    both = [waiting(2, story_id=7, decided_at=NOON), waiting(1, story_id=7, decided_at=NOON - HOUR)]
    disposal = dispose(both, reader(), LIMITS, now=NOON)
    assert disposal.mail == (2,)
    assert disposal.dropped[1].text == REPLACED


EDITORS, NEWER = (
    waiting(1, story_id=7, by_editors=True, decided_at=NOON - HOUR),
    waiting(2, story_id=7, impact=Impact.ADVANCE, decided_at=NOON),
)


def test_the_editors_line_stays_with_newer_facts() -> None:
    """What a rule finds later is told beside the editors' alert, in the same mail; the facts decide."""
    disposal = dispose([NEWER, EDITORS, waiting(3)], reader(), LIMITS, now=NOON)
    assert (disposal.mail, disposal.beside) == ((1, 3), {2: 1})
    older = replace(NEWER, decided_at=NOON - 2 * HOUR)
    disposal = dispose([older, EDITORS], reader(), LIMITS, now=NOON)
    assert (disposal.mail, disposal.beside, disposal.dropped[2].text) == ((1,), {}, REPLACED)


@pytest.mark.parametrize(
    ("of", "now", "outcome"),
    [
        (reader(), MIDNIGHT, "held until 09 07:00: quiet"),
        (reader(in_quiet=InQuiet.FOLD), MIDNIGHT, "folded: quiet"),
        (reader(mails_today=3), NOON, "folded: budget"),
    ],
)
def test_newer_facts_share_the_fate_of_the_editors_line(of: Reader, now: datetime, outcome: str) -> None:
    """Neither of them comes without the other, as long as both are news."""
    disposal = dispose([EDITORS, NEWER], of, LIMITS, now=now)
    assert (why(disposal, 1), why(disposal, 2)) == (outcome, outcome)


def test_newer_facts_outlive_the_editors_line() -> None:
    """Without a digest, what is news in the morning comes then, though the editors' alert is not."""
    late = replace(EDITORS, expires_at=MORNING)
    disposal = dispose([late, NEWER], reader(reads_digest=False), LIMITS, now=MIDNIGHT)
    assert (why(disposal, 1), why(disposal, 2)) == ("dropped: quiet", "held until 09 07:00: quiet")


def test_a_correction_is_never_replaced() -> None:
    """A correction goes before news of the story; the news, or an older correction, is told later."""
    newer = waiting(3, story_id=7, decided_at=NOON)
    corrections = [waiting(key, story_id=7, decided_at=NOON - key * HOUR, corrects=True) for key in (1, 2)]
    disposal = dispose([newer, *corrections], reader(), LIMITS, now=NOON)
    assert disposal.mail == (1,)
    assert set(disposal.folded) == {2, 3}


def test_a_mail_is_never_a_pile() -> None:
    """Beyond a dozen stories the lesser ones are left to the digest."""
    many = [waiting(key, outlets=key) for key in range(1, 31)]
    disposal = dispose(many, reader(), LIMITS, now=NOON)
    assert disposal.mail == tuple(range(30, 30 - MOST_STORIES, -1))
    assert set(disposal.folded) == set(range(1, 31 - MOST_STORIES))
    assert {reason.rule for reason in disposal.folded.values()} == {"full"}
