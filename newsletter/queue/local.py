"""The queue on a table of ours, for a database that has no queue of its own (SQLite).

Several processes may share it: one statement claims a job, and a lease on the database's clock, renewed
for as long as the job is in hand, tells a slow process from a dead one.
"""

import secrets
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy import Engine, Select, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from newsletter.models import Job
from newsletter.queue.port import (
    ATTEMPTS,
    SIGN_OF_LIFE,
    SILENCE,
    Handler,
    Stop,
    failure_told,
    wait_before_next,
)
from newsletter.store.clock import database_now
from newsletter.store.engine import reading, writing

log = structlog.get_logger()

#: seconds between two looks at the table while nothing is ready
GLANCE = 0.2


class LocalQueue:
    """A `Queue` for all processes that share one SQLite file."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def enqueue(
        self, session: Session, task: str, ref: int, *, run_at: datetime | None = None, priority: int = 0
    ) -> None:
        when = run_at or database_now(session)
        session.execute(insert(Job).values(task=task, ref=ref, priority=priority, run_at=when, attempt=0))

    def run(self, handlers: Mapping[str, Handler], *, concurrency: int, stop: Stop) -> None:
        with _Hands(self._engine, handlers, concurrency, stop) as hands:
            while not stop():
                hands.show_life()
                if not hands.take():
                    time.sleep(GLANCE)

    def drain(self, handlers: Mapping[str, Handler]) -> None:
        with _Hands(self._engine, handlers, 1, lambda: False) as hands:
            while hands.take() or hands.busy():
                hands.show_life()
                time.sleep(GLANCE / 10)

    def rescue(self) -> None:
        with reading(self._engine) as session:
            ended = Job.lease_until < database_now(session)
            if session.scalars(select(Job.id).where(ended).limit(1)).first() is None:
                return
        with writing(self._engine) as session:
            ended = Job.lease_until < database_now(session)
            given_up = session.execute(
                delete(Job).where(ended, Job.attempt >= ATTEMPTS).returning(Job.task, Job.ref)
            ).all()
            session.execute(update(Job).where(ended).values(owner=None, lease_until=None))
        for task, ref in given_up:
            log.error("job_given_up", task=task, ref=ref, reason="every process that took it died")

    def waiting(self, task: str) -> int:
        with reading(self._engine) as session:
            query = select(func.count()).select_from(Job).where(Job.task == task, Job.owner.is_(None))
            return session.scalars(query).one()


class _Taken(NamedTuple):
    priority: int
    id: int
    task: str
    ref: int
    #: with the owner the fence: a job that another process took since is no longer ours
    attempt: int


class _Hands:
    """One process's threads, and the jobs in them."""

    def __init__(self, engine: Engine, handlers: Mapping[str, Handler], concurrency: int, stop: Stop) -> None:
        self._engine = engine
        self._handlers = handlers
        self._stop = stop
        self._owner = secrets.token_hex(8)
        self._free = threading.Semaphore(concurrency)
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="job")
        self._in_hand: set[int] = set()
        self._shown = time.monotonic()

    def __enter__(self) -> "_Hands":
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()

    def busy(self) -> bool:
        return bool(self._in_hand)

    def take(self) -> bool:
        """Take one job into a free thread; whether there was one and there is room for another."""
        if not self._free.acquire(blocking=False):
            return False
        try:
            taken = self._claim()
        except BaseException:
            self._free.release()
            raise
        if taken is None:
            self._free.release()
            return False
        self._in_hand.add(taken.id)
        self._threads.submit(self._do, taken)
        return True

    def show_life(self) -> None:
        """Renew the leases of the jobs in hand, every few seconds."""
        if time.monotonic() - self._shown < SIGN_OF_LIFE.total_seconds():
            return
        self._shown = time.monotonic()
        if in_hand := list(self._in_hand):
            with writing(self._engine) as session:
                session.execute(
                    update(Job)
                    .where(Job.id.in_(in_hand), Job.owner == self._owner)
                    .values(lease_until=database_now(session) + SILENCE)
                )

    def _claim(self) -> _Taken | None:
        with reading(self._engine) as session:
            if session.scalars(self._ready(session)).first() is None:
                return None
        with writing(self._engine) as session:
            claimed = session.execute(
                update(Job)
                .where(Job.id == self._ready(session).with_for_update(skip_locked=True).scalar_subquery())
                .values(
                    owner=self._owner,
                    attempt=Job.attempt + 1,
                    lease_until=database_now(session) + SILENCE,
                )
                .returning(Job.priority, Job.id, Job.task, Job.ref, Job.attempt)
            ).first()
        return _Taken(*claimed) if claimed else None

    def _ready(self, session: Session) -> Select[int]:
        return (
            select(Job.id)
            .where(
                Job.owner.is_(None),
                Job.task.in_(self._handlers),
                Job.run_at <= database_now(session),
            )
            .order_by(Job.priority, Job.id)
            .limit(1)
        )

    def _do(self, job: _Taken) -> None:
        done = True
        try:
            with failure_told(job.task, job.ref, job.attempt):
                self._handlers[job.task](job.ref, self._stop)
        except Exception:
            done = False
        try:
            self._settle(job, done)
        except DBAPIError as error:
            # its lease runs out, and somebody does it once more
            log.error("job_not_settled", task=job.task, ref=job.ref, error=type(error).__name__)
        finally:
            self._in_hand.discard(job.id)
            self._free.release()

    def _settle(self, job: _Taken, done: bool) -> None:
        ours = (Job.id == job.id, Job.owner == self._owner, Job.attempt == job.attempt)
        wait = None if done else wait_before_next(job.attempt)
        with writing(self._engine) as session:
            if wait is None:
                session.execute(delete(Job).where(*ours))
            else:
                again = database_now(session) + wait
                session.execute(update(Job).where(*ours).values(owner=None, lease_until=None, run_at=again))
