"""The outbox: the deliveries not yet settled. How single mails get into it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.models import Delivery
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from subscribers.unique import insert_new

#: a confirmation that could not leave for so long is asked for anew by whoever still wants it
CONFIRMATION_LIFE = timedelta(hours=24)
#: a warning that could not leave for so long stands on the desk alone
NOTICE_LIFE = timedelta(hours=12)


def queue_confirmation(session: Session, *, subscriber_id: int, consent_id: int, now: datetime) -> None:
    """Put the mail that asks for a confirmation into the outbox."""
    queue_letter(
        session,
        DeliveryKind.CONFIRMATION,
        subscriber_id=subscriber_id,
        consent_id=consent_id,
        now=now,
        life=CONFIRMATION_LIFE,
    )


def queue_letter(
    session: Session,
    kind: DeliveryKind,
    *,
    subscriber_id: int,
    consent_id: int,
    now: datetime,
    life: timedelta,
) -> None:
    """Put a mail that answers one person into the outbox; it expires if it cannot leave within `life`.

    `consent_id` is the ledger line that asked: the same line never gives rise to a second mail.
    """
    letter = _letter(kind, consent_id, now=now, life=life)
    insert_new(session, Delivery, [{**letter, "subscriber_id": subscriber_id}])


def queue_sign_in(
    session: Session, *, editor_id: int, sign_in_id: int, now: datetime, life: timedelta
) -> None:
    """Put the link by which an editor signs in into the outbox; it expires with `life`."""
    letter = _letter(DeliveryKind.SIGN_IN, sign_in_id, now=now, life=life)
    insert_new(session, Delivery, [{**letter, "editor_id": editor_id}])


def queue_notice(session: Session, *, editor_ids: Sequence[int], notice_id: int, now: datetime) -> None:
    """Put a mail to each of the editors into the outbox: that notice, and all that are told with it."""
    letter = _letter(DeliveryKind.NOTICE, notice_id, now=now, life=NOTICE_LIFE)
    if editor_ids:
        insert_new(session, Delivery, [{**letter, "editor_id": editor_id} for editor_id in editor_ids])


def _letter(kind: DeliveryKind, occasion_id: int, *, now: datetime, life: timedelta) -> dict[str, object]:
    return {
        "kind": kind,
        "occasion_id": occasion_id,
        "priority": Priority.LETTER,
        "state": DeliveryState.QUEUED,
        "due_at": now,
        "expires_at": now + life,
        "attempt": 0,
        "queued_at": now,
    }


def fate(delivery: Delivery) -> str:
    """What became of a mail, or is to, in words: `accepted, due 2026-01-08 07:00 UTC`."""
    when = f"due {delivery.due_at:%Y-%m-%d %H:%M} UTC"
    return f"{delivery.state}, {when}" + (f": {delivery.reason}" if delivery.reason else "")
