"""The clock: APScheduler strikes plain intervals, and nothing else.

What is due is asked of the database at each stroke. APScheduler's own cron rules lose a day at
changes of the clock, and it forgets what was missed while it was down.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger


@contextmanager
def striking(strokes: Sequence[tuple[float, Callable[[], object]]]) -> Iterator[None]:
    """Do each of `strokes` now, and every so many seconds while the block runs; its end waits for those
    in hand.

    A stroke that takes longer than its interval is not struck again meanwhile.
    """
    # it would warn of each stroke that is left out
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone="UTC")
    for seconds, stroke in strokes:
        scheduler.add_job(stroke, _Every(seconds), max_instances=1, coalesce=True, misfire_grace_time=None)
    ended = threading.Event()
    guard = threading.Thread(target=_guard, args=(scheduler, ended))
    scheduler.start()
    guard.start()
    try:
        yield
    finally:
        ended.set()
        guard.join()
        scheduler.shutdown()


class _Every(BaseTrigger):  # type: ignore[misc]  # APScheduler comes without types
    """An interval that begins anew at each stroke.

    That of APScheduler counts up every stroke missed: minutes and gigabytes when a machine without
    a battery learns what year it is.
    """

    def __init__(self, seconds: float) -> None:
        self._interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        return now + self._interval if previous else now


def _guard(scheduler: BaseScheduler, ended: threading.Event) -> None:
    """Strike at once when the machine's clock was set back: APScheduler would wait until it caught up."""
    before = _ahead()
    while not ended.wait(1):
        now = _ahead()
        if now < before - 1:
            for stroke in scheduler.get_jobs():
                stroke.modify(next_run_time=datetime.now(UTC))
        before = now


def _ahead() -> float:
    """Changes only when the machine's clock is set."""
    return time.time() - time.monotonic()
