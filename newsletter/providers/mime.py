"""A mail as the exact bytes that travel (RFC 5322, 2045-2047), for providers that take whole messages.

The bodies of an edition are encoded once for all its readers: slot values are encoded apart and
joined in by soft line breaks, which vanish when a reader's mail program decodes the text.
"""

import binascii
import textwrap
from collections.abc import Mapping
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, quote
from functools import lru_cache

from newsletter.mail import SLOT, Mail
from newsletter.providers.checks import check

#: cannot occur in a body, where "=" is always followed by two digits or a line end
_BOUNDARY = "=_alternative"
_PART = """
--=_alternative
Content-Type: text/{kind}; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

"""
_SOFT_BREAK = b"=\n"
_WIDTH = 78  # RFC 5322 §2.1.1


def compose(mail: Mail, *, date: datetime) -> bytes:
    """The message, its lines ended by CRLF: text first, html second, UTF-8 in quoted-printable.

    `mail.headers` stand as given, each on one line: mail programs do not find the unsubscribe
    link in a List-Unsubscribe that was folded or encoded. Raises Unfit (a ValueError) with the
    name of the part that is wrong.
    """
    check(mail)
    subject = SLOT.sub(lambda slot: mail.slots[slot[1]], mail.content.subject)
    head = (
        f"From: {_phrase(mail.sender.name)}<{mail.sender.address}>\n"
        f"To: {mail.to}\n"
        f"Subject: {_unstructured(subject, 'Subject')}\n"
        f"Date: {format_datetime(date)}\n"
        + "".join(f"{name}: {value}\n" for name, value in mail.headers)
        + "MIME-Version: 1.0\n"
        f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"\n'
    )
    message = (
        head.encode("ascii")
        + _PART.format(kind="plain").encode()
        + _body(mail.content.text, mail.slots)
        + _PART.format(kind="html").encode()
        + _body(mail.content.html, mail.slots)
        + f"\n--{_BOUNDARY}--\n".encode()
    )
    return message.replace(b"\n", b"\r\n")


def _body(part: str, slots: Mapping[str, str]) -> bytes:
    literals, names = _encoded(part)
    pieces = [literals[0]]
    for name, literal in zip(names, literals[1:], strict=True):
        pieces += (_quoted_printable(slots[name]), literal)
    return _SOFT_BREAK.join(pieces)


@lru_cache(maxsize=32)
def _encoded(part: str) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """What stands between the slots, encoded, and the names of the slots."""
    pieces = SLOT.split(part.replace("\r\n", "\n").replace("\r", "\n"))
    *literals, last = pieces[::2]
    encoded = (*map(_quoted_printable, literals), binascii.b2a_qp(last.encode()))
    return encoded, tuple(pieces[1::2])


def _quoted_printable(text: str) -> bytes:
    """`text` encoded, its last line with room for a soft break."""
    return binascii.b2a_qp(text.encode() + b"x")[:-1]


@lru_cache(maxsize=32)
def _phrase(name: str) -> str:
    """A display name and the space after it; nothing for no name."""
    if not name:
        return ""
    if name.isascii() and "=?" not in name:
        return f'"{quote(name)}" '
    return Header(name, "utf-8", header_name="From").encode(linesep="\n") + " "


@lru_cache(maxsize=32)
def _unstructured(value: str, header: str) -> str:
    """`value` as it is, folded at spaces; as encoded words (RFC 2047) if it would not survive that."""
    lines = textwrap.wrap(f"{header}: {value}", _WIDTH - 1, break_long_words=False, break_on_hyphens=False)
    plain = value.isascii() and "=?" not in value and " ".join(lines) == f"{header}: {value}"
    if plain and all(len(line) < _WIDTH for line in lines):
        return "\n ".join(lines).removeprefix(f"{header}: ")
    return Header(value, "utf-8", header_name=header).encode(linesep="\n")
