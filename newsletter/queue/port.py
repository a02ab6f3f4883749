"""What a queue promises, whichever database carries it.

A job is a wake-up: the name of a task and the id of what it is about. It may come late, or twice, or
after a long pause; so a task finds in its own rows whether there is still anything to do.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

log = structlog.get_logger()

#: asked by long work between two steps: whether to leave the rest for later
Stop = Callable[[], bool]
#: does a task, for the id of what it is about
Handler = Callable[[int, Stop], None]

#: how often a job is tried before it is given up
ATTEMPTS = 8
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=1)
#: a process whose jobs show no sign of life for so long is taken for dead
SILENCE = timedelta(seconds=20)
#: how often a process shows one
SIGN_OF_LIFE = timedelta(seconds=5)


class Queue(Protocol):
    """Jobs in the database, for any number of processes. All of them have their clock by the database."""

    def enqueue(
        self, session: Session, task: str, ref: int, *, run_at: datetime | None = None, priority: int = 0
    ) -> None:
        """Add a job in the caller's transaction: without its commit there is none.

        It is not done before `run_at`; of those that are ready, the lowest `priority` comes first.
        """
        ...

    def run(self, handlers: Mapping[str, Handler], *, concurrency: int, stop: Stop) -> None:
        """Do jobs, `concurrency` at one time, each in a thread, until `stop()`; then end those in hand.

        Jobs of other tasks are left to others. A handler that raises is tried again after a wait
        that grows, `ATTEMPTS` times. Raises when the database does not answer; nothing is lost by it.
        """
        ...

    def drain(self, handlers: Mapping[str, Handler]) -> None:
        """Do all that is ready now, one job after the other, and return."""
        ...

    def rescue(self) -> None:
        """Make jobs whose process died ready again, and keep those given up for a week at most.

        Any number of processes may do so at once.
        """
        ...

    def waiting(self, task: str) -> int:
        """How many jobs of the task wait to be done, those whose time has not come among them."""
        ...


def wait_before_next(attempt: int) -> timedelta | None:
    """How long to wait after the `attempt`-th failure, from 1; None when the job is given up."""
    if attempt >= ATTEMPTS:
        return None
    doubled: timedelta = FIRST_WAIT * 2 ** (attempt - 1)
    return min(LONGEST_WAIT, doubled)


@contextmanager
def failure_told(task: str, ref: int, attempt: int) -> Iterator[None]:
    """Log what the block raises, with whether the job is tried again, and pass it on."""
    try:
        yield
    except Exception as error:
        wait = wait_before_next(attempt)
        log.error(
            "job_failed",
            task=task,
            ref=ref,
            attempt=attempt,
            again_after=wait and wait.total_seconds(),
            error=type(error).__name__,
            # what a database says of a fault may hold an address
            exc_info=not isinstance(error, DBAPIError),
        )
        raise
