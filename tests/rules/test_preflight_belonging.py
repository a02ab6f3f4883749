"""That TL;DR and analysis speak of their own story: what is caught, and what is let alone."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

from newsletter.content import Analysis, Article, StoryContent, Tldr
from newsletter.preflight.belonging import belonging, terms
from newsletter.rendering.telling import Telling
from newsletter.samples.load import sample_stories
from newsletter.sources.files import read_file
from newsletter.sources.records import Incoming
from tests.builders import a_story

SHARED = Path(__file__).parents[3] / "shared" / "data" / "stories.jsonl"
#: stories of one issue
ISSUE = 8


def samples() -> list[StoryContent]:
    found = sample_stories(date(2026, 1, 8))
    return [each.content for each in found if isinstance(each, Incoming)]


def flagged(stories: Sequence[StoryContent], where: str | None = None) -> set[int]:
    """The places of the stories that are found fault with."""
    tellings = [Telling(story, story_id=place) for place, story in enumerate(stories)]
    found = belonging(tellings)
    return {each.story_id for each in found if each.story_id is not None and where in (None, each.where)}


def crossed(stories: Sequence[StoryContent], one: int, other: int, part: str) -> list[StoryContent]:
    """The same stories with the TL;DRs, or the analyses, of two of them crossed."""
    changed = list(stories)
    changed[one] = replace(stories[one], **{part: getattr(stories[other], part)})
    changed[other] = replace(stories[other], **{part: getattr(stories[one], part)})
    return changed


def test_ordinary_stories_are_let_alone() -> None:
    """Among the samples, each with its own texts, nothing is found."""
    assert flagged(samples()) == set()


def test_crossed_summaries_are_caught() -> None:
    """Whichever two TL;DRs are crossed, both are found, and no third story is."""
    told = samples()
    for one, other in combinations(range(len(told)), 2):
        if told[one].tldr and told[other].tldr:
            assert flagged(crossed(told, one, other, "tldr"), "TL;DR") == {one, other}


def test_most_crossed_analyses_are_caught() -> None:
    """Short analyses name little, but what they cite shows in nine of ten where they belong."""
    told = samples()
    pairs = [p for p in combinations(range(len(told)), 2) if told[p[0]].analysis and told[p[1]].analysis]
    caught = [pair for pair in pairs if set(pair) & flagged(crossed(told, *pair, "analysis"), "analysis")]
    assert len(caught) >= 0.9 * len(pairs)


def test_a_summary_of_another_day() -> None:
    """A TL;DR that shares no word with its story is found even where nobody else's fits it."""
    foreign = a_story("A lab opens an office", tldr=Tldr("Ferrowave ships sparse chips for long contexts."))
    assert flagged([foreign, a_story("Another title", companies=())]) >= {0}


def test_other_languages_are_held_against_names_and_numbers() -> None:
    """A Chinese summary of an English report passes; crossed with another's, the names give it away."""
    one = a_story(
        "OpenAI releases Luna 5.6 at $40",
        companies=(),
        analysis=None,
        tldr=Tldr("OpenAI 发布 Luna 5.6，售价 40 美元。"),
    )
    other = a_story(
        "Mistral opens Paris centre with 1,200 GPUs",
        companies=(),
        analysis=None,
        tldr=Tldr("Mistral 在 Paris 开设中心，配备 1200 块 GPUs。"),
    )
    silent = a_story(
        "Robots learn to fold", companies=(), analysis=None, tldr=Tldr("机器人学会折叠衣物，速度更快。")
    )
    assert flagged([one, other, silent]) == set()
    assert flagged(crossed([one, other, silent], 0, 1, "tldr")) == {0, 1}


def test_short_texts_are_not_judged_alone() -> None:
    """A TL;DR or analysis of a few words may well name nothing again."""
    story = a_story(
        "Lab opens office", tldr=Tldr("It grows."), analysis=Analysis("Analysis", "A step ahead.")
    )
    assert flagged([replace(story, companies=(), coverage=(Article("One"),))]) == set()


def test_terms() -> None:
    """Common words, addresses and the plural make no difference; numbers and ideographs count."""
    assert terms("The 1,200 chips of Luna https://a.example/because") == {"1200", "chip", "luna"}
    assert terms("机器人") == {"机器", "器人"}


def test_no_false_alarm_over_real_stories() -> None:
    """In issues of real stories, mostly told in another language than their title, nothing is found."""
    if not SHARED.exists():
        pytest.skip("the shared data is not beside the repository")
    with SHARED.open("rb") as lines:
        found = [each.content for each in read_file(SHARED.name, lines) if isinstance(each, Incoming)]
    told = [story for story in found if story.tldr]
    mixed = random.Random(7).sample(told, len(told))
    issues = [each[at : at + ISSUE] for each in (told, mixed) for at in range(0, len(told), ISSUE)]
    assert [place for issue in issues for place in flagged(issue)] == []
    caught = 0
    for at, issue in enumerate(issues):
        one, other = random.Random(at).sample(range(len(issue)), 2)
        caught += {one, other} <= flagged(crossed(issue, one, other, "tldr"))
    assert caught >= 0.75 * len(issues)
