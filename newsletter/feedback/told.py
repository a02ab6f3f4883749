"""What was told about a delivery, as a value, and the table where it is kept until it is worked in.

Whoever hears something (SendGrid's webhook, a bounce in a mailbox, the hand-over itself) makes it a
`Told` and stores it; `applying` alone draws the consequences. No address is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.models import Event
from newsletter.models.event import EventKind
from newsletter.providers.words import keep
from subscribers.unique import insert_new

#: who tells what came of the hand-over itself
HAND_OVER = "hand-over"


@dataclass(frozen=True, slots=True)
class Told:
    """One event, told by whom it may be."""

    #: who told it: sendgrid, smtp or HAND_OVER
    provider: str
    #: the teller's own name for it, at most 200 characters, never an address
    key: str
    kind: EventKind
    #: as the mail carried it; None where it carried none
    delivery_id: int | None
    #: when it happened, by the teller's clock
    at: datetime
    #: in the teller's words, cleaned when it is stored
    reason: str | None = None


def store(session: Session, told: Sequence[Told], now: datetime) -> int:
    """Keep what was told, to be worked in by `apply_events`; the same key counts once.

    Returns how many were new.
    """
    # in one order for all, or two that tell the same would wait for each other
    rows = [
        {
            "provider": one.provider,
            "key": one.key,
            "kind": one.kind.value,
            "delivery_id": one.delivery_id,
            "at": one.at,
            "reason": None if one.reason is None else keep(one.reason),
            "received_at": now,
        }
        for one in sorted(told, key=lambda one: (one.provider, one.key))
    ]
    return insert_new(session, Event, rows) if rows else 0
