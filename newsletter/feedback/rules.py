"""What follows from what was told. Pure, and the same in whatever order it was told, and how often.

    told              the delivery becomes     its mailbox state   the reader
    processed         accepted                 –                   –
    deferred          accepted                 deferred            –
    delivered         accepted                 delivered           soft bounces are forgotten
    blocked           accepted                 blocked             – (it is about us)
    soft bounce       accepted                 soft bounced        suppressed when worn out, see below
    hard bounce       accepted                 hard bounced        suppressed: bounced
    complained        accepted                 complained          suppressed: complained
    unsubscribed      accepted                 –                   leaves that newsletter
    dropped           refused, where in doubt  dropped             by its reason, see `CLOSING_DROPS`
    other             –                        –                   –

Only a mail that was handed over, or may have been, can be told of; of any other nothing follows.
*Accepted* is written over whatever was known worse, and nothing is written over it. Of two mailbox
states the higher one holds, whenever it was told.

*Worn out*: soft bounces of 5 different issues over at least 14 days, all within 90 days and since the
last mail that arrived. Where mailboxes tell only failures (SMTP), five days of silence are an arrival.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.feedback.statuses import bounce_kind, status_in
from newsletter.models.delivery import DeliveryState, MailboxState
from newsletter.models.event import EventKind
from subscribers.models import SuppressionReason

SAID = {
    EventKind.DEFERRED: MailboxState.DEFERRED,
    EventKind.DROPPED: MailboxState.DROPPED,
    EventKind.DELIVERED: MailboxState.DELIVERED,
    EventKind.BLOCKED: MailboxState.BLOCKED,
    EventKind.SOFT_BOUNCE: MailboxState.SOFT_BOUNCED,
    EventKind.HARD_BOUNCE: MailboxState.HARD_BOUNCED,
    EventKind.COMPLAINED: MailboxState.COMPLAINED,
}
#: whoever tells one of these had the mail
PROOFS = frozenset({EventKind.PROCESSED, EventKind.UNSUBSCRIBED, *SAID}) - {EventKind.DROPPED}
#: not settled by an answer, though it was tried
IN_DOUBT = (
    DeliveryState.UNKNOWN,
    DeliveryState.SUBMITTING,
    DeliveryState.QUEUED,
    DeliveryState.CLAIMED,
)
RANKS = {state: rank for rank, state in enumerate(MailboxState)}

#: why SendGrid does not even try: what it heard of the address before
CLOSING_DROPS = {
    "bounced address": SuppressionReason.BOUNCED,
    "spam reporting address": SuppressionReason.COMPLAINED,
}
_NO_MAILBOX = re.compile(r"5\.1\.")

#: soft bounces of so many issues, over so long a time, close an address
ENOUGH_ISSUES, LONG_ENOUGH = 5, timedelta(days=14)
#: how far back they count
MEMORY = timedelta(days=90)
#: how long servers try before they give up and tell so (RFC 5321 §4.5.4.1)
SILENCE = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Fate:
    """What is known of a mail, by the provider and by the mailbox."""

    state: str
    #: whether it was ever handed over, or may have been; what is told of any other is a mistake
    tried: bool
    mailbox: str | None = None
    mailbox_at: datetime | None = None


def after(fate: Fate, kind: EventKind, at: datetime) -> Fate:
    """The fate of a mail of which this is told."""
    if not fate.tried:
        return fate
    said = SAID.get(kind)
    if said is None or not _outranks(said, at, fate):
        return Fate(_state(fate, kind), True, fate.mailbox, fate.mailbox_at)
    return Fate(_state(fate, kind), True, said, at)


def _outranks(said: MailboxState, at: datetime, fate: Fate) -> bool:
    """Of two equal words the earlier one holds."""
    if fate.mailbox is None or fate.mailbox_at is None:
        return True
    rank, known = RANKS[said], RANKS[MailboxState(fate.mailbox)]
    return rank > known or (rank == known and at < fate.mailbox_at)


def _state(fate: Fate, kind: EventKind) -> str:
    if kind in PROOFS:
        return DeliveryState.ACCEPTED
    if kind is EventKind.DROPPED and fate.state in IN_DOUBT:
        return DeliveryState.REFUSED
    return fate.state


def closes(kind: EventKind, reason: str | None) -> SuppressionReason | None:
    """Why the reader's address is closed by this alone; None when it is not."""
    if kind is EventKind.COMPLAINED:
        return SuppressionReason.COMPLAINED
    if kind is EventKind.HARD_BOUNCE:
        return SuppressionReason.BOUNCED
    if kind is EventKind.DROPPED and reason:
        closed = CLOSING_DROPS.get(reason.casefold())
        return closed or (SuppressionReason.BOUNCED if names_no_mailbox(reason) else None)
    return None


def names_no_mailbox(words: str | None) -> bool:
    """Whether a server refused a recipient for good for what the address is (RFC 3463 §3.2: 5.1.x)."""
    status = status_in(words or "")
    return bool(status and _NO_MAILBOX.match(status) and bounce_kind(status) is EventKind.HARD_BOUNCE)


def blames_us(words: str | None) -> bool:
    """Whether a server refused a mail by policy: for what we are, or what it says (see `statuses`)."""
    return bounce_kind(status_in(words or "") or "") is EventKind.BLOCKED


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of one mail of a reader, for counting soft bounces."""

    #: the issue; None for a letter or an alert
    issue_id: int | None
    #: what the mailbox said, or nothing yet
    said: str | None
    #: when it said so; where it said nothing, when the mail was accepted
    at: datetime


def worn_out(heard: Iterable[Heard], *, now: datetime) -> bool:
    """Whether soft bounces alone close the address, see above."""
    recent = [mail for mail in heard if mail.at > now - MEMORY]
    arrived = max((mail.at for mail in recent if _arrived(mail, now)), default=None)
    soft = [
        mail
        for mail in recent
        if mail.said == MailboxState.SOFT_BOUNCED
        and mail.issue_id is not None
        and (arrived is None or mail.at > arrived)
    ]
    if len({mail.issue_id for mail in soft}) < ENOUGH_ISSUES:
        return False
    moments = [mail.at for mail in soft]
    return max(moments) - min(moments) >= LONG_ENOUGH


def _arrived(mail: Heard, now: datetime) -> bool:
    if mail.said is None:
        return mail.at <= now - SILENCE
    return mail.said in (MailboxState.DELIVERED, MailboxState.COMPLAINED)
