"""What the crash tests ask for: worlds to break, and somebody who dies where he is told."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from signal import SIGKILL

import pytest

from newsletter.config import ROOT
from tests.chaos.points import PORTION, Point
from tests.chaos.sendgrid_sink import sendgrid_sink
from tests.chaos.smtp_sink import smtp_sink
from tests.chaos.world import World, new_world

SINKS = {"smtp": smtp_sink, "sendgrid": sendgrid_sink}


class Driver:
    """Lives the lives of processes, one after the other; see `driver`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def live(self, world: World, act: str, now: datetime | None = None) -> None:
        """A process that does this and ends well."""
        assert self._order(world, act, now, None) == 0

    def die(self, world: World, act: str, point: Point) -> None:
        """A process that dies at the point."""
        assert self._order(world, act, None, point) == -SIGKILL

    def _order(self, world: World, act: str, now: datetime | None, point: Point | None) -> int:
        order = {
            "environ": world.environ,
            "act": act,
            "now": (now or world.now).isoformat(),
            "point": point and asdict(point),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.driver"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Driver(process)
        assert process.stdin is not None
        process.stdin.close()


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path, database_url: str) -> Iterator[MakeWorld]:
    """Makes the test's world: a day in January on which nothing has happened yet, and a sink."""
    with ExitStack() as opened:

        def make(*, provider: str = "smtp", readers: int = 3 * PORTION, letters: int = 0) -> World:
            sink = opened.enter_context(SINKS[provider]())
            world = new_world(tmp_path, database_url, sink, readers=readers, letters=letters, real_time=False)
            world.environ |= {"MAILS_IN_DOUBT": str(PORTION), "MAILS_PER_CLAIM": str(2 * PORTION)}
            return world

        yield make
