"""When a person last did something that only they can do: confirmed, chose, followed a link.

Acts by a link of ours are noted where they are written down (`ledger`), clicks where they are counted.
"""

from datetime import UTC, datetime, time

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from subscribers.models import Subscriber


def engaged(session: Session, subscriber_id: int, *, now: datetime) -> None:
    """Note that they did something at `now`; once a day (in UTC) is enough, and costs one write."""
    today = datetime.combine(now.astimezone(UTC).date(), time.min, UTC)
    session.execute(
        update(Subscriber)
        .where(
            Subscriber.id == subscriber_id,
            Subscriber.erased_at.is_(None),
            or_(Subscriber.engaged_at.is_(None), Subscriber.engaged_at < today),
        )
        .values(engaged_at=now)
    )
