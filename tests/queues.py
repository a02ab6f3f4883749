"""A queue under test: jobs into it, a worker at it, and time that passes in its database."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Engine, text

from newsletter.queue.distributed import DistributedQueue
from newsletter.queue.local import LocalQueue
from newsletter.queue.port import Queue, Stop
from newsletter.store.engine import reading, writing


def queue_on(engine: Engine) -> Queue:
    """The queue that this kind of database has."""
    return LocalQueue(engine) if engine.dialect.name == "sqlite" else DistributedQueue(engine)


def add(queue: Queue, engine: Engine, *refs: int, run_at: datetime | None = None, priority: int = 0) -> None:
    with writing(engine) as session:
        for ref in refs:
            queue.enqueue(session, "greet", ref, run_at=run_at, priority=priority)


def time_passes(engine: Engine) -> None:
    """What was to be done later is to be done now, and who worked has been silent for long."""
    statements = {
        "sqlite": (
            "UPDATE job SET run_at = '2026-01-01 00:00:00.000000'",
            "UPDATE job SET lease_until = '2026-01-01 00:00:00.000000' WHERE owner IS NOT NULL",
        ),
        "postgresql": (
            "UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'",
            "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 hour'",
        ),
    }
    with writing(engine) as session:
        for statement in statements[engine.dialect.name]:
            session.execute(text(statement))


def days_pass(engine: Engine, days: int) -> None:
    """What happened to a job so far happened so many days earlier."""
    if engine.dialect.name == "postgresql":
        with writing(engine) as session:
            earlier = text("UPDATE procrastinate_events SET at = at - :days * interval '1 day'")
            session.execute(earlier, {"days": days})


def kept(engine: Engine) -> int:
    """How many jobs there is a row of, those given up among them."""
    table = "job" if engine.dialect.name == "sqlite" else "procrastinate_jobs"
    with reading(engine) as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def soon(happened: Callable[[], object]) -> None:
    """Waits until it has."""
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@contextmanager
def at_work(
    queue: Queue, greet: Callable[[int, Stop], object], concurrency: int = 1
) -> Iterator[Callable[[], None]]:
    """A running worker; what it yields tells it to stop. It has stopped when the block ends."""
    stop = threading.Event()

    def handler(ref: int, told: Stop) -> None:
        greet(ref, told)

    options = {"concurrency": concurrency, "stop": stop.is_set}
    thread = threading.Thread(target=queue.run, args=({"greet": handler},), kwargs=options)
    thread.start()
    try:
        yield stop.set
    finally:
        stop.set()
        thread.join()
