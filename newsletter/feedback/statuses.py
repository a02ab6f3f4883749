"""What a refusal means, by its enhanced status code (RFC 3463). Pure.

    4.7.x, 5.7.x                   blocked  a policy against what we are
    any other 4.x.x                soft     not now
    5.6.x, 5.1.7, 5.1.8            blocked  our content or sender address
    5.0.x, 5.1.x, 5.2.0, 5.2.1     hard     no such mailbox, or one that is closed
    any other 5.x.x                soft     full, too large, a server or route that fails

A block is about us, so it never touches the reader; what is soft counts over issues (`rules`).
"""

import re

from newsletter.models.event import EventKind

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])", re.ASCII)
#: a reply code with an enhanced one right behind it (RFC 2034), as servers begin what they say
_REPLY = re.compile(r"\s*[45]\d\d[ -]+([45]\.\d{1,3}\.\d{1,3})(?![\d.])", re.ASCII)


def bounce_kind(status: str) -> EventKind | None:
    """The kind of bounce that `status`, such as `5.1.1`, stands for; None where it is no failure."""
    found = _STATUS.fullmatch(status.strip())
    if found is None or found[1] == "2":
        return None
    subject, detail = int(found[2]), int(found[3])
    if found[1] == "4":
        return EventKind.BLOCKED if subject == 7 else EventKind.SOFT_BOUNCE
    if subject in (6, 7) or (subject, detail) in ((1, 7), (1, 8)):
        return EventKind.BLOCKED
    if subject in (0, 1) or (subject, detail) in ((2, 0), (2, 1)):
        return EventKind.HARD_BOUNCE
    return EventKind.SOFT_BOUNCE


def status_in(words: str) -> str | None:
    """The enhanced status code in a server's words (`550 5.1.1 no such mailbox`), the first of them."""
    found = _REPLY.match(words)
    return found[1] if found else None
