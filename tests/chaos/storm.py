"""The storm: workers and clocks as real processes, killed and frozen at random, over a sink that fails.

`benchmarks.chaos` lets it blow for as long as one likes; the tests for some seconds.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from newsletter.config import ROOT
from newsletter.models.delivery import OPEN
from tests.chaos.books import check, count_open, opened
from tests.chaos.warm import WarmMachine
from tests.chaos.world import World
from tests.processes import SHORT_LEASES, Machine, Program, eventually

#: what is waited for in minutes otherwise is waited for in seconds; no rule is changed
HURRY = f"""{SHORT_LEASES}
from datetime import timedelta
from newsletter.cli import system
from newsletter.dispatch import dispatcher, pace, settling, unknown
from newsletter.providers import sendgrid, smtp
brief = timedelta(seconds=1)
system.STROKES = tuple((min(seconds, 1), stroke) for seconds, stroke in system.STROKES)
dispatcher.BETWEEN_CHECKS = 1
unknown.ALERT_WAIT = brief
pace.FIRST_CLOSING = pace.LONGEST_CLOSING = smtp._SOON = brief
settling.waiting = lambda attempt, delivery_id: brief
for provider in (smtp.SmtpProvider, sendgrid.SendGridProvider):
    provider.__init__.__kwdefaults__["timeout"] = 2 * brief
"""
#: mails handed over between two commits
PORTION = 5
#: threads of a worker
HANDS = 4


@dataclass
class Toll:
    """What it did, and what became of the mail."""

    kills: int = 0
    frozen: int = 0
    states: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)


def prepare(world: World) -> None:
    world.environ |= {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "MAILS_IN_DOUBT": str(PORTION),
        "MAILS_PER_CLAIM": str(4 * PORTION),
    }


def blow(
    world: World,
    *,
    seed: int,
    blows: int,
    longest_sleep: float = 2.0,
    disturb: Callable[[random.Random], object] = lambda _: None,
    is_over: Callable[[], bool] | None = None,
) -> Toll:
    """Kill, freeze and start anew in mid-run, up to so often; then let them finish, and check every promise.

    `disturb` is called after each blow, for whatever else may break. Where it makes more mails of its own,
    `is_over` says whether all of them have come to their end.
    """
    prepare(world)
    chance = random.Random(seed)
    toll = Toll()
    mails = len(world.readers) + len(world.asked)
    with WarmMachine(world.environ) as machine:
        roles = ["clock", "clock"] + ["worker"] * chance.randint(1, 3)
        running = [machine.start(role, first=HURRY) for role in roles]
        for _ in range(blows):
            if not _more_left(world, chance.randint(1, mails // (blows + 2))) and not is_over:
                break
            place = chance.randrange(len(roles))
            _strike(running[place], chance, longest_sleep, toll)
            if not running[place].lives():
                running[place] = machine.start(roles[place], first=HURRY)
            disturb(chance)
        world.sink.heal()
        _let_finish(world, machine, roles, running, is_over or (lambda: True))
        for program in running:
            program.says("Ctrl-C ends it")
        codes = machine.leave()
        assert codes == [0] * len(roles), [program.said[-3000:] for program in running]
    toll.states, toll.troubles = check(world), world.sink.troubles
    assert toll.states["unknown"] <= world.sink.untold + (toll.kills + toll.frozen) * HANDS * PORTION
    return toll


def _let_finish(
    world: World,
    machine: Machine,
    roles: list[str],
    running: list[Program],
    no_more_comes: Callable[[], bool],
) -> None:
    """Waits until every mail has its fate and the issue its end.

    Whoever ended meanwhile is started anew, as a platform does: to start without a database is a failure.
    """

    def is_over() -> bool:
        for place, program in enumerate(running):
            if not program.lives():
                running[place] = machine.start(roles[place], first=HURRY)
        return count_open(world.url) == 0 and no_more_comes()

    try:
        eventually(is_over, seconds=120)
    except AssertionError:
        books = opened(world)
        left = [
            (row.id, row.kind, row.state, row.reason, row.due_at) for row in books.rows if row.state in OPEN
        ]
        issues = [(issue.state, issue.reason) for issue in books.issues]
        raise AssertionError(issues, left[:20], [program.said[-3000:] for program in running]) from None


def _more_left(world: World, mails: int) -> bool:
    """Waits until so many more are taken, and not for ever: all may be dead, or told to wait.

    Whether anything is left to do.
    """
    enough, deadline = world.sink.taken.total() + mails, time.monotonic() + 10
    while world.sink.taken.total() < enough and time.monotonic() < deadline:
        if world.sink.taken.total() > mails and count_open(world.url) == 0:
            return False
        time.sleep(0.05)
    return True


def _strike(program: Program, chance: random.Random, longest_sleep: float, toll: Toll) -> None:
    """Kill it, or let it sleep for a while: it does not know, and its lease may run out."""
    if chance.random() < 0.75:
        program.process.kill()
        program.end()
        toll.kills += 1
        return
    program.process.send_signal(signal.SIGSTOP)
    time.sleep(chance.uniform(0.2, longest_sleep))
    program.process.send_signal(signal.SIGCONT)
    toll.frozen += 1
