"""Places that were taken for mails which then did not leave: they are free for others, and only once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from newsletter.dispatch import gates, steering
from newsletter.dispatch.places import Asking
from newsletter.dispatch.settling import release
from newsletter.mail import Enough, Halted, HandedOver, Mail, Outcome, Verdict
from newsletter.models import Pace
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from tests.dispatching import NOW, queue, states
from tests.faulty import FaultyProvider
from tests.outgoing import WAYS, Clock, ids, take

KEYS = ("provider:folder", "sender:racetoagi.example", "domain:inbox.example")
HOUR = timedelta(hours=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    clock.now = NOW
    monkeypatch.setattr(gates, "database_now", clock)
    return clock


def limit(services: Services, key: str, **limits: Any) -> None:
    with writing(services.engine) as session:
        session.add(Pace(key=key, **limits))


def row(services: Services, key: str) -> Pace:
    with reading(services.engine) as session:
        found = session.get_one(Pace, key)
        session.expunge(found)
        return found


class Halting(FaultyProvider):
    """Takes two mails of a call, and then asks to wait."""

    def hand_over(self, mails: Sequence[Mail], enough: Enough) -> HandedOver:
        outcomes = {mail.delivery_id: Outcome(Verdict.ACCEPTED) for mail in mails[:2]}
        return HandedOver(outcomes, Halted("429 slow down", timedelta(minutes=1)))


def test_what_was_not_offered_is_not_counted(services: Services, clock: Clock) -> None:
    """When a provider takes two of ten and halts, two stand in the day's count and in the pace, on every
    way: a warm-up's day is not lost to mails that stayed here."""
    for key in KEYS:
        limit(services, key, per_hour=60, burst=60)
    queue(services, 10)
    halting = replace(services, provider=Halting(services.provider, lambda _: None))
    assert halting.dispatcher().run(NOW).stopped == "429 slow down"
    assert sorted(states(services)) == ["accepted"] * 2 + ["queued"] * 8
    for key in KEYS:
        assert (row(services, key).day_count, row(services, key).next_at) == (2, NOW + 2 * HOUR / 60)


def claimed(services: Services) -> tuple[list[int], gates.Passage]:
    """Ten mails on their way over a provider that warms up."""
    limit(services, KEYS[0], warm_up_from=NOW.date(), warm_up_first=50, warm_up_growth=2.0)
    queue(services, 10)
    found = take(services, NOW)
    assert len(found.mails) == 10
    return ids(found), found.passage


def give_back(services: Services, passage: gates.Passage, number: int) -> None:
    with writing(services.engine) as session:
        gates.give_back(session, WAYS, passage, ["reader@inbox.example"] * number)


def test_a_day_that_is_over_is_left_alone(services: Services, clock: Clock) -> None:
    """What was counted yesterday is not taken from what left today."""
    _, passage = claimed(services)
    clock.now += timedelta(days=1)
    queue_of_today = [Asking(10**9, "reader@inbox.example", False, NOW + timedelta(days=2))]
    with writing(services.engine) as session:
        gates.admit(session, KEYS[:1], queue_of_today, owner="worker", now=clock.now)
    give_back(services, passage, 10)
    assert row(services, KEYS[0]).day_count == 1


def test_a_way_that_got_its_limit_later_gives_nothing_back(services: Services, clock: Clock) -> None:
    """It never counted these mails."""
    _, passage = claimed(services)
    limit(services, KEYS[2], per_hour=60, burst=60, day=NOW.date(), day_count=30)
    give_back(services, passage, 10)
    assert [row(services, key).day_count for key in (KEYS[0], KEYS[2])] == [0, 30]


def test_a_rate_that_was_set_later_gives_nothing_back(services: Services, clock: Clock) -> None:
    """When a person slows a way down while mails are on it, those of them that stay make it no faster."""
    limit(services, KEYS[2], per_hour=6_000, burst=100)
    queue(services, 10)
    passage = take(services, NOW).passage
    with writing(services.engine) as session:
        steering.limit(session, KEYS[2], steering.Limits(per_hour=60, burst=5))
        again = [Asking(10**9 + n, "reader@inbox.example", True, NOW + HOUR) for n in range(5)]
        assert len(gates.admit(session, WAYS, again, owner="worker", now=NOW).ids) == 5
    give_back(services, passage, 10)
    assert row(services, KEYS[2]).next_at == NOW + 5 * HOUR / 60


def test_what_is_released_is_released_once(services: Services, clock: Clock) -> None:
    """A release that is written again, since its answer was lost, finds nothing more to give back."""
    delivery_ids, _ = claimed(services)
    with writing(services.engine) as session:
        assert release(session, delivery_ids, "worker") == set(delivery_ids)
    with writing(services.engine) as session:
        assert release(session, delivery_ids, "worker") == set()
