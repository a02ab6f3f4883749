"""How an editor comes in: by a link from their mailbox, once. There is no password to steal or reuse."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter import outbox
from newsletter.editors import sessions
from newsletter.editors.audit import audit
from newsletter.editors.rules import KEPT
from newsletter.links import SIGN_IN_LIFE
from newsletter.models import Editor, SignIn


def ask(session: Session, editor: Editor, *, now: datetime) -> SignIn:
    """Ask for a link by mail. It works once, for SIGN_IN_LIFE; `links.sign_in_url` makes it."""
    asked = SignIn(editor_id=editor.id, asked_at=now)
    session.add(asked)
    session.flush()
    outbox.queue_sign_in(session, editor_id=editor.id, sign_in_id=asked.id, now=now, life=SIGN_IN_LIFE)
    return asked


def sign_in(session: Session, sign_in_id: int, *, now: datetime, ip: str | None) -> str | None:
    """Use a link up; the secret of the new session. None for one that was used, or is nobody's any more.

    Whether the link is ours and fresh is for its token to tell.
    """
    asked = session.scalar(select(SignIn).where(SignIn.id == sign_in_id).with_for_update())
    if asked is None or asked.used_at is not None:
        return None
    asked.used_at = now
    editor = session.get_one(Editor, asked.editor_id)
    if editor.removed_at is not None:
        return None
    audit(session, "signed in", f"editor {editor.id}", editor_id=editor.id, now=now, ip=ip)
    return sessions.begin(session, editor.id, now=now)


def forget_old(session: Session, *, now: datetime) -> None:
    """Delete the links that were asked for longer ago than KEPT, but for the newest.

    Deliveries name them by number, and SQLite would give the newest one's number once more.
    """
    newest = select(func.max(SignIn.id)).scalar_subquery()
    session.execute(delete(SignIn).where(SignIn.asked_at < now - KEPT, SignIn.id < newest))
