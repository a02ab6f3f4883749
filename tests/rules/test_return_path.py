"""Return paths: each names one mail, and nobody but us can make one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config import ConfigError, read_settings
from newsletter.return_path import LONGEST_NAME, ReturnPaths
from tests.returned import BASE, KEY, PATHS

IDS = st.integers(1, 2**63 - 1)
OTHER = "another-key-another-key-another-key"


@given(IDS)
def test_a_return_path_names_its_mail(delivery_id: int) -> None:
    """What was made is read again, also by a server that shouts, and fits any server's limits."""
    path = PATHS.make(delivery_id)
    assert PATHS.read(path) == PATHS.read(path.upper()) == PATHS.read(path.lower()) == delivery_id
    assert PATHS.leads_here(path)
    longest = ReturnPaths("b" * LONGEST_NAME + "@racetoagi.example", [KEY]).make(delivery_id)
    assert len(longest.partition("@")[0]) <= 64
    assert re.fullmatch(r"bounces\+[0-9a-f]{25,40}@racetoagi\.example", path)


@given(IDS, st.integers(0, 23), st.sampled_from("0123456789abcdef"))
def test_whoever_changes_a_digit_names_nothing(delivery_id: int, place: int, digit: str) -> None:
    """A signature with one digit changed, or another number behind it, is not ours."""
    token = PATHS.token(delivery_id)
    forged = token[:place] + digit + token[place + 1 :]
    assert PATHS.read_token(forged) == (delivery_id if forged == token else None)
    assert PATHS.read_token(f"{token[:24]}{delivery_id + 1:x}") is None
    assert PATHS.read_token(f"{token[:24]}0{token[24:]}") is None


@given(st.text(max_size=80))
def test_whatever_is_asked_is_answered(text: str) -> None:
    """No text is a return path by chance, and none makes trouble."""
    found = [
        PATHS.read(text),
        PATHS.read_token(text),
        PATHS.find(text),
        PATHS.read(f"bounces+{text}@racetoagi.example"),
    ]
    assert found == [None] * 4


def test_keys_rotate() -> None:
    """The newest key makes, all of them are read, and one that is dropped opens nothing more."""
    old, both, new = (ReturnPaths(BASE, keys) for keys in ([KEY], [OTHER, KEY], [OTHER]))
    assert both.read(old.make(5)) == 5
    assert both.make(5) == new.make(5) != old.make(5)
    assert new.read(old.make(5)) is None


@pytest.mark.parametrize(
    "address",
    [
        BASE,
        "bounces+@racetoagi.example",
        PATHS.make(5).replace("racetoagi", "elsewhere"),
        PATHS.make(5).replace("bounces", "billing"),
        PATHS.make(5) + ".evil.example",
        "x" + PATHS.make(5),
        PATHS.make(5).replace("+", "+x"),
    ],
)
def test_other_addresses_name_nothing(address: str) -> None:
    """A token counts only as the return path that it was made for."""
    assert PATHS.read(address) is None
    assert PATHS.find(f"to <{address}>") is None


def test_it_is_found_among_words() -> None:
    """A return path in a header line is found, the first that is ours."""
    forged = f"bounces+{'0' * 25}@racetoagi.example"
    assert PATHS.find(f"<{forged}>, <{PATHS.make(8)}>; {PATHS.make(9)}") == 8


def test_the_plain_mailbox_leads_here_too() -> None:
    """What comes to the bare address is let in; what comes to a forged return path is not."""
    assert PATHS.leads_here("Bounces@RaceToAGI.example")
    assert not PATHS.leads_here(f"bounces+{'0' * 25}@racetoagi.example")


def test_a_key_is_needed() -> None:
    """Return paths that nobody signed would let anybody silence anybody."""
    with pytest.raises(ValueError, match="key"):
        ReturnPaths(BASE, [])


@pytest.mark.parametrize("address", ["no address", "b" * 24 + "@racetoagi.example", "a+b@racetoagi.example"])
def test_a_mailbox_without_room_for_the_token_is_refused(address: str) -> None:
    """BOUNCE_ADDRESS must leave room for the token, and hold no plus of its own."""
    with pytest.raises(ConfigError, match="BOUNCE_ADDRESS"):
        read_settings({"BOUNCE_ADDRESS": address})


@pytest.mark.parametrize("where", ["2424", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "a b:25"])
def test_a_place_to_listen_is_a_host_and_a_port(where: str) -> None:
    """RETURNS_LISTEN says where in full; nothing listens by mistake on all that the machine has."""
    with pytest.raises(ConfigError, match="RETURNS_LISTEN"):
        read_settings({"RETURNS_LISTEN": where})
