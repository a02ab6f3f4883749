"""kill -9 at every numbered point of a tick, from the plan to the finished issue."""

import pytest

from tests.chaos.books import check
from tests.chaos.conftest import Driver, MakeWorld
from tests.chaos.points import TICK, Point


@pytest.mark.parametrize("point", TICK, ids=str)
def test_death_at_every_point_of_a_tick(driver: Driver, make_world: MakeWorld, point: Point) -> None:
    """Whoever dies there, the next one finishes: nobody twice, nobody lost, and as few in doubt as said."""
    world = make_world(provider=point.provider)
    driver.die(world, "tick", point)
    world.finish()
    found = check(world)
    assert found["unknown"] == point.in_doubt
    assert found["accepted"] == len(world.readers) - point.in_doubt
