"""The programs as a platform runs them: first start, several at once, and the signal to leave."""

import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.serving import PATIENCE
from tests.conftest import SETTINGS
from tests.processes import Machine, eventually, fates, fill_outbox, new_machine, states
from tests.slow_smtp import SlowServer, slow_smtp


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A new one: no database, no mail, no key."""
    with Machine(new_machine(tmp_path)) as machine:
        yield machine


@pytest.fixture
def full(machine: Machine, tmp_path: Path) -> Machine:
    """One that runs already, and has mail to hand over."""
    (tmp_path / "home").mkdir()
    machine.environ |= SETTINGS | {"PORT": free_port()}
    fill_outbox(machine.url, 300)
    return machine


def by_smtp(server: SlowServer) -> dict[str, str]:
    return {"MAIL_PROVIDER": "smtp", "SMTP_URL": server.url}


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def test_looking_at_a_new_machine_changes_nothing(machine: Machine, tmp_path: Path) -> None:
    """`check` before anything else says that nothing is set up yet, and the next command sets it up."""
    check = machine.start("check")
    assert (check.end(), "not set up yet" in check.said) == (0, True), check.said
    assert not (tmp_path / "home/newsletter.db").exists()
    assert machine.start("tick").end() == 0


def test_several_first_starts_at_once(machine: Machine) -> None:
    """Programs that start together on a new machine all find it set up."""
    ticks = [machine.start("tick") for _ in range(4)]
    assert [tick.end() for tick in ticks] == [0] * 4


def test_the_signal_to_leave_lets_the_batch_end(full: Machine, tmp_path: Path) -> None:
    """SIGTERM in the middle of the outbox: `run` leaves soon and well, and no mail is unaccounted for."""
    run = full.start("run", MAILS_PER_CLAIM="10", MAILS_IN_DOUBT="1")
    eventually(lambda: len(list((tmp_path / "mail").glob("*.eml"))) >= 20)
    assert run.leave() == 0, run.said
    found = states(full.url)
    assert set(found) == {"accepted", "queued"}
    assert found["accepted"] == len(list((tmp_path / "mail").glob("*.eml")))


def test_signals_upon_signals(full: Machine) -> None:
    """Told to leave again and again, a worker still ends the mail in hand, and gives back the others."""
    with slow_smtp(0.3) as server:
        worker, clock = full.start("worker", **by_smtp(server)), full.start("clock")
        eventually(lambda: server.taken.total() >= 3)
        for _ in range(5):
            worker.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
        assert worker.end(20) == 0, worker.said
        assert clock.leave() == 0, clock.said
        found = fates(full.url)
        assert set(found.values()) == {"accepted", "queued"}
        assert server.taken == {to: 1 for to, state in found.items() if state == "accepted"}


def test_a_server_that_hangs_keeps_nobody(full: Machine) -> None:
    """A worker whose server does not answer leaves within 20 seconds all the same, and in good order."""
    assert PATIENCE <= 18
    with slow_smtp(None) as server:
        shortened = "import newsletter.serving; newsletter.serving.PATIENCE = 2.0"
        worker = full.start("worker", first=shortened, **by_smtp(server))
        clock = full.start("clock")
        eventually(lambda: server.taken)
        told = time.monotonic()
        assert worker.leave() == 0, worker.said
        assert time.monotonic() - told < 10
        assert "left_before_all_was_done" in worker.said
        assert clock.leave() == 0
        # the lease of what hangs tells the others: nobody offers it again
        assert {fates(full.url)[to] for to in server.taken} == {"submitting"}


def test_nobody_works_on_a_newer_schema(full: Machine, tmp_path: Path) -> None:
    """When a newer program has migrated the database, the old ones end in failure and say why."""
    programs = [full.start(role) for role in ("run", "worker")]
    for program in programs:
        program.says("Ctrl-C ends it")
    database = sqlite3.connect(tmp_path / "home/newsletter.db", isolation_level=None, timeout=30)
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    for program in programs:
        assert program.end(30) == 1, program.said
        assert "older than the database" in program.said


def test_a_locked_file_is_waited_for(full: Machine, tmp_path: Path) -> None:
    """While another program locks the file, all wait; then the mail goes on, each once."""
    with slow_smtp(0.02) as server:
        for role in ("worker", "run"):
            full.start(role, **by_smtp(server))
        eventually(lambda: server.taken.total() >= 20)
        database = sqlite3.connect(tmp_path / "home/newsletter.db", isolation_level=None, timeout=30)
        database.execute("BEGIN IMMEDIATE")
        time.sleep(4)
        database.execute("COMMIT")
        database.close()
        eventually(lambda: set(states(full.url)) == {"accepted"})
        assert full.leave() == [0, 0]
        assert server.taken == dict.fromkeys(fates(full.url), 1)
