"""SendGrid's events: what it signed is known from what it did not, and every event of a batch is read."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feedback.sendgrid import read_events
from newsletter.feedback.told import Told
from newsletter.models.event import EventKind
from newsletter.signatures import public_key, signed_by_one_of
from tests.sendgrid_signing import NEW_KEY, PUBLIC_KEY, sign

SAMPLES = Path(__file__).parents[3] / "shared/data/sendgrid/signed-webhook-samples.json"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


def read(*events: Any) -> list[Told]:
    return read_events(json.dumps(events).encode(), now=NOW)


def one(**fields: Any) -> Told:
    (told,) = read({"sg_event_id": "id", "delivery_id": "7", "timestamp": SECONDS - 60, **fields})
    return told


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"event": "processed"}, EventKind.PROCESSED),
        ({"event": "deferred"}, EventKind.DEFERRED),
        ({"event": "delivered"}, EventKind.DELIVERED),
        ({"event": "dropped"}, EventKind.DROPPED),
        ({"event": "spamreport"}, EventKind.COMPLAINED),
        ({"event": "unsubscribe"}, EventKind.UNSUBSCRIBED),
        ({"event": "group_unsubscribe"}, EventKind.UNSUBSCRIBED),
        ({"event": "group_resubscribe"}, EventKind.OTHER),
        ({"event": "open"}, EventKind.OTHER),
        ({"event": "click"}, EventKind.OTHER),
        ({"event": "of the future"}, EventKind.OTHER),
        ({"event": ["processed"]}, EventKind.OTHER),
        ({}, EventKind.OTHER),
        ({"event": "bounce", "type": "blocked", "status": "5.1.1"}, EventKind.BLOCKED),
        ({"event": "bounce", "type": "bounce", "status": "5.0.0"}, EventKind.HARD_BOUNCE),
        ({"event": "bounce", "type": "bounce"}, EventKind.HARD_BOUNCE),
        ({"event": "bounce", "status": "5.1.1"}, EventKind.HARD_BOUNCE),
        ({"event": "bounce", "status": "5.2.2"}, EventKind.SOFT_BOUNCE),
        ({"event": "bounce", "status": "5.7.1"}, EventKind.BLOCKED),
        ({"event": "bounce", "reason": "552 5.2.2 mailbox full"}, EventKind.SOFT_BOUNCE),
        ({"event": "bounce", "status": "5.0.0", "reason": "550 5.7.1 spam"}, EventKind.BLOCKED),
        ({"event": "bounce", "status": "5.1.1", "bounce_classification": "Reputation"}, EventKind.BLOCKED),
        ({"event": "bounce", "bounce_classification": "Mailbox Unavailable"}, EventKind.SOFT_BOUNCE),
        ({"event": "bounce", "bounce_classification": "Unclassified"}, EventKind.HARD_BOUNCE),
    ],
)
def test_each_event_has_its_kind(fields: dict[str, Any], kind: EventKind) -> None:
    """SendGrid's words, its classes and the server's status become one of our kinds; none is lost."""
    assert one(**fields).kind is kind


def test_an_event_is_read_whole() -> None:
    """Key, delivery, time and the mailbox's words are taken over; the address is not."""
    told = one(event="bounce", email="ann@inbox.example", reason="550 5.1.1 no", sg_event_id="a-b_c=")
    assert told == Told(
        "sendgrid", "a-b_c=", EventKind.HARD_BOUNCE, 7, NOW - timedelta(minutes=1), "550 5.1.1 no"
    )


@pytest.mark.parametrize(
    ("given_id", "found"),
    [
        ("7", 7),
        (7, 7),
        ("0", None),
        ("-7", None),
        ("٧", None),
        ("7 ", None),
        (True, None),
        (7.0, None),
        (2**63, None),
        ("9" * 30, None),
        ([7], None),
        (None, None),
    ],
)
def test_a_delivery_is_named_by_a_number_or_not_at_all(given_id: object, found: int | None) -> None:
    """What is no number of a delivery names none, and would fit into no database."""
    assert one(event="processed", delivery_id=given_id).delivery_id == found


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        (SECONDS - 60, NOW - timedelta(minutes=1)),
        (str(SECONDS - 60), NOW - timedelta(minutes=1)),
        ((SECONDS - 60) * 1000, NOW - timedelta(minutes=1)),
        (SECONDS + 3600, NOW),
        (10**29, NOW),
        (-5, datetime(1970, 1, 1, tzinfo=UTC)),
        ("yesterday", NOW),
        (True, NOW),
        (None, NOW),
    ],
)
def test_an_event_happened_in_the_past(stamp: object, at: datetime) -> None:
    """A time that is none, or lies ahead, is the time at which it was told."""
    assert one(event="processed", timestamp=stamp).at == at


