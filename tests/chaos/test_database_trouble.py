"""The database dies, is locked, or its disk is full: sending stops, and goes on by itself."""

import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests.chaos.books import check, count_open
from tests.chaos.sinks import FolderSink, Sink
from tests.chaos.smtp_sink import smtp_sink
from tests.chaos.storm import HANDS, HURRY, PORTION, blow, prepare
from tests.chaos.warm import WarmMachine
from tests.chaos.world import World, new_world
from tests.postgres import own_postgres
from tests.processes import Program, eventually

#: gives up waiting for a locked file after a fifth of a second, and not after thirty
IMPATIENT = """
from newsletter.store import engine
prepare_sqlite = engine._prepare_sqlite
def prepare(connection, record):
    prepare_sqlite(connection, record)
    connection.execute("PRAGMA busy_timeout=200")
engine._prepare_sqlite = prepare
"""
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@contextmanager
def sending(world: World, first: str = "") -> Iterator[list[Program]]:
    """A worker and a clock in the midst of it; at the end of the block they finish and leave in order."""
    prepare(world)
    with WarmMachine(world.environ) as machine:
        programs = [machine.start(role, first=HURRY + first) for role in ("worker", "clock")]
        eventually(lambda: world.sink.taken.total() > 20)
        yield programs
        eventually(lambda: count_open(world.url) == 0)
        assert machine.leave() == [0, 0], [program.said[-2000:] for program in programs]


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program holds it while the block runs."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


def nothing_leaves(sink: Sink, seconds: float) -> None:
    """For so long, once what is in hand has left."""
    time.sleep(2)
    before = sink.taken.total()
    time.sleep(seconds)
    assert sink.taken.total() == before


def test_postgresql_dies_in_a_storm(tmp_path: Path) -> None:
    """Its every process is killed again and again, and some of ours: nobody twice, nobody lost."""
    with own_postgres() as server, smtp_sink(seed=3, seconds=0.05) as sink:
        admin = create_engine(server.url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE storm")
        admin.dispose()
        url = server.url.set(database="storm").render_as_string(False)
        world = new_world(tmp_path, url, sink, readers=150, letters=50, real_time=True)

        def disturb(_: object) -> None:
            server.crash()
            time.sleep(0.5)
            server.start()

        toll = blow(world, seed=4, blows=3, disturb=disturb)
    assert toll.states["accepted"] > 0


@on_sqlite
def test_a_file_locked_for_longer_than_anybody_waits(database_url: str, tmp_path: Path) -> None:
    """Programs that gave up waiting for a locked file many times over live on, and finish when it is free."""
    with smtp_sink(seconds=0.05) as sink:
        world = new_world(tmp_path, database_url, sink, readers=100, letters=50, real_time=True)
        with sending(world, IMPATIENT), locked(tmp_path / "test.db"):
            nothing_leaves(sink, 3)
        found = check(world)
    # what was in hand could not be written down
    assert found["unknown"] <= HANDS * PORTION


def fill_disk(programs: list[Program], full: bool) -> None:
    """Whatever they write to a file fails, their own log as well (setrlimit(2), RLIMIT_FSIZE)."""
    for program in programs:
        _, most = resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (0 if full else most, most))


@on_sqlite
def test_a_full_disk_under_the_database(database_url: str, tmp_path: Path) -> None:
    """Where no byte can be written, no mail leaves; with room again all goes on, nobody twice."""
    with smtp_sink(seconds=0.05) as sink:
        world = new_world(tmp_path, database_url, sink, readers=100, letters=50, real_time=True)
        with sending(world) as programs:
            fill_disk(programs, full=True)
            nothing_leaves(sink, 3)
            assert all(program.lives() for program in programs)
            fill_disk(programs, full=False)
        found = check(world)
    assert found["unknown"] <= HANDS * PORTION


@on_postgresql
def test_a_full_disk_under_the_folder(database_url: str, tmp_path: Path) -> None:
    """The folder provider writes a mail wholly or not at all; with room again each is there, once."""
    sink = FolderSink(tmp_path / "mail")
    world = new_world(tmp_path, database_url, sink, readers=1_500, letters=50, real_time=True)
    with sending(world) as programs:
        fill_disk(programs, full=True)
        nothing_leaves(sink, 3)
        fill_disk(programs, full=False)
    assert check(world) == {"accepted": 1_550}
    for path in (tmp_path / "mail").glob("*.eml"):
        assert path.read_bytes().rstrip().endswith(b"--"), "a mail without its end"
