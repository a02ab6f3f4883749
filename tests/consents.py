"""Acts of consent for tests, as people and operators do them, and the ledger that they write."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers import admission, consent, roster
from subscribers.address import Address
from subscribers.consent import Asked, Attested, Channel
from subscribers.enrolment import Applicant
from subscribers.ledger import Evidence
from subscribers.lens import Lens
from subscribers.models import Act, Consent, Subscriber, SubscriptionState
from tests.people import FINGERPRINTS, NOW, known

LATER = NOW + timedelta(days=2)
INVESTORS = Lens.of(audiences=["Investors"])
PENDING, CONFIRMED, UNSUBSCRIBED = SubscriptionState

Step = Callable[[Session, Address, str, datetime], object]


def ask(session: Session, address: Address, slug: str = "daily", now: datetime = NOW) -> Asked | None:
    return consent.request(
        session,
        address,
        [slug],
        channel=Channel.FORM,
        wording="Send me this",
        ip="192.0.2.7",
        fingerprints=FINGERPRINTS,
        now=now,
    )


def ask_by_file(session: Session, address: Address, slug: str, now: datetime) -> Asked | None:
    evidence = Evidence(Channel.IMPORT, "Send me this", None, now)
    [(_, asked)] = admission.ask(session, [Applicant(address)], [slug], evidence, FINGERPRINTS)
    return asked


def confirm(session: Session, address: Address, slug: str = "daily", now: datetime = NOW) -> bool:
    public_id = known(session, address).public_id
    done = consent.confirm(
        session, public_id, [slug], channel=Channel.LINK, wording="Yes", fingerprints=FINGERPRINTS, now=now
    )
    return bool(done.confirmed)


def attest(session: Session, address: Address, slug: str = "daily", now: datetime = NOW) -> Attested:
    return consent.attest(
        session,
        address,
        [slug],
        source="paper form, autumn fair",
        channel=Channel.COMMAND,
        fingerprints=FINGERPRINTS,
        now=now,
    )


def leave(session: Session, address: Address, slug: str | None = "daily", now: datetime = NOW) -> bool:
    public_id = known(session, address).public_id
    return consent.unsubscribe(
        session, public_id, slug, channel=Channel.ONE_CLICK, wording="One-Click", now=now
    )


def state(session: Session, address: Address, slug: str = "daily") -> SubscriptionState | None:
    found = roster.find(session, address.mailbox)
    return found.state(slug) if found else None


@dataclass(frozen=True)
class Line:
    """A row of the ledger, every column of it."""

    id: int
    act: str
    newsletters: tuple[str, ...]
    rest: tuple[object, ...]


def ledger(session: Session, address: Address) -> list[Line]:
    lines = session.scalars(
        select(Consent)
        .join(Subscriber, Subscriber.id == Consent.subscriber_id)
        .where(Subscriber.email_key == address.key)
        .order_by(Consent.id)
        .execution_options(populate_existing=True)
    )
    return [
        Line(each.id, each.act, tuple(each.newsletters), (each.channel, each.wording, each.ip, each.at))
        for each in lines
    ]


def told_by(lines: list[Line], slug: str) -> SubscriptionState | None:
    """The state that the ledger alone proves; fails where an act was not open to it."""
    found: SubscriptionState | None = None
    for line in lines:
        if slug not in line.newsletters:
            continue
        if line.act == Act.REQUESTED:
            assert found is not CONFIRMED
            found = PENDING
        elif line.act == Act.CONFIRMED:
            assert found is PENDING
            found = CONFIRMED
        elif line.act == Act.ATTESTED:
            assert found in (None, PENDING)
            found = CONFIRMED
        elif line.act == Act.UNSUBSCRIBED:
            assert found in (PENDING, CONFIRMED)
            found = UNSUBSCRIBED
    return found
