"""The migrations, on both databases: up from nothing, and in line with the models."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Engine, inspect, text

from newsletter.models import Base
from newsletter.store import migrate as migrations
from newsletter.store.engine import open_engine, writing
from newsletter.store.migrate import (
    BrokenReferences,
    Migrated,
    SchemaAhead,
    SchemaBehind,
    head,
    is_current,
    migrate,
    require_current,
)


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_database_url)
    yield engine
    engine.dispose()


def our_tables(engine: Engine) -> set[str]:
    """All but those that the queue on PostgreSQL brings along."""
    return {name for name in inspect(engine).get_table_names() if not name.startswith("procrastinate_")}


def test_an_empty_database_gets_every_table(empty: Engine) -> None:
    """From nothing, one call makes all tables of the models and tells from where to where it went."""
    assert not is_current(empty)
    assert migrate(empty) == Migrated(before=None, after=head())
    assert is_current(empty)
    assert our_tables(empty) == {*Base.metadata.tables, "alembic_version"}


def test_migrations_and_models_tell_the_same(engine: Engine) -> None:
    """A migrated database differs in nothing from what the models say; if this fails, a revision is
    missing: `make migration NAME="what changes"`."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": ours})
        assert compare_metadata(context, Base.metadata) == []


def ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not (name or "").startswith("procrastinate_")


def test_checks_of_the_models_are_in_the_database(engine: Engine) -> None:
    """The comparison above does not see CHECK constraints, so they are compared by name."""
    inspector = inspect(engine)
    for table in Base.metadata.sorted_tables:
        stored = {check["name"] for check in inspector.get_check_constraints(table.name)}
        checks = (one for one in table.constraints if isinstance(one, CheckConstraint))
        assert stored == {engine.dialect.identifier_preparer.format_constraint(check) for check in checks}


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    """An up-to-date database is left as it is, rows and all."""
    with writing(engine) as session:
        session.execute(text("INSERT INTO lens (fingerprint, definition) VALUES ('f', '{}')"))
    assert migrate(engine) == Migrated(before=head(), after=head())
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM lens")) == 1


def test_several_programs_may_migrate_at_once(empty_database_url: str) -> None:
    """As after a deployment to many machines: one migrates, the others wait and find it done."""
    results: list[Migrated | Exception] = []
    together = threading.Barrier(6)

    def start() -> None:
        engine = open_engine(empty_database_url)
        together.wait()
        try:
            results.append(migrate(engine))
        except Exception as error:
            results.append(error)
        engine.dispose()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == sorted(
        map(str, [Migrated(None, head()), *[Migrated(head(), head())] * 5])
    )


def test_a_database_left_behind_is_refused_with_the_remedy(empty: Engine) -> None:
    """A program never works on an older schema than its own, and says which command helps."""
    with pytest.raises(SchemaBehind, match="newsletter migrate"):
        require_current(empty)
    migrate(empty)
    require_current(empty)


def test_a_database_of_a_newer_program_is_refused(engine: Engine) -> None:
    """After a rollback of the program, the old one neither works on the new schema nor touches it."""
    with writing(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refuses in (require_current, migrate):
        with pytest.raises(SchemaAhead, match="9999"):
            refuses(engine)
    assert not is_current(engine)


@pytest.fixture
def next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where one more revision can be written, after all those that there are."""
    folder = tmp_path / "100% migrations"
    shutil.copytree(migrations.MIGRATIONS, folder)
    monkeypatch.setattr(migrations, "MIGRATIONS", folder)
    yield folder / "versions" / "9000_next.py"
    migrations._scripts.cache_clear()


def write(revision: Path, upgrade: str) -> None:
    head_of_file = (
        f'import sqlalchemy as sa\nfrom alembic import op\nrevision, down_revision = "9000", "{head()}"'
    )
    revision.write_text(f"{head_of_file}\ndef upgrade():\n{indent(dedent(upgrade), '    ')}")
    migrations._scripts.cache_clear()


def test_a_failing_migration_leaves_no_trace(engine: Engine, next_revision: Path) -> None:
    """A migration happens whole or not at all, schema changes included."""
    write(
        next_revision,
        """
        op.create_table("half", sa.Column("done", sa.Integer()))
        op.execute("INSERT INTO nowhere VALUES (1)")
        """,
    )
    with pytest.raises(Exception, match="nowhere"):
        migrate(engine)
    assert "half" not in inspect(engine).get_table_names()
    with pytest.raises(SchemaBehind):
        require_current(engine)


def test_rows_survive_when_their_table_is_made_anew(empty: Engine, next_revision: Path) -> None:
    """SQLite alters a table by making it anew; rows in it, and rows that refer to it, stay."""
    engine = empty
    migrate(engine)
    with writing(engine) as session:
        session.execute(text("INSERT INTO lens (fingerprint, definition) VALUES ('f', '{}')"))
        session.execute(text("CREATE TABLE pet (lens INTEGER REFERENCES lens (id) ON DELETE CASCADE)"))
        session.execute(text("INSERT INTO pet SELECT id FROM lens"))
    write(
        next_revision,
        """
        with op.batch_alter_table("lens") as lens:
            lens.alter_column("fingerprint", type_=sa.Text(), existing_nullable=False)
            lens.add_column(sa.Column("note", sa.String(), server_default="new", nullable=False))
        """,
    )
    assert migrate(engine).after == "9000"
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pet")) == 1
        assert connection.scalar(text("SELECT note FROM lens")) == "new"
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_migration_that_breaks_references_is_undone(engine: Engine, next_revision: Path) -> None:
    """PostgreSQL watches references itself; on SQLite, where it cannot, we look before we commit."""
    write(next_revision, 'op.execute("INSERT INTO story_revision VALUES (77, 1, 0, 0, 0)")')
    with pytest.raises(BrokenReferences, match="story_revision"):
        migrate(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM story_revision")) == 0


def test_stories_taken_in_before_are_found_and_alert_nobody(empty: Engine, next_revision: Path) -> None:
    """Stories from before 0004 are found by category and impact as well, and none of them is news again."""
    later = {path: path.read_text() for path in next_revision.parent.glob("000[4-9]*.py")}
    for path in later:
        path.unlink()
    migrations._scripts.cache_clear()
    migrate(empty)
    with writing(empty) as session:
        at = "'2026-01-08 00:00:00+00:00'"
        session.execute(text(f"INSERT INTO story VALUES (1, 'k', 'Title', '2026-01-08', 2, {at}, {at})"))
        for number, category in ((1, "Old"), (2, "Policy")):
            document = f'{{"category": "{category}", "impact": null}}'
            values = {"number": number, "document": document}
            row = f"INSERT INTO story_revision VALUES (1, :number, {at}, 'f', :document)"
            if empty.dialect.name == "postgresql":
                row = row.replace(":document", "CAST(:document AS JSONB)")
            session.execute(text(row), values)
    for path, kept in later.items():
        path.write_text(kept)
    migrations._scripts.cache_clear()
    migrate(empty)
    with empty.connect() as connection:
        assert connection.execute(text("SELECT category, impact, watched FROM story")).all() == [
            ("Policy", None, 2)
        ]
