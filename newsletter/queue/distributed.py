"""The queue on PostgreSQL: Procrastinate, in the same database as the rows that its jobs are about.

What it leaves to its caller is done here: dead workers' jobs are taken back, threads are as many as
jobs at one time, a job is enqueued on the caller's own connection. It gets no signals: the caller has them.
Its locks are not used, since a job that is tried again may keep them for ever (procrastinate#1446).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog
from procrastinate import (
    App,
    BaseRetryStrategy,
    JobContext,
    PsycopgConnector,
    RetryDecision,
    SyncPsycopgConnector,
)
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.sql import queries
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from newsletter.queue.port import (
    ATTEMPTS,
    SIGN_OF_LIFE,
    SILENCE,
    Handler,
    Stop,
    failure_told,
    wait_before_next,
)
from newsletter.store.engine import reading, writing

log = structlog.get_logger()

#: seconds between two looks for jobs whose time has come: PostgreSQL tells of new ones at once
GLANCE = 1.0
#: seconds between two looks whether to stop
HEED = 0.1
#: seconds to wait for a connection before the database counts as away
PATIENCE = 5.0
#: hours for which a job that was given up can be looked at
KEPT = 7 * 24


class DistributedQueue:
    """A `Queue` for all processes and machines that share one PostgreSQL database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connector = SyncPsycopgConnector()
        # never opened: it works on connections that it is given. The App of a worker could not, since
        # an open one takes every connection for an asynchronous one
        self._desk = App(connector=self._connector)

    def enqueue(
        self, session: Session, task: str, ref: int, *, run_at: datetime | None = None, priority: int = 0
    ) -> None:
        self._desk.configure_task(
            task,
            queue=task,
            # Procrastinate takes the highest first
            priority=-priority,
            schedule_at=run_at,
            connection=_driver(session),
        ).defer(ref=ref)

    def run(self, handlers: Mapping[str, Handler], *, concurrency: int, stop: Stop) -> None:
        # raises at once while the database is away; Procrastinate would wait for it, and heed no stop
        self._ready(handlers)
        _quiet()
        asyncio.run(_work(self._address(), handlers, concurrency, stop, wait=True))

    def drain(self, handlers: Mapping[str, Handler]) -> None:
        if self._ready(handlers):
            _quiet()
            # in a thread of its own: whoever calls may have an event loop already
            with ThreadPoolExecutor(1) as thread:
                work = _work(self._address(), handlers, 1, lambda: False, wait=False)
                thread.submit(asyncio.run, work).result()

    def rescue(self) -> None:
        for stalled in self._stalled():
            try:
                with writing(self._engine) as session:
                    self._take_back(session, stalled)
            except ConnectorException:
                # another process was faster, or the job was done after all
                log.info("job_rescued_elsewhere", task=stalled.task_name)
        self._forget_old()

    def waiting(self, task: str) -> int:
        with reading(self._engine) as session:
            count: int = session.execute(_WAITING, {"task": task}).scalar_one()
        return count

    def _address(self) -> str:
        return self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def _ready(self, handlers: Mapping[str, Handler]) -> bool:
        with reading(self._engine) as session:
            return session.execute(_READY, {"tasks": list(handlers)}).first() is not None

    def _stalled(self) -> list[Job]:
        with reading(self._engine) as session:
            rows = self._connector.execute_query_all_with_connection(
                _driver(session),
                queries["select_stalled_jobs_by_heartbeat"],
                seconds_since_heartbeat=SILENCE.total_seconds(),
                queue=None,
                task_name=None,
            )
        return [Job.from_row(row) for row in rows]

    def _forget_old(self) -> None:
        """Delete jobs that were given up longer ago than KEPT; those that were done went at once."""
        with writing(self._engine) as session:
            _driver(session).execute(
                queries["delete_old_jobs"],
                {"nb_hours": KEPT, "queue": None, "statuses": [Status.FAILED.value]},
            )

    def _take_back(self, session: Session, job: Job) -> None:
        given_up = job.attempts + 1 >= ATTEMPTS
        if given_up:
            query = queries["finish_job"]
            arguments: dict[str, Any] = {"status": Status.FAILED.value, "delete_job": False}
        else:
            query = queries["retry_job"]
            arguments = {"retry_at": None, "new_priority": None, "new_queue_name": None, "new_lock": None}
        self._connector.execute_query_all_with_connection(_driver(session), query, job_id=job.id, **arguments)
        if given_up:
            log.error(
                "job_given_up",
                task=job.task_name,
                ref=job.task_kwargs["ref"],
                reason="every process that took it died",
            )


