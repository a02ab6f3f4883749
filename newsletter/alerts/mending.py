"""Mending: the mail of an alert ended without having left, so the next digest tells it, if one comes."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, TextClause, bindparam, select, text, update
from sqlalchemy.orm import Session

from newsletter.alerts.budget import USED_UP
from newsletter.alerts.readers import digest_readers
from newsletter.alerts.sparing import IN_QUIET
from newsletter.models import AlertReader, Delivery
from newsletter.models.alert import AlertReaderState, of_state
from newsletter.models.delivery import DeliveryState
from newsletter.store.rarely import rarely

#: for so long it is looked for what was not mended at once
LOOK_BACK = timedelta(days=7)
#: rows in one transaction
PORTION = 1_000
#: in the words of the index `ix_delivery_unsent`
UNSENT = text("delivery.kind = 'alert' AND delivery.state IN ('expired', 'withheld', 'cancelled')")


def mend(session: Session, *, now: datetime, portion: int = PORTION) -> int:
    """Note what became of alerts whose mail did not leave, `portion` at most; returns how many.

    What came too late, or into a quiet, or was one mail too many, is for the next digest. Who must not be
    mailed, or wants it no more, or whose alert was cancelled, is told nothing more.
    """
    rows = session.execute(
        select(AlertReader.id, AlertReader.subscriber_id, Delivery.state, Delivery.reason)
        .where(*to_mend(now))
        .order_by(AlertReader.id)
        .limit(portion)
        .with_for_update(of=AlertReader, skip_locked=True)
    ).all()
    if not rows:
        return 0
    read = digest_readers(session, {row.subscriber_id for row in rows}, now=now)
    mended: list[dict[str, Any]] = []
    for row_id, subscriber_id, state, reason in rows:
        foldable = state == DeliveryState.EXPIRED or reason in (USED_UP, IN_QUIET)
        became = AlertReaderState.FOLDED if foldable and subscriber_id in read else AlertReaderState.DROPPED
        why = f"its mail was {state}: {reason}"
        mended.append({"the_id": row_id, "state": became, "due_at": now, "reason": why})
    table = AlertReader.__table__
    moving = update(table).where(table.c.id == bindparam("the_id"))  # type: ignore[arg-type]
    changed: dict[str, Any] = {name: bindparam(name) for name in ("state", "due_at", "reason")}
    session.connection().execute(moving.values(changed), mended)
    return len(mended)


def to_mend(now: datetime) -> tuple[ColumnElement[bool] | TextClause, ...]:
    """What holds of a delivery that did not leave, and of the `AlertReader` of whom that is not noted yet."""
    return (
        UNSENT,
        rarely(Delivery.settled_at > now - LOOK_BACK),
        AlertReader.edition_id == Delivery.edition_id,
        AlertReader.subscriber_id == Delivery.subscriber_id,
        of_state(AlertReaderState.MAILED),
    )
