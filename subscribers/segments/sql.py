"""A rule as a condition in SQL: it selects those whom `rule.matches` says yes to.

Values reach the database as bound parameters only. A lens is stored once for all its readers, so
what is asked of lenses costs as much as there are different ones, however many the readers.
"""

from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Boolean, ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from subscribers.models import Batch, LensRecord, Subscriber, Subscription, SubscriptionState, Tag
from subscribers.segments.rule import AllOf, AnyOf, Engaged, Field, Is, Joined, NeverEngaged, Not, Rule, Side

#: the part of a lens that a condition asks about
_LENS_PARTS = {Field.AUDIENCE: "audiences", Field.COMPANY: "companies", Field.TOPIC: "topics"}


def condition(rule: Rule) -> ColumnElement[bool]:
    """For the WHERE of a statement over `Subscriber`; nobody who was erased is selected."""
    return and_(Subscriber.erased_at.is_(None), _holds(rule))


def _holds(rule: Rule) -> ColumnElement[bool]:
    """True or false, never NULL: else its opposite would be NULL too and select nobody."""
    match rule:
        case AllOf(rules):
            return and_(*map(_holds, rules))
        case AnyOf(rules):
            return or_(*map(_holds, rules))
        case Not(inner):
            return not_(_holds(inner))
        case Joined(side, day):
            return _beside(Subscriber.created_at, side, day)
        case Engaged(side, day):
            return and_(Subscriber.engaged_at.is_not(None), _beside(Subscriber.engaged_at, side, day))
        case NeverEngaged():
            return Subscriber.engaged_at.is_(None)
        case Is(field, value):
            return _is(field, value)


def _beside(moment: InstrumentedAttribute[Any], side: Side, day: date) -> ColumnElement[bool]:
    if side is Side.BEFORE:
        return moment < datetime.combine(day, time.min, UTC)
    return moment > datetime.combine(day, time.max, UTC)


def _is(field: Field, value: str) -> ColumnElement[bool]:
    match field:
        case Field.AUDIENCE | Field.COMPANY | Field.TOPIC:
            held = _Holds(LensRecord.definition, _LENS_PARTS[field], value)
            return Subscriber.lens_id.in_(select(LensRecord.id).where(held))
        case Field.NEWSLETTER:
            return _one(
                Subscription.subscriber_id == Subscriber.id,
                Subscription.newsletter == value,
                Subscription.state == SubscriptionState.CONFIRMED,
            )
        case Field.ZONE:
            return Subscriber.timezone == value
        case Field.COUNTRY:
            return Subscriber.country.is_not_distinct_from(value)
        case Field.TAG:
            return _one(Tag.subscriber_id == Subscriber.id, Tag.name == value)
        case Field.BATCH:
            return Subscriber.batch_id.is_not_distinct_from(int(value))
        case Field.FILE:
            return _one(Batch.id == Subscriber.batch_id, Batch.file_name == value)


def _one(*of_subscriber: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is such a row, whatever else the statement around it has joined."""
    return exists().where(*of_subscriber).correlate(Subscriber)


class _Holds(FunctionElement[bool]):
    """Whether the part of a lens definition, by its name, holds a term."""

    type = Boolean()
    inherit_cache = True


@compiles(_Holds, "sqlite")
def _on_sqlite(element: _Holds, compiler: SQLCompiler, **options: Any) -> str:
    definition, part, term = (compiler.process(clause, **options) for clause in element.clauses)
    # the three are compiled expressions: their values are bound
    return f"EXISTS (SELECT 1 FROM json_each({definition}, '$.' || {part}) WHERE value = {term})"  # noqa: S608


@compiles(_Holds, "postgresql")
def _on_postgresql(element: _Holds, compiler: SQLCompiler, **options: Any) -> str:
    definition, part, term = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(({definition} -> {part}) ? {term})"
