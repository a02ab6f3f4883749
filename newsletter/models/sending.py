"""What all machines that send must agree on: pace and gates, jobs, and who is alive."""

import datetime as dt
from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.columns import BigKey, Key
from subscribers.models import Base


class Pace(Base):
    """How fast mail may leave by one way, and whether that way is open at all.

    A way is named by its key: `provider:smtp`, `sender:racetoagi.example`, `domain:gmail.com`,
    `newsletter:daily`. A limit that is None does not limit.
    """

    __tablename__ = "pace"

    key: Mapped[str] = mapped_column(primary_key=True)
    per_hour: Mapped[int | None]
    #: how many may leave at once after a silence
    burst: Mapped[int | None]
    #: workers that hand over at one time; only for a provider
    connections: Mapped[int | None]
    #: a new sender: so many on the first day, and every day so many times more
    warm_up_from: Mapped[dt.date | None]
    warm_up_first: Mapped[int | None]
    warm_up_growth: Mapped[float | None]
    #: GCRA's theoretical arrival time: when the last one granted would leave at the steady rate
    next_at: Mapped[datetime | None]
    #: the last place given to a mail that had to wait
    reserved_at: Mapped[datetime | None]
    #: the day in UTC that is counted, and how many left on it; a newsletter's day is that of its last alarm
    day: Mapped[dt.date | None]
    day_count: Mapped[int] = mapped_column(default=0)
    #: nothing leaves before; with `stopped` not before a person opens it, and without an end (None, but
    #: `closed_times`) not before somebody finds it mended; in the past: since when a person opened it
    closed_until: Mapped[datetime | None]
    stopped: Mapped[bool] = mapped_column(default=False)
    closed_because: Mapped[str | None]
    #: how often in a row it was closed, which makes the wait longer
    closed_times: Mapped[int] = mapped_column(default=0)


class Job(Base):
    """Work for any process, on a database that has no queue of its own (SQLite)."""

    __tablename__ = "job"
    __table_args__ = (Index(None, "priority", "run_at", "id"),)

    id: Mapped[Key]
    task: Mapped[str]
    ref: Mapped[int] = mapped_column(BigKey)
    #: the lowest first
    priority: Mapped[int]
    run_at: Mapped[datetime]
    attempt: Mapped[int]
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None] = mapped_column(index=True)


class Pulse(Base):
    """A process that serves, and when it was last seen alive."""

    __tablename__ = "pulse"

    #: random for each process
    process: Mapped[str] = mapped_column(primary_key=True)
    #: clock, worker or web
    role: Mapped[str]
    machine: Mapped[str]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)
