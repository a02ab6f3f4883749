"""Leases: what happens to mails whose worker died, slept, or could not write what it knew."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from newsletter.dispatch.claims import claim
from newsletter.dispatch.settling import mark, record, release
from newsletter.dispatch.tidying import tidy
from newsletter.mail import Outcome, Verdict
from newsletter.models import Delivery
from newsletter.store.clock import database_now
from newsletter.store.engine import writing
from newsletter.wiring import Services
from tests.dispatching import LEASE, NOW, files, queue, rows, states, worker


def let_leases_end(services: Services) -> None:
    with writing(services.engine) as session:
        past = database_now(session) - timedelta(seconds=1)
        session.execute(update(Delivery).values(lease_until=past))


def test_dead_before_the_mark_is_retried(services: Services) -> None:
    """A worker that died after its claim leaves a lease; when it has run out, the mail goes out."""
    queue(services, 1)
    with writing(services.engine) as session:
        claim(session, 10, worker("dead"), now=NOW)
    services.dispatcher().run(NOW)
    assert states(services) == ["claimed"], "the lease still holds"
    let_leases_end(services)
    services.dispatcher().run(NOW)
    assert states(services) == ["accepted"]


def test_dead_after_the_mark_is_unknown(services: Services) -> None:
    """A worker that died after the mark may have handed over: unknown, with the reason, not again."""
    ids = queue(services, 1)
    with writing(services.engine) as session:
        claim(session, 10, worker("dead"), now=NOW)
        mark(session, ids, "dead", LEASE)
    let_leases_end(services)
    services.dispatcher().run(NOW)
    assert states(services) == ["unknown"]
    assert "no sign of life" in (rows(services)[0].reason or "")
    assert files(services) == 0


def test_a_sleeper_can_write_nothing(services: Services) -> None:
    """A worker that slept through its lease neither marks nor records what another one claimed since."""
    (delivery,) = queue(services, 1)
    with writing(services.engine) as session:
        claim(session, 10, worker("sleeper"), now=NOW)
    let_leases_end(services)
    with writing(services.engine) as session:
        tidy(session, now=NOW)
        claim(session, 10, worker("awake"), now=NOW)
    with writing(services.engine) as session:
        assert mark(session, [delivery], "sleeper", LEASE) == set()
        outcome = {delivery: Outcome(Verdict.REFUSED, "stale")}
        record(session, outcome, {delivery: 1}, "sleeper", now=NOW)
    (row,) = rows(services)
    assert (row.state, row.owner, row.attempt) == ("claimed", "awake", 2)


def test_a_slow_worker_settles_what_it_handed_over(services: Services) -> None:
    """If the worker taken for dead after the mark was only slow, its outcome is still the truth."""
    (delivery,) = queue(services, 1)
    with writing(services.engine) as session:
        claim(session, 10, worker("slow"), now=NOW)
        mark(session, [delivery], "slow", LEASE)
    let_leases_end(services)
    with writing(services.engine) as session:
        tidy(session, now=NOW)
    assert states(services) == ["unknown"]
    with writing(services.engine) as session:
        outcome = {delivery: Outcome(Verdict.ACCEPTED, None, "id-at-the-provider")}
        record(session, outcome, {delivery: 1}, "slow", now=NOW)
    assert states(services) == ["accepted"]


def test_a_sleeper_gives_back_what_it_never_offered(services: Services) -> None:
    """What became unknown while its worker slept, and was not offered, is due again when it wakes."""
    ids = queue(services, 1)
    with writing(services.engine) as session:
        claim(session, 10, worker("sleeper"), now=NOW)
        mark(session, ids, "sleeper", LEASE)
    let_leases_end(services)
    with writing(services.engine) as session:
        tidy(session, now=NOW)
    assert states(services) == ["unknown"]
    with writing(services.engine) as session:
        release(session, ids, "sleeper")
    services.dispatcher().run(NOW)
    assert states(services) == ["accepted"]
    assert files(services) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        OperationalError("UPDATE", {}, Exception("the server is restarting")),
        NoConnectionLeft("all connections are in use"),
    ],
)
def test_outcomes_wait_for_the_database(
    services: Services, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """What the provider said is written as soon as the database is back: nothing becomes unknown by it."""
    queue(services, 2)
    monkeypatch.setattr("newsletter.dispatch.dispatcher.BETWEEN_WRITES", 0)
    away = iter([True, True])

    def sometimes(*given: Any, **named: Any) -> Any:
        if given[1] and next(away, False):
            raise trouble
        return record(*given, **named)

    monkeypatch.setattr("newsletter.dispatch.dispatcher.record", sometimes)
    services.dispatcher().run(NOW)
    assert states(services) == ["accepted", "accepted"]
    assert files(services) == 2
    assert next(away, None) is None, "the database was away twice"
