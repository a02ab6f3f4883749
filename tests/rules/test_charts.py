"""Charts: round axes, bars that start at nought, lines that stay within the drawing."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.web.desk.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, bar_chart, line_chart, ticks

COUNTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=60)


def test_axes_have_round_numbers() -> None:
    """A scale is read at a glance: steps of 1, 2 or 5, from below the least to above the most."""
    assert ticks(0, 37) == [0, 10, 20, 30, 40]
    assert ticks(2_690, 3_032) == [2_600, 2_700, 2_800, 2_900, 3_000, 3_100]
    assert ticks(-3, 9) == [-5, 0, 5, 10]
    assert ticks(0, 1) == [0, 1]


@settings(max_examples=50)
@given(COUNTS, COUNTS)
def test_nothing_is_drawn_outside(up: list[int], down: list[int]) -> None:
    """Every bar and every point of a line lies within the axes, and no bar is missing."""
    labels = [str(n) for n in range(len(up))]
    below = (down * len(up))[: len(up)]
    chart = bar_chart("Bars", "", labels, ("up", up), ("down", below))
    assert len(chart.bars) == sum(n > 0 for n in up) + sum(n > 0 for n in below)
    for bar in chart.bars:
        assert LEFT <= bar.x <= bar.x + bar.width <= WIDTH - RIGHT + 0.1
        assert TOP <= bar.y <= bar.y + bar.height <= HEIGHT - BOTTOM + 0.2
        assert bar.up is (bar.y < chart.base - 0.05 or bar.height == 0) or bar.height < 0.1
    [line] = line_chart("Line", "", labels, [("line", up)]).lines
    for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", line.path):
        assert LEFT <= float(x) <= WIDTH - RIGHT + 0.1
        assert TOP <= float(y) <= HEIGHT - BOTTOM


def test_what_is_not_known_is_a_gap() -> None:
    """A line says nothing where nothing is known: it stops, and begins anew."""
    [line] = line_chart("Line", "", list("abcde"), [("line", [1, 2, None, 3, 4])]).lines
    assert re.sub(r"[\d. ]+", "", line.path) == "MLML"


def test_what_hardly_changes_looks_flat() -> None:
    """A line begins above nought only where it changes enough to be looked at."""
    assert line_chart("Line", "", list("ab"), [("line", [3_000, 3_001])]).upwards[0].text == "0"
    assert line_chart("Line", "", list("ab"), [("line", [2_700, 3_000])]).upwards[0].text == "2,700"
    assert (
        line_chart("Line", "", list("ab"), [("line", [0.01, 0.012])], percent=True).upwards[0].text == "0 %"
    )


def test_no_number_at_all_is_still_a_chart() -> None:
    """Before anything was counted the axes stand there empty."""
    assert bar_chart("Bars", "", [], ("up", [])).bars == []
    assert line_chart("Line", "", [], []).lines == []
