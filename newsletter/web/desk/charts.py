"""Charts as plain shapes: numbers in, coordinates out, which `templates/web/desk/charts.html` draws.

Pure. All lengths are in units of the drawing, whose size is WIDTH by HEIGHT.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

WIDTH, HEIGHT = 480, 210
#: around the plot: numbers on the left, dates below
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 10, 26
#: from one bar to the next, of which so much stays free
FREE = 0.25


@dataclass(frozen=True, slots=True)
class Mark:
    """A label of an axis, and where it stands on it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    #: of an SVG path; empty where nothing is known
    path: str


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    #: what it shows, in words
    text: str
    #: upwards from nought, or downwards
    up: bool


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    #: what one sees, in a sentence, for whoever does not
    summary: str
    across: Sequence[Mark]
    upwards: Sequence[Mark]
    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    #: where nought is
    base: float = HEIGHT - BOTTOM


def ticks(low: float, high: float, *, most: int = 4, whole: bool = True) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`, about `most` steps apart."""
    step = max((high - low) / most, 1 if whole else 1e-6)
    size = 10 ** floor(log10(step))
    step = next(size * n for n in (1, 2, 5, 10) if size * n >= step * (1 - 1e-9))
    first, last = floor(low / step + 1e-9), -floor(-high / step + 1e-9)
    return [n * step for n in range(first, max(last, first + 1) + 1)]


def line_chart(
    title: str,
    summary: str,
    labels: Sequence[str],
    lines: Sequence[tuple[str, Sequence[float | None]]],
    *,
    percent: bool = False,
) -> Chart:
    """One line for each name; where a value is None it has a gap."""
    values = [value for _, line in lines for value in line if value is not None]
    low, high = min(values, default=0), max([*values, 0.001 if percent else 1])
    # what changes little begins above nought, so that one sees it; what hardly changes does not
    if percent or not 0.01 * high < high - low < 0.5 * high:
        low = 0
    marks = ticks(low, high, whole=not percent)
    places = _places(len(labels))
    return Chart(
        title,
        summary,
        _across(labels, places),
        [Mark(_height(mark, marks), _number(mark, percent=percent)) for mark in marks],
        lines=[Line(name, _path(places, line, marks)) for name, line in lines],
    )


def bar_chart(
    title: str,
    summary: str,
    labels: Sequence[str],
    up: tuple[str, Sequence[int]],
    down: tuple[str, Sequence[int]] | None = None,
) -> Chart:
    """A bar for each number: `up` from nought upwards, `down` below it, each with its name."""
    below = max(down[1], default=0) if down else 0
    marks = ticks(-below, max([*up[1], 1]))
    base, width = _height(0, marks), (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    places = [LEFT + width * (place + 0.5) for place in range(len(labels))]
    bars = []
    for (name, numbers), is_up in ((up, True), (down or ("", ()), False)):
        for place, label, number in zip(places, labels, numbers, strict=False):
            end = _height(number if is_up else -number, marks)
            if number > 0:
                text = f"{label}: {number:,} {name}"
                size = width * (1 - FREE)
                bars.append(
                    Bar(
                        _round(place - size / 2),
                        min(base, end),
                        _round(size),
                        _round(abs(end - base)),
                        text,
                        is_up,
                    )
                )
    axis = [Mark(_height(mark, marks), _number(abs(mark))) for mark in marks]
    return Chart(title, summary, _across(labels, places), axis, bars=bars, base=base)


def _places(number: int) -> list[float]:
    room = WIDTH - LEFT - RIGHT
    return [LEFT + room * place / max(1, number - 1) for place in range(number)]


def _across(labels: Sequence[str], places: Sequence[float]) -> list[Mark]:
    """So many labels as have room, evenly apart."""
    apart = max(1, -(-len(labels) // 5))
    return [Mark(_round(places[n]), labels[n]) for n in range(apart // 2, len(labels), apart)]


def _height(value: float, marks: Sequence[float]) -> float:
    share = (value - marks[0]) / (marks[-1] - marks[0])
    return _round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))


def _path(places: Sequence[float], values: Sequence[float | None], marks: Sequence[float]) -> str:
    parts, is_drawn = [], False
    for place, value in zip(places, values, strict=True):
        if value is not None:
            parts.append(f"{'L' if is_drawn else 'M'}{_round(place)} {_height(value, marks)}")
        is_drawn = value is not None
    # a single point is no line: a short one shows it
    return " ".join(parts) + ("h1" if len(parts) == 1 else "")


def _number(value: float, *, percent: bool = False) -> str:
    if percent:
        return f"{value * 100:.4g} %"
    return f"{value / 1000:,.4g}k" if value >= 10_000 else f"{value:,.4g}"


def _round(length: float) -> float:
    return round(length, 1)
