"""Folds: what was to be an alert, and waits for the next digest of its reader.

A fold is over once the story is told: no row is changed for that.
"""

from collections.abc import Collection, Generator
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from newsletter.models import Alert, AlertReader
from newsletter.models.alert import AlertKind, AlertReaderState, of_state
from subscribers.alert_models import AlertRuleRecord


class Fold(NamedTuple):
    """A story that the next digest tells, and on whose account."""

    story_id: int
    #: the reader's own rule that it met first
    rule_id: int | None
    #: the editors aimed it at them
    by_editors: bool


def folded(*, since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    """What holds of an `AlertReader` whose story was folded after `since` and up to `until`."""
    return (
        of_state(AlertReaderState.FOLDED),
        AlertReader.due_at > since,
        AlertReader.due_at <= until,
    )


def folds(
    session: Session,
    story_ids: Collection[int],
    *,
    since: datetime,
    until: datetime,
    subscriber_id: int | None = None,
) -> Generator[tuple[int, tuple[Fold, ...]]]:
    """Subscriber id, and what was folded for them of the stories; in order of subscribers, as a stream.

    What was told since is in it, too: the selection tells nothing twice. A correction is none of them,
    since every digest tells its readers of theirs.
    """
    query = (
        select(AlertReader.subscriber_id, AlertReader.story_id, AlertReader.rules, Alert.kind)
        .outerjoin(Alert, Alert.id == AlertReader.alert_id)
        .where(
            AlertReader.story_id.in_(story_ids),
            *folded(since=since, until=until),
            Alert.kind.is_distinct_from(AlertKind.CORRECTION),
        )
        .order_by(AlertReader.subscriber_id, AlertReader.story_id, AlertReader.id.desc())
    )
    if subscriber_id is not None:
        query = query.where(AlertReader.subscriber_id == subscriber_id)
    with session.execute(query.execution_options(yield_per=10_000)) as rows:
        for subscriber, group in groupby(rows, key=lambda row: row[0]):
            found: dict[int, Fold] = {}
            for _, story_id, rules, kind in group:
                fold = Fold(story_id, min(rules, default=None), kind == AlertKind.EDITORS)
                found.setdefault(story_id, fold)
            yield subscriber, tuple(found.values())


def rule_of(session: Session, fold: Fold) -> AlertRuleRecord | None:
    """The rule on whose account it is told, as long as it is kept."""
    return session.get(AlertRuleRecord, fold.rule_id) if fold.rule_id is not None else None
