"""Setbacks: a story or an alert that brings out a fault is passed over, with the reason; the others go on."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from newsletter.models import Alert, AlertReader, Story
from newsletter.models.alert import AlertReaderState, AlertState, of_state
from newsletter.store.engine import UNSEEN

#: after which it is tried again
AGAIN_AFTER = timedelta(minutes=1)


def pass_over_first(session: Session) -> int | None:
    """Take the story as looked at that would be first, of those in nobody's hands; returns its id."""
    first = select(Story.id).where(Story.watched < Story.revision).order_by(Story.id).limit(1)
    story_id = session.scalar(first.with_for_update(skip_locked=True, key_share=True))
    passed = update(Story).where(Story.id == story_id).values(watched=Story.revision)
    session.execute(passed, execution_options=UNSEEN)
    return story_id


def end(session: Session, alert_id: int, reason: str) -> None:
    """It reaches no further reader."""
    ended = update(Alert).where(Alert.id == alert_id, Alert.state == AlertState.SPREADING)
    session.execute(ended.values(state=AlertState.CANCELLED, reason=reason), execution_options=UNSEEN)


def postpone(session: Session, alert_id: int, reason: str, *, now: datetime) -> None:
    """What of the alert is due waits for a moment; it may be mended by then."""
    waiting = update(AlertReader).where(AlertReader.alert_id == alert_id, *_due(now))
    later = waiting.values(due_at=now + AGAIN_AFTER, reason=reason, rule=None)
    session.execute(later, execution_options=UNSEEN)


def postpone_first(session: Session, reason: str, *, now: datetime) -> int | None:
    """All that waits for the reader who would be seen to first waits for a moment; returns their id."""
    first = select(AlertReader.subscriber_id).where(*_due(now))
    reader = session.scalar(first.order_by(AlertReader.due_at, AlertReader.id).limit(1))
    waiting = update(AlertReader).where(AlertReader.subscriber_id == reader, *_due(now))
    later = waiting.values(due_at=now + AGAIN_AFTER, reason=reason, rule=None)
    session.execute(later, execution_options=UNSEEN)
    return reader


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return of_state(AlertReaderState.WAITING), AlertReader.due_at <= now
