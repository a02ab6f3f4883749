"""The strokes of the clock, also on a machine whose own clock is set meanwhile."""

import threading
import time
from datetime import datetime, timedelta, tzinfo

import pytest

from newsletter import clock
from newsletter.clock import striking


class Watch(datetime):
    """What APScheduler reads the time from."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.ahead


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> type[Watch]:
    """The machine's clock, to be set."""
    real = clock._ahead
    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Watch)
    monkeypatch.setattr("newsletter.clock.datetime", Watch)
    monkeypatch.setattr(clock, "_ahead", lambda: real() + Watch.ahead.total_seconds())
    monkeypatch.setattr(Watch, "ahead", timedelta())
    return Watch


@pytest.mark.parametrize("jump", [timedelta(hours=-2), timedelta(days=20_000)], ids=["back", "forward"])
def test_strokes_go_on_when_the_clock_is_set(watch: type[Watch], jump: timedelta) -> None:
    """Set back by hours or forward by decades, the clock strikes on, once for each interval."""
    strokes: list[float] = []
    with striking([(0.2, lambda: strokes.append(time.monotonic()))]):
        time.sleep(0.5)
        watch.ahead = jump
        set_at = time.monotonic()
        time.sleep(2.5)
    after = [stroke for stroke in strokes if stroke > set_at]
    assert 3 <= len(after) <= 13


def test_a_clock_strikes_as_it_starts() -> None:
    """However long the interval is: a clock that is started anew every day does what is done once a day."""
    struck = threading.Event()
    with striking([(86_400, struck.set)]):
        assert struck.wait(10)


def test_strokes_do_not_hold_up_each_other() -> None:
    """A stroke that takes long keeps only itself waiting; the end of the block waits for it."""
    hold, begun, others = threading.Event(), [0.0], [0.0]

    def slow() -> None:
        begun.append(time.monotonic())
        hold.wait(10)

    with striking([(0.1, slow), (0.1, lambda: others.append(time.monotonic()))]):
        time.sleep(1)
        hold.set()
    assert len(begun) >= 2
    assert len(others) > 4
    assert len(begun) < len(others)
