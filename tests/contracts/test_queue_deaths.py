"""What every queue promises of workers that die, hang or are only slow."""

import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from newsletter.config import ROOT
from newsletter.queue.port import ATTEMPTS, Queue, Stop
from newsletter.store.engine import writing
from tests.queues import add, at_work, queue_on, soon, time_passes


@pytest.fixture
def queue(engine: Engine) -> Queue:
    return queue_on(engine)


DYING = """
import sys, time
from newsletter.queue.{module} import {kind}
from newsletter.store.engine import open_engine

def greet(ref, stop):
    print("in hand", flush=True)
    time.sleep(600)

{kind}(open_engine(sys.argv[1])).run({{"greet": greet}}, concurrency=1, stop=lambda: False)
"""


def kill_in_mid_job(queue: Queue, url: str) -> None:
    """A worker process takes a job in hand, and is killed."""
    kind = type(queue).__name__
    script = DYING.format(module=type(queue).__module__.rpartition(".")[2], kind=kind)
    with subprocess.Popen(
        [sys.executable, "-c", script, url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in hand\n"
        process.kill()


def test_a_dead_workers_job_is_taken_back(queue: Queue, engine: Engine, database_url: str) -> None:
    """The job of a process that was killed is done by another, once the silence has lasted, not before."""
    done: list[int] = []
    handlers = {"greet": lambda ref, _: done.append(ref)}
    add(queue, engine, 1)
    kill_in_mid_job(queue, database_url)
    queue.rescue()
    queue.drain(handlers)
    assert done == []
    time_passes(engine)
    queue.rescue()
    queue.drain(handlers)
    assert done == [1]


def test_a_job_that_kills_its_workers_is_given_up(queue: Queue, engine: Engine, database_url: str) -> None:
    """A job whose every worker dies is tried no longer than one that fails, and the log says so."""
    add(queue, engine, 1)
    tried = {
        "sqlite": f"UPDATE job SET attempt = {ATTEMPTS - 1}",
        "postgresql": f"UPDATE procrastinate_jobs SET attempts = {ATTEMPTS - 1}",
    }
    with writing(engine) as session:
        session.execute(text(tried[engine.dialect.name]))
    kill_in_mid_job(queue, database_url)
    time_passes(engine)
    with capture_logs() as logs:
        queue.rescue()
    assert [(line["event"], line["ref"]) for line in logs] == [("job_given_up", 1)]
    assert queue.waiting("greet") == 0


def test_rescuers_do_not_disturb_each_other(queue: Queue, engine: Engine) -> None:
    """Several clocks that take back the same jobs at once all go on, and each job is done once."""
    add(queue, engine, *range(8))
    hold = threading.Event()
    done: list[int] = []
    with at_work(queue, lambda *_: hold.wait(20), 8) as stop:
        soon(lambda: queue.waiting("greet") == 0)
        time_passes(engine)
        troubles = rescue_at_once(queue, 4)
        again = queue.waiting("greet")
        stop()
        hold.set()
    queue.drain({"greet": lambda ref, _: done.append(ref)})
    assert (troubles, again) == ([], 8)
    # the worker that was silent for a while may have taken some of them once more before it stopped
    assert len(done) == len(set(done))


def rescue_at_once(queue: Queue, rescuers: int) -> list[Exception]:
    """What they ran into."""
    start = threading.Barrier(rescuers)
    troubles: list[Exception] = []

    def rescue() -> None:
        start.wait()
        try:
            queue.rescue()
        except Exception as trouble:
            troubles.append(trouble)

    threads = [threading.Thread(target=rescue) for _ in range(rescuers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return troubles


def test_the_living_keep_their_jobs(queue: Queue, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that takes long is not taken from a worker that shows signs of life."""
    for module in ("local", "distributed"):
        monkeypatch.setattr(f"newsletter.queue.{module}.SIGN_OF_LIFE", timedelta(seconds=0.2))
        monkeypatch.setattr(f"newsletter.queue.{module}.SILENCE", timedelta(seconds=1))
    add(queue, engine, 1)
    hold = threading.Event()
    begun: list[int] = []

    def greet(ref: int, stop: Stop) -> None:
        begun.append(ref)
        hold.wait(20)

    with at_work(queue, greet, 2):
        soon(lambda: begun)
        for _ in range(8):
            time.sleep(0.25)
            queue.rescue()
        hold.set()
    assert begun == [1]
