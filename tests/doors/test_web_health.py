"""What a platform asks of a process that serves pages: whether it can answer readers."""

from datetime import timedelta

import pytest

from newsletter import pulses
from newsletter.serving import Duty
from tests.doors.conftest import Web


def test_ready(web: Web) -> None:
    """With database, schema, a clock and a worker, all is said in one word."""
    Duty(web.services.engine, ["clock", "worker"]).beat()
    answer = web.client.get("/readyz")
    assert (answer.status_code, answer.text) == (200, "ready\n")


@pytest.mark.parametrize(("alive", "missing"), [("clock", "worker"), ("worker", "clock")])
def test_who_is_missing_is_named(web: Web, alive: str, missing: str) -> None:
    """Without a worker or a clock the pages still serve; the body says what to start."""
    Duty(web.services.engine, ["web", alive]).beat()
    answer = web.client.get("/readyz")
    assert answer.status_code == 200
    assert f"start `newsletter {missing}`" in answer.text
    assert f"newsletter {alive}" not in answer.text


def test_a_wrong_clock_is_not_ready(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a wrong clock would date consent wrongly, and is kept away from readers."""
    monkeypatch.setattr(pulses, "TOLERANCE", timedelta(seconds=-1))
    answer = web.client.get("/readyz")
    assert answer.status_code == 503
    assert "clock" in answer.text
