"""Alert rules: which stories meet them, by which facts."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.alerts.matching import News, judge, meets
from newsletter.content import Company, StoryContent, Tldr
from newsletter.pool import Pool, as_words, says
from subscribers.alert_rule import AlertRule, InvalidRule
from tests.builders import NOON, a_candidate, a_story, coverage

MISTRAL = a_story(
    "France signs with Mistral AI: Open weights for the state",
    category="AI Policy",
    tldr=Tldr("The contract covers open-source models and a data centre near Paris."),
    audiences=("Policymakers", "Investors"),
    companies=(Company("Mistral AI"), Company("Caisse des Dépôts")),
)
JAPANESE = a_story("東京の研究所が新しい言語モデルを公開", language="ja", companies=(), category="研究")


def news(content: StoryContent = MISTRAL, *, after_hours: tuple[float, ...] = ()) -> News:
    spread = tuple(NOON + timedelta(hours=hours) for hours in after_hours)
    return News(1, 1, content, NOON, NOON, spread)


def never() -> bool:
    pytest.fail("asked whether it leads, though nothing depends on it")


def verdict(rule: AlertRule, of: News, leads: Callable[[], bool] = never) -> dict[str, tuple[bool, str]]:
    return {reason.rule: (reason.passed, reason.text) for reason in judge(rule, of, leads=leads)}


@pytest.mark.parametrize(
    ("asked", "met"),
    [
        ({"audiences": ["investors", "Engineers"]}, True),
        ({"audiences": ["Engineers"]}, False),
        ({"companies": ["MISTRAL  ai"]}, True),
        ({"companies": ["Mistral"]}, True),  # the title names it
        ({"companies": ["Mist"]}, False),
        ({"companies": ["OpenAI", "caisse des dépôts"]}, True),
        ({"topics": ["policy"]}, True),
        ({"topics": ["open weights"]}, True),
        ({"topics": ["open source"]}, False),  # only in the TL;DR
        ({"words": ["open source", "licence"]}, True),
        ({"words": ["policy"]}, False),  # only in the category
        ({"words": ["state the"]}, False),  # no phrase runs from the title into the TL;DR
        ({"impacts": ["advance", "delay"]}, True),
        ({"impacts": ["delay"]}, False),
        ({"audiences": ["Investors"], "companies": ["Mistral AI"], "words": ["Paris"]}, True),
        ({"audiences": ["Investors"], "companies": ["Mistral AI"], "words": ["London"]}, False),
    ],
)
def test_kinds_narrow_each_other_and_one_word_of_a_kind_is_enough(
    asked: dict[str, list[str]], met: bool
) -> None:
    """A story meets a rule if each kind of interest has one word at least that the story answers to."""
    assert meets(judge(AlertRule.of(asked), news(), leads=never)) is met


@pytest.mark.parametrize(("topic", "met"), [("言語モデル", True), ("研究", True), ("大阪", False)])
def test_scripts_without_spaces_match_anywhere(topic: str, met: bool) -> None:
    """A Japanese word stands in a title without a space around it, and is found all the same."""
    assert meets(judge(AlertRule.of({"topics": [topic]}), news(JAPANESE), leads=never)) is met


def test_a_story_for_nobody_in_particular_meets_no_rule_for_an_audience() -> None:
    """What names no audience is in everybody's digest, but alerts nobody as one of an audience."""
    rule = AlertRule.of({"audiences": ["Investors"]})
    assert verdict(rule, news(a_story(audiences=()))) == {
        "audience": (False, "for no audience in particular")
    }


def test_every_condition_says_the_facts_of_the_story() -> None:
    """Passed or failed, a condition is told in words with what the story has, and not only what it lacks."""
    rule = AlertRule.of(
        {
            "audiences": ["Investors", "Policymakers"],
            "companies": ["mistral ai", "OpenAI"],
            "topics": ["policy"],
            "words": ["paris", "data centre"],
            "impacts": ["delay"],
        },
        min_outlets=5,
        min_languages=2,
        fast_outlets=4,
        fast_hours=3,
    )
    story = a_story(
        MISTRAL.title,
        category=MISTRAL.category,
        tldr=MISTRAL.tldr,
        audiences=MISTRAL.audiences,
        companies=MISTRAL.companies,
        coverage=coverage(7),
    )
    assert verdict(rule, news(story, after_hours=(0, 1, 2, 3, 9))) == {
        "audience": (True, "for Policymakers and Investors"),
        "company": (True, "about Mistral AI"),
        "topic": (True, "topic policy"),
        "words": (True, "says “data centre” and “paris”"),
        "impact": (False, "label: may advance"),
        "outlets": (True, "7 outlets (you asked for 5)"),
        "languages": (False, "1 language (you asked for 2)"),
        "fast": (True, "4 outlets within 3 hours (you asked for 4)"),
    }


