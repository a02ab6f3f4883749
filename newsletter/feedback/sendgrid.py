"""What SendGrid's event webhook tells, read from the body that it posts. Pure.

The delivery's id travelled out as a custom argument and stands in the event by its own name, beside
SendGrid's keys. Nothing that an event may hold keeps its neighbours from being read.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from newsletter.feedback.statuses import bounce_kind, status_in
from newsletter.feedback.told import Told
from newsletter.models.event import EventKind

PROVIDER = "sendgrid"

_KINDS = {
    "processed": EventKind.PROCESSED,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "dropped": EventKind.DROPPED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
}
#: SendGrid's own reading of a bounce, in `bounce_classification`
_CLASSES = {
    "invalid address": EventKind.HARD_BOUNCE,
    "mailbox unavailable": EventKind.SOFT_BOUNCE,
    "technical": EventKind.SOFT_BOUNCE,
    "technical failure": EventKind.SOFT_BOUNCE,
    "content": EventKind.BLOCKED,
    "reputation": EventKind.BLOCKED,
    "frequency or volume too high": EventKind.BLOCKED,
}
_KEY = re.compile(r"[\w=-]{1,100}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
#: what fits the databases' integers
_LARGEST = 2**63 - 1
#: seconds since 1970 reach this in the year 5138; what is larger counts milliseconds
_IN_MILLISECONDS = 10**11


def read_events(body: bytes, *, now: datetime) -> list[Told]:
    """Every event of the array in `body`; one that makes no sense is kept as OTHER.

    Raises ValueError for a body that is no array in JSON, or that is nested too deeply.
    """
    try:
        # a number of thousands of digits, which Python refuses, is the fault of one event alone
        document = json.loads(body, parse_int=_integer)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(document, list):
        raise ValueError("no array")
    return [_told(event if isinstance(event, dict) else {"event": None}, now) for event in document]


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) < 30 else None


def _told(event: Mapping[str, Any], now: datetime) -> Told:
    name = event.get("event")
    kind = _bounce(event) if name == "bounce" else _KINDS.get(name if isinstance(name, str) else "")
    return Told(
        PROVIDER,
        _key(event),
        kind or EventKind.OTHER,
        _delivery_id(event.get("delivery_id")),
        _instant(event.get("timestamp"), now),
        _reason(event, kind),
    )


def _bounce(event: Mapping[str, Any]) -> EventKind:
    """`blocked` is about us; else what SendGrid made of it, the status, or the server's own words.

    Without any of them it is hard, which is what `bounce` means there.
    """
    if event.get("type") == "blocked":
        return EventKind.BLOCKED
    classed = _CLASSES.get(_text(event.get("bounce_classification")).casefold())
    said = status_in(_text(event.get("reason")))
    # 5.0.0 is also what SendGrid writes where the server gave no status
    status = _text(event.get("status"))
    general = status in ("", "5.0.0")
    return classed or bounce_kind(said if said and general else status) or EventKind.HARD_BOUNCE


def _reason(event: Mapping[str, Any], kind: EventKind | None) -> str | None:
    """The words worth keeping; of an event of no consequence, what it was."""
    if kind is None:
        return _text(event.get("event")) or None
    if kind in (EventKind.PROCESSED, EventKind.DELIVERED):
        return None
    return _text(event.get("reason")) or _text(event.get("response")) or None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _key(event: Mapping[str, Any]) -> str:
    """SendGrid's own id of the event; without one, a hash over all of it but the address."""
    key = event.get("sg_event_id")
    if isinstance(key, str) and _KEY.fullmatch(key):
        return key
    rest = json.dumps({name: event[name] for name in sorted(event) if name != "email"}, sort_keys=True)
    return f"sha256:{hashlib.sha256(rest.encode()).hexdigest()}"


def _delivery_id(value: object) -> int | None:
    found = int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
    return found if type(found) is int and 0 < found <= _LARGEST else None


def _instant(value: object, now: datetime) -> datetime:
    """When it happened; now where that is not told, or lies ahead."""
    seconds = int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
    if type(seconds) not in (int, float) or not isinstance(seconds, int | float):
        return now
    if seconds > _IN_MILLISECONDS:
        seconds /= 1000
    try:
        return min(datetime.fromtimestamp(max(seconds, 0), UTC), now)
    except (ValueError, OverflowError, OSError):
        return now
