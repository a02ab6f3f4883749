"""What people agreed to: ask, confirm, attest, change, unsubscribe; each act writes its ledger line.

Nobody is confirmed but by the owner of the mailbox (`confirm`) or by an operator who says where
consent was given (`attest`). Nobody who left comes back unless asked anew and confirmed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import EllipsisType

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers import roster, suppression
from subscribers.address import Address, parse, parse_name
from subscribers.admission import Asked, Attested, ask, vouch
from subscribers.enrolment import Applicant, locked, take
from subscribers.fingerprints import Fingerprints
from subscribers.ledger import Channel, Evidence
from subscribers.lens import Lens
from subscribers.models import Act, Consent, Subscriber, SubscriptionState, SuppressionReason
from subscribers.rhythm import Rhythm
from subscribers.suppression import CONFIRMATION_OPENS

__all__ = [
    "Asked",
    "Attested",
    "Channel",
    "Confirmation",
    "UnknownSubscriber",
    "attest",
    "change",
    "confirm",
    "give_reason",
    "kept_out_because",
    "request",
    "unsubscribe",
]


#: how the line begins that says why somebody left
REASON = "Reason: "


class UnknownSubscriber(LookupError):
    """This link belongs to nobody whom we know any more: please subscribe anew."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True)
class Confirmation:
    """What a confirmation came to."""

    #: newsletters confirmed by this act
    confirmed: tuple[str, ...]
    #: newsletters that were confirmed before
    already: tuple[str, ...]
    #: newsletters given up since, or never asked for: to be asked for anew
    closed: tuple[str, ...]
    #: why the address gets no mail in spite of it
    suppressed: SuppressionReason | None


def request(
    session: Session,
    address: Address,
    newsletters: Sequence[str],
    *,
    lens: Lens | None = None,
    rhythm: Rhythm | None = None,
    name: str | None = None,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    fingerprints: Fingerprints,
    now: datetime,
) -> Asked | None:
    """Ask the owner of the mailbox to confirm; None when no mail is due, and nothing has changed.

    No mail is due to an address that an operator closed, to one that confirmed all of them, and beyond
    one mail in 10 minutes and three a day. Anybody can ask in anybody's name, so preferences are taken
    only while nothing is confirmed. Raises InvalidName, and ValueError without a newsletter.
    """
    applicant = Applicant(address, lens, rhythm, parse_name(name))
    evidence = Evidence(channel, wording, ip, now)
    [(_, asked)] = ask(session, [applicant], newsletters, evidence, fingerprints)
    return asked


def confirm(
    session: Session,
    public_id: str,
    newsletters: Sequence[str],
    *,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    fingerprints: Fingerprints,
    now: datetime,
) -> Confirmation:
    """The owner of the mailbox says yes: what is pending becomes confirmed, and nothing else.

    It opens an address that bounced, complained or was erased; saying it again changes nothing.
    Raises UnknownSubscriber.
    """
    subscriber = _find(session, public_id)
    if subscriber is None:
        raise UnknownSubscriber
    states = {slug: subscriber.state(slug) for slug in newsletters}
    confirmed = tuple(slug for slug, state in states.items() if state is SubscriptionState.PENDING)
    for slug in confirmed:
        subscriber.subscription(slug, now).confirm(now)
    if confirmed:
        Evidence(channel, wording, ip, now).write(session, Act.CONFIRMED, subscriber, confirmed)
        session.flush()
    address = parse(subscriber.email)
    closed = suppression.why(session, address, fingerprints)
    if closed and confirmed and closed.reason in CONFIRMATION_OPENS:
        suppression.lift(session, address, fingerprints)
        closed = None
    return Confirmation(
        confirmed=confirmed,
        already=tuple(slug for slug, state in states.items() if state is SubscriptionState.CONFIRMED),
        closed=tuple(
            slug for slug, state in states.items() if state in (None, SubscriptionState.UNSUBSCRIBED)
        ),
        suppressed=SuppressionReason(closed.reason) if closed else None,
    )


