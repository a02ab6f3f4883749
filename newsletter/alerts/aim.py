"""Whom the editors aim an alert at: readers of audiences, and whoever is in a segment; and that in words."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, false, or_, select
from sqlalchemy.orm import Session

from newsletter.alerts.phrases import count, listed
from newsletter.models import Alert
from newsletter.models.alert import AlertKind
from newsletter.newsletters import of_alerts
from newsletter.rendering.joining import EDITORS, Fired
from subscribers.alert_models import AlertChoicesRecord
from subscribers.lens import term
from subscribers.models import LensRecord, Segment, Subscriber, Subscription
from subscribers.roster import receiving
from subscribers.segments.explaining import explain
from subscribers.segments.parsing import parse
from subscribers.segments.rule import AllOf, AnyOf, Field, Is, Joined, Not, Rule
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
    """The name of the alerts as a newsletter; NoAlerts where the publication has none."""
    return of_alerts(session).slug


def because(alert: Alert) -> tuple[str, ...]:
    """Why its readers get it, in the words shown to them."""
    audiences = f" for {listed(alert.audiences, 'and')}" if alert.audiences and not alert.segment else ""
    return (f"Chosen by the editors{audiences}",)


def by_editors(alert: Alert) -> Fired:
    """The same at length, for the footer: whom they meant."""
    aims = [f"for {listed(alert.audiences, 'and')}"] if alert.audiences else []
    if alert.segment:
        rule = parse(alert.segment)
        aims.append(f"for readers {explain(rule)}" if _is_theirs(rule) else "for some of our readers")
    return Fired(EDITORS, "Chosen by the editors", (", and ".join(aims),))


def _is_theirs(rule: Rule) -> bool:
    """Whether it asks only for what readers told us; what was noted of them is not for their eyes."""
    match rule:
        case Not(inner):
            return _is_theirs(inner)
        case AllOf(rules) | AnyOf(rules):
            return all(map(_is_theirs, rules))
        case Is(field, _):
            return field not in (Field.TAG, Field.BATCH, Field.FILE)
        case _:
            return isinstance(rule, Joined)


def segment_names(session: Session) -> dict[str, str]:
    """The rule of each saved segment → its name."""
    rows = session.execute(select(Segment.rule, Segment.name).order_by(Segment.name.desc()))
    return dict(rows.all())


def aim_in_words(alert: Alert, names: Mapping[str, str]) -> str:
    """Whom it is for: `Investors or Policymakers, or the segment “press”`; `names` are `segment_names`."""
    if alert.kind == AlertKind.RULES:
        return f"readers of {count(len(alert.rules), 'rule')}"
    if alert.kind == AlertKind.CORRECTION:
        return "whom an alert told what was wrong"
    parts = [" or ".join(alert.audiences)] if alert.audiences else []
    if alert.segment:
        name = names.get(alert.segment)
        parts.append(f"the segment “{name}”" if name else f"subscribers {explain(parse(alert.segment))}")
    return ", or ".join(parts) or "nobody yet"
