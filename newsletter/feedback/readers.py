"""What follows for a reader from what was told of their mails: an address closed, a subscription ended.

Nothing that is told can subscribe anybody, confirm, or change an address. The one thing that it opens
again is what soft bounces alone had closed, when a mail turns out to have arrived in between.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.feedback.rules import MEMORY, Heard, closes, worn_out
from newsletter.models import Delivery
from newsletter.models.delivery import DeliveryKind, DeliveryState, MailboxState
from newsletter.models.event import EventKind
from newsletter.providers.words import keep
from subscribers import consent, suppression
from subscribers.address import Address
from subscribers.enrolment import locked
from subscribers.fingerprints import Fingerprints
from subscribers.ledger import Channel
from subscribers.models import Act, Consent, Subscriber, Suppression, SuppressionReason

#: stands beside a suppression that only soft bounces are behind
WORN_OUT = "soft bounces of several issues"


@dataclass
class Consequences:
    """What was told of one reader's mails, as far as anything follows from it for them."""

    #: why the address is closed, the words for it, by the reason
    closing: dict[SuppressionReason, str] = field(default_factory=dict)
    #: newsletters left, with who told it; None stands for all
    leaving: dict[str | None, str] = field(default_factory=dict)
    #: whether a soft bounce was told, or an arrival
    soft: bool = False
    arrived: bool = False

    def hear(self, kind: EventKind, provider: str, reason: str | None, newsletter: str | None) -> None:
        """Add what follows from one event."""
        if why := closes(kind, reason):
            self.closing.setdefault(why, keep(f"told by {provider}: {reason or kind}"))
        if kind is EventKind.UNSUBSCRIBED:
            self.leaving.setdefault(newsletter, provider)
        self.soft |= kind is EventKind.SOFT_BOUNCE
        self.arrived |= kind in (EventKind.DELIVERED, EventKind.COMPLAINED)

    def __bool__(self) -> bool:
        return bool(self.closing or self.leaving or self.soft or self.arrived)


def apply(
    session: Session, consequences: Mapping[int, Consequences], fingerprints: Fingerprints, *, now: datetime
) -> Counter[str]:
    """Draw the consequences by subscriber id; returns how many were suppressed, opened, unsubscribed."""
    done: Counter[str] = Counter()
    closed_by_softness = _worn_out(session, [reader for reader, told in consequences.items() if told.arrived])
    concerned = {
        reader: told
        for reader, told in consequences.items()
        if told.closing or told.leaving or told.soft or reader in closed_by_softness
    }
    if not concerned:
        return done
    # locked at once and in order, as every act on a person locks them first
    for reader in locked(session, Subscriber.id.in_(concerned)):
        if reader.erased_at is None:
            told = concerned[reader.id]
            done["unsubscribed"] += _leave(session, reader, told, now)
            done["suppressed"] += _close(session, reader, told.closing, fingerprints, now)
            done += _recount(session, reader, told, fingerprints, now)
    return +done


def _leave(session: Session, reader: Subscriber, told: Consequences, now: datetime) -> int:
    ended = [
        consent.unsubscribe(
            session,
            reader.public_id,
            newsletter,
            channel=Channel.PROVIDER,
            wording=f"unsubscribed, told by {provider}",
            now=now,
        )
        for newsletter, provider in told.leaving.items()
    ]
    return sum(ended)


def _close(
    session: Session,
    reader: Subscriber,
    closing: Mapping[SuppressionReason, str],
    fingerprints: Fingerprints,
    now: datetime,
) -> bool:
    changed = False
    address = Address(reader.email, reader.email_key)
    for reason, note in closing.items():
        changed |= suppression.suppress(
            session, address, reason, note=note, fingerprints=fingerprints, now=now
        )
        record = suppression.why(session, address, fingerprints)
        if record and record.note == WORN_OUT:
            # a mail that arrived opens it no more
            record.note = note
    session.flush()
    return changed


def _recount(
    session: Session, reader: Subscriber, told: Consequences, fingerprints: Fingerprints, now: datetime
) -> Counter[str]:
    """Close an address that is worn out; open one that was closed for that, and is not."""
    if not (told.soft or told.arrived):
        return Counter()
    address = Address(reader.email, reader.email_key)
    worn = worn_out(_heard(session, reader.id, now), now=now)
    record = suppression.why(session, address, fingerprints)
    if worn and record is None:
        reason = SuppressionReason.BOUNCED
        suppression.suppress(session, address, reason, note=WORN_OUT, fingerprints=fingerprints, now=now)
        return Counter(suppressed=1)
    if not worn and record is not None and record.note == WORN_OUT:
        suppression.lift(session, address, fingerprints)
        return Counter(opened=1)
    return Counter()


def _heard(session: Session, subscriber_id: int, now: datetime) -> list[Heard]:
    """What is known of the reader's mails; a confirmation from the mailbox is a mail that arrived."""
    mails = session.execute(
        select(
            Delivery.kind, Delivery.occasion_id, Delivery.mailbox, Delivery.mailbox_at, Delivery.settled_at
        ).where(
            Delivery.subscriber_id == subscriber_id,
            Delivery.state == DeliveryState.ACCEPTED,
            Delivery.settled_at > now - MEMORY,
        )
    )
    heard = [
        Heard(occasion if kind == DeliveryKind.DIGEST else None, mailbox, mailbox_at or settled_at or now)
        for kind, occasion, mailbox, mailbox_at, settled_at in mails
    ]
    confirmed = session.scalars(
        select(Consent.at).where(Consent.subscriber_id == subscriber_id, Consent.act == Act.CONFIRMED)
    )
    return heard + [Heard(None, MailboxState.DELIVERED, at) for at in confirmed]


def _worn_out(session: Session, readers: Collection[int]) -> set[int]:
    """Those of the readers whose address only soft bounces had closed."""
    if not readers:
        return set()
    rows = session.scalars(
        select(Subscriber.id)
        .join(Suppression, Suppression.email_key == Subscriber.email_key)
        .where(Subscriber.id.in_(readers), Suppression.note == WORN_OUT)
    )
    return set(rows)
