"""Rules and choices of alerts in words, as a reader would say them."""

from dataclasses import replace
from typing import Any

import pytest

from newsletter.alerts.wording import choices_in_words, words
from subscribers.alert_choices import Afterwards, AlertChoices, InQuiet
from subscribers.alert_rule import AlertRule

NAMES = {"mistral ai": "Mistral AI", "openai": "OpenAI", "investors": "Investors"}


@pytest.mark.parametrize(
    ("asked", "thresholds", "said"),
    [
        ({}, {}, "every story"),
        (
            {"companies": ["OpenAI", "Mistral AI"]},
            {"min_outlets": 5, "min_languages": 2},
            "Mistral AI or OpenAI, once 5 outlets in 2 languages report it",
        ),
        ({"topics": ["chips"], "audiences": ["Investors"]}, {}, "the topic chips for Investors"),
        (
            {"companies": ["OpenAI"], "topics": ["law", "chips"]},
            {"min_outlets": 3},
            "OpenAI on the topics chips or law, once 3 outlets report it",
        ),
        (
            {"audiences": ["Investors"], "words": ["open weights", "licence"]},
            {"min_languages": 3},
            "stories for Investors, saying “licence” or “open weights”, once it is reported in 3 languages",
        ),
        ({"impacts": ["advance", "delay"]}, {}, "stories, labelled “may advance” or “may delay”"),
        (
            {},
            {"fast_outlets": 4, "fast_hours": 1, "leads": True},
            "every story, once 4 outlets report it within 1 hour, if it would lead your digest",
        ),
    ],
)
def test_a_rule_reads_as_its_reader_would_say_it(
    asked: dict[str, list[str]], thresholds: dict[str, Any], said: str
) -> None:
    """Each kind of interest and each threshold is said once, with the names as the site writes them."""
    assert words(AlertRule.of(asked, **thresholds), NAMES) == said


def test_a_name_that_nobody_wrote_yet_is_said_as_it_is_kept() -> None:
    """A company that no story has mentioned is called by its term."""
    assert words(AlertRule.of({"companies": ["Nobody Yet"]}), NAMES) == "nobody yet"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Quiet from 22:00 to 07:00: alerts wait until then"),
        (
            {"quiet_days": frozenset({6, 5}), "in_quiet": InQuiet.FOLD},
            "Quiet from 22:00 to 07:00 and all day on Saturday and Sunday: "
            "your next digest tells what came up",
        ),
        (
            {"quiet_from": 0, "quiet_until": 0, "quiet_days": frozenset({0})},
            "Quiet all day on Monday: alerts wait until it is over",
        ),
        (
            {"in_quiet": InQuiet.HIGHEST},
            "Quiet from 22:00 to 07:00: only the highest impact comes at once, all else waits",
        ),
        ({"quiet_from": 7}, "No quiet hours: alerts come at any time"),
    ],
)
def test_quiet_is_said_with_what_becomes_of_alerts_in_it(changes: dict[str, Any], said: str) -> None:
    """The first sentence says when it is quiet, and what happens then."""
    assert choices_in_words(replace(AlertChoices(), **changes))[0] == said


def test_every_choice_is_a_sentence() -> None:
    """Mails a day, what the digest says afterwards and the editors' alerts are told, chosen or not."""
    assert choices_in_words(AlertChoices())[1:] == (
        "At most 3 mails a day, digests and alerts together",
        "After an alert, your next digest says in a line what came since",
        "Alerts from the editors, too",
    )
    sparing = AlertChoices(afterwards=Afterwards.NOTHING, mails_a_day=1, from_editors=False)
    assert choices_in_words(sparing)[1:] == (
        "At most 1 mail a day, digests and alerts together",
        "After an alert, your digest is silent about the story until there is news",
        "No alerts from the editors",
    )
