"""The rules of SendGrid's v3 Mail Send API for a request's body: its OpenAPI description, and what its
reference says beside it in words. What we do not mean to use is a fault as well."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

#: (what is wrong, where)
Fault = tuple[str, str]
Rule = Callable[[Any], bool]

#: headers that the API keeps to itself
RESERVED = re.compile(
    "x-sg-id|x-sg-eid|received|dkim-signature|content-type|content-transfer-encoding"
    "|to|from|subject|reply-to|cc|bcc",
    re.IGNORECASE,
)
MOST_READERS = 1_000
LIMIT = 10_000  # bytes, of substitutions and of custom arguments


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _short_texts(value: Any) -> bool:
    return _texts(value) and len(json.dumps(value, ensure_ascii=False).encode()) <= LIMIT


def _headers(value: Any) -> bool:
    return _texts(value) and not any(RESERVED.fullmatch(name) or not name.isascii() for name in value)


def _mailbox(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() <= {"email", "name"}
        and all(isinstance(one, str) for one in value.values())
        and re.fullmatch(r"[^@\s]+@[a-z0-9-]+(\.[a-z0-9-]+)+", value.get("email", ""), re.ASCII) is not None
        and value["email"].isascii()
    )


def _one_mailbox(value: Any) -> bool:
    """More than one would see each other, which the API allows and we do not."""
    return isinstance(value, list) and len(value) == 1 and _mailbox(value[0])


def _content(value: Any) -> bool:
    return (
        isinstance(value, list)
        and [part.get("type") for part in value] == ["text/plain", "text/html"]
        and all(part.keys() == {"type", "value"} and _text(part["value"]) for part in value)
    )


def _untracked(value: Any) -> bool:
    off = {"enable": False}
    return bool(value == {"click_tracking": {**off, "enable_text": False}, "open_tracking": off})


def _readers(value: Any) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= MOST_READERS


#: all that we use, and all of it is required
MESSAGE: dict[str, Rule] = {
    "from": _mailbox,
    "subject": _text,
    "content": _content,
    "tracking_settings": _untracked,
    "personalizations": _readers,
}
PERSONALIZATION: dict[str, Rule] = {
    "to": _one_mailbox,
    "headers": _headers,
    "custom_args": _short_texts,
    "substitutions": _short_texts,
}


def fault_of(body: Any, refused: set[str]) -> Fault | None:
    """The first rule that `body` breaks, and where; the addresses in `refused` are not taken."""
    return next(_faults(body, refused), None)


def _faults(body: Any, refused: set[str]) -> Iterator[Fault]:
    yield from _broken(body, MESSAGE, "")
    seen: set[str] = set()
    for number, one in enumerate(body["personalizations"]):
        yield from _broken(one, PERSONALIZATION, f"personalizations.{number}.")
        address = one["to"][0]["email"]
        if address in refused:
            yield f"Does not contain a valid address: {address}", f"personalizations.{number}.to.0.email"
        if address.casefold() in seen:
            yield f"Each unique email address should only be included once: {address}", "personalizations"
        seen.add(address.casefold())


def _broken(value: Any, rules: dict[str, Rule], where: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield "This must be an object.", where
        return
    for name in value.keys() ^ rules.keys():
        yield "This is required." if name in rules else "We do not mean to use this.", f"{where}{name}"
    for name in rules:
        if not rules[name](value[name]):
            yield "Does not contain a valid value.", f"{where}{name}"
