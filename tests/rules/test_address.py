"""Addresses: one mailbox is one address, and nothing that is none gets through."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subscribers.address import LONGEST_NAME, InvalidAddress, InvalidName, parse, parse_name


@pytest.mark.parametrize(
    ("typed", "mailbox"),
    [
        ("ann@x.example", "ann@x.example"),
        (" ann@x.example\r\n", "ann@x.example"),
        ("Ann.Lee+news@X.Example", "Ann.Lee+news@x.example"),
        ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
        ("ann@bu\u0308cher.example", "ann@xn--bcher-kva.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("ａｎｎ＠ｘ．ｅｘａｍｐｌｅ", "ann@x.example"),
        ("a-@x.example", "a-@x.example"),
        ("o'hara@x.example", "o'hara@x.example"),
        ("a" * 64 + "@x.example", "a" * 64 + "@x.example"),
    ],
)  # fmt: skip
def test_where_mail_goes(typed: str, mailbox: str) -> None:
    """What a person typed becomes what a mail server takes: domains in ASCII, the rest as typed."""
    assert parse(typed).mailbox == mailbox


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ann@x.example", "ann@X.EXAMPLE", True),
        ("ann@bücher.example", "ann@xn--bcher-kva.example", True),
        ("ann@bücher.example", "ann@bu\u0308cher.example", True),
        ("ann@straße.example", "ann@strasse.example", False),
        ("ann@x.example", "a.nn@x.example", False),
        ("ann@x.example", "ann+news@x.example", False),
    ],
)
def test_which_addresses_are_one(one: str, other: str, same: bool) -> None:
    """Spellings of one mailbox have one key; what only some providers treat alike stays apart."""
    assert (parse(one).key == parse(other).key) is same


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "@-sign"),
        ("ann", "@-sign"),
        ("@x.example", "before"),
        ("ann@", "after"),
        ("ann@localhost", "period"),
        ("ann@x.test", "reserved"),
        ("ann@[127.0.0.1]", "IP address"),
        ("ann@127.0.0.1", "not valid"),
        ('"ann lee"@x.example', "Quoting"),
        ("Ann <ann@x.example>", "display name"),
        ("ann@x.example, ben@x.example", "invalid characters"),
        ("ann@x.example\r\nBcc: ben@x.example", "invalid characters"),
        ("ann\x00@x.example", "invalid characters"),
        ("ann@x.example\x00", "invalid characters"),
        ("ann\u202e@x.example", "RIGHT-TO-LEFT"),
        ("ann@x.example\u200b", "ZERO WIDTH"),
        ("-ann@x.example", "hyphen"),
        ("－ann@x.example", "hyphen"),
        ("ann@-x.example", "hyphen"),
        ("jörg@x.example", "outside ASCII"),
        ("a" * 65 + "@x.example", "too long"),
        ("a" * 10_240 + "@x.example", "longer than 254"),
        ("ann@" + "x." * 5_000 + "example", "longer than 254"),
        ("\ufdfa" * 200 + "@x.example", "characters"),
    ],
)
def test_what_is_no_address(typed: str, reason: str) -> None:
    """Each thing that is no address is refused for its own reason, in a message of bearable length."""
    with pytest.raises(InvalidAddress, match=reason) as caught:
        parse(typed)
    assert len(str(caught.value)) < 300


@settings(max_examples=200)
@given(st.text() | st.emails())
def test_parsing_is_settled_at_once(typed: str) -> None:
    """Any text is an address or is not; an address parsed again is itself, and is plain ASCII."""
    try:
        address = parse(typed)
    except InvalidAddress:
        return
    assert parse(address.mailbox) == address
    assert parse(address.key).key == address.key
    assert address.mailbox.isascii()
    assert address.mailbox.isprintable()
    assert " " not in address.mailbox


@pytest.mark.parametrize(
    ("typed", "masked"),
    [("ann@mail.example", "a•••@m•••.example"), ("a@b.c.example", "a•••@b•••.example")],
)
def test_a_masked_address_tells_little(typed: str, masked: str) -> None:
    """A forwarded page shows just enough of an address for its owner."""
    assert parse(typed).masked == masked


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (None, None),
        ("", None),
        (" \t\n", None),
        ("  Ann \u00a0 Lee\n", "Ann Lee"),
        ("\u202eeeL nnA\u202c", "eeL nnA"),
        ("\u2067\u2069", None),
        ("李安", "李安"),
        ("A" * LONGEST_NAME, "A" * LONGEST_NAME),
    ],
)
def test_names_are_put_in_order(typed: str | None, name: str | None) -> None:
    """A name has single blanks and no marks that turn the writing; an empty one is none."""
    assert parse_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("Ann\r\nBcc: ben@x.example", "control characters"),
        ("Ann\x00Lee", "control characters"),
        ("Ann\x85Lee", "control characters"),
        ("Ann\ud800", "control characters"),
        ("A" * (LONGEST_NAME + 1), "longer than 200"),
        ("A" * 10_240, "longer than 200"),
    ],
)
def test_names_that_are_none(typed: str, reason: str) -> None:
    """What would break a mail's header, or the page that shows it, is no name."""
    with pytest.raises(InvalidName, match=reason) as caught:
        parse_name(typed)
    assert len(str(caught.value)) < 300


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_name_is_one_printable_line(typed: str) -> None:
    """Any text either is refused or becomes one line that is in order already."""
    try:
        name = parse_name(typed)
    except InvalidName:
        return
    if name is not None:
        assert parse_name(name) == name
        assert len(name.splitlines()) == 1
        assert not any(unicodedata.category(character) == "Cc" for character in name)
