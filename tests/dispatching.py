"""An outbox with letters in it, a provider that fails where a test tells it to, and what became of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from newsletter.dispatch.claims import Worker
from newsletter.mail import Mail, Outcome
from newsletter.models import Delivery
from newsletter.outbox import queue_confirmation
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import consent
from subscribers.address import parse
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.rhythm import Rhythm
from tests.faulty import FaultyProvider
from tests.people import FINGERPRINTS

NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)
LEASE = timedelta(minutes=2)


def worker(owner: str) -> Worker:
    return Worker(owner, "folder", ("provider:folder",), LEASE)


def queue(services: Services, number: int) -> list[int]:
    """That many confirmation mails in the outbox; returns the ids of their deliveries."""
    with writing(services.engine) as session:
        for n in range(number):
            asked = consent.request(
                session,
                parse(f"reader{n}@inbox.example"),
                ["daily"],
                lens=Lens(),
                rhythm=Rhythm(),
                channel=Channel.FORM,
                wording="Yes",
                fingerprints=FINGERPRINTS,
                now=NOW,
            )
            assert asked is not None
            queue_confirmation(
                session, subscriber_id=asked.subscriber_id, consent_id=asked.consent_id, now=NOW
            )
        return list(session.scalars(select(Delivery.id).order_by(Delivery.id)))


def rows(services: Services) -> list[Delivery]:
    with reading(services.engine) as session:
        found = list(session.scalars(select(Delivery).order_by(Delivery.id)))
        session.expunge_all()
        return found


def states(services: Services) -> list[str]:
    return [row.state for row in rows(services)]


def faulty(services: Services, fault: Callable[[Mail], Outcome | None]) -> Services:
    return replace(services, provider=FaultyProvider(services.provider, fault))


def files(services: Services) -> int:
    return len(list(services.settings.mail_folder.glob("*.eml")))
