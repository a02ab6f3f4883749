"""What preflight finds in a story's own words: leftovers, doubled words, missing parts, rewritings."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content import Analysis, Article, Tldr
from newsletter.preflight.belonging import belonging
from newsletter.preflight.findings import Finding, Severity, blocking
from newsletter.preflight.sources import citations, counts, owners
from newsletter.preflight.words import doubled, empty_parts, lacks, leftovers, rewritings
from newsletter.rendering.telling import Telling, tell
from tests.builders import a_story


def found(text: str) -> list[Finding]:
    """The leftovers in an analysis of these words."""
    return list(leftovers(Telling(a_story(analysis=Analysis("Analysis", text)), story_id=7)))


@pytest.mark.parametrize(
    "text",
    [
        "It raised $TK million.",
        "The figure [TK] is not known.",
        "TKTK",
        "TODO: ask them",
        "Ask them. [TODO find the name]",
        "FIXME",
        "Lorem ipsum dolor sit amet",
        "Dear {{ first_name }},",
        "{% if story %}",
        "Hello *|FNAME|*",
        "Hello %%name%%",
        "It is ${price}.",
        "See @@story_url@@.",
        "[insert quote here]",
        "<placeholder>",
        "[TBD]",
        "[link here]",
    ],
)
def test_leftovers_bar_the_issue(text: str) -> None:
    """What no finished text holds bars the issue, and is named with its place and its story."""
    (finding, *_) = found(f"A thought. {text}")
    assert blocking([finding]) == (finding,)
    assert (finding.where, finding.story_id) == ("analysis", 7)
    assert finding.remedy


@pytest.mark.parametrize(
    "text",
    [
        "TK Maxx opened a shop.",
        "Wipro's former head TK Kurien agreed.",
        "The TK-80 was a kit computer.",
        "She wrote a to-do list; TODO comments are everywhere in code.",
        "A template says `{{ name }}` or ```{% if %}```.",
        "She paid $5 and {a, b} is a set.",
        "He said “[they] insert a chip”.",
        "Mail me@here or @@.",
        "[insert](https://outlet1.example/report) is a word.",
        "Das TKI und die TKG.",
    ],
)
def test_what_only_looks_like_a_leftover_passes(text: str) -> None:
    """Names, code and prose that resemble a placeholder bar nothing: a false alarm would cost a story."""
    assert found(text) == []


def test_every_text_is_looked_at() -> None:
    """A leftover is found in the headline, the TL;DR, the note and the words about the summary too."""
    story = a_story("A TK title", tldr=Tldr("TODO: sum up"), about="Lorem ipsum.")
    places = [finding.where for finding in leftovers(Telling(story, note="[TBD]"))]
    assert places == ["headline", "TL;DR", "editor’s note", "about this summary"]


def test_the_words_that_are_told_count() -> None:
    """Where editors wrote a headline and a TL;DR, theirs are looked at, and the story's are not."""
    story = a_story("A TK title", tldr=Tldr("TODO: sum up"))
    assert list(leftovers(Telling(story, headline="A title", tldr="It is summed up."))) == []


def test_doubled_words() -> None:
    """A small word twice is a slip; what may be meant passes."""
    story = a_story("It is the  the end", tldr=None)
    assert [f.severity for f in doubled(Telling(story))] == [Severity.WARNING]
    for title in ("All that that had had", "Bora Bora buys New York, New York", "is this it"):
        assert list(doubled(Telling(a_story(title)))) == []


def test_empty_parts_of_single_stories() -> None:
    """A story without TL;DR, analysis, coverage or any link is told with all that it lacks, once."""
    bare = a_story(tldr=None, analysis=None, coverage=(), primary_outlet=None, primary_url=None)
    (finding,) = empty_parts({3: lacks(tell(Telling(bare)))})
    assert finding.words == "it has no TL;DR and no analysis and no coverage and no link"
    assert finding.story_id == 3
    assert list(empty_parts({3: lacks(tell(Telling(a_story())))})) == []


def test_what_most_stories_lack_is_said_once() -> None:
    """A source that never writes analyses gives one warning, not one for each story."""
    found = list(empty_parts(dict.fromkeys(range(5), ("analysis",)) | {9: ("TL;DR",)}))
    assert [f.words for f in found] == ["5 of the 6 stories have no analysis", "it has no TL;DR"]
    assert [f.story_id for f in found] == [None, 9]


@pytest.mark.parametrize(
    ("telling", "severity"),
    [
        (Telling(a_story(), headline="—"), Severity.BLOCKING),
        (Telling(a_story(), headline="a model passes  A TEST"), Severity.WARNING),
        (Telling(a_story(), tldr="…"), Severity.WARNING),
        (Telling(a_story(), note="!"), Severity.WARNING),
    ],
)
def test_rewritings_that_say_nothing(telling: Telling, severity: Severity) -> None:
    """An editor's text without a word, or with the story's own, is a leftover of rewriting."""
    (finding,) = rewritings(telling)
    assert finding.severity is severity


def test_a_true_rewriting_passes() -> None:
    """Words of the editors' own are not found fault with."""
    assert list(rewritings(Telling(a_story(), headline="Another", tldr="It is so.", note="Look!"))) == []


@given(st.text(max_size=300))
def test_no_text_breaks_a_rule(text: str) -> None:
    """Whatever stands in a story, its rules come to an end, and name it with words and a remedy."""
    analysis, tldr = Analysis(text, text), Tldr(text)
    story = a_story(text, tldr=tldr, about=text, analysis=analysis, coverage=(Article(text, text),))
    telling = Telling(story, headline=text, note=text, story_id=1)
    told = tell(telling)
    rules = (leftovers(telling), doubled(telling), rewritings(telling), owners(telling))
    for finding in (*chain(*rules), *citations(telling, told), *counts(telling, told), *belonging([telling])):
        assert finding.words
        assert finding.remedy
