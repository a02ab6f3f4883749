"""How people come in, many at a time: asked to confirm, or vouched for by an operator.

`consent` opens this room for one person, `transfer` for those of a file who are known here. Whoever
unsubscribed, bounced, complained or was erased comes back by their own wish alone: neither an import nor
an operator brings them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers import suppression
from subscribers.enrolment import Applicant, enrol, take
from subscribers.fingerprints import Fingerprints
from subscribers.ledger import Channel, Evidence
from subscribers.models import Act, Consent, Subscriber, SubscriptionState, SuppressionReason
from subscribers.suppression import CONFIRMATION_OPENS

#: by which people ask for themselves, as far as can be told; what others enter is no wish of theirs
OWN_WISH = (Channel.FORM,)
#: how long one address is left in peace after a mail that asked it to confirm
ASK_GAP = timedelta(minutes=10)
#: how many such mails it gets in 24 hours at most
ASKS_A_DAY = 3


class Attested(StrEnum):
    """What became of an applicant."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    KEPT_OUT = "kept out"  # unsubscribed or suppressed


@dataclass(frozen=True)
class Asked:
    """A confirmation must now be mailed: about these newsletters, because of that ledger line."""

    subscriber_id: int
    consent_id: int
    newsletters: tuple[str, ...]


def ask(
    session: Session,
    applicants: Sequence[Applicant],
    newsletters: Sequence[str],
    evidence: Evidence,
    fingerprints: Fingerprints,
) -> list[tuple[Attested, Asked | None]]:
    """`consent.request` for some thousand applicants: what became of each, and the mail now due."""
    newsletters = _distinct(newsletters)
    closed = _closed(session, applicants, fingerprints)
    may_return = {
        key for key, reason in closed.items() if evidence.channel in OWN_WISH and reason in CONFIRMATION_OPENS
    }
    people = _admit(session, applicants, closed.keys() - may_return, evidence.at)
    recent = _recent_asks(session, people.values(), evidence.at)
    answers: list[tuple[Attested, Consent | None]] = []
    for applicant in applicants:
        subscriber = people.get(applicant.address.key)
        if subscriber is None:
            answers.append((Attested.KEPT_OUT, None))
        else:
            returns = subscriber.email_key in may_return
            wanted = [
                slug
                for slug in newsletters
                if returns or _may_be_asked(subscriber.state(slug), evidence.channel)
            ]
            asks = recent[subscriber.id]
            answers.append(_ask(session, subscriber, applicant, newsletters, wanted, evidence, asks))
    session.flush()
    return [(outcome, _asked(line) if line else None) for outcome, line in answers]


def vouch(
    session: Session,
    applicants: Sequence[Applicant],
    newsletters: Sequence[str],
    evidence: Evidence,
    fingerprints: Fingerprints,
) -> list[Attested]:
    """`consent.attest` for some thousand applicants: what became of each."""
    newsletters = _distinct(newsletters)
    people = _admit(session, applicants, _closed(session, applicants, fingerprints), evidence.at)
    outcomes = []
    for applicant in applicants:
        subscriber = people.get(applicant.address.key)
        if subscriber is None:
            outcomes.append(Attested.KEPT_OUT)
        else:
            outcomes.append(_vouch(session, subscriber, applicant, newsletters, evidence))
    session.flush()
    return outcomes


def _closed(
    session: Session, applicants: Sequence[Applicant], fingerprints: Fingerprints
) -> dict[str, SuppressionReason]:
    return suppression.reasons(session, [applicant.address.key for applicant in applicants], fingerprints)


def _admit(
    session: Session, applicants: Sequence[Applicant], closed: Collection[str], now: datetime
) -> dict[str, Subscriber]:
    """The subscribers by address key, without those whose address is closed."""
    return enrol(session, [each for each in applicants if each.address.key not in closed], now=now)


def _ask(
    session: Session,
    subscriber: Subscriber,
    applicant: Applicant,
    newsletters: Sequence[str],
    wanted: Sequence[str],
    evidence: Evidence,
    recent: list[datetime],
) -> tuple[Attested, Consent | None]:
    if not wanted or too_soon(recent, evidence.at):
        return _idle(subscriber, newsletters), None
    outcome = Attested.UPDATED if subscriber.subscriptions else Attested.ADDED
    if not any(held.state == SubscriptionState.CONFIRMED for held in subscriber.subscriptions):
        take(session, subscriber, applicant.lens, applicant.rhythm, applicant.name or ...)
    for slug in wanted:
        subscriber.subscription(slug, evidence.at).ask(evidence.at)
    recent.append(evidence.at)
    return outcome, evidence.write(session, Act.REQUESTED, subscriber, wanted)


def _vouch(
    session: Session,
    subscriber: Subscriber,
    applicant: Applicant,
    newsletters: Sequence[str],
    evidence: Evidence,
) -> Attested:
    open_to = [slug for slug in newsletters if not subscriber.left(slug)]
    if not open_to:
        return Attested.KEPT_OUT
    is_new = not subscriber.subscriptions
    changed = take(session, subscriber, applicant.lens, applicant.rhythm, applicant.name or ...)
    granted = [slug for slug in open_to if subscriber.state(slug) is not SubscriptionState.CONFIRMED]
    origin = applicant.origin
    given = replace(evidence, ip=origin.agreed_ip, at=min(origin.agreed_at or evidence.at, evidence.at))
    for slug in granted:
        subscriber.subscription(slug, given.at).confirm(given.at)
    if granted:
        given.write(session, Act.ATTESTED, subscriber, granted)
    if is_new:
        return Attested.ADDED
    if changed:
        evidence.write(session, Act.CHANGED, subscriber, newsletters)
    return Attested.UPDATED if granted or changed else _idle(subscriber, newsletters)


def _may_be_asked(state: SubscriptionState | None, channel: Channel) -> bool:
    """A file asks nobody twice; people may ask again, after they left as well."""
    if channel is Channel.IMPORT:
        return state is None
    return state is not SubscriptionState.CONFIRMED


def too_soon(asked_at: Sequence[datetime], now: datetime) -> bool:
    """Whether one who was mailed at these times of the last 24 hours is to be left in peace."""
    return len(asked_at) >= ASKS_A_DAY or any(at > now - ASK_GAP for at in asked_at)


def _idle(subscriber: Subscriber, newsletters: Sequence[str]) -> Attested:
    left = any(subscriber.state(slug) is SubscriptionState.UNSUBSCRIBED for slug in newsletters)
    return Attested.KEPT_OUT if left else Attested.UNCHANGED


def _recent_asks(
    session: Session, subscribers: Iterable[Subscriber], now: datetime
) -> defaultdict[int, list[datetime]]:
    """When each subscriber was asked during the last 24 hours: one ledger line is one mail."""
    rows = session.execute(
        select(Consent.subscriber_id, Consent.at).where(
            Consent.subscriber_id.in_([subscriber.id for subscriber in subscribers]),
            Consent.act == Act.REQUESTED,
            Consent.at > now - timedelta(days=1),
        )
    )
    found: defaultdict[int, list[datetime]] = defaultdict(list)
    for subscriber_id, at in rows:
        found[subscriber_id].append(at)
    return found


def _asked(line: Consent) -> Asked:
    return Asked(line.subscriber_id, line.id, tuple(line.newsletters))


def _distinct(newsletters: Sequence[str]) -> list[str]:
    if not newsletters:
        raise ValueError("name at least one newsletter")
    return list(dict.fromkeys(newsletters))
