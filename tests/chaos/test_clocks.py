"""Clocks that jump: hours ahead, back, a month ahead. Nothing goes out twice, nor early on PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.tick import tick
from tests.chaos.books import check, opened
from tests.chaos.conftest import MakeWorld
from tests.chaos.smtp_sink import smtp_sink
from tests.chaos.storm import HURRY, prepare
from tests.chaos.warm import WarmMachine
from tests.chaos.world import World, new_world
from tests.processes import eventually

#: a clock that goes wrong by as many seconds as a file says, in our program and in what it imports
WRONG_CLOCK = """
import datetime as _dt, pathlib as _pathlib
_shift = _pathlib.Path({file!r})
class _Wrong(_dt.datetime):
    @classmethod
    def now(cls, tz=None):
        return _dt.datetime.now(tz) + _dt.timedelta(seconds=float(_shift.read_text()))
from newsletter import serving, tasks
from newsletter.providers import dates
for _module in (serving, tasks, dates):
    _module.datetime = _Wrong
"""
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "jumps",
    [
        (2 * HOUR, -4 * HOUR, 2 * HOUR),
        (-2 * HOUR, 2 * HOUR),
        (31 * 24 * HOUR, -31 * 24 * HOUR),
        (-24 * HOUR, 25 * HOUR, -HOUR, HOUR),
    ],
    ids=["ahead and back", "behind", "a month ahead", "a day behind"],
)
def test_time_that_jumps_between_ticks(make_world: MakeWorld, jumps: Sequence[timedelta]) -> None:
    """Whatever the time is said to be, an issue goes out once, to each reader once, and counts add up."""
    world = make_world()
    services = world.services()
    now = world.now - HOUR / 2
    tick(services, now)
    for jump in jumps:
        now += jump
        tick(services, now)
    for _ in range(2):
        tick(services, now + 2 * HOUR)
    services.engine.dispose()
    books = opened(world)
    assert set(books.taken.values()) == {1}
    assert all(found.adds_up for found in books.proofs.values())
    assert len({copy.occasion for copy in books.taken}) == 1, "one day's news, told once"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("wrong", [2 * HOUR, -2 * HOUR, 31 * 24 * HOUR], ids=["ahead", "behind", "a month"])
def test_a_machine_whose_clock_is_wrong(database_url: str, tmp_path: Path, wrong: timedelta) -> None:
    """On PostgreSQL it does nothing until its clock is right, be it wrong from the start or in mid-run."""
    with smtp_sink(seconds=0.05) as sink:
        world = new_world(tmp_path, database_url, sink, readers=60, letters=20, real_time=True)
        prepare(world)
        shift = tmp_path / "shift"
        set_clock(shift, wrong)
        first = HURRY + WRONG_CLOCK.format(file=str(shift)) + "system.LOOK = 1\n"
        with WarmMachine(world.environ) as machine:
            programs = [machine.start(role, first=first) for role in ("worker", "clock")]
            for program in programs:
                program.says("clock_is_wrong")
            assert (sink.taken.total(), world.issue()) == (0, None)
            set_clock(shift, timedelta())
            eventually(lambda: sink.taken.total() > 5)
            set_clock(shift, wrong)
            eventually(lambda: all(one.said.count("clock_is_wrong") == 2 for one in programs))
            set_clock(shift, timedelta())
            eventually(lambda: is_over(world))
            assert machine.leave() == [0, 0]
        assert check(world) == {"accepted": 80}


def set_clock(file: Path, wrong: timedelta) -> None:
    """At once, so that nobody reads half of it."""
    draft = file.with_suffix(".new")
    draft.write_text(str(wrong.total_seconds()))
    draft.replace(file)


def is_over(world: World) -> bool:
    issue = world.issue()
    return issue is not None and issue.state == "finished"
