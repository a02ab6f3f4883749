"""The log of the desk: who did what, to what, when. The database lets it only grow."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.models import AuditLine


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
    line = AuditLine(at=now, editor_id=editor_id, act=act, subject=subject, ip=ip)
    if detail is not None:  # else NULL, not the JSON of nothing
        line.detail = detail
    session.add(line)
