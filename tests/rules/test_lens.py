"""Lenses: equal wishes are one lens, and its stored form loses nothing."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from subscribers.lens import Lens, term
from subscribers.models import LensRecord

WORDS = st.sampled_from(
    ["Investors", "investors", " INVESTORS ", "Mistral AI", "mistral  ai", "Chips", "ß", "SS"]
)
PARTS = ("audiences", "companies", "topics", "muted_companies", "muted_topics")
lenses = st.fixed_dictionaries({}, optional={part: st.lists(WORDS, max_size=3) for part in PARTS}).map(
    lambda parts: Lens.of(**parts)
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mistral AI", " mistral   AI\n"),
        ("Straße", "STRASSE"),
        ("Mistral\u00a0AI", "Mistral AI"),
        ("ＡＧＩ", "agi"),
        ("Bu\u0308cher", "Bücher"),
        ("AGI\x00", "AGI"),
    ],
)
def test_spellings_of_one_term(one: str, other: str) -> None:
    """Case, blanks, width and composition of letters make no other name."""
    assert term(one) == term(other)


@given(st.text())
@example("ß\u0301")
def test_a_term_is_settled_at_once(text: str) -> None:
    """A term made of a term is itself, and holds nothing that a database could not keep."""
    assert term(term(text)) == term(text)
    assert "\x00" not in term(text)


@given(lenses, lenses)
def test_equal_lenses_have_equal_fingerprints(one: Lens, other: Lens) -> None:
    """Two lenses share a fingerprint exactly when they are equal."""
    assert (one.fingerprint() == other.fingerprint()) is (one == other)


@given(lenses)
def test_the_stored_form_loses_nothing(lens: Lens) -> None:
    """A lens comes back from its stored form as it was, through JSON as well."""
    stored = json.loads(json.dumps(lens.definition()))
    assert LensRecord(definition=stored).lens == lens


def test_the_same_word_in_another_part_is_another_lens() -> None:
    """To follow a company and to mute it are two wishes."""
    prints = {Lens.of(**{part: ["Mistral AI"]}).fingerprint() for part in PARTS}
    assert len(prints) == len(PARTS)


def test_an_empty_lens_has_no_parts() -> None:
    """Blank words ask for nothing."""
    assert Lens.of(audiences=["", " \n", "\x00"]) == Lens()
    assert Lens().definition() == {}


def test_a_fingerprint_is_the_same_tomorrow() -> None:
    """A stored fingerprint is found again by every later version: its value is fixed."""
    lens = Lens.of(audiences=["Investors", "Engineers"], companies=["Mistral AI"])
    assert lens.definition() == {"audiences": ["engineers", "investors"], "companies": ["mistral ai"]}
    assert lens.fingerprint() == "ff00b490efb666c7cda1de0dc7622c37"
