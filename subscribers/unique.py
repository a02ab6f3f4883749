"""Rows that must exist once, whoever is the first to write them.

Both databases know INSERT .. ON CONFLICT; SQLAlchemy has a construct for each.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from subscribers.columns import Base


def insert_new(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those of `rows` that break no unique key, and return how many; the others are there already.

    Waits for a transaction that is about to write the same row.
    """
    new = _insert(session, table).on_conflict_do_nothing()
    done = session.execute(new, rows, execution_options={"preserve_rowcount": True})
    assert isinstance(done, CursorResult)
    return done.rowcount


def count_up(session: Session, table: type[Base], key: Mapping[str, Any], by: int = 1) -> int:
    """Add to the `count` of the row with that primary key, which begins at 0; returns the sum."""
    columns = table.__table__.columns
    statement = _insert(session, table).values(**key, count=by)
    statement = statement.on_conflict_do_update(index_elements=list(key), set_={"count": columns.count + by})
    total: int = session.execute(statement.returning(columns.count)).scalar_one()
    return total


def _insert(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    assert isinstance(table.__table__, Table)
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table.__table__)
    return postgresql.insert(table.__table__)
