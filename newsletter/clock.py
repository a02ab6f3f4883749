"""The clock: APScheduler strikes a plain interval, and nothing else.

What is due is asked of the database at each stroke. APScheduler's own cron rules lose a day at
changes of the clock, and it forgets what was missed while it was down.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler

log = structlog.get_logger()

#: seconds between two strokes
EVERY = 5


#: asked by long work between two steps: whether to leave the rest to the next start
Stop = Callable[[], bool]


def strike(action: Callable[[Stop], object]) -> None:
    """Call `action` again and again until SIGTERM or SIGINT; the step in hand then ends first."""
    scheduler = BlockingScheduler(timezone="UTC")
    leaving = Event()
    _add(scheduler, action, leaving)

    def leave(_number: int, _frame: object) -> None:
        leaving.set()
        Thread(target=scheduler.shutdown).start()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    scheduler.start()


@contextmanager
def in_background(action: Callable[[Stop], object]) -> Iterator[None]:
    """Call `action` again and again while the block runs; its end waits for the step in hand."""
    scheduler = BackgroundScheduler(timezone="UTC")
    leaving = Event()
    _add(scheduler, action, leaving)
    scheduler.start()
    try:
        yield
    finally:
        leaving.set()
        scheduler.shutdown()


def _add(scheduler: BaseScheduler, action: Callable[[Stop], object], leaving: Event) -> None:
    def stroke() -> None:
        try:
            action(leaving.is_set)
        except Exception:
            # the clock must go on: the next stroke finds in the database what this one left undone
            log.exception("stroke_failed")

    scheduler.add_job(
        stroke, "interval", seconds=EVERY, max_instances=1, coalesce=True, misfire_grace_time=None
    )
