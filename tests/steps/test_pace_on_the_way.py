"""Pace on the way of a mail: what workers, the tick and the sweep make of limits and closed ways."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from newsletter.dispatch import steering
from newsletter.models import Delivery, Pace
from newsletter.outbox import queue_confirmation
from newsletter.store.clock import database_now
from newsletter.store.engine import reading, writing
from newsletter.tasks import sweep
from newsletter.tick import tick
from newsletter.wiring import HAND_OVER, Services
from subscribers import consent
from subscribers.address import parse
from subscribers.consent import Channel
from tests.outgoing import NOW
from tests.people import FINGERPRINTS

KEY = "provider:folder"


def confirmations(services: Services, number: int, domain: str) -> None:
    """That many confirmation mails in the outbox."""
    with writing(services.engine) as session:
        for n in range(number):
            asked = consent.request(
                session,
                parse(f"reader{n}@{domain}"),
                ["daily"],
                channel=Channel.FORM,
                wording="Yes",
                fingerprints=FINGERPRINTS,
                now=NOW,
            )
            assert asked is not None
            queue_confirmation(
                session, subscriber_id=asked.subscriber_id, consent_id=asked.consent_id, now=NOW
            )


def limit(services: Services, key: str, **limits: Any) -> None:
    with writing(services.engine) as session:
        session.add(Pace(key=key, **limits))


def number(services: Services, state: str) -> int:
    with reading(services.engine) as session:
        query = select(func.count()).select_from(Delivery).where(Delivery.state == state)
        return session.scalars(query).one()


def test_a_worker_goes_on_behind_those_that_wait(services: Services) -> None:
    """Though the first claims find nothing but mails that must wait, the others leave in the same run."""
    limit(services, "domain:narrow.example", per_hour=1, burst=1)
    confirmations(services, 17, "narrow.example")
    confirmations(services, 3, "wide.example")
    services.provider.max_batch = 5
    done = services.dispatcher().run(NOW)
    assert (done.counts, done.stopped, done.waiting) == ({"accepted": 4}, None, None)
    assert number(services, "queued") == 16


def test_a_used_up_pace_is_news_and_no_trouble(services: Services) -> None:
    """The tick says that more waits and why; nothing is to be mended, so it does not fail."""
    limit(services, KEY, per_hour=60, burst=2)
    confirmations(services, 3, "mail.example")
    ticked = tick(services, NOW)
    assert [line for line in ticked.news if line.startswith("outbox")] == [
        "outbox: 2 accepted",
        f"outbox: more is due and waits, {KEY} lets 60 an hour pass",
    ]
    assert ticked.troubles == []


def test_a_closed_way_is_a_trouble(services: Services) -> None:
    """The tick names the way that is closed, and the reason; the mail stays in the outbox."""
    confirmations(services, 1, "mail.example")
    with writing(services.engine) as session:
        steering.stop(session, KEY, "moving to another server")
    (trouble,) = tick(services, NOW).troubles
    assert f"{KEY} is closed: moving to another server" in trouble
    assert number(services, "queued") == 1


@pytest.mark.parametrize(
    ("limits", "jobs"),
    [
        ({}, 3),
        ({"per_hour": 60, "burst": 1}, 1),
        ({"stopped": True}, 0),
        ({"connections": 2}, 2),
        ({"closed_times": 1}, 1),
        ({"warm_up_first": 1, "warm_up_growth": 1.0, "day_count": 1}, 0),
    ],
)
def test_the_sweep_wakes_as_many_as_may_do_something(
    services: Services, limits: dict[str, Any], jobs: int
) -> None:
    """Where a way lets little or nothing through, no worker is woken to find that out, again and again."""
    with writing(services.engine) as session:
        today = database_now(session).date()
    if "warm_up_first" in limits:
        limits |= {"warm_up_from": today, "day": today}
    limit(services, KEY, **limits)
    confirmations(services, 3, "mail.example")
    settings = services.settings.model_copy(update={"mails_per_claim": 1})
    sweep(replace(services, settings=settings), NOW)
    assert services.queue.waiting(HAND_OVER) == jobs
