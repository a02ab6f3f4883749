"""Mails on their way for tests: rows of the outbox without editions behind them, and who claims them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.dispatch.claims import Claim, Worker, claim
from newsletter.models import Delivery, Issue, Newsletter
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from newsletter.models.issue import IssueState
from newsletter.store.engine import writing
from newsletter.wiring import Services
from subscribers.address import Address, parse
from subscribers.models import Subscriber
from tests.people import fresh_address, subscriber

NOW = datetime(2026, 10, 8, 12, tzinfo=UTC)
LEASE = timedelta(minutes=2)
WAYS = ("provider:folder", "sender:racetoagi.example")


class Clock:
    """The database's clock, in the hands of the test."""

    now = NOW

    def __call__(self, _session: Session) -> datetime:
        return self.now


def take(services: Services, now: datetime = NOW, *, limit: int = 100, owner: str = "worker") -> Claim:
    with writing(services.engine) as session:
        return claim(session, limit, Worker(owner, "folder", WAYS, LEASE), now=now)


def ids(found: Claim) -> list[int]:
    return [mail.delivery_id for mail in found.mails]


def published(session: Session, newsletter: str = "daily") -> Issue:
    """An issue that is going out since NOW."""
    issue = Issue(
        newsletter=session.scalars(select(Newsletter).where(Newsletter.slug == newsletter)).one(),
        date=NOW.date(),
        state=IssueState.PUBLISHED,
        since_at=NOW - timedelta(days=1),
        cutoff_at=NOW,
        publish_at=NOW,
        expires_at=NOW + timedelta(hours=12),
    )
    session.add(issue)
    session.flush()
    return issue


def digest_to(reader: Subscriber, issue: Issue, **changes: Any) -> Delivery:
    """The row of a digest to this reader, due at NOW."""
    values = {
        "kind": DeliveryKind.DIGEST,
        "occasion_id": issue.id,
        "subscriber_id": reader.id,
        "newsletter": issue.newsletter.slug,
        "priority": Priority.DIGEST,
        "state": DeliveryState.QUEUED,
        "due_at": NOW,
        "expires_at": NOW + timedelta(hours=12),
        "attempt": 0,
        "queued_at": NOW,
    }
    return Delivery(**values | changes)


def digests(session: Session, issue: Issue, domains: Iterable[str], **changes: Any) -> list[int]:
    """A digest to somebody at each of these domains, due at NOW; returns the ids of the deliveries."""
    rows = []
    for domain in domains:
        name = fresh_address().mailbox.partition("@")[0]
        reader = subscriber(session, parse(f"{name}@{domain}"), issue.newsletter.slug)
        rows.append(digest_to(reader, issue, **changes))
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def letter(session: Session, address: Address | None = None) -> int:
    """Somebody waits for this one; due at NOW. Returns the id of the delivery."""
    reader = subscriber(session, address)
    row = Delivery(
        kind=DeliveryKind.PREFERENCES_LINK,
        occasion_id=reader.id,
        subscriber_id=reader.id,
        priority=Priority.LETTER,
        state=DeliveryState.QUEUED,
        due_at=NOW,
        expires_at=NOW + timedelta(days=1),
        attempt=0,
        queued_at=NOW,
    )
    session.add(row)
    session.flush()
    return row.id
