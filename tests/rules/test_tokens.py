"""Links: one purpose each, unforgeable, and readable as long as promised."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subscribers.tokens import BadToken, ExpiredToken, Purpose, Tokens

NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
KEY, NEXT_KEY = "k" * 32, "n" * 32
TOKENS = Tokens([KEY])
parts = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=1)


@given(purpose=st.sampled_from(Purpose), subject=parts)
def test_what_went_in_comes_out(purpose: Purpose, subject: list[str]) -> None:
    """Any subject is read back as it was, and its token needs no escaping in a URL."""
    token = TOKENS.make(purpose, *subject)
    assert TOKENS.read(purpose, token, now=NOW) == tuple(subject)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_subject_cannot_smuggle_a_second_one() -> None:
    """A subject that would be read as two is refused."""
    with pytest.raises(ValueError, match="line break"):
        TOKENS.make(Purpose.UNSUBSCRIBE, "ann\nben")


@pytest.mark.parametrize("made_for", Purpose)
@pytest.mark.parametrize("read_for", Purpose)
def test_a_token_opens_one_door(made_for: Purpose, read_for: Purpose) -> None:
    """Of all pairs of purposes, a token is good for its own alone."""
    token = TOKENS.make(made_for, "ann", "daily")
    if made_for is read_for:
        assert TOKENS.read(read_for, token, now=NOW) == ("ann", "daily")
    else:
        with pytest.raises(BadToken):
            TOKENS.read(read_for, token, now=NOW)


@pytest.mark.parametrize("dated", [True, False])
def test_every_other_spelling_is_refused(dated: bool) -> None:
    """A token with any one character changed, added or missing is none of ours."""
    token = TOKENS.make(Purpose.CONFIRM, "ann", "daily", at=NOW if dated else None)
    alphabet = "AQgwabyz019-_.=+/ \n\x00é"
    spoilt = {token[:place] + token[place + 1 :] for place in range(len(token))}
    for place in range(len(token) + 1):
        for letter in alphabet:
            spoilt |= {
                token[:place] + letter + token[place:],
                token[:place] + letter + token[place + 1 :],
            }
    for other in spoilt - {token}:
        with pytest.raises(BadToken):
            TOKENS.read(Purpose.CONFIRM, other, now=NOW)


@settings(max_examples=300)
@given(st.text() | st.text(alphabet="abcXYZ019-_.=", max_size=120))
def test_junk_is_refused(junk: str) -> None:
    """Whatever comes in place of a token is refused as one, and never an error of another kind."""
    with pytest.raises(BadToken):
        TOKENS.read(Purpose.UNSUBSCRIBE, junk, now=NOW, max_age=timedelta(days=7))


@pytest.mark.parametrize(
    "junk",
    ["", ".", "..", "a" * 10_240, "." * 10_240, "a." * 5_120, "\x00", "\ud800", "%2E", "é" * 10_240],
    ids=["nothing", "dot", "dots", "10 KB", "10 KB of dots", "10 KB of parts", "NUL", "surrogate",
         "escaped", "10 KB beyond ASCII"],
)  # fmt: skip
def test_hostile_junk_is_refused(junk: str) -> None:
    """Long, empty and undecodable links are refused like any other that is none of ours."""
    with pytest.raises(BadToken):
        TOKENS.read(Purpose.CONFIRM, junk, now=NOW)


def test_another_environment_has_another_key() -> None:
    """A token signed with a key that we do not hold is refused."""
    with pytest.raises(BadToken):
        TOKENS.read(Purpose.CONFIRM, Tokens([NEXT_KEY]).make(Purpose.CONFIRM, "ann"), now=NOW)


def test_keys_rotate() -> None:
    """While keys rotate, links of both are read and new ones are made with the new key; afterwards
    the old ones are refused."""
    old, rotating, rotated = TOKENS, Tokens([NEXT_KEY, KEY]), Tokens([NEXT_KEY])
    before, during = old.make(Purpose.CONFIRM, "ann"), rotating.make(Purpose.CONFIRM, "ben")
    assert rotating.read(Purpose.CONFIRM, before, now=NOW) == ("ann",)
    assert rotated.read(Purpose.CONFIRM, during, now=NOW) == ("ben",)
    for tokens, token in ((old, during), (rotated, before)):
        with pytest.raises(BadToken):
            tokens.read(Purpose.CONFIRM, token, now=NOW)


def test_no_key_no_tokens() -> None:
    """Without a key nothing is signed."""
    with pytest.raises(ValueError, match="at least one signing key"):
        Tokens([])


def test_an_expired_token_says_when_it_was_made() -> None:
    """A dated token is good to the last second of its life, and then tells its age."""
    token = TOKENS.make(Purpose.CONFIRM, "ann", at=NOW)
    week = timedelta(days=7)
    assert TOKENS.read(Purpose.CONFIRM, token, now=NOW + week, max_age=week) == ("ann",)
    with pytest.raises(ExpiredToken) as caught:
        TOKENS.read(Purpose.CONFIRM, token, now=NOW + week + timedelta(seconds=1), max_age=week)
    assert caught.value.made_at == NOW


def test_a_token_without_a_date_has_no_life_left() -> None:
    """Where an age is asked for, a token that cannot tell its own is refused."""
    with pytest.raises(BadToken):
        TOKENS.read(Purpose.CONFIRM, TOKENS.make(Purpose.CONFIRM, "ann"), now=NOW, max_age=timedelta(days=7))


def test_unsubscribing_never_expires() -> None:
    """A link in a mail lets its reader leave in ten years as well."""
    token = TOKENS.make(Purpose.UNSUBSCRIBE, "ann", "daily")
    later = NOW + timedelta(days=3653)
    assert TOKENS.read(Purpose.UNSUBSCRIBE, token, now=later) == ("ann", "daily")
