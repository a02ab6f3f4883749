"""`rarely`: tells SQLite that a condition holds for next to no rows, so that it goes by its index first.

SQLite counts no rows by itself, and takes an equality for more telling than any range.
"""

from typing import Any, Self

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType


def rarely(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same condition. PostgreSQL, which counts, is told nothing."""
    return _Rarely(condition)


class _Rarely(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002
        # else SQLite is asked whether it `= 1`, and goes by no index
        return self


@compiles(_Rarely, "postgresql")
def _bare(element: _Rarely, compiler: Any, **options: Any) -> str:
    [condition] = (compiler.process(clause, **options) for clause in element.clauses)
    return str(condition)


@compiles(_Rarely, "sqlite")
def _likely(element: _Rarely, compiler: Any, **options: Any) -> str:
    # https://www.sqlite.org/lang_corefunc.html#likelihood
    [condition] = (compiler.process(clause, **options) for clause in element.clauses)
    return f"likelihood({condition}, 0.0000001)"
