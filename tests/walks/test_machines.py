"""Several machines on one PostgreSQL: some die, the database dies, and every mail keeps its one fate."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests.conftest import SETTINGS
from tests.postgres import Postgres, own_postgres
from tests.processes import (
    SHORT_LEASES,
    Machine,
    eventually,
    fates,
    fill_outbox,
    new_machine,
    states,
)
from tests.slow_smtp import SlowServer, slow_smtp


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with own_postgres() as server:
        yield server


@pytest.fixture
def provider() -> Iterator[SlowServer]:
    with slow_smtp(0.1) as provider:
        yield provider


@pytest.fixture
def machine(
    server: Postgres, provider: SlowServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Machine]:
    """One for all programs: they know of each other by the database alone."""
    name = request.function.__name__
    admin = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    admin.dispose()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    environ = {
        **new_machine(tmp_path),
        **SETTINGS,
        "DATABASE_URL": server.url.set(database=name).render_as_string(False),
        "MAIL_PROVIDER": "smtp",
        "SMTP_URL": provider.url,
        "MAILS_IN_DOUBT": "5",
        "PORT": port,
    }
    with Machine(environ) as machine:
        fill_outbox(machine.url, 250)
        yield machine


def test_what_dies_takes_no_mail_with_it(machine: Machine, provider: SlowServer, server: Postgres) -> None:
    """Two of everything: a worker is killed, then the database, and sending goes on by itself.

    Each mail arrived once, or its row says that nobody knows; of those there are few.
    """
    roles = ("worker", "worker", "clock", "clock", "web")
    killed, *programs = [machine.start(role, first=SHORT_LEASES) for role in roles]
    eventually(lambda: provider.taken.total() >= 30)
    killed.process.kill()
    eventually(lambda: provider.taken.total() >= 80)
    server.crash()
    before = [len(program.said.splitlines()) for program in programs]
    time.sleep(4)
    # each has told what keeps it, and tries again now and then
    assert [program.lives() for program in programs] == [True] * 4
    for program, lines in zip(programs, before, strict=True):
        assert len(program.said.splitlines()) - lines < 40, program.said
    server.start()
    eventually(lambda: set(states(machine.url)) <= {"accepted", "unknown"})
    assert machine.leave() == [0] * 4
    assert set(provider.taken.values()) == {1}
    found = fates(machine.url)
    accepted = {to for to, state in found.items() if state == "accepted"}
    assert accepted <= set(provider.taken)
    # four threads of two workers had a portion of five each in hand
    assert len(found) - len(accepted) <= 2 * 4 * 5
