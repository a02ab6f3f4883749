"""Whom the editors aim an alert at: readers of audiences, and whoever is in a segment."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, false, or_, select
from sqlalchemy.orm import Session

from newsletter.models import Alert, Newsletter
from newsletter.newsletters import ALERT
from newsletter.rendering.telling import in_a_row
from subscribers.alert_models import AlertChoicesRecord
from subscribers.lens import term
from subscribers.models import LensRecord, Subscriber, Subscription
from subscribers.roster import receiving
from subscribers.segments.parsing import parse
from subscribers.segments.rule import Field, Is
from subscribers.segments.sql import condition


def aimed_at(session: Session, alert: Alert, *, now: datetime) -> Select[int]:
    """The ids of those who are to get it, in their order: of its aim, and they receive alerts at `now`.

    Nobody who wants no alerts of the editors' choosing. An alert without an aim is for nobody.
    """
    wants_none = exists().where(
        AlertChoicesRecord.subscriber_id == Subscriber.id, AlertChoicesRecord.from_editors.is_(False)
    )
    return (
        select(Subscriber.id)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(Subscription.newsletter == slug(session), *receiving(now), within(alert), ~wants_none)
        .order_by(Subscriber.id)
    )


def within(alert: Alert) -> ColumnElement[bool]:
    """Whether a subscriber is of its audiences or in its segment, whatever they are subscribed to."""
    return or_(false(), *_ways(alert))


def _ways(alert: Alert) -> Iterator[ColumnElement[bool]]:
    if alert.audiences:
        # who chose none is meant by every audience
        chose_none = LensRecord.definition["audiences"].as_string().is_(None)
        yield Subscriber.lens_id.in_(select(LensRecord.id).where(chose_none))
    for audience in alert.audiences:
        yield condition(Is(Field.AUDIENCE, term(audience)))
    if alert.segment:
        yield condition(parse(alert.segment))


def slug(session: Session) -> str:
    """The name of the alerts as a newsletter; LookupError where the publication has none."""
    found = session.scalar(select(Newsletter.slug).where(Newsletter.cadence == ALERT, Newsletter.active))
    if found is None:
        raise LookupError("there are no alerts: write a table [alerts] into publication.toml, then migrate")
    return found


def because(alert: Alert) -> tuple[str, ...]:
    """Why its readers get it, in the words shown to them."""
    audiences = f" for {in_a_row(alert.audiences)}" if alert.audiences and not alert.segment else ""
    return (f"Chosen by the editors{audiences}",)
