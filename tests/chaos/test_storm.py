"""Killed at random: one to three workers and two clocks, over servers that fail in every way."""

from pathlib import Path

import pytest

from tests.chaos.conftest import SINKS
from tests.chaos.storm import blow
from tests.chaos.world import new_world


@pytest.mark.parametrize("provider", SINKS)
def test_a_storm(provider: str, database_url: str, tmp_path: Path) -> None:
    """However they die and whatever fails: nobody twice, nobody lost, and the issue is finished."""
    seed = len(provider) + len(database_url.partition(":")[0])
    # a request carries many mails, so there are fewer of them to go wrong
    trouble = 0.15 if provider == "sendgrid" else 0.03
    with SINKS[provider](seed=seed, trouble=trouble, seconds=0.02) as sink:
        world = new_world(tmp_path, database_url, sink, readers=120, letters=30, real_time=True)
        toll = blow(world, seed=seed, blows=5)
    assert toll.kills
    assert toll.troubles
    assert toll.states["accepted"] > len(world.readers) / 2
