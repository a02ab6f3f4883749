"""From a mail that came back to what is told of the delivery that it is about.

Only a return path that we signed says which delivery that is: the one it was sent to, or the one that the
mail it returns was sent with. Who forges a report without it tells nothing, whatever addresses it holds.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from newsletter.feedback.told import Told
from newsletter.models.event import EventKind
from newsletter.return_path import ReturnPaths
from newsletter.returns.opening import Opened, open_mail
from newsletter.returns.reading import read, sent_at

PROVIDER = "smtp"

#: where servers write to whom a mail came, as it lies in a folder
_DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to", "to")
#: what our mails carry for complaints, which reach us by other ways (RFC 9477 §3.2)
_COMPLAINT_ID = re.compile(r"^CFBL-Feedback-ID:[ \t]*([0-9a-f]{1,64})[ \t]*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Heard:
    """What one mail says."""

    #: what it reports; None when that is nothing about a mail: an automatic reply, a person
    kind: EventKind | None
    #: the same about a delivery of ours; None when it names none that we signed
    told: Told | None


def hear(raw: bytes, paths: ReturnPaths, *, sent_to: str = "", now: datetime) -> Heard:
    """What the mail in `raw` tells. `sent_to` is the recipient of its envelope, where that is known."""
    mail = open_mail(raw)
    reading = read(mail) if mail else None
    if mail is None or reading is None:
        return Heard(None, None)
    delivery_id = paths.read(sent_to) or _returned_to(mail, paths)
    if delivery_id is None:
        return Heard(reading.kind, None)
    key = f"{hashlib.sha256(raw).hexdigest()}:{delivery_id}"
    told = Told(PROVIDER, key, reading.kind, delivery_id, sent_at(mail, now), reading.reason)
    return Heard(reading.kind, told)


def _returned_to(mail: Opened, paths: ReturnPaths) -> int | None:
    sent_to = " ".join(mail.headers.get(name, "") for name in _DELIVERED_TO)
    sender = mail.complaint.get("original-mail-from", "")
    found = paths.find(f"{sent_to} {sender}\n{mail.returned}")
    if found is None and (id_line := _COMPLAINT_ID.search(mail.returned)):
        return paths.read_token(id_line[1])
    return found
