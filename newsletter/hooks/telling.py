"""Fill what is to be posted: from the ledger of consent, the events worked in, and the issues.

Each hook keeps how far it was told. On PostgreSQL a lower id may be committed after a higher one, so that
mark moves only at a moment when nobody is writing into the table; until then the same ids are looked at
again, and the unique source keeps each from being told twice.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, cast, exists, func, literal, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.hooks.kinds import BY_ACT, BY_EVENT, HookKind
from newsletter.hooks.registry import BATCH, PostState, new_id, newest, stamp
from newsletter.models import Delivery, Event, Hook, HookPost, Issue
from newsletter.models.delivery import DeliveryKind
from newsletter.models.event import EventKind
from subscribers.models import Act, Consent
from subscribers.unique import insert_new

#: issues are told by their times; shorter than posts are kept, so that none is told anew
LOOK_BACK = timedelta(days=20)


class _Told(NamedTuple):
    source: str
    kind: HookKind
    at: datetime
    subscriber_id: int | None
    data: dict[str, Any]


def tell_hooks(session: Session, now: datetime) -> int:
    """Add what happened since the last time to what is to be posted; returns how many posts that are.

    Up to `BATCH` of each source for each hook, so that a stroke of the clock stays short. Any number of
    clocks may do so at once.
    """
    hooks = session.scalars(
        select(Hook).where(Hook.removed_at.is_(None)).order_by(Hook.id).with_for_update(skip_locked=True)
    )
    told = 0
    for hook in hooks.all():
        kinds = frozenset(map(HookKind, hook.events))
        told += _add(session, hook, [*_acts(session, hook, kinds), *_events(session, hook, kinds)], now)
        told += _add(session, hook, _issues(session, hook, kinds, now), now)
    session.flush()
    return told


def _acts(session: Session, hook: Hook, kinds: frozenset[HookKind]) -> Iterable[_Told]:
    """What people did, by the ledger of consent."""
    last = newest(session, Consent.id)
    all_there = _nobody_writes(session, "consent")
    lines = session.scalars(
        select(Consent)
        .where(Consent.id > hook.consent_id, Consent.id <= last)
        .where(Consent.act.in_([act for act, kind in BY_ACT.items() if kind in kinds]))
        .where(_untold(hook, "consent ", Consent.id))
        .order_by(Consent.id)
        .limit(BATCH)
    ).all()
    if all_there:
        hook.consent_id = lines[-1].id if len(lines) == BATCH else last
    for line in lines:
        kind = BY_ACT[Act(line.act)]
        data = {"newsletters": line.newsletters, "channel": line.channel}
        yield _Told(f"consent {line.id}", kind, line.at, line.subscriber_id, data)


def _events(session: Session, hook: Hook, kinds: frozenset[HookKind]) -> Iterable[_Told]:
    """What became of mails to readers, by the events that have been worked in."""
    last = newest(session, Event.id)
    # SQLite counts from one again when all of them have been deleted
    hook.event_id = min(hook.event_id, last)
    all_there = _nobody_writes(session, "event")
    unapplied = select(func.min(Event.id)).where(Event.applied_at.is_(None), Event.id > hook.event_id)
    first_unapplied = session.scalar(unapplied)
    rows = session.execute(
        select(Event, Delivery)
        .join(Delivery, Delivery.id == Event.delivery_id)
        .where(Event.id > hook.event_id, Event.id <= last, Event.applied_at.is_not(None))
        .where(Event.kind.in_([event for event, kind in BY_EVENT.items() if kind in kinds]))
        .where(Delivery.subscriber_id.is_not(None), _untold(hook, "event ", Event.id))
        .order_by(Event.id)
        .limit(BATCH)
    ).all()
    if all_there:
        reached = rows[-1][0].id if len(rows) == BATCH else last
        hook.event_id = min(reached, first_unapplied - 1) if first_unapplied else reached
    for event, delivery in rows:
        data = {
            "delivery": delivery.id,
            "newsletter": delivery.newsletter,
            "issue": delivery.occasion_id if delivery.kind == DeliveryKind.DIGEST else None,
            "what": event.kind,
            "reason": event.reason,
        }
        kind = BY_EVENT[EventKind(event.kind)]
        yield _Told(f"event {event.id}", kind, event.at, delivery.subscriber_id, data)


def _issues(session: Session, hook: Hook, kinds: frozenset[HookKind], now: datetime) -> Iterable[_Told]:
    since = max(hook.added_at, now - LOOK_BACK)
    for kind, when in ((HookKind.PUBLISHED, Issue.published_at), (HookKind.FINISHED, Issue.finished_at)):
        if kind not in kinds:
            continue
        untold = select(Issue).where(when >= since, _untold(hook, f"{kind} ", Issue.id))
        for issue in session.scalars(untold.order_by(when, Issue.id)):
            data = {
                "issue": issue.id,
                "newsletter": issue.newsletter.slug,
                "date": issue.date.isoformat(),
                "frozen": issue.frozen,
                "summary": issue.reason,
            }
            yield _Told(f"{kind} {issue.id}", kind, getattr(issue, when.key), None, data)


def _untold(hook: Hook, prefix: str, key: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Of what there is no post of this hook yet."""
    source = literal(prefix) + cast(key, String)
    return ~exists().where(HookPost.hook_id == hook.id, HookPost.source == source)


def _nobody_writes(session: Session, table: str) -> bool:
    """Whether every id of the table up to the highest seen so far is there to be read from now on.

    Whoever has drawn an id holds a lock on the table until it is committed. On SQLite we are the one
    writer, and ids come in order.
    """
    if session.get_bind().dialect.name == "sqlite":
        return True
    return not session.scalar(_WRITERS, {"table": table})


_WRITERS = text("""
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE relation = CAST(:table AS regclass) AND mode = 'RowExclusiveLock'
      AND datname = current_database() AND pid IS DISTINCT FROM pg_backend_pid()
""")


def _add(session: Session, hook: Hook, told: Iterable[_Told], now: datetime) -> int:
    rows = [
        {
            "public_id": new_id(),
            "hook_id": hook.id,
            "source": one.source,
            "kind": one.kind.value,
            "subscriber_id": one.subscriber_id,
            "body": {"type": one.kind.value, "timestamp": stamp(one.at), "data": one.data},
            "state": PostState.WAITING.value,
            "attempt": 0,
            "due_at": now,
        }
        for one in told
    ]
    return insert_new(session, HookPost, rows) if rows else 0
