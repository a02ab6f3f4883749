"""Flags: what an address looks like, for operators to see."""

import pytest

from subscribers.address import parse
from subscribers.flags import Flag, flags


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("ann@reader.example", set()),
        ("information.desk@reader.example", set()),
        ("info@reader.example", {Flag.ROLE}),
        ("INFO@Reader.example", {Flag.ROLE}),
        ("abuse@reader.example", {Flag.ROLE}),
        ("hostmaster+news@reader.example", {Flag.ROLE}),
        ("no-reply@reader.example", {Flag.ROLE}),
        ("ann@mailinator.com", {Flag.DISPOSABLE}),
        ("ann@box.mailinator.com", {Flag.DISPOSABLE}),
        ("ann@about-mailinator.com", set()),
        ("admin@mailinator.com", {Flag.ROLE, Flag.DISPOSABLE}),
    ],
)
def test_addresses_are_flagged_by_what_they_look_like(email: str, expected: set[Flag]) -> None:
    """Offices and throw-away mailboxes are told, in any spelling and below any domain; people are not."""
    assert flags(parse(email)) == expected


@pytest.mark.parametrize(
    "domain", ["gmail.com", "outlook.com", "yahoo.co.jp", "proton.me", "icloud.com", "gmx.de", "qq.com"]
)
def test_where_people_have_their_mailboxes_is_not_disposable(domain: str) -> None:
    """The list of throw-away domains holds no large mailbox provider."""
    assert flags(parse(f"ann@{domain}")) == set()
