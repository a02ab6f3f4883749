"""Whether what waits is still so: what a story takes back while an alert of it is held."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.alerts.matching import News
from newsletter.alerts.newness import Known, is_taken_back
from newsletter.content import Company, Impact, StoryContent
from newsletter.memory import Told, news_since, still_says
from subscribers.alert_rule import AlertRule
from tests.builders import NOON, a_story

LAB, OTHER = Company("Sample Lab"), Company("Other Lab")
CALM = a_story(impact=Impact.NEUTRAL)
TENSE = a_story(impact=Impact.ADVANCE)
BOTH = a_story(impact=Impact.NEUTRAL, companies=(LAB, OTHER))
ABOUT_LAB = AlertRule.of({"companies": ["Sample Lab"]})
ABOUT_OTHER = AlertRule.of({"companies": ["Other Lab"]})
HIGH = AlertRule.of({"impacts": ["advance"]})


def known(content: StoryContent, **more: Any) -> Known:
    return Known(Told(1, content, NOON), "told by a digest", **more)


@pytest.mark.parametrize(
    ("told", "latest", "rules", "knew", "is_so"),
    [
        # the label is turned back: no rule for it is met any more, whatever the reader knows
        (TENSE, CALM, [HIGH], None, True),
        (TENSE, CALM, [HIGH], known(CALM), True),
        # it is one more story for whoever was never told any of it, and asks for more than the label
        (TENSE, CALM, [HIGH, ABOUT_LAB], None, False),
        # to a reader who knew what it says again, it is no news
        (TENSE, CALM, [ABOUT_LAB], known(CALM), True),
        (TENSE, CALM, [ABOUT_LAB], known(a_story(impact=Impact.DELAY)), False),
        (TENSE, a_story(impact=None), [ABOUT_LAB], known(CALM), True),
        (BOTH, CALM, [ABOUT_OTHER], None, True),
        (BOTH, CALM, [ABOUT_LAB], known(CALM), True),
        # another fact than the one that it was held for is a new one all the same
        (BOTH, TENSE, [ABOUT_LAB], known(CALM), False),
        # more of the same takes nothing back
        (TENSE, a_story(outlets=9), [HIGH], known(CALM), False),
        # what was only to be told them counts, too
        (TENSE, CALM, [ABOUT_LAB], known(CALM, spared=True), True),
        (TENSE, CALM, [ABOUT_LAB], known(TENSE, spared=True, heard=Told(1, CALM, NOON)), True),
    ],
)
def test_what_is_taken_back(
    told: StoryContent, latest: StoryContent, rules: Sequence[AlertRule], knew: Known | None, is_so: bool
) -> None:
    """An alert is overtaken when the story meets none of its rules now, or says what was known before."""
    assert is_taken_back(told, News(1, 3, latest, NOON, NOON, ()), rules, knew) is is_so


contents = st.builds(
    lambda impact, companies, outlets: a_story(impact=impact, companies=companies, outlets=outlets),
    st.none() | st.sampled_from(Impact),
    st.lists(st.sampled_from((LAB, OTHER, Company("Third Lab"))), unique=True).map(tuple),
    st.integers(1, 9),
)


@given(contents, contents, contents)
def test_what_takes_nothing_back_is_news_to_the_same_readers(
    before: StoryContent, content: StoryContent, later: StoryContent
) -> None:
    """Whoever learns something from an alert learns something from a later revision that still says it, so
    that nobody need be asked what they knew."""
    told = Told(1, before, NOON)
    if still_says(content, later) and news_since(told, content, now=NOON):
        assert news_since(told, later, now=NOON)
    assert still_says(content, content)
