"""What is kept for a time only: the clock deletes all of it, now and then, and any number of clocks may."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.cli.system import STROKES
from newsletter.feedback.applying import BATCH, KEPT
from newsletter.feedback.told import store
from newsletter.models import Event
from newsletter.models.event import EventKind
from newsletter.store.engine import reading, writing
from newsletter.tasks import forget
from newsletter.tick import tick, tick_issues
from newsletter.wiring import Services
from tests.feedback import NOW, told

OLD, YOUNG = NOW - KEPT - timedelta(days=1), NOW - KEPT


@pytest.fixture
def old(services: Services) -> int:
    """More old events than one portion holds, and two that are still kept; the number of the old ones."""
    with writing(services.engine) as session:
        store(session, [told(EventKind.OTHER, None) for _ in range(BATCH + 5)], OLD)
        store(session, [told(EventKind.OTHER, None) for _ in range(2)], YOUNG)
    return BATCH + 5


def kept(services: Services) -> int:
    with reading(services.engine) as session:
        return session.scalars(select(func.count()).select_from(Event)).one()


def test_all_that_is_old_goes_at_once(services: Services, old: int) -> None:
    """However much it is: it is deleted seldom, so it must be deleted wholly."""
    forget(services, NOW)
    assert kept(services) == 2


def test_two_clocks_delete_it_together(services: Services, old: int) -> None:
    """Clocks that strike at once delete the same, and neither fails."""
    with ThreadPoolExecutor() as clocks:
        for done in [clocks.submit(forget, services, NOW) for _ in range(2)]:
            done.result()
    assert kept(services) == 2


def test_it_is_not_looked_for_at_every_stroke(services: Services, old: int) -> None:
    """Once an hour is enough for a clock; a tick by hand or by cron does all there is to do."""
    tick_issues(services, NOW)
    assert kept(services) == old + 2
    assert {seconds for seconds, stroke in STROKES if stroke is forget} == {3600}
    tick(services, NOW)
    assert kept(services) == 2
