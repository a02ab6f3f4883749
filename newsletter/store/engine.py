"""The database engine, the same for SQLite and PostgreSQL.

SQLite in WAL mode with Python's own transaction handling loses concurrent updates, and deferred
transactions fail at once when they upgrade; so writers begin IMMEDIATE and wait for each other.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.orm import Session

#: for statements that change rows past the session, which holds none of them
UNSEEN = {"synchronize_session": False}
#: what is raised where the database is away, locked or full, or all connections to it are in use
DATABASE_TROUBLE = (DBAPIError, NoConnectionLeft)


def open_engine(url: str) -> Engine:
    """An engine for `url`; connects only when used.

    `postgres://`, which platforms still set, is taken for `postgresql://`.
    """
    if url.startswith("postgres://"):
        url = url.replace("postgres://", "postgresql://", 1)
    location = make_url(url)
    # the parameters of a failed statement hold addresses, and an error may be logged
    options: dict[str, Any] = {"pool_size": 10, "max_overflow": 40, "hide_parameters": True}
    if location.get_backend_name() == "postgresql":
        location = location.set(drivername="postgresql+psycopg")
        return create_engine(location, pool_pre_ping=True, **options)
    engine = create_engine(location, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    _use_wal(connection)
    # what was deleted is overwritten in the file: somebody erased is not to be found between the rows
    for pragma in ("synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    # KiB; in the usual 2 MB a million rows with their indexes are read and written over and over
    connection.execute("PRAGMA cache_size=-16000")


def _use_wal(connection: Any) -> None:
    # two programs that turn a new file to WAL at once get "locked", however long the busy timeout
    for patience in reversed(range(100)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if not patience:
                raise
            time.sleep(0.05)


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
    connection.exec_driver_sql(f"BEGIN {mode}")


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """One transaction for looking only; on SQLite it waits for no writer and blocks none."""
    with (
        Session(engine.execution_options(sqlite_begin="DEFERRED"), expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


def give_way(engine: Engine) -> None:
    """Let others write, between two transactions of somebody who has many of them.

    On SQLite who waits looks again after a tenth of a second at most, and would find it taken each time;
    PostgreSQL's writers do not wait for each other.
    """
    if engine.dialect.name == "sqlite":
        time.sleep(0.1)


def wash_away(engine: Engine) -> None:
    """Take what was deleted out of SQLite's log as well, as far as nobody is reading it just now.

    Call it after the transaction that deleted; PostgreSQL sees to its own.
    """
    if engine.dialect.name != "sqlite":
        return
    pooled = engine.raw_connection()
    try:
        pooled.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        pooled.close()
