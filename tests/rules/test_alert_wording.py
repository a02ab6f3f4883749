"""Rules and choices of alerts in words, as a reader would say them."""

from dataclasses import replace
from typing import Any

import pytest

from newsletter.alerts.aim import by_editors
from newsletter.alerts.wording import choices_in_words, words
from newsletter.models import Alert
from subscribers.alert_choices import Afterwards, AlertChoices, InQuiet
from subscribers.alert_rule import AlertRule

NAMES = {"mistral ai": "Mistral AI", "xai": "xAI", "openai": "OpenAI", "investors": "Investors"}


@pytest.mark.parametrize(
    ("asked", "thresholds", "said"),
    [
        ({}, {}, "every story"),
        (
            {"companies": ["OpenAI", "Mistral AI"]},
            {"min_outlets": 5, "min_languages": 2},
            "Mistral AI or OpenAI, once 5 outlets in 2 languages report it",
        ),
        ({"topics": ["chips"], "audiences": ["Investors"]}, {}, "the topic “chips” for Investors"),
        (
            {"companies": ["OpenAI"], "topics": ["law", "chips"]},
            {"min_outlets": 3},
            "OpenAI on the topics “chips” or “law”, once 3 outlets report it",
        ),
        (
            {"audiences": ["Investors"], "words": ["open weights", "licence"]},
            {"min_languages": 3},
            "stories for Investors saying “licence” or “open weights”, once it is reported in 3 languages",
        ),
        ({"impacts": ["advance", "delay"]}, {}, "stories labelled “may advance” or “may delay”"),
        (
            {"companies": ["xAI"], "words": ["ai"], "impacts": ["delay"]},
            {},
            "xAI, saying “ai”, labelled “may delay”",
        ),
        (
            {"audiences": ["Investors"], "words": ["ai"], "impacts": ["delay"]},
            {"min_outlets": 2},
            "stories for Investors saying “ai”, labelled “may delay”, once 2 outlets report it",
        ),
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


def test_a_name_that_no_story_wrote_yet_has_capitals() -> None:
    """A company that no story has mentioned is called by its term, written as names are."""
    assert words(AlertRule.of({"companies": ["nobody yet", "Sample AI"]})) == "Nobody Yet or Sample AI"


def test_a_mail_names_some_of_many_and_counts_the_others() -> None:
    """A rule about fifty companies does not fill the mail; elsewhere all of them are named."""
    rule = AlertRule.of({"companies": [f"lab {n}" for n in range(9)], "words": [f"w{n}" for n in range(5)]})
    assert words(rule, most=4) == (
        "Lab 0, Lab 1, Lab 2, Lab 3 or 5 more, saying “w0”, “w1”, “w2”, “w3” or 1 more"
    )
    assert words(rule).count("Lab") == 9


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


@pytest.mark.parametrize(
    ("audiences", "segment", "said"),
    [
        (["Investors", "Engineers"], None, "for Investors and Engineers"),
        ([], "company = northlight", "for readers who follow the company “northlight”"),
        (
            ["Investors"],
            "not topic = chips",
            "for Investors, and for readers who do not follow the topic “chips”",
        ),
        ([], "topic = chips and tag = difficult", "for some of our readers"),
    ],
)
def test_readers_are_told_whom_the_editors_meant(
    audiences: list[str], segment: str | None, said: str
) -> None:
    """In words for their eyes: what was noted of them, such as tags, is not told."""
    assert by_editors(Alert(audiences=audiences, segment=segment)).facts == (said,)