_WAITING = text("SELECT count(*) FROM procrastinate_jobs WHERE queue_name = :task AND status = 'todo'")
_READY = text(
    "SELECT 1 FROM procrastinate_jobs WHERE queue_name = ANY(:tasks) AND status = 'todo'"
    " AND (scheduled_at IS NULL OR scheduled_at <= now()) LIMIT 1"
)


def _driver(session: Session) -> Any:
    """The connection of psycopg below the session."""
    return session.connection().connection.driver_connection


def _quiet() -> None:
    # what breaks is told by our own log, once; these tell it once more in their way, with all arguments
    for name in ("procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _Growing(BaseRetryStrategy):
    def get_retry_decision(self, *, job: Job, **_: object) -> RetryDecision | None:
        wait = wait_before_next(job.attempts + 1)
        return RetryDecision(retry_in={"seconds": int(wait.total_seconds())}) if wait else None


async def _work(
    address: str, handlers: Mapping[str, Handler], concurrency: int, stop: Stop, *, wait: bool
) -> None:
    """Be a worker until `stop()`, or, without `wait`, until nothing is ready."""
    loop = asyncio.get_running_loop()
    # two more for Procrastinate itself; by default there are as many threads as the machine has cores
    loop.set_default_executor(ThreadPoolExecutor(concurrency + 2, thread_name_prefix="job"))
    app = App(connector=PsycopgConnector(conninfo=address, min_size=1, max_size=4, timeout=PATIENCE))
    worker = asyncio.create_task(_serve(app, list(handlers), concurrency, wait))

    def end() -> None:
        # the first time it ends the jobs in hand, a second time it would break them off
        if not worker.cancelling():
            worker.cancel()

    def leave() -> None:
        # a loop that has ended needs no telling
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(end)

    def start_anew(_loop: asyncio.AbstractEventLoop, trouble: dict[str, Any]) -> None:
        # a job that was done and could not be written down is only taken back from a worker that is gone
        log.error("worker_starts_anew", error=type(trouble.get("exception")).__name__)
        leave()

    loop.set_exception_handler(start_anew)
    for name, handler in handlers.items():
        do = _doing(name, handler, stop, leave)
        app.task(name=name, queue=name, retry=_Growing(), pass_context=True)(do)
    while not worker.done() and not stop():
        await asyncio.wait({worker}, timeout=HEED)
    end()
    with suppress(asyncio.CancelledError):
        await worker


async def _serve(app: App, tasks: list[str], concurrency: int, wait: bool) -> None:
    async with app.open_async():
        await app.run_worker_async(
            # tasks that only a newer program knows are left to it
            queues=tasks,
            concurrency=concurrency,
            wait=wait,
            listen_notify=wait,
            fetch_job_polling_interval=GLANCE,
            update_heartbeat_interval=SIGN_OF_LIFE.total_seconds(),
            stalled_worker_timeout=SILENCE.total_seconds(),
            delete_jobs="successful",
            install_signal_handlers=False,
        )


def _doing(name: str, handler: Handler, stop: Stop, leave: Callable[[], None]) -> Callable[..., None]:
    def do(context: JobContext, ref: int) -> None:
        try:
            with failure_told(name, ref, context.job.attempts + 1):
                handler(ref, stop)
        finally:
            # before the next job is taken into this thread
            if stop():
                leave()

    return do
