"""A mail as the exact bytes that travel (RFC 5322, 2045-2047), for providers that take whole messages.

The bodies of an edition are encoded once for all its readers: slot values are encoded apart and
joined in by soft line breaks, which vanish when a reader's mail program decodes the text. So each
piece between two slots is made of whole lines, and can be made ready for the wire, and for a
signature, once for all readers too.
"""

import binascii
import textwrap
from collections.abc import Mapping
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, quote
from functools import cached_property, lru_cache

from newsletter.mail import SLOT, Content, Mail
from newsletter.providers.checks import check
from newsletter.providers.dkim import Signer, relaxed_body

#: cannot occur in a body, where "=" is always followed by two digits or a line end
_BOUNDARY = "=_alternative"
_PART = """\
--=_alternative
Content-Type: text/{kind}; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

"""
_SOFT_BREAK = b"=\r\n"
_WIDTH = 78  # RFC 5322 §2.1.1
#: contents whose pieces are kept: as many editions may alternate without one being encoded twice
_REMEMBERED = 256


def compose(mail: Mail, *, date: datetime) -> bytes:
    """The message, its lines ended by CRLF: text first, html second, UTF-8 in quoted-printable.

    `mail.headers` stand as given, each on one line: mail programs do not find the unsubscribe
    link in a List-Unsubscribe that was folded or encoded. Raises Unfit (a ValueError) with the
    name of the part that is wrong.
    """
    check(mail)
    body = _encoded(mail.content)
    return b"".join([_head(mail, date), b"\r\n", *_joined(body.pieces, body.names, _values(mail.slots))])


def compose_for_smtp(mail: Mail, *, date: datetime, signer: Signer | None = None) -> list[bytes]:
    """The same message as it goes through an SMTP connection, in pieces to be written one after the other.

    Signed if there is a signer (RFC 6376), its dots stuffed and the final dot at its end (RFC 5321
    §4.5.2). Raises Unfit as `compose` does.
    """
    check(mail)
    head, body, values = _head(mail, date), _encoded(mail.content), _values(mail.slots)
    if signer:
        # a value has no blanks: relaxing would leave it as it is
        relaxed = _joined(body.relaxed, body.names, values)
        head = signer.sign(head, relaxed, domain=mail.sender.address.rpartition("@")[2], at=date) + head
    stuffed = {name: _stuffed(value) for name, value in values.items()}
    return [_stuffed(head), b"\r\n", *_joined(body.stuffed, body.names, stuffed), b".\r\n"]


def _head(mail: Mail, date: datetime) -> bytes:
    subject = mail.content.subject
    if "@@" in subject:
        subject = SLOT.sub(lambda slot: mail.slots[slot[1]], subject)
    head = (
        f"From: {_phrase(mail.sender.name)}<{mail.sender.address}>\r\n"
        f"To: {mail.to}\r\n"
        f"Subject: {_unstructured(subject, 'Subject')}\r\n"
        f"Date: {_written(date)}\r\n"
        + "".join([f"{name}: {value}\r\n" for name, value in mail.headers])
        + "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n'
    )
    return head.encode("ascii")


class _Body:
    """Text and html of one content: what stands between the slots, encoded, and the names of the slots.

    Each piece begins a line and ends one, since there is a soft break around every slot.
    """

    def __init__(self, content: Content) -> None:
        text, text_names = _part("plain", content.text)
        html, html_names = _part("html", content.html)
        html[-1] += f"--{_BOUNDARY}--\r\n".encode()
        self.pieces = (*text[:-1], text[-1] + html[0], *html[1:])
        self.names = text_names + html_names

    @cached_property
    def stuffed(self) -> tuple[bytes, ...]:
        return tuple(map(_stuffed, self.pieces))

    @cached_property
    def relaxed(self) -> tuple[bytes, ...]:
        return tuple(map(relaxed_body, self.pieces))


@lru_cache(maxsize=_REMEMBERED)
def _encoded(content: Content) -> _Body:
    return _Body(content)


def _part(kind: str, written: str) -> tuple[list[bytes], tuple[str, ...]]:
    """The pieces of one part, from its own header to the line end before the next boundary."""
    found = SLOT.split(written.replace("\r\n", "\n").replace("\r", "\n"))
    *literals, last = found[::2]
    pieces = [_crlf(_quoted_printable(literal)) + _SOFT_BREAK for literal in literals]
    pieces.append(_crlf(binascii.b2a_qp(last.encode()) + b"\n"))
    pieces[0] = _crlf(_PART.format(kind=kind).encode()) + pieces[0]
    return pieces, tuple(found[1::2])


def _values(slots: Mapping[str, str]) -> dict[str, bytes]:
    return {name: _crlf(_quoted_printable(value)) + _SOFT_BREAK for name, value in slots.items()}


def _joined(pieces: tuple[bytes, ...], names: tuple[str, ...], values: Mapping[str, bytes]) -> list[bytes]:
    """The pieces with the values between them."""
    joined = [piece for pair in zip(pieces, map(values.__getitem__, names), strict=False) for piece in pair]
    joined.append(pieces[-1])
    return joined


def _quoted_printable(text: str) -> bytes:
    """`text` encoded, its last line with room for a soft break."""
    return binascii.b2a_qp(text.encode() + b"x")[:-1]


def _crlf(lines: bytes) -> bytes:
    return lines.replace(b"\n", b"\r\n")


def _stuffed(lines: bytes) -> bytes:
    """A dot before each that begins a line, so that none ends the mail (RFC 5321 §4.5.2)."""
    stuffed = lines.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


@lru_cache(maxsize=32)
def _written(date: datetime) -> str:
    return format_datetime(date)


@lru_cache(maxsize=32)
def _phrase(name: str) -> str:
    """A display name and the space after it; nothing for no name."""
    if not name:
        return ""
    if name.isascii() and "=?" not in name:
        return f'"{quote(name)}" '
    return Header(name, "utf-8", header_name="From").encode(linesep="\r\n") + " "


@lru_cache(maxsize=32)
def _unstructured(value: str, header: str) -> str:
    """`value` as it is, folded at spaces; as encoded words (RFC 2047) if it would not survive that."""
    lines = textwrap.wrap(f"{header}: {value}", _WIDTH - 1, break_long_words=False, break_on_hyphens=False)
    plain = value.isascii() and "=?" not in value and " ".join(lines) == f"{header}: {value}"
    if plain and all(len(line) < _WIDTH for line in lines):
        return "\r\n ".join(lines).removeprefix(f"{header}: ")
    return Header(value, "utf-8", header_name=header).encode(linesep="\r\n")
