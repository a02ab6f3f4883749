"""What editors read of the life of a story: what a revision brought, and how fast coverage spread."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.content import Company, Impact, Maker, StoryContent, Tldr
from newsletter.story_life import SPANS, changes, spread
from tests.builders import a_story, coverage

BEFORE = a_story("A model passes a test", outlets=3)
T0 = datetime(2026, 1, 8, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (replace(BEFORE, title="Another"), "title, which was “A model passes a test”"),
        (replace(BEFORE, impact=Impact.DELAY), "impact, may advance → may delay"),
        (replace(BEFORE, impact=None), "impact, may advance → none"),
        (replace(BEFORE, tldr=Tldr("New.", Maker.AI)), "TL;DR"),
        (replace(BEFORE, coverage=coverage(7)), "+4 outlets"),
        (replace(BEFORE, coverage=coverage(2)), "−1 outlet"),
        (replace(BEFORE, companies=(*BEFORE.companies, Company("A"), Company("B"))), "+2 companies"),
        (replace(BEFORE, about="Made anew."), "details"),
    ],
)
def test_a_revision_says_what_it_brought(after: StoryContent, words: str) -> None:
    """One change, one phrase; what has no phrase of its own is called details."""
    assert changes(BEFORE, after) == (words,)


def test_spread_counts_outlets_from_the_first_report() -> None:
    """An outlet counts from its first report on, however many it has; the counts never fall."""
    seen = {
        ("first", "https://a.example"): T0,
        ("first", "https://a.example/more"): T0 + timedelta(days=2),
        ("second", ""): T0 + timedelta(hours=1),
        ("third", ""): T0 + timedelta(hours=7),
        ("fourth", ""): T0 + timedelta(days=30),
    }
    assert [each.outlets for each in spread(seen)] == [2, 2, 3, 3]
    assert [each.within for each in spread(seen)] == list(SPANS)
    assert spread({}) == []