def test_one_bad_event_does_not_lose_the_others() -> None:
    """Every member of the array is kept, whatever it is, and a number too long for Python harms nobody."""
    body = b'[null, 5, [], {"event": {}}, {"event":"delivered","timestamp":%s}, {"event":"delivered"}]'
    told = read_events(body % (b"9" * 5000), now=NOW)
    assert [one.kind for one in told] == [EventKind.OTHER] * 4 + [EventKind.DELIVERED] * 2


def test_an_event_without_an_id_is_known_again() -> None:
    """Its key is made of all it tells but the address, so that the same one counts once."""
    first = {"event": "delivered", "email": "ann@inbox.example", "delivery_id": "7"}
    told = read(first, {**first, "email": "ann@other.example"}, {**first, "delivery_id": "8"}, {**first})
    assert told[0].key == told[1].key == told[3].key != told[2].key
    assert one(sg_event_id="ann@inbox.example", event="delivered").key.startswith("sha256:")
    assert one(sg_event_id="a" * 101, event="delivered").key.startswith("sha256:")


@pytest.mark.parametrize("body", [b"", b"[", b"{}", b'"[]"', b"[" * 100_000, b"\xff", b"[1,]"])
def test_a_body_that_is_no_array_is_refused(body: bytes) -> None:
    """Broken, nested too deeply, or no array: ValueError, and nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011
        read_events(body, now=NOW)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    ["event", "sg_event_id", "delivery_id", "timestamp", "type", "status", "reason", "response", "email"]
)


@given(st.lists(st.dictionaries(names | st.text(), json_values) | json_values, max_size=5))
def test_nothing_inside_an_event_breaks_the_reading(events: list[Any]) -> None:
    """Whatever JSON stands in the array, each member becomes something told that a database takes."""
    told = read_events(json.dumps(events).encode(), now=NOW)
    assert len(told) == len(events)
    for one in told:
        assert one.at <= NOW
        assert one.key.isascii()
        assert one.delivery_id is None or 0 < one.delivery_id < 2**63


def test_sendgrids_own_samples_verify() -> None:
    """What SendGrid signed is accepted over the raw bytes, and not once a byte of them is another."""
    if not SAMPLES.exists():
        pytest.skip("the samples are not on this machine")
    for sample in json.loads(SAMPLES.read_text()):
        keys = [public_key(sample["public_key"])]
        signed = (sample["timestamp"] + sample["body"]).encode()
        assert signed_by_one_of(keys, sample["signature"], signed)
        assert not signed_by_one_of(keys, sample["signature"], signed.rstrip())
        (told,) = read_events(sample["body"].encode(), now=NOW)
        assert (told.kind, told.reason) == (EventKind.DROPPED, "Bounced Address")


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "not base64!",
        "MEUC",
        _b64(b""),
        _b64(bytes.fromhex("3006020100020100")),  # r = s = 0, CVE-2021-43572
        _b64(b"\x30\x80" + b"\xff" * 70),
        _b64(b"0" * 10_000),
        "ü",
        sign(b"something else"),
    ],
    # the keys are made anew in every process
    ids=range(9),
)
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    """Garbage, zeros and another text's signature are answered with no, never with an error."""
    assert not signed_by_one_of([public_key(PUBLIC_KEY)], signature, b"signed")


def test_any_of_the_keys_may_have_signed() -> None:
    """While one key replaces another both are good; without keys nothing is."""
    keys = [public_key(NEW_KEY), public_key(PUBLIC_KEY)]
    assert signed_by_one_of(keys, sign(b"signed"), b"signed")
    assert not signed_by_one_of(keys[:1], sign(b"signed"), b"signed")
    assert not signed_by_one_of([], sign(b"signed"), b"signed")


def _spki(key: Any) -> str:
    return _b64(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "ü",
        PUBLIC_KEY[:-8],
        PUBLIC_KEY[:-4] + "AAAA",
        _spki(Ed25519PrivateKey.generate()),
        _spki(generate_private_key(SECP384R1())),
    ],
    ids=range(7),
)
def test_a_key_that_is_none_says_what_to_do(text: str) -> None:
    """What is no key on P-256 is refused with a remedy when the settings are read."""
    with pytest.raises(ValueError, match="copy"):
        public_key(text)
