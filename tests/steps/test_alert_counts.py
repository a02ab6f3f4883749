"""Counts of alerts for the desk: many readers are sampled, and counted once in a while; few every time."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from newsletter.alert_desk import foreseeing, remembering
from newsletter.alert_desk.editing import Wanted, change
from newsletter.alert_desk.foreseeing import Aimed, foresee
from newsletter.alert_desk.remembering import Counts
from newsletter.alerts import outcomes
from newsletter.alerts.outcomes import alerted
from newsletter.alerts.pieces import alert_limits
from newsletter.models import Alert, AlertReader
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from tests.builders import NOON
from tests.doors.conftest import on_one_database
from tests.editors_alerts import ADA, AIMED, a_draft, approved, do, seen, spread, subscribe

SECOND = timedelta(seconds=1)
Foreseen = Callable[[datetime], Aimed]


def foreseen(services: Services, counts: Counts, number: int, now: datetime = NOON) -> Aimed:
    assert services.site.alerts is not None
    with reading(services.engine) as session:
        alert = session.get_one(Alert, number)
        return counts.foresee(session, alert, alert_limits(services.site.alerts), now=now)


def test_a_sample_stands_for_all(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are counted; of a part of them, whatever their order, the rules are asked, and it is scaled up."""
    monkeypatch.setattr(foreseeing, "SAMPLE", 10)
    for number in range(40):  # it is quiet in every second one's zone
        subscribe(services, f"r{number}", zone=("UTC", "Australia/Sydney")[number % 2])
    alert_id = a_draft(services)
    with reading(services.engine) as session:
        alert = session.get_one(Alert, alert_id)
        assert services.site.alerts is not None
        found = foresee(session, alert, alert_limits(services.site.alerts), now=NOON)
    assert found.readers == 40
    assert 8 <= found.looked_at <= 12
    at_once, held, *others = found.fates.values()
    assert (at_once + held, others) == (40, [0, 0])
    assert 14 <= held <= 26


@on_one_database
def test_few_are_counted_each_time(services: Services) -> None:
    """Nothing is remembered of an alert for few readers."""
    counts, number = Counts(), a_draft(services)
    assert foreseen(services, counts, number).readers == 0
    subscribe(services, "ann")
    assert foreseen(services, counts, number).readers == 1


def test_readers_far_apart_are_looked_up_one_by_one(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is near to the next is read in one stretch, who is not by themselves; both say the same."""
    everybody = {subscribe(services, name) for name in ("ann", "bob", "cid")}
    number = a_draft(services)
    approved(services, number)
    spread(services)
    few = {min(everybody), max(everybody)}
    with reading(services.engine) as session:
        story = session.get_one(Alert, number).story_id
        near = alerted(session, story, few)
        monkeypatch.setattr(outcomes, "SPARSE", 0)
        assert alerted(session, story, few) == near
    assert {row.subscriber_id for row in near} == few


@on_one_database
def test_many_are_counted_once_a_minute(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is foreseen holds for a minute, or until the alert is another."""
    monkeypatch.setattr(remembering, "FEW", 0)
    subscribe(services, "ann")
    counts, number = Counts(), a_draft(services)
    assert foreseen(services, counts, number).readers == 1
    subscribe(services, "bob")
    assert foreseen(services, counts, number, NOON + 59 * SECOND).readers == 1
    assert foreseen(services, counts, number, NOON + 60 * SECOND).readers == 2
    subscribe(services, "cid")
    do(services, number, lambda s, a: change(s, a, Wanted("Now.", "", AIMED.audiences), ADA))
    assert foreseen(services, counts, number, NOON + 61 * SECOND).readers == 3


@on_one_database
def test_what_became_of_many_is_counted_now_and_then(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proof holds for seconds, a tally for a minute, and for a day once nothing can change any more."""
    monkeypatch.setattr(remembering, "FEW", 0)
    subscribe(services, "ann")
    counts, number = Counts(), a_draft(services)
    approved(services, number)
    spread(services)
    over = seen(services, number).expires_at + timedelta(days=1, seconds=1)

    def mailed(session: Session, alert: Alert, now: datetime) -> tuple[int, int]:
        tally = counts.tallies(session, [alert], now=now)[alert.id]
        return counts.proof(session, alert, now=now).readers["mailed"], tally["mailed"]

    with writing(services.engine) as session:
        alert = session.get_one(Alert, number)
        assert mailed(session, alert, NOON) == (1, 1)
        assert mailed(session, alert, over) == (1, 1)
        session.execute(delete(AlertReader))
        assert mailed(session, alert, over + 4 * SECOND) == (1, 1)
        assert mailed(session, alert, over + 3600 * SECOND) == (0, 1)
        assert mailed(session, alert, over + timedelta(days=1)) == (0, 0)
