"""The programs as a platform runs them: first start, several at once, and the signal to leave."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.config import ROOT
from newsletter.models import Delivery
from newsletter.outbox import queue_confirmation
from newsletter.store.engine import open_engine, reading, writing
from newsletter.store.migrate import migrate
from subscribers.address import parse
from subscribers.enrolment import Applicant, enrol
from subscribers.ledger import Channel, Evidence
from subscribers.models import Act
from tests.conftest import SETTINGS


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A new machine: no database, no mail, no key."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": f"sqlite:///{tmp_path}/home/newsletter.db",
        "MAIL_FOLDER": f"{tmp_path}/mail",
        "PUBLICATION": str(ROOT / "publication.toml"),
    }


def start(environ: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "newsletter", *arguments],
        env=environ,
        cwd=Path(environ["MAIL_FOLDER"]).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


def test_looking_at_a_new_machine_changes_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    """`check` before anything else says that nothing is set up yet, and the next command sets it up."""
    code, said = end(start(environ, "check"))
    assert (code, "not set up yet" in said) == (0, True), said
    assert not (tmp_path / "home/newsletter.db").exists()
    assert end(start(environ, "tick"))[0] == 0


def test_several_first_starts_at_once(environ: dict[str, str]) -> None:
    """Programs that start together on a new machine all find it set up."""
    ticks = [start(environ, "tick") for _ in range(4)]
    assert [end(tick)[0] for tick in ticks] == [0] * 4


def test_the_signal_to_leave_lets_the_batch_end(environ: dict[str, str], tmp_path: Path) -> None:
    """SIGTERM in the middle of the outbox: `run` leaves soon and well, and no mail is unaccounted for."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        environ = {**environ, **SETTINGS, "PORT": str(probe.getsockname()[1])}
    (tmp_path / "home").mkdir()
    fill_outbox(environ["DATABASE_URL"], 2_000)
    run = start(environ, "run")
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "mail").glob("*.eml"))) < 100 and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    code, said = end(run)
    assert code == 0, said
    engine = open_engine(environ["DATABASE_URL"])
    with reading(engine) as session:
        states = Counter(session.scalars(select(Delivery.state)))
    engine.dispose()
    assert states.keys() <= {"accepted", "queued"}
    assert states["accepted"] == len(list((tmp_path / "mail").glob("*.eml")))


def fill_outbox(url: str, number: int) -> None:
    """That many letters that are due."""
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
