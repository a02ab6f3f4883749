"""What became of the alerts of one story for many readers, read at once."""

from collections.abc import Collection, Set
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Text, cast, func, select
from sqlalchemy.orm import Session

from newsletter.models import Alert, AlertReader, StoryRevision
from newsletter.models.alert import AlertKind, AlertReaderState, of_state
from subscribers.among import one_of

#: times as many ids there are than readers who are asked for: then each is looked up by itself
SPARSE = 20


class Row(NamedTuple):
    """What became of an alert of the story for a reader."""

    subscriber_id: int
    revision: int
    corrects: bool
    state: AlertReaderState
    reason: str | None
    at: datetime
    #: the ids of the rules that fired, as they are stored
    rules: str = "[]"


def alerted(session: Session, story_id: int, subscriber_ids: Set[int]) -> list[Row]:
    """In their order, each alert's from its index: PostgreSQL may not have counted yet how many came up a
    minute ago, and would hold each of them against each reader."""
    alerts = {
        alert_id: (revision, kind == AlertKind.CORRECTION)
        for alert_id, revision, kind in session.execute(
            select(Alert.id, Alert.revision, Alert.kind).where(Alert.story_id == story_id)
        )
    }
    rows = session.execute(
        select(*_FACTS)
        .where(AlertReader.alert_id.in_(alerts), _between(subscriber_ids))
        .order_by(AlertReader.alert_id)
    )
    return [
        Row(subscriber_id, *alerts[alert_id], AlertReaderState(state), reason, at, rules)
        for alert_id, subscriber_id, state, reason, at, rules in rows
        if alert_id is not None and subscriber_id in subscriber_ids
    ]


def left_over(session: Session, story_id: int, subscriber_ids: Set[int]) -> list[Row]:
    """What a withheld digest left to the next one, of which no alert says the revision."""
    as_of_then = (
        select(func.max(StoryRevision.number))
        .where(StoryRevision.story_id == story_id, StoryRevision.seen_at <= AlertReader.decided_at)
        .scalar_subquery()
    )
    rows = session.execute(
        select(AlertReader.subscriber_id, as_of_then, _AT).where(
            of_state(AlertReaderState.FOLDED),
            AlertReader.story_id == story_id,
            AlertReader.alert_id.is_(None),
            _between(subscriber_ids),
        )
    )
    return [
        Row(subscriber_id, revision, False, AlertReaderState.FOLDED, None, at)
        for subscriber_id, revision, at in rows
        if subscriber_id in subscriber_ids and revision is not None
    ]


def _between(subscriber_ids: Collection[int]) -> ColumnElement[bool]:
    """Readers of a portion are nearly all from the first to the last of them; those of a sample are not."""
    first, last = min(subscriber_ids, default=0), max(subscriber_ids, default=0)
    if last - first > SPARSE * len(subscriber_ids):
        return one_of(AlertReader.subscriber_id, subscriber_ids)
    return AlertReader.subscriber_id.between(first, last)


_AT = func.coalesce(AlertReader.mailed_at, AlertReader.decided_at)
_FACTS = (
    AlertReader.alert_id,
    AlertReader.subscriber_id,
    AlertReader.state,
    AlertReader.reason,
    _AT,
    cast(AlertReader.rules, Text),
)
