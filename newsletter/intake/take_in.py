"""Records to stories: the step. A door opens the transaction; this file decides what happens in it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from newsletter.intake.shelf import Outcome, Shelf
from newsletter.sources.records import Incoming, Refusal

#: records that are looked up and written together
CHUNK = 500
#: names the one intake that may run at a time on PostgreSQL
_LOCK = 0x53544F5259


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the records; the three counts and the refusals add up to all that was told."""

    added: int
    changed: int
    unchanged: int
    refused: tuple[Refusal, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"refused": [refusal.to_json() for refusal in self.refused]}


def take_in(session: Session, told: Iterable[Incoming | Refusal], *, now: datetime) -> Report:
    """Store what sources told at `now`; telling the same again changes nothing.

    A record that the database refuses is reported and harms no other. Two intakes at once wait for
    each other: SQLite has one writer, PostgreSQL an advisory lock.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    counts: Counter[Outcome] = Counter()
    refused: list[Refusal] = []
    rest = iter(told)
    while chunk := list(islice(rest, CHUNK)):
        records = [one for one in chunk if isinstance(one, Incoming)]
        refused += [one for one in chunk if isinstance(one, Refusal)]
        for outcome in _store(session, records, now):
            if isinstance(outcome, Refusal):
                refused.append(outcome)
            else:
                counts[outcome] += 1
    return Report(
        added=counts[Outcome.ADDED],
        changed=counts[Outcome.CHANGED],
        unchanged=counts[Outcome.UNCHANGED],
        refused=tuple(refused),
    )


def _store(session: Session, records: Sequence[Incoming], now: datetime) -> list[Outcome | Refusal]:
    """All records together; where the database refuses that, each alone, so that the culprit is named."""
    try:
        with session.begin_nested():
            shelf = Shelf.fetch(session, records)
            outcomes: list[Outcome | Refusal] = [shelf.put(record, now=now) for record in records]
            shelf.write(session, now=now)
            return outcomes
    except (DataError, IntegrityError) as error:
        if len(records) == 1:
            reason = f"the database refuses it: {error.orig}".splitlines()[0]
            file, line = records[0].file, records[0].line
            return [Refusal(file, line, reason, "correct the record and import it again")]
    return [outcome for record in records for outcome in _store(session, [record], now)]