def attest(
    session: Session,
    address: Address,
    newsletters: Sequence[str],
    *,
    lens: Lens | None = None,
    rhythm: Rhythm | None = None,
    name: str | None = None,
    source: str,
    channel: Channel,
    fingerprints: Fingerprints,
    now: datetime,
) -> Attested:
    """An operator vouches for consent given elsewhere; `source` says where, and is kept.

    Confirms what is new or pending, and sets the preferences that are given. Leaves alone what was
    unsubscribed and who is suppressed (`kept_out_because`). Doing it again changes nothing.
    Raises InvalidName, and ValueError without a newsletter.
    """
    applicant = Applicant(address, lens, rhythm, parse_name(name))
    evidence = Evidence(channel, source, None, now)
    [outcome] = vouch(session, [applicant], newsletters, evidence, fingerprints)
    return outcome


def kept_out_because(
    session: Session, address: Address, newsletters: Sequence[str], fingerprints: Fingerprints
) -> str | None:
    """What keeps an operator from adding this address, in words; None when nothing does."""
    if record := suppression.why(session, address, fingerprints):
        return f"suppressed: {record.reason}"
    subscriber = roster.find(session, address.mailbox)
    left = [slug for slug in newsletters if subscriber and subscriber.left(slug)]
    return f"unsubscribed from {', '.join(left)}" if left else None


def unsubscribe(
    session: Session,
    public_id: str,
    newsletter: str | None,
    *,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    now: datetime,
) -> bool:
    """End the subscription to `newsletter`, or with None to all; True when there was one to end.

    Holds from the next mail that is claimed on (RFC 8058 §3.2). Whoever is unknown has nothing left
    to end.
    """
    subscriber = _find(session, public_id)
    if subscriber is None:
        return False
    ended = [
        held
        for held in subscriber.subscriptions
        if newsletter in (None, held.newsletter) and held.state != SubscriptionState.UNSUBSCRIBED
    ]
    for held in ended:
        held.end(now)
    if ended:
        evidence = Evidence(channel, wording, ip, now)
        evidence.write(session, Act.UNSUBSCRIBED, subscriber, [held.newsletter for held in ended])
        session.flush()
    return bool(ended)


def give_reason(
    session: Session,
    public_id: str,
    newsletter: str,
    *,
    channel: Channel,
    reason: str,
    ip: str | None = None,
    now: datetime,
) -> bool:
    """Keep why they left `newsletter`; True when that was noted: once, and only of who has left it."""
    subscriber = _find(session, public_id)
    left = [
        held
        for held in (subscriber.subscriptions if subscriber else ())
        if held.newsletter == newsletter and held.state == SubscriptionState.UNSUBSCRIBED
    ]
    if subscriber is None or not left:
        return False
    told = select(Consent.id).where(
        Consent.subscriber_id == subscriber.id,
        Consent.act == Act.UNSUBSCRIBED,
        Consent.wording.startswith(REASON),
        Consent.at >= left[0].unsubscribed_at,
    )
    if session.execute(told).first():
        return False
    Evidence(channel, REASON + reason, ip, now).write(session, Act.UNSUBSCRIBED, subscriber, [newsletter])
    session.flush()
    return True


def change(
    session: Session,
    subscriber: Subscriber,
    *,
    lens: Lens | None = None,
    rhythm: Rhythm | None = None,
    name: str | EllipsisType | None = ...,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    now: datetime,
) -> bool:
    """Set the preferences that are given (a name of None removes it); True when one of them changed.

    Raises InvalidName.
    """
    changed = take(session, subscriber, lens, rhythm, name if name is ... else parse_name(name))
    if changed:
        evidence = Evidence(channel, wording, ip, now)
        slugs = [held.newsletter for held in subscriber.subscriptions]
        evidence.write(session, Act.CHANGED, subscriber, slugs)
        session.flush()
    return changed


def _find(session: Session, public_id: str) -> Subscriber | None:
    """The subscriber, locked: acts on one person wait for each other."""
    found = locked(session, Subscriber.public_id == public_id)
    return found[0] if found else None
