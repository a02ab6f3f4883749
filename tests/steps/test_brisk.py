"""Claims are as large as the server is quick: who waits for a letter does not wait for an issue."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain

import pytest
from sqlalchemy import update

from newsletter.dispatch import dispatcher
from newsletter.dispatch.dispatcher import Dispatched
from newsletter.mail import Enough, HandedOver, Mail
from newsletter.models import Delivery
from newsletter.models.delivery import Priority
from newsletter.store.engine import writing
from newsletter.wiring import Services
from tests.dispatching import NOW, queue, states
from tests.faulty import FaultyProvider

MAILS = 60


class Observed(FaultyProvider):
    """Hands over, and remembers whom each call was about; `before` is done at the start of each."""

    def __init__(self, services: Services, before: Callable[[Sequence[Mail]], None]) -> None:
        super().__init__(services.provider, lambda _: None)
        self.calls: list[list[int]] = []
        self._before = before

    def hand_over(self, mails: Sequence[Mail], enough: Enough) -> HandedOver:
        self.calls.append([mail.delivery_id for mail in mails])
        self._before(mails)
        return super().hand_over(mails, enough)


def alerts(services: Services) -> list[int]:
    ids = queue(services, MAILS)
    with writing(services.engine) as session:
        session.execute(update(Delivery).values(priority=Priority.ALERT))
    return ids


def promote(services: Services, delivery_id: int) -> None:
    """From now on somebody waits for it."""
    with writing(services.engine) as session:
        session.execute(
            update(Delivery).where(Delivery.id == delivery_id).values(priority=Priority.LETTER, due_at=NOW)
        )


def test_a_letter_waits_for_a_few_portions(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a server becomes slow in the middle of a large claim, what is left of it is given back after
    some seconds: a letter that came meanwhile leaves next, and nothing leaves twice."""
    monkeypatch.setattr(dispatcher, "FIRST_CLAIM", MAILS - 1)
    monkeypatch.setattr(dispatcher, "BRISK", 0.05)
    services.provider.max_batch = 2
    ids = alerts(services)
    with writing(services.engine) as session:
        later = NOW + timedelta(hours=1)
        session.execute(update(Delivery).where(Delivery.id == ids[-1]).values(due_at=later))

    def slow(_: Sequence[Mail]) -> None:
        if len(observed.calls) == 1:
            promote(services, ids[-1])
        time.sleep(0.06)

    observed = Observed(services, slow)
    replace(services, provider=observed).dispatcher().run(NOW)
    waited = next(place for place, call in enumerate(observed.calls) if ids[-1] in call)
    assert waited <= 2, "two calls fill the time that a claim may take"
    assert sorted(chain(*observed.calls)) == ids
    assert states(services) == ["accepted"] * MAILS


def sizes(services: Services, seconds: float) -> list[int]:
    """Of the calls for two claims, one after the other, of which the first finds one mail too late."""
    first, *_ = alerts(services)
    with writing(services.engine) as session:
        session.execute(update(Delivery).where(Delivery.id == first).values(expires_at=NOW))
    observed = Observed(services, lambda mails: time.sleep(seconds * len(mails)))
    hands = replace(services, provider=observed).dispatcher()
    for _ in range(2):
        hands.step(NOW, Dispatched())
    return [len(call) for call in observed.calls]


def test_a_slow_server_gets_less(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim of which some were withheld, or too late, tells as well that the next must be smaller."""
    monkeypatch.setattr(dispatcher, "FIRST_CLAIM", 20)
    monkeypatch.setattr(dispatcher, "BRISK", 0.1)
    first, second = sizes(services, 0.02)
    assert first == 19
    assert second <= 5


def test_a_quick_server_gets_more(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that it may be larger."""
    monkeypatch.setattr(dispatcher, "BRISK", 1_000.0)
    assert sizes(services, 0) == [9, 40]
