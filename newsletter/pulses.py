"""Pulses: which processes serve, and when each was last seen alive. All by the database's clock."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter.models import Pulse
from newsletter.store.clock import database_now
from subscribers.unique import insert_new

#: how often a process shows that it lives, in seconds
BEAT = 10
#: a process that was not seen for so long does not count as alive
SILENCE = timedelta(seconds=60)
#: how long it is remembered
MEMORY = timedelta(days=1)
#: a machine whose clock is wrong by more can do harm: it would send too early, or expire what is due
TOLERANCE = timedelta(seconds=60)
WRONG_CLOCK = "this machine's clock differs from the database's: set it"


def beat(session: Session, process: str, role: str, machine: str) -> None:
    """Write down that the process lives; forget those that were not seen for a day."""
    now = database_now(session)
    seen = update(Pulse).where(Pulse.process == process).values(seen_at=now).returning(Pulse.process)
    if session.scalars(seen).first() is None:
        pulse = {"process": process, "role": role, "machine": machine, "started_at": now, "seen_at": now}
        insert_new(session, Pulse, [pulse])
    session.execute(delete(Pulse).where(Pulse.seen_at < now - MEMORY))


def unseen(session: Session) -> list[str]:
    """The roles that mail cannot do without, and of which no process is alive."""
    alive = select(Pulse.role).where(Pulse.seen_at > database_now(session) - SILENCE)
    return [role for role in ("clock", "worker") if role not in set(session.scalars(alive))]


def clock_is_wrong(session: Session, now: datetime) -> bool:
    """Whether `now`, as this machine sees it, is too far from the database's clock to be worked by."""
    return abs(now - database_now(session)) > TOLERANCE
