"""Hooks without a database: where they may be, how posts are signed, and how long one is tried."""

import base64
import hmac
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.hooks.destinations import BadDestination, addresses, parse_url
from newsletter.hooks.kinds import BY_ACT, BY_EVENT, UNLESS_SAID, HookKind
from newsletter.hooks.posting import FIRST_WAIT, LONGEST_WAIT, PATIENCE, wait_before_next
from newsletter.hooks.signing import new_secret, signed_headers
from newsletter.internet import is_public


def test_the_signature_of_the_specification() -> None:
    """The example that the Standard Webhooks libraries are tested with comes out to the letter."""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.binary(max_size=200))
def test_any_body_is_signed(body: bytes) -> None:
    """Whatever the body, the signature is the HMAC of id, time and those very bytes, by a key of 32 bytes."""
    secret = new_secret()
    now = datetime(2026, 11, 24, 7, tzinfo=UTC)
    headers = signed_headers(secret, "post_1", body, now)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert len(key) == 32
    signed = f"post_1.{int(now.timestamp())}.".encode() + body
    proof = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{proof}"


def test_no_two_hooks_share_a_secret() -> None:
    """Each secret is made anew."""
    assert len({new_secret() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("url", "internal"),
    [
        ("https://crm.example/hooks?token=a%20b", False),
        ("https://crm.example:8443/", False),
        ("http://localhost:8080/hooks", True),
        ("http://[::1]:8080/", True),
    ],
)
def test_what_is_a_url(url: str, internal: bool) -> None:
    """https anywhere, http in one's own network; path, query and port are the receiver's business."""
    assert str(parse_url(url, internal=internal)) == url


@pytest.mark.parametrize(
    ("url", "internal"),
    [
        ("http://crm.example/", False),
        ("https://crm.example/", True),
        ("ftp://crm.example/", False),
        ("crm.example/hooks", False),
        ("//crm.example/hooks", False),
        ("https://", False),
        ("https://me:secret@crm.example/", False),
        ("https://me@crm.example/", False),
        ("https://crm.example\\@127.0.0.1/", False),
        ("https://crm.example/a b", False),
        ("https://crm.example/\r\nx", False),
        ("https://crm.example/#internal", False),
        ("https://①②⑦.⓪.⓪.①/", False),
        ("https://crm.example:99999/", False),
        ("https://crm.example/" + "a" * 2000, False),
    ],
)
def test_what_is_no_url(url: str, internal: bool) -> None:
    """What programs read differently, carries a password, or goes in plain text abroad is refused."""
    with pytest.raises(BadDestination):
        parse_url(url, internal=internal)


NOT_PUBLIC = (
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::1",
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
)


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_what_is_no_public_address(text: str) -> None:
    """No address of ours, of a cloud's key store, of many, or of a tunnel back to us counts as public."""
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::1"])
def test_what_is_a_public_address(text: str) -> None:
    """Machines on the internet are."""
    assert is_public(ip_address(text))


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "localhost", "[::1]"])
def test_no_spelling_leads_home(host: str) -> None:
    """However this machine is spelled, an https hook does not lead to it; an http hook may."""
    with pytest.raises(BadDestination, match="no public address"):
        addresses(httpx.URL(f"https://{host}/"))
    assert addresses(httpx.URL(f"http://{host}/"))


def test_plain_text_stays_at_home() -> None:
    """An http hook leads to no public address, and to no cloud's key store."""
    for host in ("1.1.1.1", "169.254.169.254", "[fe80::1]"):
        with pytest.raises(BadDestination, match="not in your own network"):
            addresses(httpx.URL(f"http://{host}/"))


def test_every_address_of_a_name_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads to one public and one private address leads nowhere."""
    found = [(2, 1, 6, "", (address, 443)) for address in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(BadDestination, match=r"10\.0\.0\.1"):
        addresses(httpx.URL("https://crm.example/"))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found[:1])
    assert addresses(httpx.URL("https://crm.example/")) == ["1.1.1.1"]


def test_a_name_that_leads_nowhere() -> None:
    """A name that cannot be resolved is refused in words, and not by an error of the resolver."""
    with pytest.raises(BadDestination, match="cannot be resolved"):
        addresses(httpx.URL("https://nowhere.invalid/"))


def test_how_long_a_post_is_tried() -> None:
    """The waits double from a minute to 6 hours and add up to 3 days or little more; then it is given up."""
    waits: list[timedelta] = []
    while wait := wait_before_next(len(waits) + 1):
        waits.append(wait)
        assert len(waits) < 100
    assert waits[:4] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT, 8 * FIRST_WAIT]
    assert max(waits) == LONGEST_WAIT
    assert PATIENCE <= sum(waits, timedelta()) < PATIENCE + LONGEST_WAIT


def test_every_kind_has_its_cause() -> None:
    """Each kind of subscriber and delivery comes from some line or event; all but one are told unasked."""
    issues = {HookKind.PUBLISHED, HookKind.FINISHED}
    assert {*BY_ACT.values(), *BY_EVENT.values()} == set(HookKind) - issues
    assert set(HookKind) - set(UNLESS_SAID) == {HookKind.DELIVERED}