def test_a_condition_that_fails_says_what_was_asked() -> None:
    """Whoever asks why no alert came reads the words that the story does not have."""
    rule = AlertRule.of({"companies": ["OpenAI", "Cohere"], "topics": ["chips"], "words": ["licence", "tax"]})
    assert verdict(rule, news()) == {
        "company": (False, "not about cohere or openai"),
        "topic": (False, "neither title nor category says “chips”"),
        "words": (False, "neither title nor TL;DR says “licence” or “tax”"),
    }
    assert verdict(AlertRule.of({"impacts": ["delay"]}), news(a_story(impact=None, tldr=None))) == {
        "impact": (False, "label: none yet")
    }


@given(
    outlets=st.integers(1, 9),
    languages=st.integers(1, 4),
    asked=st.tuples(st.integers(1, 9), st.integers(1, 4)),
)
def test_thresholds_are_met_from_their_number_on(
    outlets: int, languages: int, asked: tuple[int, int]
) -> None:
    """A story passes when it has as many outlets and languages as were asked for, and not with fewer."""
    tongues = ("en", "fr", "de", "ja")[:languages]
    reports = tuple(
        article
        for number, tongue in enumerate(tongues, start=1)
        for article in coverage(outlets if number == 1 else 1, language=tongue)
    )
    rule = AlertRule(min_outlets=asked[0], min_languages=asked[1])
    enough = outlets >= asked[0] and languages >= asked[1]
    assert meets(judge(rule, news(a_story(coverage=reports)), leads=never)) is enough


@given(st.lists(st.integers(0, 48), max_size=9), st.integers(1, 9), st.integers(1, 12))
def test_fast_is_any_window_of_so_many_hours(hours: list[int], asked: int, within: int) -> None:
    """So many outlets must have begun within the hours of each other, whenever that was."""
    most = max((sum(first <= hour <= first + within for hour in hours) for first in hours), default=0)
    rule = AlertRule(fast_outlets=asked, fast_hours=within)
    spread = news(after_hours=tuple(sorted(hours)))
    assert meets(judge(rule, spread, leads=never)) is (most >= asked)


def test_the_lead_is_asked_for_last_and_only_when_it_decides() -> None:
    """Whether a story would lead a digest is worked out only for a rule that asks, and is met but for it."""
    rule = AlertRule.of({"companies": ["OpenAI"]}, leads=True)
    assert "leads" not in verdict(rule, news())
    met = AlertRule.of({"companies": ["Mistral AI"]}, leads=True)
    assert verdict(met, news(), lambda: True)["leads"] == (True, "would lead your digest")
    assert verdict(met, news(), lambda: False)["leads"] == (False, "would not lead your digest")


def test_an_empty_rule_is_met_by_every_story_and_says_so() -> None:
    """Whoever asks for every story reads in the mail that they did."""
    assert verdict(AlertRule(), news()) == {"any": (True, "you asked for every story")}


def test_the_mail_shows_what_passed_and_nothing_else() -> None:
    """The footer tells the facts by which a rule fired; a condition that failed is for `why` alone."""
    rule = AlertRule.of({"audiences": ["Investors"], "companies": ["OpenAI"]}, min_outlets=2, min_languages=2)
    assert all(reason.shown is reason.passed for reason in judge(rule, news(), leads=never))


def test_rules_and_digests_understand_companies_and_topics_alike() -> None:
    """A company followed, or a topic, finds the same stories in an alert as in a digest."""
    candidate = a_candidate(content=MISTRAL)
    pool = Pool([candidate])
    for word in ("mistral ai", "france", "caisse des dépôts", "policy", "weights", "paris", "dépôts", "ai"):
        by_company = judge(AlertRule.of({"companies": [word]}), news(), leads=never)
        by_topic = judge(AlertRule.of({"topics": [word]}), news(), leads=never)
        assert meets(by_company) is pool.mentions(candidate, word)
        assert meets(by_topic) is pool.touches(candidate, word)


def test_a_rule_is_read_back_as_it_was_written() -> None:
    """The stored form of a rule gives the equal rule back, and rules of equal words are one."""
    rule = AlertRule.of({"companies": ["Mistral AI"], "words": ["open weights"]}, min_outlets=3, leads=True)
    again = AlertRule.of(
        {"companies": [" mistral  AI "], "words": ["OPEN weights"]}, min_outlets=3, leads=True
    )
    assert AlertRule.read(rule.definition()) == rule
    assert rule.fingerprint() == again.fingerprint()
    assert rule.fingerprint() != AlertRule.of({"companies": ["Mistral AI"]}, min_outlets=3).fingerprint()


@pytest.mark.parametrize(
    "thresholds",
    [
        {"min_outlets": 0},
        {"min_languages": 0},
        {"fast_outlets": -1},
        {"fast_outlets": 3},
        {"fast_outlets": 3, "fast_hours": 169},
    ],
)
def test_thresholds_that_make_no_sense_are_refused(thresholds: dict[str, int]) -> None:
    """A rule that no story can be held against is refused, with a remedy."""
    with pytest.raises(InvalidRule) as refused:
        AlertRule.of({}, **thresholds)
    assert refused.value.remedy


def test_words_are_compared_whole() -> None:
    """ "Meta" does not stand in "metadata"; signs between words do not part a phrase."""
    assert not says(as_words("New metadata rules"), as_words("Meta"))
    assert says(as_words("Meta's rules"), as_words("meta"))
    assert says(as_words("An open-source model"), as_words("open source"))
