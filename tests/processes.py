"""The programs as a platform runs them: real processes over one database, and what became of the mail."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import select

from newsletter.config import ROOT
from newsletter.models import Delivery
from newsletter.outbox import queue_confirmation
from newsletter.store.engine import open_engine, reading, writing
from newsletter.store.migrate import migrate
from subscribers.address import parse
from subscribers.enrolment import Applicant, enrol
from subscribers.ledger import Channel, Evidence
from subscribers.models import Act, Subscriber

NEWSLETTER = "from newsletter.cli.main import main; main()"
#: Python that runs first where a test waits for leases to end: shorter than a person may set them
SHORT_LEASES = """
import os
from newsletter import config
config.LEAST_LEASE = 10
os.environ["LEASE_SECONDS"] = "10"
"""


def new_machine(folder: Path) -> dict[str, str]:
    """No database, no mail, no key."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": f"sqlite:///{folder}/home/newsletter.db",
        "MAIL_FOLDER": f"{folder}/mail",
        "PUBLICATION": str(ROOT / "publication.toml"),
    }


class Process(Protocol):
    """What the tests need of a `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


@dataclass
class Program:
    """A running command."""

    process: Process
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text()

    def lives(self) -> bool:
        return self.process.poll() is None

    def says(self, words: str) -> None:
        """Waits until it does."""
        eventually(lambda: words in self.said or not self.lives())
        assert words in self.said, self.said

    def end(self, seconds: float = 60) -> int:
        """Its exit code, once it has ended by itself."""
        return self.process.wait(timeout=seconds)

    def leave(self, seconds: float = 20) -> int:
        """Its exit code, after it was asked to leave."""
        self.process.terminate()
        return self.end(seconds)


class Machine:
    """Where programs run; all that still do end with it."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.url = environ["DATABASE_URL"]
        self._running: list[Program] = []

    def start(self, *arguments: str, first: str = "", **environ: str) -> Program:
        """`newsletter` with those arguments; `first` is Python that runs before it."""
        folder = Path(self.environ["MAIL_FOLDER"]).parent
        log = folder / f"{arguments[0]}-{len(self._running)}.log"
        log.touch()
        process = self.spawn(f"{first}\n{NEWSLETTER}", arguments, self.environ | environ, log)
        self._running.append(Program(process, log))
        return self._running[-1]

    def spawn(self, code: str, arguments: tuple[str, ...], environ: dict[str, str], log: Path) -> Process:
        """A process that runs the code where its log is."""
        with log.open("a") as out:
            return subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                env=environ,
                cwd=log.parent,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def leave(self) -> list[int]:
        """The exit codes of all that run, after they were asked to leave."""
        running = [program for program in self._running if program.lives()]
        for program in running:
            program.process.terminate()
        return [program.end(20) for program in running]

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._running:
            program.process.kill()
            program.end()


def eventually(happened: Callable[[], object], seconds: float = 120) -> None:
    """Waits until it has."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def fill_outbox(url: str, number: int) -> None:
    """That many letters that are due, in a database that is made for them."""
    engine = open_engine(url)
    migrate(engine)
    now = datetime.now(UTC) - timedelta(minutes=1)
    with writing(engine) as session:
        people = [Applicant(parse(f"reader{n}@inbox.example")) for n in range(number)]
        for chunk in range(0, number, 500):
            for subscriber in enrol(session, people[chunk : chunk + 500], now=now).values():
                evidence = Evidence(Channel.FORM, "", None, now)
                line = evidence.write(session, Act.REQUESTED, subscriber, ["daily"])
                session.flush()
                queue_confirmation(session, subscriber_id=subscriber.id, consent_id=line.id, now=now)
    engine.dispose()


def fates(url: str) -> dict[str, str]:
    """Recipient → the state of their mail."""
    engine = open_engine(url)
    try:
        with reading(engine) as session:
            query = select(Subscriber.email, Delivery.state).join(Delivery)
            return dict(session.execute(query).all())
    finally:
        engine.dispose()


def states(url: str) -> Counter[str]:
    """State → number of deliveries in it."""
    return Counter(fates(url).values())
