"""The mails that the folder provider wrote, read back for the mailbox pages."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from pathlib import Path

_NAME = re.compile(r"\w[\w.+-]*\.eml", re.ASCII)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail as the mailbox lists it."""

    name: str
    to: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredMail:
    envelope: Envelope
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str

    def links(self, public_url: str) -> tuple[str, ...]:
        """The links in it that a reader acts through: to confirm, to unsubscribe."""
        ours = re.compile(re.escape(public_url) + r"/(?:confirm|data|sign-in|unsubscribe)/[\w.=-]+", re.ASCII)
        everything = "\n".join((self.text, self.html, *(value for _, value in self.headers)))
        return tuple(dict.fromkeys(ours.findall(everything)))


def mail_names(folder: Path) -> list[str]:
    """The names of all mails in `folder`, the newest first; none where there is no folder yet."""
    written = [
        (path.stat().st_mtime_ns, path.name)
        for path in folder.glob("*.eml")
        if _NAME.fullmatch(path.name) and path.is_file()
    ]
    return [name for _, name in sorted(written, reverse=True)]


def read_envelope(folder: Path, name: str) -> Envelope:
    with _path(folder, name).open("rb") as file:
        return _envelope(folder, name, BytesHeaderParser(policy=policy.default).parse(file))


def read_mail(folder: Path, name: str) -> StoredMail:
    """The mail of that name; FileNotFoundError for a name that is none of the folder's own."""
    with _path(folder, name).open("rb") as file:
        message = BytesParser(policy=policy.default).parse(file)
    return StoredMail(
        envelope=_envelope(folder, name, message),
        headers=tuple((header, str(value)) for header, value in message.items()),
        html=_part(message, "html"),
        text=_part(message, "plain"),
    )


def _path(folder: Path, name: str) -> Path:
    """Never outside of `folder`: a name has no slash, and begins with no dot."""
    path = folder / name
    if not _NAME.fullmatch(name) or not path.is_file():
        raise FileNotFoundError(name)
    return path


def _envelope(folder: Path, name: str, message: EmailMessage) -> Envelope:
    stated = message["date"].datetime if message["date"] else None
    written = datetime.fromtimestamp((folder / name).stat().st_mtime, UTC)
    return Envelope(
        name=name,
        to=str(message["to"] or ""),
        subject=str(message["subject"] or ""),
        at=stated.astimezone(UTC) if stated and stated.tzinfo else written,
    )


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    return str(body.get_content()) if body else ""
