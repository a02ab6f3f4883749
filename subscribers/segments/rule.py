"""A rule over subscribers, as a value, and whom it matches.

Pure. `parsing` makes rules of text and text of rules, `explaining` tells them in words, and `sql`
asks the database the very question that `matches` answers for one subscriber.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from subscribers.lens import Lens


class Field(StrEnum):
    """What a condition may compare; written `FIELD = VALUE`."""

    AUDIENCE = "audience"  # chosen
    COMPANY = "company"  # followed
    TOPIC = "topic"  # followed
    NEWSLETTER = "newsletter"  # confirmed for, paused or not
    ZONE = "zone"  # as the tz database spells it
    COUNTRY = "country"  # ISO 3166-1 alpha-2
    TAG = "tag"
    BATCH = "batch"  # the number of an import
    FILE = "file"  # the name of an imported file


class Side(StrEnum):
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Is:
    field: Field
    #: in the form in which it is stored; `parsing` brings it there
    value: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Became known to us on an earlier, or on a later day than `day`, which is a day in UTC."""

    side: Side
    day: date


@dataclass(frozen=True, slots=True)
class Engaged:
    """Last did something that only they can do on an earlier, or on a later day than `day`, in UTC.

    Whoever never did is on neither side.
    """

    side: Side
    day: date


@dataclass(frozen=True, slots=True)
class NeverEngaged:
    """Never did anything that only they can do, as far as is known."""


@dataclass(frozen=True, slots=True)
class Not:
    rule: "Rule"


@dataclass(frozen=True, slots=True)
class AllOf:
    #: two or more
    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    #: two or more
    rules: tuple["Rule", ...]


Rule = Is | Joined | Engaged | NeverEngaged | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class SubscriberFacts:
    """All of a subscriber that a rule may ask about."""

    lens: Lens
    #: slugs of those they are confirmed for
    newsletters: frozenset[str]
    zone: str
    country: str | None
    #: as terms, see `lens.term`
    tags: frozenset[str]
    batch: int | None
    file: str | None
    joined_at: datetime
    #: when they last did something that only they can do, see `engagement`
    engaged_at: datetime | None
    erased: bool


def matches(rule: Rule, facts: SubscriberFacts) -> bool:
    """Whether the subscriber is in the segment; nobody who was erased is in any."""
    return not facts.erased and _holds(rule, facts)


def _holds(rule: Rule, facts: SubscriberFacts) -> bool:
    match rule:
        case AllOf(rules):
            return all(_holds(part, facts) for part in rules)
        case AnyOf(rules):
            return any(_holds(part, facts) for part in rules)
        case Not(inner):
            return not _holds(inner, facts)
        case Joined(side, day):
            return _beside(facts.joined_at, side, day)
        case Engaged(side, day):
            return facts.engaged_at is not None and _beside(facts.engaged_at, side, day)
        case NeverEngaged():
            return facts.engaged_at is None
        case Is(field, value):
            return value in _values(field, facts)


def _beside(moment: datetime, side: Side, day: date) -> bool:
    on = moment.astimezone(UTC).date()
    return on < day if side is Side.BEFORE else on > day


def _values(field: Field, facts: SubscriberFacts) -> frozenset[str | None]:
    """What the subscriber has in that field."""
    match field:
        case Field.AUDIENCE:
            return facts.lens.audiences
        case Field.COMPANY:
            return facts.lens.companies
        case Field.TOPIC:
            return facts.lens.topics
        case Field.NEWSLETTER:
            return facts.newsletters
        case Field.ZONE:
            return frozenset({facts.zone})
        case Field.COUNTRY:
            return frozenset({facts.country})
        case Field.TAG:
            return facts.tags
        case Field.BATCH:
            return frozenset({str(facts.batch)})
        case Field.FILE:
            return frozenset({facts.file})
