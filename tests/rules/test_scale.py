"""The simulation behind docs/scale.md."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import scale

PAPER = Path(__file__).parents[2] / "docs" / "scale.md"


def test_the_paper_shows_what_the_simulation_gives() -> None:
    """Nobody can change a constant or a rule without the paper saying so."""
    assert scale.table() in PAPER.read_text(encoding="utf-8")


def test_everybody_has_an_hour() -> None:
    """The assumed day holds all readers, at 24 hours."""
    assert len(scale.HOURS) == 24
    assert sum(scale.HOURS) == pytest.approx(1)


@settings(max_examples=20, deadline=None)
@given(
    readers=st.integers(10_000, 5_000_000),
    workers=st.integers(1, 4),
    hours=st.lists(st.floats(0, 1), min_size=1, max_size=3),
)
def test_a_day_obeys_the_rate_of_its_workers(readers: int, workers: int, hours: list[float]) -> None:
    """No minute sees more mails leave than the workers can hand over, and more workers wait no longer."""
    day, helped = scale.simulate(readers, workers, hours), scale.simulate(readers, workers + 1, hours)
    assert day.busiest <= workers * 60_000_000 / scale.SEND
    assert helped.wait <= day.wait
    assert helped.backlog <= day.backlog


def test_what_is_due_in_one_hour_leaves_in_the_time_that_it_takes() -> None:
    """One hour of mails and one worker: the wait is their number times what one takes, in whole minutes."""
    readers = 1_000_000
    assert scale.simulate(readers, 1, [1.0]).wait == -(-readers * scale.SEND // 60_000_000)
