"""Alert rules and choices in our own export: written, read, and restored as they were."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.alert_choices import Afterwards, AlertChoices, InQuiet
from subscribers.alert_models import AlertChoicesRecord, Watch
from subscribers.alert_rule import AlertRule
from subscribers.unique import insert_new
from subscribers.watching import MOST_RULES, Anchors, intern, row_of

AnchorsOf = Callable[[AlertRule], Anchors]


@dataclass(frozen=True, slots=True)
class Held:
    """A rule that somebody holds."""

    rule: AlertRule
    made_at: datetime
    paused_until: datetime | None

    def to_json(self) -> dict[str, Any]:
        held = {"rule": self.rule.definition(), "made_at": self.made_at.isoformat()}
        return held | ({"paused_until": self.paused_until.isoformat()} if self.paused_until else {})

    @classmethod
    def read(cls, held: Mapping[str, Any]) -> Self:
        """Raises ValueError, KeyError and TypeError for what is none."""
        paused = held.get("paused_until")
        made_at = datetime.fromisoformat(held["made_at"]).astimezone(UTC)
        until = datetime.fromisoformat(paused).astimezone(UTC) if paused else None
        return cls(AlertRule.read(held["rule"]), made_at, until)


def rules_from(cell: Sequence[Mapping[str, Any]]) -> list[Held]:
    """As `Held.read`; no rule twice, and no more than anybody may hold."""
    found = [Held.read(held) for held in cell]
    if len(found) > MOST_RULES or len({held.rule for held in found}) < len(found):
        raise ValueError("the same alert rule twice, or too many of them")
    return found


def choices_from(cell: Mapping[str, Any]) -> AlertChoices | None:
    """None for those who made none. Raises ValueError, KeyError and TypeError."""
    if not cell:
        return None
    ways = {"in_quiet": InQuiet(cell["in_quiet"]), "afterwards": Afterwards(cell["afterwards"])}
    return AlertChoices(**(dict(cell) | ways | {"quiet_days": frozenset(cell["quiet_days"])}))


def rules_of(session: Session, ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """Subscriber → the cell with the rules that they hold, in their order."""
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for watch in session.scalars(select(Watch).where(Watch.subscriber_id.in_(ids)).order_by(Watch.id)):
        held = Held(watch.rule_record.rule, watch.made_at, watch.paused_until)
        found[watch.subscriber_id].append(held.to_json())
    return found


def choices_of(session: Session, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Subscriber → the cell with their choices; who made none is not there."""
    query = select(AlertChoicesRecord).where(AlertChoicesRecord.subscriber_id.in_(ids))
    return {
        record.subscriber_id: asdict(record.choices) | {"quiet_days": sorted(record.choices.quiet_days)}
        for record in session.scalars(query)
    }


def restore(
    session: Session, people: Mapping[int, tuple[Sequence[Held], AlertChoices | None]], anchors: AnchorsOf
) -> None:
    """Write the rules and choices of people who have come in just now."""
    rules = {held.rule for watched, _ in people.values() for held in watched}
    numbers = {rule: intern(session, rule, anchors(rule)) for rule in rules}
    watches = [
        {"subscriber_id": number, "rule_id": numbers[held.rule]}
        | {"made_at": held.made_at, "paused_until": held.paused_until}
        for number, (watched, _) in people.items()
        for held in watched
    ]
    chosen = [row_of(number, choices) for number, (_, choices) in people.items() if choices]
    for table, rows in ((Watch, watches), (AlertChoicesRecord, chosen)):
        if rows:
            insert_new(session, table, rows)
