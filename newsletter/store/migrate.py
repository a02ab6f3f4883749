"""The schema of the database: bring it up to date, and refuse to work on another one.

All revisions that are missing are applied in one transaction, so a migration happens whole or not
at all. Programs that migrate at once wait for each other, and the later ones find nothing to do.
There is no way down: whoever must go back restores the backup.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from newsletter.store.engine import reading

MIGRATIONS = Path(__file__).parent / "migrations"
#: any number, as long as no other program on the same PostgreSQL database uses it for its locks
LOCK = 7_305_209_118


class SchemaError(RuntimeError):
    """The tables of the database are not those that this program works on."""


class SchemaBehind(SchemaError):
    """The database is older than this program: run `newsletter migrate`."""


class SchemaAhead(SchemaError):
    """This program is older than the database: update the program, or restore an older backup."""


class BrokenReferences(SchemaError):
    """A migration would leave rows that refer to rows which are not there; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Migrated:
    #: revision before; None for an empty database
    before: str | None
    after: str


def migrate(engine: Engine) -> Migrated:
    """Bring the database up to date; an up-to-date one is left as it is.

    Creates the folder of an SQLite file where it is missing. Raises SchemaAhead for a database
    that a newer program has migrated.
    """
    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    with _alone(engine) as connection:
        before = _revision(connection)
        _known(before)
        command.upgrade(alembic_config(connection), "head")
        return Migrated(before, head())


def is_current(engine: Engine) -> bool:
    """Whether the database has exactly the schema that this program works on."""
    with reading(engine) as session:
        return _revision(session.connection()) == head()


def is_empty(engine: Engine) -> bool:
    """Whether nothing was ever set up there. Makes no file where there is none."""
    if engine.dialect.name == "sqlite" and engine.url.database and not Path(engine.url.database).exists():
        return True
    with reading(engine) as session:
        return _revision(session.connection()) is None


def require_current(engine: Engine) -> None:
    """Raises SchemaBehind or SchemaAhead unless the database is up to date."""
    with reading(engine) as session:
        revision = _revision(session.connection())
    _known(revision)
    if revision != head():
        raise SchemaBehind(f"{SchemaBehind.__doc__} (it is at {revision or 'nothing'}, not at {head()})")


def head() -> str:
    """The newest revision of this program."""
    (newest,) = _scripts().get_heads()
    return newest


def alembic_config(connection: Connection) -> Config:
    """What Alembic's commands need to work on `connection`."""
    config = Config(attributes={"connection": connection})
    # the file format of Alembic's configuration gives % a meaning
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(MIGRATIONS)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _known(revision: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaAhead(f"{SchemaAhead.__doc__} (it is at {revision}, unknown here)")


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction in which nobody else migrates, committed when the block ends."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            with connection.begin():
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
                yield connection
            return
        # a table made anew would delete the rows that refer to it; the setting is ignored inside a
        # transaction, and ours begin IMMEDIATE, which keeps every other writer out
        _foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                yield connection
                if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                    raise BrokenReferences(f"{BrokenReferences.__doc__} ({len(broken)} rows, {broken[0]})")
        finally:
            _foreign_keys(connection, "ON")


def _foreign_keys(connection: Connection, state: str) -> None:
    # past SQLAlchemy, which would begin a transaction first
    connection.connection.cursor().execute(f"PRAGMA foreign_keys={state}")
