"""Sessions: browsers in which an editor is signed in. The secret is in the cookie alone."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from newsletter.editors.rules import IDLE_LIFE, KEPT, LONGEST_LIFE, digest_of, is_alive
from newsletter.models import EditorSession

#: that its editor was there is noted at most so often: to look at a page is no reason to write
SEEN_EVERY = timedelta(minutes=10)


def begin(session: Session, editor_id: int, *, now: datetime) -> str:
    """A new session; returns its secret, which nothing but the cookie keeps: 256 random bits, URL-safe."""
    secret = secrets.token_urlsafe(32)
    session.add(EditorSession(digest=digest_of(secret), editor_id=editor_id, signed_in_at=now, seen_at=now))
    return secret


def find(session: Session, secret: str, *, now: datetime) -> EditorSession | None:
    """The session of that secret with its editor, if it lasts still."""
    found = session.scalar(
        select(EditorSession).where(
            EditorSession.digest == digest_of(secret), EditorSession.ended_at.is_(None)
        )
    )
    if found is None or found.editor.removed_at is not None:
        return None
    alive = is_alive(signed_in_at=found.signed_in_at, seen_at=found.seen_at, now=now)
    return found if alive else None


def is_to_be_noted(found: EditorSession, *, now: datetime) -> bool:
    """Whether it is time to note that the editor is there."""
    return now - found.seen_at >= SEEN_EVERY


def note(session: Session, session_id: int, *, now: datetime) -> None:
    """Note that the editor is there; the session's idle time begins anew."""
    session.execute(update(EditorSession).where(EditorSession.id == session_id).values(seen_at=now))


def last_seen(session: Session) -> dict[int, datetime]:
    """When each editor was here last, as far as that is known still: to SEEN_EVERY, and for KEPT."""
    rows = session.execute(
        select(EditorSession.editor_id, func.max(EditorSession.seen_at)).group_by(EditorSession.editor_id)
    )
    return dict(rows.all())


def end(session: Session, secret: str, *, now: datetime) -> None:
    """End the session of that secret, if there is one."""
    _end(session, EditorSession.digest == digest_of(secret), now)


def end_all(session: Session, editor_id: int, *, now: datetime) -> None:
    """End all sessions of an editor."""
    _end(session, EditorSession.editor_id == editor_id, now)


def forget_old(session: Session, *, now: datetime) -> None:
    """Delete the sessions that ended, or outlived their time, longer ago than KEPT."""
    since = now - KEPT
    over = or_(
        EditorSession.ended_at < since,
        EditorSession.seen_at < since - IDLE_LIFE,
        EditorSession.signed_in_at < since - LONGEST_LIFE,
    )
    session.execute(delete(EditorSession).where(over))


def _end(session: Session, whose: ColumnElement[bool], now: datetime) -> None:
    session.execute(update(EditorSession).where(whose, EditorSession.ended_at.is_(None)).values(ended_at=now))
