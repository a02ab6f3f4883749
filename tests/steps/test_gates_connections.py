"""Connections: how many workers on all machines hand over by one provider at one time."""

from datetime import timedelta

from sqlalchemy import update

from newsletter.dispatch import gates
from newsletter.dispatch.settling import release
from newsletter.models import Delivery, Pace
from newsletter.store.clock import database_now
from newsletter.store.engine import writing
from newsletter.wiring import Services
from tests.outgoing import NOW, digests, ids, published, take

KEY = "provider:folder"


def on_their_way(services: Services, number: int, *, connections: int) -> list[int]:
    """So many digests, due now, and a provider that may be used over so many connections."""
    with writing(services.engine) as session:
        session.add(Pace(key=KEY, connections=connections))
        return digests(session, published(session), ["mail.example"] * number)


def test_connections_of_all_machines_count(services: Services) -> None:
    """No more owners hand over by a provider at one time than it may have, on whatever machine."""
    every = on_their_way(services, 5, connections=2)
    for owner in ("one", "two"):
        assert len(take(services, limit=1, owner=owner).mails) == 1
    third = take(services, limit=1, owner="three")
    assert not third.mails
    assert third.passage.waiting == "provider:folder: no more than 2 may hand over at one time"
    assert ids(take(services, limit=1, owner="one")), "who has a connection may claim on"
    with writing(services.engine) as session:
        release(session, every, "two")
    assert ids(take(services, limit=1, owner="three"))
    assert not take(services, limit=1, owner="two").mails


def test_a_dead_worker_holds_no_connection(services: Services) -> None:
    """A worker whose lease has run out does not count, even before its mails are taken back."""
    on_their_way(services, 2, connections=1)
    take(services, limit=1, owner="dead")
    assert not take(services, limit=1, owner="alive").mails
    with writing(services.engine) as session:
        session.execute(update(Delivery).values(lease_until=database_now(session) - timedelta(seconds=1)))
    assert take(services, limit=1, owner="alive").mails


def test_connections_in_use_wake_nobody(services: Services) -> None:
    """While all connections are in use it is not worth while to claim; a free one is one claim's worth."""
    on_their_way(services, 3, connections=2)
    with writing(services.engine) as session:
        assert gates.openings(session, [KEY], per_claim=100) == 200
    take(services, limit=1, owner="one")
    with writing(services.engine) as session:
        assert gates.openings(session, [KEY], per_claim=100) == 100
    take(services, limit=1, owner="two")
    with writing(services.engine) as session:
        assert gates.openings(session, [KEY], per_claim=100) == 0
        session.execute(update(Delivery).values(lease_until=NOW - timedelta(days=999)))
        assert gates.openings(session, [KEY], per_claim=100) == 200
