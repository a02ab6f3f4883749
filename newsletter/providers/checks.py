"""What a mail must be so that any provider can take it whole and unchanged."""

import re
from functools import lru_cache

from newsletter.mail import SLOT, Content, Mail, Sender, check_slots

#: dot-atoms only (RFC 5322 §3.4.1): what `subscribers.address` lets in, and safe in an SMTP command
_ADDRESS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[\w-]+(\.[\w-]+)*", re.ASCII)
_HEADER_NAME = re.compile(r"[!-9;-~]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_MAX = 998  # RFC 5322 §2.1.1
#: written by us from the mail's own fields, or by those who carry it; SendGrid refuses most of them
_RESERVED = re.compile(
    r"from|to|cc|bcc|reply-to|subject|date|mime-version|content-.*"
    r"|received|return-path|dkim-signature|x-sg-.*",
    re.IGNORECASE,
)


class Unfit(ValueError):
    """This mail cannot leave as it is. The message names the part at fault and never shows a value,
    since it is kept with the delivery and values hold addresses and signed links."""


def check(mail: Mail) -> None:
    """Raises Unfit if any part of `mail` would be changed, cut or misread on its way."""
    _check_sender(mail.sender)
    if not _ADDRESS.fullmatch(mail.to):
        raise Unfit("the recipient's address is not one plain address")
    if mail.return_path is not None and not _ADDRESS.fullmatch(mail.return_path):
        raise Unfit("the return path is not one plain address")
    _check_headers(mail.headers)
    try:
        check_slots(mail.slots)
    except ValueError as error:
        raise Unfit(str(error)) from None
    if missing := slot_names(mail.content) - mail.slots.keys():
        raise Unfit(f"no value for slot {', '.join(sorted(missing))}")


@lru_cache(maxsize=32)
def _check_sender(sender: Sender) -> None:
    if not _ADDRESS.fullmatch(sender.address):
        raise Unfit("the sender's address is not one plain address")
    if _CONTROL.search(sender.name):
        raise Unfit("the sender's name holds a control character")


def _check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    _check_header_names(tuple([name for name, _ in headers]))
    for name, value in headers:
        if not (value.isascii() and value.isprintable()) or value[-1:] in ("", " "):
            raise Unfit(f"header {name}: its value is not one line of ASCII")
        if len(name) + len(value) + 2 > _LINE_MAX:
            raise Unfit(f"header {name}: its value is longer than a line may be")


@lru_cache(maxsize=32)
def _check_header_names(names: tuple[str, ...]) -> None:
    seen = set()
    for name in names:
        if not _HEADER_NAME.fullmatch(name):
            raise Unfit(f"header {name!r}: this is not a header name")
        if _RESERVED.fullmatch(name):
            raise Unfit(f"header {name} is not set by hand")
        if name.lower() in seen:
            raise Unfit(f"header {name} is given twice")
        seen.add(name.lower())
    if "message-id" not in seen:
        raise Unfit("header Message-ID is missing")


@lru_cache(maxsize=32)
def slot_names(content: Content) -> frozenset[str]:
    """The slots of `content`. Raises Unfit for content that no reader could be sent."""
    if _CONTROL.search(content.subject):
        raise Unfit("the subject holds a control character")
    names: set[str] = set()
    for part in ("subject", "html", "text"):
        value: str = getattr(content, part)
        if not value.strip():
            raise Unfit(f"the {part} is empty")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unfit(f"the {part} holds half a character (a lone surrogate)") from None
        names.update(SLOT.findall(value))
    return frozenset(names)
