"""Two of everything, and people who act in mid-run: pause, cancel, leave, ask to be forgotten."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.models import Delivery
from newsletter.store.engine import writing
from newsletter.tick import tick, tick_issues
from newsletter.wiring import Services
from tests.chaos import acts
from tests.chaos.books import check, count_open
from tests.chaos.conftest import MakeWorld
from tests.chaos.points import PORTION
from tests.chaos.smtp_sink import smtp_sink
from tests.chaos.storm import HURRY, prepare
from tests.chaos.test_kill_acts import free_port
from tests.chaos.warm import WarmMachine
from tests.chaos.world import World, new_world
from tests.processes import eventually


def at_once(*actions: Callable[[], object]) -> None:
    """All of them, each in a thread; what one raises is raised."""
    faults: list[BaseException] = []

    def doing(action: Callable[[], object]) -> Callable[[], None]:
        def do() -> None:
            try:
                action()
            except BaseException as fault:
                faults.append(fault)

        return do

    threads = [threading.Thread(target=doing(action)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_whole_services_on_one_file(database_url: str, tmp_path: Path) -> None:
    """Two `newsletter run` on one SQLite file: one issue, one mail for each, and both leave in order."""
    with smtp_sink(seconds=0.01) as sink:
        world = new_world(tmp_path, database_url, sink, readers=60, letters=20, real_time=True)
        prepare(world)
        with WarmMachine(world.environ) as machine:
            for _ in range(2):
                machine.start("run", first=HURRY, PORT=str(free_port()))
            eventually(lambda: count_open(world.url) == 0)
            assert machine.leave() == [0, 0]
        assert check(world) == {"accepted": 80}


def test_two_ticks_at_once(make_world: MakeWorld) -> None:
    """Ticks that strike together, as cron may let them, do together what one would have done."""
    world = make_world(letters=10)
    several = [world.services() for _ in range(3)]
    at_once(*(lambda s=services: tick(s, world.now) for services in several))
    world.finish()
    for services in several:
        services.engine.dispose()
    assert check(world) == {"accepted": len(world.readers) + 10}


class Interrupted:
    """An issue going out in a thread, by small claims, over a server that takes its time."""

    def __init__(self, world: World) -> None:
        world.environ |= {"MAILS_IN_DOUBT": "2", "MAILS_PER_CLAIM": "4"}
        world.sink.seconds = 0.04
        self.world = world
        self.services = world.services()
        tick_issues(self.services, world.now)

    def act(self, *acting: Callable[[Services, datetime], object]) -> None:
        """Do these as soon as some mail has left, while more is leaving; then let all that is left leave."""

        def interrupt() -> None:
            eventually(lambda: self.world.sink.taken.total() >= PORTION)
            for act in acting:
                act(self.services, self.world.now)

        hands = self.world.services()
        at_once(lambda: tick(hands, self.world.now), interrupt)
        hands.engine.dispose()

    def state_of(self, address: str) -> str:
        """Where the mail to this address stands once nobody holds its row: no claim that began before."""
        [reader] = [number for number, known in self.world.readers.items() if known == address]
        with writing(self.services.engine) as session:
            mine = select(Delivery.state).where(Delivery.subscriber_id == reader)
            return session.scalars(mine.with_for_update()).one()

    def end(self) -> None:
        self.services.engine.dispose()
        self.world.finish()


def test_a_pause_in_mid_run(make_world: MakeWorld) -> None:
    """Pause holds from the next claim on, resume lets the rest leave; nobody gets anything twice."""
    run = Interrupted(make_world())
    run.act(acts.pause)
    before = run.world.sink.taken.total()
    # what was in hand, at most a claim
    assert before < len(run.world.readers)
    tick(run.services, run.world.now + timedelta(minutes=30))
    assert run.world.sink.taken.total() == before
    acts.resume(run.services, run.world.now)
    run.end()
    assert check(run.world) == {"accepted": len(run.world.readers)}


def test_a_cancel_in_mid_run(make_world: MakeWorld) -> None:
    """Cancel stops what is not marked yet; the counts add up, and say how many it stopped."""
    run = Interrupted(make_world())
    run.act(acts.cancel)
    run.end()
    found = check(run.world)
    assert found["cancelled"] > 0
    assert found["cancelled"] + found["accepted"] == len(run.world.readers)
    assert found["accepted"] == run.world.sink.taken.total()


@pytest.mark.parametrize("leaving", [acts.unsubscribe, acts.erase])
def test_people_leave_in_mid_run(
    make_world: MakeWorld, leaving: Callable[[Services, datetime, str], None]
) -> None:
    """Who left while their mail waited gets nothing; the others get theirs, and the counts add up."""
    run = Interrupted(make_world())
    kept_back: set[str] = set()

    def several_leave(services: Services, now: datetime) -> None:
        for address in list(run.world.readers.values())[::-3]:
            leaving(services, now, address)
            # whoever is still in the outbox after their leaving can only be withheld
            if run.state_of(address) in ("queued", "withheld"):
                kept_back.add(address)

    run.act(several_leave)
    run.end()
    found = check(run.world)
    assert kept_back
    assert not kept_back & {copy.to for copy in run.world.sink.taken}
    assert found["withheld"] == len(kept_back)
    assert found["accepted"] == len(run.world.readers) - len(kept_back)


def test_a_hold_before_it_appears(make_world: MakeWorld) -> None:
    """A hold just before its time keeps the whole issue back; it expires, and says so."""
    world = make_world()
    services = world.services()
    tick_issues(services, world.now - timedelta(minutes=90))
    acts.hold(services, world.now)
    tick(services, world.now)
    assert not world.sink.taken
    tick(services, world.now + timedelta(hours=12))
    services.engine.dispose()
    issue = world.issue()
    assert issue is not None
    assert (issue.state, world.sink.taken.total()) == ("expired", 0)
