"""Rows that must exist once, whoever is the first to write them.

Both databases know INSERT .. ON CONFLICT; SQLAlchemy has a construct for each.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from subscribers.columns import Base


def insert_new(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of `rows` that break no unique key; the others are there already.

    Waits for a transaction that is about to write the same row.
    """
    session.execute(_insert(session, table).on_conflict_do_nothing(), rows)


def count_up(session: Session, table: type[Base], key: Mapping[str, Any]) -> int:
    """Add one to the `count` of the row with that primary key, which begins at 0; returns the sum."""
    columns = table.__table__.columns
    statement = _insert(session, table).values(**key, count=1)
    statement = statement.on_conflict_do_update(index_elements=list(key), set_={"count": columns.count + 1})
    total: int = session.execute(statement.returning(columns.count)).scalar_one()
    return total


def _insert(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    assert isinstance(table.__table__, Table)
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table.__table__)
    return postgresql.insert(table.__table__)
