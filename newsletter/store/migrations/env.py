"""Run by Alembic for every command: on the connection that `newsletter.store.migrate` hands in."""

from typing import Any, Literal

from alembic import context
from sqlalchemy.types import TypeEngine

from newsletter.models import Base
from subscribers.columns import BigKey, Document, UTCDateTime

#: our own types, by the names under which a revision imports them
TYPES: dict[str, TypeEngine[Any]] = {"BigKey": BigKey, "Document": Document, "UTCDateTime()": UTCDateTime()}


def spelled(kind: str, value: Any, _context: object) -> str | Literal[False]:
    """How a revision spells a type of ours; False leaves it to Alembic."""
    if kind == "type":
        return next((name for name, ours in TYPES.items() if repr(value) == repr(ours)), False)
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite cannot alter a table; Alembic makes it anew and copies the rows
    render_as_batch=True,
    render_item=spelled,
)
context.run_migrations()
