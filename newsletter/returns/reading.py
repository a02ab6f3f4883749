"""What a mail that came back tells of the mail that left: bounced, delayed, complained of, or nothing. Pure.

a delivery report (RFC 3464)           by action, status and words (`reasons`)
a bounce without one                   known by its sender, its subject or flufl.bounce; by its words
a complaint (RFC 5965)                 complained; to leave (`opt-out`): unsubscribed
an automatic reply (RFC 3834)          nothing
anything else                          nothing
"""

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from flufl.bounce import all_failures

from newsletter.models.event import EventKind
from newsletter.returns.opening import Fields, Opened
from newsletter.returns.reasons import MILDNESS, codes_in, is_exact, reason_of

#: what is done with a mail (RFC 3464 §2.3.3); `relayed` and `expanded` say nothing of its end
_ACTIONS = {
    "delivered": EventKind.DELIVERED,
    "deliverable": EventKind.DELIVERED,
    "delayed": EventKind.DEFERRED,
    "relayed": None,
    "expanded": None,
}
#: what is reported (RFC 5965 §7.3); authentication failures and the like are no reader's doing
_COMPLAINTS = {
    "abuse": EventKind.COMPLAINED,
    "fraud": EventKind.COMPLAINED,
    "virus": EventKind.COMPLAINED,
    "opt-out": EventKind.UNSUBSCRIBED,
}
#: Outlook.com's reports are no multipart/report, and say so in the subject alone
_COMPLAINT_SUBJECT = re.compile(r"complaint about message from ", re.IGNORECASE)
_AUTOMATIC_SUBJECT = re.compile(
    r"auto(?:matic)?[ -]?(?:reply|response|respon|answer)|out of (?:the )?office|vacation|absen[ct]|abwesen",
    re.IGNORECASE,
)
_DAEMON = re.compile(r"mailer.?daemon|post.?master|mail delivery|mail administrator", re.IGNORECASE)
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|non-?deliver|not delivered|could(?: not|n't) (?:be )?(?:deliver|send)|returned mail"
    r"|deliver[a-z]{0,3} (?:\w{1,20} )?(?:fail|status|report|problem|error)|mail (?:\w{1,20} )?fail"
    r"|fail(?:ed|ure)? (?:notice|delivery)|returning message|mail system error|delayed|still being retried",
    re.IGNORECASE,
)
_BOUNCE_WORDS = re.compile(
    r"(?:not|n't|unable to) (?:be )?deliver|deliver[a-z]{0,3} (?:has )?failed", re.IGNORECASE
)
_DELAY = re.compile(
    r"warning (?:message )?only|has been delayed|delayed mail|delayed \d+ hours|not yet been delivered"
    r"|still being retried|will (?:be retried|keep trying|continue|retry)"
    r"|could not send (?:mail|message) for past",
    re.IGNORECASE,
)
#: a report's fields, where a gateway has made plain text of it
_IN_WORDS = re.compile(
    r"^[ \t]*(action|status|diagnostic-code)[ \t]*:[ \t]*(.+)$", re.IGNORECASE | re.MULTILINE
)
#: where a server's answer begins, after what is said to people
_ANSWER = re.compile(r"(?<![\w.:/-])[45]\d\d[ -](?=[\w<#])")
#: a word, and not only a number or the name of one
_SPEECH = re.compile(r"[^\W\d]{3}")
#: what flufl.bounce finds need not be one
_ADDRESS = re.compile(rb"[^\s@\"{}]+@[^\s@\"{}]+")
#: characters up to which flufl.bounce is asked
_LONGEST_GUESS = 256 * 1024

# it logs what it stumbles over, and that may hold addresses
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Reading:
    kind: EventKind
    #: in the words of whoever reported it
    reason: str


def read(mail: Opened) -> Reading | None:
    """What `mail` tells; None when that is nothing about a mail of ours."""
    if mail.complaint or _COMPLAINT_SUBJECT.match(mail.headers.get("subject", "")):
        return _complaint(mail.complaint)
    if mail.recipients:
        return _mildest([_recipient(fields, mail.words) for fields in mail.recipients])
    if not _is_bounce(mail):
        return None
    return _from_words(mail)


def sent_at(mail: Opened, now: datetime) -> datetime:
    """When the mail was written; now where it does not say so, or says a time to come."""
    try:
        date = parsedate_to_datetime(mail.headers.get("date", ""))
        return min(date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC), now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return now


def _complaint(fields: Fields) -> Reading | None:
    what = fields.get("feedback-type", "abuse").lower()
    kind = _COMPLAINTS.get(what)
    return Reading(kind, f"feedback report: {what}") if kind else None


def _recipient(fields: Fields, words: str) -> Reading | None:
    action = fields.get("action", "failed").lower().partition(" ")[0]
    status, diagnostic = fields.get("status", ""), fields.get("diagnostic-code", "")
    # "smtp; 550 ...": who says it; some say it in a comment behind the status
    said = diagnostic.partition(";")[2].strip() or diagnostic or status
    kind = _ACTIONS[action] if action in _ACTIONS else _failure(status, said, words)
    return Reading(kind, said or action) if kind else None


def _failure(status: str, said: str, words: str) -> EventKind:
    """By what the server said; where that is nothing, by what the report says to people."""
    told = any(map(is_exact, codes_in(f"{status} {said}"))) or _SPEECH.search(said)
    return reason_of(status, said if told else words)


def _mildest(readings: list[Reading | None]) -> Reading | None:
    found = [reading for reading in readings if reading]
    return min(found, key=lambda reading: MILDNESS.index(reading.kind), default=None)


def _is_bounce(mail: Opened) -> bool:
    """Whether a server wrote it; Exim calls its bounces automatic replies too."""
    subject, sender = mail.headers.get("subject", ""), mail.headers.get("from", "")
    if _AUTOMATIC_SUBJECT.search(subject):
        return False
    if _DAEMON.search(sender) or _BOUNCE_SUBJECT.search(subject):
        return True
    return not _is_automatic(mail.headers) and bool(_BOUNCE_WORDS.search(mail.words) or _guessed(mail))


def _is_automatic(headers: Fields) -> bool:
    return (
        headers.get("auto-submitted", "no").lower() != "no"
        or bool({"x-autoreply", "x-autorespond"} & headers.keys())
        or headers.get("precedence", "").lower() == "auto_reply"
    )


def _guessed(mail: Opened) -> bool:
    """Whether flufl.bounce knows it for a bounce of some mail server; it stumbles over what is no mail."""
    if len(mail.words) + len(mail.returned) > _LONGEST_GUESS:
        return False
    try:
        temporary, permanent = all_failures(mail.mail)
    except Exception:
        return False
    return any(map(_ADDRESS.fullmatch, temporary | permanent))


def _from_words(mail: Opened) -> Reading:
    """A bounce in plain text: its fields if it has them, else all that it says."""
    told = f"{mail.headers.get('subject', '')}\n{mail.words}"
    fields = {name.lower(): value for name, value in _IN_WORDS.findall(mail.words)}
    if "action" in fields and (reading := _recipient(fields, mail.words)):
        return reading
    kind = EventKind.DEFERRED if _DELAY.search(told) else reason_of("", told)
    answer = _ANSWER.search(mail.words)
    return Reading(kind, (mail.words[answer.start() :] if answer else told).strip())
