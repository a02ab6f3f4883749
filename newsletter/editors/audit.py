"""The log of the desk: who did what, to what, when. The database lets it only grow."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.models import AuditLine, Editor


def audit(
    session: Session,
    act: str,
    subject: str,
    *,
    editor_id: int | None,
    now: datetime,
    detail: dict[str, Any] | None = None,
    ip: str | None = None,
) -> None:
    """Add a line, such as "readers imported", "batch 3". `editor_id` is None for the command line.

    `detail` says what changed, and never holds the address of a reader.
    """
    if key := session.info.get(_KEY):
        detail = {**(detail or {}), "key": key}
    line = AuditLine(at=now, editor_id=editor_id, act=act, subject=subject, ip=ip)
    if detail is not None:  # else NULL, not the JSON of nothing
        line.detail = detail
    session.add(line)


#: of a session's notes: see `by_key`
_KEY = "key"


def by_key(session: Session, name: str) -> None:
    """Whatever this session adds to the log from now on was done by the key of that name."""
    session.info[_KEY] = name


#: in place of an editor's number: what was done at the command line
COMMAND_LINE = 0
#: so many of the newest lines say which acts there are
LOOKED_AT = 5_000


def read_log(
    session: Session, *, by: int | None = None, act: str | None = None, before: int | None = None, limit: int
) -> Sequence[AuditLine]:
    """The newest lines first: of one editor or COMMAND_LINE, of one act, older than the line `before`."""
    query = select(AuditLine).order_by(AuditLine.id.desc()).limit(limit)
    if by is not None:
        query = query.where(AuditLine.editor_id == (by or None))
    if act is not None:
        query = query.where(AuditLine.act == act)
    if before is not None:
        query = query.where(AuditLine.id < before)
    return session.scalars(query).all()


def acts(session: Session) -> Sequence[str]:
    """What was done of late, each act once."""
    newest = select(AuditLine.act).order_by(AuditLine.id.desc()).limit(LOOKED_AT).subquery()
    return session.scalars(select(newest.c.act).distinct().order_by(newest.c.act)).all()


def names(session: Session) -> dict[int, str]:
    """Everybody who is or was an editor, as others read them."""
    rows = session.execute(select(Editor.id, func.coalesce(Editor.name, Editor.email)).order_by(Editor.id))
    return dict(rows.all())
