"""Does what a process of ours does, and kills itself at a point: `python -m tests.chaos.driver`.

The real functions are wrapped here, so that the program itself has no hooks. Each order on standard
input is one such process, forked from this one, which has everything imported; answered is how it ended.
"""

import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from importlib import import_module
from operator import attrgetter
from typing import Any, NoReturn

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from newsletter.cli.logs import configure_logs
from newsletter.tick import tick
from newsletter.wiring import Services
from tests.chaos import acts
from tests.chaos.points import Moment, Point
from tests.chaos.world import built
from tests.conftest import SETTINGS

ACTS: dict[str, Callable[[Services, datetime], object]] = {"tick": tick, **acts.ACTS}


def die(*_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives this")


def set_trap(point: Point) -> None:
    """Let whoever comes to the point die there."""
    module, _, path = point.where.partition(":")
    holder_path, _, name = path.rpartition(".")
    holder: Any = import_module(module)
    if holder_path:
        holder = attrgetter(holder_path)(holder)
    original = getattr(holder, name)
    calls = 0

    @wraps(original)
    def trapped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != point.nth:
            return original(*arguments, **options)
        if point.moment is Moment.CALLED:
            die()
        if point.moment is Moment.INSIDE:
            event.listen(Engine, "after_cursor_execute", _die_after(point.statement))
        result = original(*arguments, **options)
        if point.moment is Moment.RETURNED:
            die()
        if point.moment is Moment.COMMITTED:
            event.listen(Session, "after_commit", die)
        return result

    setattr(holder, name, trapped)


def _die_after(words: str) -> Callable[..., None]:
    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(words):
            die()

    return listen


def live(order: dict[str, Any]) -> None:
    """One process's life."""
    if order["point"]:
        set_trap(Point(**{**order["point"], "moment": Moment(order["point"]["moment"])}))
    ACTS[order["act"]](built(order["environ"]), datetime.fromisoformat(order["now"]))


def main() -> None:
    configure_logs(logging.CRITICAL)
    # its renderer is warm in every fork
    built(SETTINGS)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                live(json.loads(line))
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
