"""Statements and templates are compiled once in a process, as in one that serves, though nearly every test
opens an engine and builds a renderer of its own. It halves the time of the suite."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

import pytest
from jinja2 import Environment
from sqlalchemy import Connection, Engine, event
from sqlalchemy.util import LRUCache

#: statements; an engine keeps 500 by itself
KEPT = 4_000


@contextmanager
def compiled_once() -> Iterator[None]:
    """As long as it is open."""
    statements = _Statements()

    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=statements)

    event.listen(Engine, "engine_connect", share)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", _Templates().compile)
        yield
    event.remove(Engine, "engine_connect", share)


class _Statements:
    """Compiled statements of all engines; SQLAlchemy's own keys tell the engines apart as well."""

    def __init__(self) -> None:
        self._kept: LRUCache[Any, Any] = LRUCache(KEPT)

    def get(self, key: tuple[Any, ...]) -> Any:
        return self._kept.get(_by_name(key))

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._kept[_by_name(key)] = compiled


def _by_name(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *rest = key
    return dialect.name, dialect.driver, *rest


class _Templates:
    """Compiled templates of all environments that write text alike."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], CodeType] = {}
        self._compile = Environment.compile

    @property
    def compile(self) -> Any:
        def compile_once(
            environment: Environment, source: str, name: str | None = None, filename: str | None = None
        ) -> CodeType:
            escape = environment.autoescape
            ways = environment.trim_blocks, environment.lstrip_blocks, environment.undefined
            key = source, name, filename, *ways, escape(name) if callable(escape) else escape
            if key not in self._kept:
                self._kept[key] = self._compile(environment, source, name, filename)
            return self._kept[key]

        return compile_once
