"""Readers with alert rules, and everything up to the rows of those who are to be alerted."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.alerts.looking import look, look_for_corrections
from newsletter.alerts.matching import anchors
from newsletter.alerts.pieces import alert_limits
from newsletter.alerts.sparing import Limits
from newsletter.alerts.spreading import spread
from newsletter.models import Alert, AlertReader, Delivery, Edition
from newsletter.models.alert import AlertReaderState, AlertState
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.store.engine import writing
from newsletter.wiring import Services
from subscribers import consent
from subscribers.address import parse
from subscribers.alert_rule import AlertRule
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.models import Subscriber
from subscribers.watching import hold
from tests.issues import DAY
from tests.people import FINGERPRINTS
from tests.people import known as by_address

NOW = DAY + timedelta(hours=12)
SOON = NOW + timedelta(minutes=1)
LAB = AlertRule.of({"companies": ["Sample Lab"]})
BIG = AlertRule.of({"companies": ["Sample Lab"]}, min_outlets=4)
LIFE = timedelta(hours=24)


def reader(session: Session, name: str, *rules: AlertRule, lens: Lens | None = None, **more: Any) -> int:
    """Somebody who receives alerts and holds these rules."""
    address = parse(f"{name}@reader.example")
    consent.attest(
        session, address, more.get("newsletters", ["alerts"]), lens=lens, source="test",
        channel=Channel.COMMAND, fingerprints=FINGERPRINTS, now=DAY,
    )  # fmt: skip
    found = by_address(session, address)
    for rule in rules:
        hold(session, found, rule, anchors(rule), now=more.get("since", DAY))
    return found.id


def limits_of(services: Services) -> Limits:
    assert services.site.alerts
    return alert_limits(services.site.alerts)


def look_and_spread(services: Services, *, now: Any = NOW, chunk: int = 1_000) -> None:
    """All that is to be looked at and decided on, in a transaction each."""
    limits = limits_of(services)
    with writing(services.engine) as session:
        look_for_corrections(session, limits, now=now)
    more = True
    while more:
        with writing(services.engine) as session:
            more = bool(look(session, limits, now=now, portion=2))
    with writing(services.engine) as session:
        ids = session.scalars(select(Alert.id).where(Alert.state == AlertState.SPREADING)).all()
    for alert_id in ids:
        more = True
        while more:
            with writing(services.engine) as session:
                more = spread(session, session.get_one(Alert, alert_id), limits, now=now, chunk=chunk)


def rows(services: Services, state: AlertReaderState = AlertReaderState.WAITING) -> list[AlertReader]:
    with writing(services.engine) as session:
        query = select(AlertReader).where(AlertReader.state == state)
        return list(session.scalars(query.order_by(AlertReader.id)))


def waiting(services: Services) -> list[str]:
    """Who is to be alerted, as often as they are."""
    with writing(services.engine) as session:
        emails = session.scalars(
            select(Subscriber.email)
            .join(AlertReader, AlertReader.subscriber_id == Subscriber.id)
            .where(AlertReader.state == AlertReaderState.WAITING)
        )
        return sorted(email.partition("@")[0] for email in emails)


def mail_them(services: Services, *, at: Any = NOW) -> None:
    """Everything that waits leaves: a mail each."""
    with writing(services.engine) as session:
        edition = Edition(alerted_at=at, fingerprint=f"{at}", readers=1)
        session.add(edition)
        session.flush()
        held = session.scalars(select(AlertReader).where(AlertReader.state == AlertReaderState.WAITING)).all()
        for row in held:
            row.state, row.edition_id, row.mailed_at = AlertReaderState.MAILED, edition.id, at
        for subscriber_id in {row.subscriber_id for row in held}:
            session.add(
                Delivery(
                    kind=DeliveryKind.ALERT, occasion_id=edition.id, subscriber_id=subscriber_id,
                    newsletter="alerts", edition_id=edition.id, priority=1, state=DeliveryState.ACCEPTED,
                    due_at=at, expires_at=at + LIFE, attempt=1, queued_at=at, settled_at=at,
                )
            )  # fmt: skip


def reasons(services: Services) -> Sequence[tuple[str, str | None]]:
    with writing(services.engine) as session:
        return [(alert.state, alert.reason) for alert in session.scalars(select(Alert).order_by(Alert.id))]
