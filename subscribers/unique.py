"""Rows that must exist once, whoever is the first to write them.

Both databases know INSERT .. ON CONFLICT DO NOTHING; SQLAlchemy has a construct for each.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from subscribers.columns import Base


def insert_new(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of `rows` that break no unique key; the others are there already.

    Waits for a transaction that is about to write the same row.
    """
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    session.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
