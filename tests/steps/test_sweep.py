"""How what is due comes to the workers: woken by whoever put it there, or found by the clock."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.dispatch import gates
from newsletter.store.engine import writing
from newsletter.tasks import handlers, sweep
from newsletter.wiring import HAND_OVER, Services
from tests.processes import fill_outbox

NOW = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def small(services: Services) -> Services:
    """Ten mails to a claim, and 25 that are due."""
    fill_outbox(services.settings.database_url, 25)
    settings = services.settings.model_copy(update={"mails_per_claim": 10, "mails_in_doubt": 5})
    return replace(services, settings=settings)


def waiting(services: Services) -> int:
    return services.queue.waiting(HAND_OVER)


def test_a_job_for_every_claim(small: Services) -> None:
    """The sweep makes as many jobs as there are claims to fill, and no more at the next stroke."""
    sweep(small, NOW)
    assert waiting(small) == 3
    sweep(small, NOW)
    assert waiting(small) == 3


def test_the_jobs_do_the_work(small: Services, tmp_path: Path) -> None:
    """Jobs bring all that is due to the provider; then there is nothing to sweep."""
    sweep(small, NOW)
    small.queue.drain(handlers(small))
    assert len(list((tmp_path / "mail").glob("*.eml"))) == 25
    sweep(small, NOW)
    assert waiting(small) == 0


def test_nothing_due_makes_no_job(small: Services) -> None:
    """Mail whose time has not come wakes nobody."""
    sweep(small, NOW - timedelta(days=1))
    assert waiting(small) == 0


def test_a_closed_gate_makes_no_job(small: Services) -> None:
    """While the provider takes nothing, nobody is woken for it; afterwards they are."""
    with writing(small.engine) as session:
        gates.close(session, gates.provider_way("folder"), "it is full", wait=timedelta(seconds=0.5))
    sweep(small, NOW)
    assert waiting(small) == 0
    time.sleep(0.6)
    sweep(small, NOW)
    assert waiting(small) > 0


def test_however_much_is_due(small: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of jobs is bounded, whatever the size of the outbox."""
    monkeypatch.setattr("newsletter.tasks.AHEAD", 2)
    sweep(small, NOW)
    assert waiting(small) == 2


def test_a_letter_wakes_a_worker(small: Services, tmp_path: Path) -> None:
    """Whoever wakes in the transaction of a letter needs no clock: the job is there with its commit."""
    with writing(small.engine) as session:
        small.wake(session)
    small.queue.drain(handlers(small))
    assert len(list((tmp_path / "mail").glob("*.eml"))) == 25


def test_jobs_by_another_clock(small: Services, tmp_path: Path) -> None:
    """A tick at another moment hands over what is due then, not what is due now."""
    with writing(small.engine) as session:
        small.wake(session)
    small.queue.drain(handlers(small, clock=lambda: NOW - timedelta(days=1)))
    assert not list((tmp_path / "mail").glob("*.eml"))
