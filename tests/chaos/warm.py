"""Programs that start at once: forked from one that has everything imported, and from then on on their own.

`python -m tests.chaos.warm` is that one. It reads orders, one a line: to start a program, or to tell how
one ended. An import takes longer than all that most of these programs live to do.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from newsletter.config import ROOT
from tests.processes import Machine


class WarmMachine(Machine):
    """One whose programs are forked; `first` runs after their imports, and has imports of its own."""

    def spawn(self, code: str, arguments: tuple[str, ...], environ: dict[str, str], log: Path) -> "Forked":
        order = {"code": code, "arguments": arguments, "environ": environ, "log": str(log)}
        return Forked(_nursery().ask(order))


@dataclass
class Forked:
    """A process, though not a child of ours: only who forked it is told how it ended."""

    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = _nursery().ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The one that forks, as those see it who order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.warm"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, order: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@cache
def _nursery() -> Nursery:
    nursery = Nursery()
    atexit.register(nursery.close)
    return nursery


def main() -> None:
    import newsletter.cli.main

    assert newsletter.cli.main
    for line in sys.stdin:
        order = json.loads(line)
        if "ended" in order:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif not (answer := os.fork()):
            become(order)
            break
        print(json.dumps(answer), flush=True)


def become(order: dict[str, Any]) -> None:
    """The program that is ordered; what it raises, and how it ends, is Python's own business."""
    log = Path(order["log"])
    for descriptor, place, how in (
        (0, os.devnull, os.O_RDONLY),
        (1, log, os.O_WRONLY),
        (2, log, os.O_WRONLY),
    ):
        opened = os.open(place, how | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(log.parent)
    os.environ.clear()
    os.environ.update(order["environ"])
    sys.argv = ["-c", *order["arguments"]]
    exec(order["code"], {"__name__": "__main__"})


if __name__ == "__main__":
    main()
