"""Leaving and coming back: what ends, and what comes again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

from sqlalchemy import Engine

from newsletter.store.engine import reading, writing
from subscribers import roster
from subscribers.address import Address
from tests.consents import CONFIRMED, PENDING, UNSUBSCRIBED, Step, ask, confirm, leave, ledger, state, told_by
from tests.people import NOW, bring_to, fresh_address, subscriber


def test_leaving_one_keeps_the_other(engine: Engine) -> None:
    """Unsubscribing from one newsletter ends that one alone; from all, every one that is left."""
    address = fresh_address()
    with writing(engine) as session:
        subscriber(session, address, "daily", "weekly", "monthly")
        assert leave(session, address, "daily")
        assert state(session, address, "weekly") is CONFIRMED
        assert leave(session, address, None)
        assert not leave(session, address, None)
        assert [line.newsletters for line in ledger(session, address)[1:]] == [
            ("daily",),
            ("monthly", "weekly"),
        ]


def test_coming_back_ends_an_old_pause(engine: Engine) -> None:
    """Whoever left during a pause and comes back reads again at once."""
    address = fresh_address()
    with writing(engine) as session:
        person = subscriber(session, address)
        person.subscriptions[0].paused_until = datetime(2030, 1, 1, tzinfo=UTC)
        leave(session, address)
        ask(session, address)
        confirm(session, address)
        assert [reader.subscriber_id for reader in roster.readers(session, "daily", now=NOW)] == [person.id]


def test_confirming_and_leaving_at_the_same_moment(engine: Engine) -> None:
    """Of two acts on one person at once, the second sees what the first one did."""
    barrier = Barrier(2)
    addresses = [fresh_address() for _ in range(5)]
    with writing(engine) as session:
        for address in addresses:
            bring_to(session, address, PENDING)

    def act(step: Step, address: Address) -> None:
        barrier.wait(timeout=30)
        with writing(engine) as session:
            step(session, address, "daily", NOW)

    with ThreadPoolExecutor(2) as threads:
        for address in addresses:
            for task in [threads.submit(act, step, address) for step in (confirm, leave)]:
                task.result()
    with reading(engine) as session:
        for address in addresses:
            assert state(session, address) is UNSUBSCRIBED
            assert told_by(ledger(session, address), "daily") is UNSUBSCRIBED
