"""How alert rules are found by a story's terms: every rule that it meets, and few others."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.alerts.matching import News, anchors, judge, meets, terms
from newsletter.content import Company, Impact, StoryContent, Tldr
from subscribers.alert_rule import AlertRule
from tests.builders import NOON, a_story

WORDS = [
    "Mistral",
    "AI",
    "open-source",
    "Straße",
    "l’État",
    "C++",
    "GPT-5",
    "état",
    "東京",
    "人工智能",
    "モデル",
    "ＡＩ",
    "한국",
]
a_text = st.lists(st.sampled_from(WORDS) | st.text(max_size=4), min_size=1, max_size=9).map(" ".join)
a_label = st.sampled_from([*Impact, None])
stories = st.builds(
    lambda title, **changes: a_story(title, **changes),
    a_text,
    category=a_text | st.none(),
    tldr=a_text.map(Tldr) | st.none(),
    companies=st.lists(a_text.map(Company), max_size=2).map(tuple),
    audiences=st.lists(st.sampled_from(("Investors", "Engineers", "投資家")), max_size=2).map(tuple),
    impact=a_label,
)


@st.composite
def rules_near(draw: st.DrawFn, story: StoryContent) -> AlertRule:
    """Rules made of pieces of the story's own texts, so that many are met."""

    def pieces(*texts: str | None) -> list[str]:
        text = draw(st.sampled_from([text for text in texts if text] or ["nothing"]))
        first = draw(st.integers(0, len(text) - 1)) if text else 0
        return [text[first : draw(st.integers(first, len(text)))], draw(a_text)]

    told = story.tldr.text if story.tldr else None
    kinds: dict[str, Any] = {
        "companies": pieces(story.title, *(company.name for company in story.companies)),
        "topics": pieces(story.title, story.category),
        "words": pieces(story.title, told),
        "audiences": [*story.audiences, "Engineers"],
        "impacts": ["advance", "delay"],
    }
    asked = draw(st.sets(st.sampled_from(sorted(kinds)), max_size=3))
    return AlertRule.of({kind: kinds[kind] for kind in sorted(asked)})


@settings(max_examples=400)
@given(st.data())
def test_whatever_meets_a_rule_is_found_by_one_of_its_anchors(data: st.DataObject) -> None:
    """No story that meets a rule is missed by looking rules up by the story's terms, in any script."""
    story = data.draw(stories)
    rule = data.draw(rules_near(story))
    if meets(judge(rule, News(1, 1, story, NOON, NOON, ()), leads=bool)):
        assert set(anchors(rule)) & terms(story)


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ({"companies": ["OpenAI"], "topics": ["chips"], "audiences": ["Investors"]}, {"company", "title"}),
        ({"topics": ["chips"], "words": ["tax"], "audiences": ["Investors"]}, {"title"}),
        ({"words": ["tax"], "audiences": ["Investors"], "impacts": ["delay"]}, {"text"}),
        ({"audiences": ["Investors"], "impacts": ["delay"]}, {"audience"}),
        ({"impacts": ["delay"]}, {"impact"}),
        ({}, {"any"}),
    ],
)
def test_a_rule_is_kept_under_what_the_fewest_stories_have(
    asked: dict[str, list[str]], kinds: set[str]
) -> None:
    """Rules about a company are looked at for its stories only, not for each one of their audience."""
    assert {kind for kind, _ in anchors(AlertRule.of(asked))} == kinds


def test_rules_about_other_companies_are_not_looked_at() -> None:
    """Names that begin alike are told apart by the index, in any script, so no rule is judged for nothing."""
    names = ("Company 17", "Company 18", "東京大学", "東北大学", "Société Un", "Sociétal")
    story = a_story("Company 17 と 東京大学 and Société Un agree", companies=())
    found = {name for name in names if set(anchors(AlertRule.of({"companies": [name]}))) & terms(story)}
    assert found >= {"Company 17", "東京大学", "Société Un"}
    assert found.isdisjoint({"Company 18", "東北大学"})


@pytest.mark.parametrize("text", ["word{} other{}", "語{}彙{}"])
def test_a_long_story_has_some_hundreds_of_terms(text: str) -> None:
    """A TL;DR of 400 words costs a lookup of some hundreds of terms, not of thousands."""
    long = " ".join(text.format(number, number) for number in range(200))
    assert len(terms(a_story(tldr=Tldr(long)))) < 1_000
