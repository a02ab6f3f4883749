"""Two machines at one moment: what another one does while a step of ours is in the midst."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

from newsletter.store.engine import reading
from newsletter.wiring import Services

#: transactions of this database that wait for another one's row
_WAIT = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@dataclass
class Other:
    """What the other machine does, in a thread of its own."""

    services: Services
    action: Callable[[], object]
    began: bool = False
    #: whether it had to wait for us
    waited: bool = False
    _faults: list[BaseException] = field(default_factory=list)

    def begin(self) -> None:
        """Returns once it is done, or waits for us."""
        self.began = True
        self._thread = Thread(target=self._work)
        self._thread.start()
        deadline = time.monotonic() + 10
        while self._thread.is_alive() and not self.waited:
            assert time.monotonic() < deadline, "it neither ends nor waits"
            time.sleep(0.01)
            self.waited = self._waits()

    def end(self) -> None:
        """Waits for its end; what it raised is raised."""
        assert self.began, "the step never came to the place"
        self._thread.join()
        if self._faults:
            raise self._faults[0]

    def _waits(self) -> bool:
        if self.services.engine.dialect.name == "sqlite":
            return self._thread.is_alive()
        with reading(self.services.engine) as session:
            return bool(session.scalar(_WAIT))

    def _work(self) -> None:
        try:
            self.action()
        except BaseException as fault:
            self._faults.append(fault)


@contextmanager
def beside(services: Services, where: str, action: Callable[[], object]) -> Iterator[Other]:
    """Lets the action happen on another machine when a step in the block first comes to `where`, a
    `module:name`; the step goes on once the other one is done, or waits for it. Both have ended behind the
    block."""
    module_name, _, name = where.partition(":")
    module = import_module(module_name)
    original, other = getattr(module, name), Other(services, action)

    @wraps(original)
    def met(*arguments: Any, **options: Any) -> Any:
        if not other.began:
            other.begin()
        return original(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, met)
        yield other
        other.end()
