"""What every queue promises; held by ours on SQLite and by Procrastinate on PostgreSQL."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from newsletter.queue.port import ATTEMPTS, Queue, Stop
from tests.queues import add, at_work, days_pass, kept, queue_on, soon, time_passes


@pytest.fixture
def queue(engine: Engine) -> Queue:
    return queue_on(engine)


def test_a_job_stands_and_falls_with_the_rows_it_is_about(queue: Queue, engine: Engine) -> None:
    """A transaction that is rolled back leaves no job; one that commits leaves it."""
    with Session(engine) as session:
        queue.enqueue(session, "greet", 1)
        session.rollback()
    assert queue.waiting("greet") == 0
    add(queue, engine, 2)
    assert queue.waiting("greet") == 1
    done: list[int] = []
    queue.drain({"greet": lambda ref, _: done.append(ref)})
    assert (done, queue.waiting("greet")) == ([2], 0)


def test_each_job_is_done_once(queue: Queue, engine: Engine) -> None:
    """Two workers of several threads share the jobs: none is left out, none is done twice."""
    add(queue, engine, *range(60))
    done: list[int] = []
    with (
        at_work(queue, lambda ref, _: done.append(ref), 3),
        at_work(queue, lambda ref, _: done.append(ref), 3),
    ):
        soon(lambda: len(done) >= 60)
    assert sorted(done) == list(range(60))


def test_the_most_urgent_comes_first(queue: Queue, engine: Engine) -> None:
    """The lowest priority number goes first, and of one priority the oldest."""
    add(queue, engine, 1, 2, priority=5)
    add(queue, engine, 3)
    add(queue, engine, 4, priority=-1)
    done: list[int] = []
    queue.drain({"greet": lambda ref, _: done.append(ref)})
    assert done == [4, 3, 1, 2]


def test_a_job_waits_for_its_time(queue: Queue, engine: Engine) -> None:
    """What is to be done later is not done now, holds up nothing, and is done then."""
    add(queue, engine, 1, run_at=datetime.now(UTC) + timedelta(hours=1))
    add(queue, engine, 2, run_at=datetime.now(UTC) - timedelta(hours=1))
    done: list[int] = []
    handlers = {"greet": lambda ref, _: done.append(ref)}
    queue.drain(handlers)
    assert (done, queue.waiting("greet")) == ([2], 1)
    time_passes(engine)
    queue.drain(handlers)
    assert done == [2, 1]


def test_new_work_is_taken_up_soon(queue: Queue, engine: Engine) -> None:
    """A worker that has nothing to do notices a new job within a second."""
    done: list[float] = []
    with at_work(queue, lambda *_: done.append(time.monotonic())):
        time.sleep(0.5)
        added = time.monotonic()
        add(queue, engine, 1)
        soon(lambda: done)
    assert done[0] - added < 1.5


def test_tasks_of_others_are_left_alone(queue: Queue, engine: Engine) -> None:
    """A job of a task that this program does not know waits for one that does."""
    add(queue, engine, 1)
    queue.drain({"part": lambda ref, _: None})
    assert queue.waiting("greet") == 1


def test_what_fails_is_tried_again_later_and_not_for_ever(queue: Queue, engine: Engine) -> None:
    """A job that fails waits longer each time and is given up in the end; every failure is logged."""

    def fail(ref: int, stop: Stop) -> None:
        tries.append(ref)
        raise ZeroDivisionError

    tries: list[int] = []
    add(queue, engine, 1)
    with capture_logs() as logs:
        for _ in range(ATTEMPTS + 2):
            queue.drain({"greet": fail})
            time_passes(engine)
    assert len(tries) == ATTEMPTS
    assert queue.waiting("greet") == 0
    waits = [line["again_after"] for line in logs if line["event"] == "job_failed"]
    assert waits == [1, 2, 4, 8, 16, 32, 60, None]


def test_what_was_given_up_is_forgotten(queue: Queue, engine: Engine) -> None:
    """A job that was given up leaves no row after a week; one that still waits stays, however old it is."""

    def fail(ref: int, stop: Stop) -> None:
        raise ZeroDivisionError

    add(queue, engine, 1)
    with capture_logs():
        for _ in range(ATTEMPTS):
            queue.drain({"greet": fail})
            time_passes(engine)
    just_given_up = kept(engine)
    days_pass(engine, 6)
    queue.rescue()
    assert kept(engine) == just_given_up
    add(queue, engine, 2)
    days_pass(engine, 2)
    queue.rescue()
    assert (kept(engine), queue.waiting("greet")) == (1, 1)


def test_failure_harms_no_neighbour(queue: Queue, engine: Engine) -> None:
    """Jobs beside one that fails are done at once, and it itself when it no longer fails."""

    def greet(ref: int, stop: Stop) -> None:
        if ref == 1 and 1 not in failed:
            failed.append(ref)
            raise ZeroDivisionError
        done.append(ref)

    failed: list[int] = []
    done: list[int] = []
    add(queue, engine, 1, 2, 3)
    queue.drain({"greet": greet})
    assert done == [2, 3]
    time_passes(engine)
    queue.drain({"greet": greet})
    assert done == [2, 3, 1]


def test_stop_ends_what_is_in_hand_and_takes_no_more(queue: Queue, engine: Engine) -> None:
    """Told to stop, a worker tells the jobs in hand, lets them end, and leaves the others for later."""
    add(queue, engine, *range(8))
    begun = threading.Barrier(5, timeout=20)
    told: list[bool] = []

    def greet(ref: int, stop: Stop) -> None:
        begun.wait()
        soon(stop)
        time.sleep(ref / 20)
        told.append(stop())

    with capture_logs() as logs, at_work(queue, greet, 4) as stop:
        begun.wait()
        stop()
    assert (told, logs) == ([True] * 4, [])
    assert queue.waiting("greet") == 4
    done: list[int] = []
    time_passes(engine)
    queue.rescue()
    queue.drain({"greet": lambda ref, _: done.append(ref)})
    assert len(done) == 4


def test_as_many_at_one_time_as_it_was_told(queue: Queue, engine: Engine) -> None:
    """A worker does `concurrency` jobs at one time, however few cores the machine has."""
    add(queue, engine, *range(16))
    together = threading.Barrier(16, timeout=20)
    with at_work(queue, lambda *_: together.wait(), 16):
        soon(lambda: together.n_waiting == 0 and queue.waiting("greet") == 0)
    assert not together.broken


def test_a_job_may_make_jobs(queue: Queue, engine: Engine) -> None:
    """A handler may enqueue what comes after it."""

    def greet(ref: int, stop: Stop) -> None:
        done.append(ref)
        if ref < 3:
            add(queue, engine, ref + 1)

    done: list[int] = []
    add(queue, engine, 1)
    queue.drain({"greet": greet})
    assert done == [1, 2, 3]
