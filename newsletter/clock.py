"""The clock: APScheduler strikes a plain interval, and nothing else.

What is due is asked of the database at each stroke. APScheduler's own cron rules lose a day at
changes of the clock, and it forgets what was missed while it was down.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler

log = structlog.get_logger()

#: seconds between two strokes
EVERY = 5


def strike(action: Callable[[], object]) -> None:
    """Call `action` again and again until SIGTERM or SIGINT; what is running then ends first."""
    scheduler = BlockingScheduler(timezone="UTC")
    _add(scheduler, action)

    def leave(_number: int, _frame: object) -> None:
        scheduler.shutdown(wait=False)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    scheduler.start()


@contextmanager
def in_background(action: Callable[[], object]) -> Iterator[None]:
    """Call `action` again and again while the block runs."""
    scheduler = BackgroundScheduler(timezone="UTC")
    _add(scheduler, action)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown()


def _add(scheduler: BaseScheduler, action: Callable[[], object]) -> None:
    def stroke() -> None:
        try:
            action()
        except Exception:
            # the clock must go on: the next stroke finds in the database what this one left undone
            log.exception("stroke_failed")

    scheduler.add_job(
        stroke, "interval", seconds=EVERY, max_instances=1, coalesce=True, misfire_grace_time=None
    )
