"""From the bytes of a stranger's mail to the few texts in it that can tell something. Pure.

Whatever it holds (thousands of parts, parts in parts, endless headers, charsets that do not exist), it
costs little time and raises nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from itertools import islice

#: bytes of a mail that are read: a returned mail of ours is a tenth of it
LARGEST = 1024 * 1024
#: characters of one text that are read
_LONGEST = 20_000
#: parts that are looked at: of reports and what they return there are four
_PARTS = 40
#: lines of a header
_FIELDS = 200
#: what makes a parser descend; so many are no mail, but an attack on whoever reads it
_DESCENTS, _TOO_DEEP = re.compile(rb"boundary\s*(?:\*[\d*]*\s*)?=|message/", re.IGNORECASE), 24
#: a parameter list that takes a parser minutes
_ENDLESS = re.compile(rb"^content-[\w-]+:(?:[^\r\n]|(?:\r\n?|\n)[ \t]){4000}", re.IGNORECASE | re.MULTILINE)
_TAG = re.compile(r"<[^<>]*>")
_FIELD = re.compile(r"([\w-]+):[ \t]*(.*)", re.ASCII)
#: from here on a report in plain text is the returned mail: what we wrote ourselves is no diagnosis
_COPY = re.compile(
    r"^[-_=*> \t]{0,80}(?:"
    r"(?:here|below|this)(?: this line)? is a copy of"
    r"|(?:the )?(?:original|unsent|returned) message(?: follows| headers?)?\W*$"
    r"|message headers? follow|non-delivered information follows"
    r"|(?:received|return-path|dkim-signature|message-id):[ \t]"
    r")",
    re.IGNORECASE | re.MULTILINE,
)

Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a mail says, in texts of limited length; names of fields in lower case."""

    mail: Message
    headers: Fields
    #: what it says to people, without the returned mail
    words: str
    #: one for each recipient of a delivery report (RFC 3464 §2.3); without any it is none
    recipients: tuple[Fields, ...]
    #: the fields of a feedback report (RFC 5965 §3); empty when it is none
    complaint: Fields
    #: the header of the returned mail, and whatever else may hold its return path
    returned: str


def open_mail(raw: bytes) -> Opened | None:
    """The mail in `raw`; None for one that is made to harm its readers."""
    raw = raw[:LARGEST]
    if len(_DESCENTS.findall(raw)) > _TOO_DEEP or _ENDLESS.search(raw):
        return None
    mail = message_from_bytes(raw)
    words: list[str] = []
    returned: list[str] = []
    recipients: list[Fields] = []
    complaint: Fields = {}
    for part in islice(_parts(mail), _PARTS):
        kind = part.get_content_type()
        if kind.endswith("delivery-status"):
            recipients += [block for block in _blocks(_text(part)) if {"action", "status"} & block.keys()]
        elif kind == "message/feedback-report":
            for block in _blocks(_text(part)):
                complaint |= block
        elif kind.startswith("message/") or kind.endswith("rfc822-headers"):
            returned.append(_text(part))
        elif kind.startswith(("text/", "multipart/")):  # a multipart without parts is a broken one
            text, copy = _divided(_text(part))
            words.append(_TAG.sub(" ", text) if kind == "text/html" else text)
            returned.append(copy)
    return Opened(
        mail=mail,
        headers=_fields(mail),
        words="\n".join(words)[:_LONGEST],
        recipients=tuple(recipients),
        complaint=complaint,
        returned="\n".join(returned),
    )


def _parts(mail: Message) -> Iterator[Message]:
    """The parts of a mail, those of the mail that it returns left out."""
    if mail.get_content_maintype() == "multipart" and mail.is_multipart():
        for part in mail.get_payload():
            assert isinstance(part, Message)
            yield from _parts(part)
    else:
        yield mail


def _text(part: Message) -> str:
    if part.is_multipart():
        # the parser takes whatever is called a message for one: header lines, and what follows
        return "\n\n".join(map(_written, islice(part.walk(), 1, _PARTS)))[:_LONGEST]
    octets = part.get_payload(decode=True)
    return _read(octets[:_LONGEST], _charset(part)) if isinstance(octets, bytes) else ""


def _written(part: Message) -> str:
    """Its header as it stands there, and its text where that is short of parts."""
    head = "\n".join(f"{name}: {value}" for name, value in part.items()[:_FIELDS])
    return head if part.is_multipart() else f"{head}\n\n{_text(part)}"


def _charset(part: Message) -> str:
    try:
        return part.get_content_charset("utf-8")
    except (LookupError, TypeError, ValueError):  # those of three parts, and of no letters
        return "utf-8"


def _read(octets: bytes, charset: str) -> str:
    """Text in UTF-8 if it can be: many call it otherwise."""
    if octets.isascii():
        return _decode(octets, charset)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return _decode(octets, charset)


def _decode(octets: bytes, charset: str) -> str:
    try:
        return octets.decode(charset, "replace")
    except (LookupError, ValueError):  # there are charsets of any name
        return octets.decode("utf-8", "replace")


def _divided(text: str) -> tuple[str, str]:
    """What a report in plain text says, and the returned mail below it."""
    text = "\n".join(text.splitlines())
    found = _COPY.search(text)
    return (text[: found.start()], text[found.start() :]) if found else (text, "")


def _blocks(text: str) -> list[Fields]:
    """Groups of fields with empty lines between them (RFC 3464 §2.1)."""
    unfolded = re.sub(r"\n[ \t]+(?=\S)", " ", "\n".join(text.splitlines()))
    groups = re.split(r"\n\s*\n", unfolded)
    return [_group(group.split("\n")) for group in groups]


def _group(lines: list[str]) -> Fields:
    return {found[1].lower(): found[2].strip() for line in lines if (found := _FIELD.match(line))}


def _fields(mail: Message) -> Fields:
    """The header, each value decoded as far as it can be (RFC 2047)."""
    return {str(name).lower(): _decoded(str(value)[:_LONGEST]) for name, value in mail.items()[:_FIELDS]}


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value[:2_000])
        return "".join(
            piece.decode(charset or "ascii", "replace") if isinstance(piece, bytes) else piece
            for piece, charset in pieces
        )
    except (LookupError, ValueError):
        return value
