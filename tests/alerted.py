"""Readers with alert rules, a story that breaks, and what became of it for each of them."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select

from newsletter import tasks
from newsletter.alerts.matching import anchors
from newsletter.content import StoryContent
from newsletter.models import AlertReader, Delivery
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import consent, watching
from subscribers.address import parse
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.models import Subscriber
from subscribers.rhythm import Rhythm
from tests.issues import tell

#: at which nobody wants quiet who did not choose it
NOON = datetime(2026, 1, 8, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LAB = AlertRule.of({"companies": ["Sample Lab"]}, min_outlets=2)


def hold(
    services: Services,
    email: str,
    rule: AlertRule | None = LAB,
    *,
    choices: AlertChoices | None = None,
    newsletters: Collection[str] = ("daily", "alerts"),
    zone: str = "UTC",
) -> int:
    """A reader who holds the rule; returns their number."""
    before = NOON - timedelta(days=30)
    with writing(services.engine) as session:
        consent.attest(
            session,
            parse(email),
            list(newsletters),
            lens=Lens(),
            rhythm=Rhythm(zone, 7),
            name=None,
            source="test",
            channel=Channel.COMMAND,
            fingerprints=services.fingerprints,
            now=before,
        )
        reader = session.scalars(select(Subscriber).where(Subscriber.email == email)).one()
        if rule is not None:
            watching.hold(session, reader, rule, anchors(rule), now=before)
        if choices is not None:
            watching.choose(session, reader.id, choices)
        return reader.id


def breaks(services: Services, *stories: StoryContent, at: datetime = NOON) -> dict[str, int]:
    """The stories come in and the alerts are struck; returns the numbers by what became of it."""
    tell(services, *stories, at=at)
    return dict(tasks.alert(services, at))


class Fate(NamedTuple):
    state: str
    reason: str | None
    due_at: datetime


def fates(services: Services, reader: int) -> list[Fate]:
    """What became of each alert of the reader, in their order."""
    with reading(services.engine) as session:
        rows = session.scalars(
            select(AlertReader).where(AlertReader.subscriber_id == reader).order_by(AlertReader.id)
        )
        return [Fate(row.state, row.reason, row.due_at) for row in rows]


def mails(services: Services, *kinds: str) -> list[Delivery]:
    """The deliveries of these kinds, in their order; of alerts, if none is named."""
    with reading(services.engine) as session:
        query = select(Delivery).where(Delivery.kind.in_(kinds or ("alert",))).order_by(Delivery.id)
        found = list(session.scalars(query))
        session.expunge_all()
        return found


def leave(services: Services, at: datetime = NOON) -> dict[str, int]:
    """All that is due leaves; returns the numbers by state."""
    return dict(services.dispatcher().run(at).counts)
