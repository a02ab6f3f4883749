"""Notices: what the watchdog found, written down once, and told to the editors in few mails."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import outbox
from newsletter.editors.rules import may
from newsletter.models import Editor, Notice
from newsletter.models.editor import Role
from newsletter.watchdog.alarms import Alarm, urgency

#: what is found sooner after a mail waits for the next one
MAIL_EVERY = timedelta(minutes=10)
#: names the one watchdog that may bark at a time on PostgreSQL
_LOCK = 0x574154434844


def note(session: Session, alarms: Iterable[Alarm], *, now: datetime) -> int:
    """Write down what is new, end what is over, and queue the mails that tell of it; returns how many.

    Two clocks never tell the same: one of them finds nothing left to do.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    found = {alarm.key: alarm for alarm in alarms}
    lasting = {notice.key: notice for notice in open_notices(session)}
    for key in lasting.keys() - found.keys():
        lasting[key].over_at = now
    new = [alarm for key, alarm in found.items() if key not in lasting]
    session.add_all(Notice(key=alarm.key, at=now, text=alarm.text) for alarm in new)
    session.flush()
    return _tell(session, now)


def open_notices(session: Session) -> Sequence[Notice]:
    """What holds still: the most urgent first, and of one kind the newest."""
    query = select(Notice).where(Notice.over_at.is_(None)).order_by(Notice.at.desc(), Notice.id)
    return sorted(session.scalars(query), key=lambda notice: urgency(notice.key))


def _tell(session: Session, now: datetime) -> int:
    """One mail to each editor for all that waits to be told; none while the last one is fresh."""
    waiting = [notice for notice in open_notices(session) if notice.told_at is None]
    last = session.scalar(select(func.max(Notice.told_at)))
    if not waiting or (last is not None and timedelta() <= now - last < MAIL_EVERY):
        return 0
    for notice in waiting:
        notice.told_at = now
    readers = session.execute(select(Editor.id, Editor.role).where(Editor.removed_at.is_(None)))
    editor_ids = [editor_id for editor_id, role in readers if may(Role(role), Role.EDITOR)]
    first = min(notice.id for notice in waiting)
    outbox.queue_notice(session, editor_ids=editor_ids, notice_id=first, now=now)
    return len(editor_ids)
