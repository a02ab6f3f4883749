"""Mails for the tests of the providers, with everything in them that is hard to carry; and what a
reader finds in the inbox, whichever way it came."""

import email
import email.policy
import re
from dataclasses import dataclass
from typing import Any

from newsletter.mail import Content, Mail, Sender

#: emoji beyond the basic plane, right-to-left, CJK, combining marks, dots and blanks where they hurt
TEXT = (
    "Race to AGI \N{EN DASH} Montag\n"
    ".a line that begins with a dot\n.\nblanks at its end   \n"
    "\N{ROCKET}\N{FAMILY} שלום مرحبا بالعالم 日本語 e\N{COMBINING ACUTE ACCENT}\n"
    f"a long line: {'Überlänge = 100 % ' * 200}\n"
    "From the desk\n\nUnsubscribe: @@unsubscribe_url@@\n"
)
HTML = (
    '<!doctype html><html lang="en"><body><p dir="rtl">مرحبا بالعالم</p>'
    f"<p>{'x' * 2000}</p><p>\N{ROCKET} 日本語 a=b &amp; c</p>\n.\n"
    '<a href="@@unsubscribe_url@@">Unsubscribe</a> <a href="@@unsubscribe_url@@">@@unsubscribe_url@@</a>'
    "</body></html>"
)
SUBJECT = "Größte Runde des Jahres \N{ROCKET} " + "und noch vieles mehr " * 5 + "אבג"
EDITION = Content(SUBJECT, HTML, TEXT)


def link(delivery_id: int) -> str:
    """Longer than any line that a mail library would leave alone, and with what it likes to encode."""
    return f"https://news.racetoagi.example/unsubscribe/{delivery_id}.{'aB3_-' * 20}?x=%3D~1"


def never() -> bool:
    """Not enough yet: hand over all."""
    return False


def a_mail(delivery_id: int = 1, **changes: Any) -> Mail:
    url = link(delivery_id)
    mail = Mail(
        delivery_id=delivery_id,
        sender=Sender("Race to AGI", "digest@racetoagi.example"),
        to=f"reader{delivery_id}@inbox.example",
        content=EDITION,
        slots={"unsubscribe_url": url},
        headers=(
            ("Message-ID", f"<delivery-{delivery_id}@racetoagi.example>"),
            ("List-Unsubscribe", f"<{url}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("List-Id", "Race to AGI Daily <daily.racetoagi.example>"),
        ),
    )
    return mail._replace(**changes)


@dataclass(frozen=True)
class Received:
    """One mail in one inbox."""

    to: str
    delivery_id: int
    subject: str
    html: str
    text: str
    #: as they travelled, not decoded
    headers: dict[str, str]
    #: all that was there to read
    whole: str


def read_message(raw: bytes) -> Received:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n") if not line.startswith(" "))
    delivery_id = re.fullmatch(r"<delivery-(\d+)@racetoagi\.example>", headers["Message-ID"])
    assert delivery_id is not None
    return Received(
        to=headers["To"],
        delivery_id=int(delivery_id[1]),
        subject=str(message["Subject"]),
        html=_part(message, "html"),
        text=_part(message, "plain"),
        headers=headers,
        whole=raw.decode("ascii"),
    )


def _part(message: email.message.EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")
