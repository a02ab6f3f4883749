"""Gates that close: one for all workers, opened by success, or by a person where a person closed it."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from newsletter.dispatch import gates, steering
from newsletter.dispatch.gates import Passage, admit
from newsletter.dispatch.places import Asking
from newsletter.models import Pace
from newsletter.store.engine import writing
from newsletter.wiring import Services
from tests.outgoing import NOW, Clock, digests, ids, published, take

KEY = "provider:folder"
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(gates, "database_now", clock)
    monkeypatch.setattr(steering, "database_now", clock)
    return clock


def ask(session: Session) -> Passage:
    one = Asking(10**9, "reader@mail.example", False, NOW + timedelta(hours=12))
    return admit(session, [KEY], [one], owner="worker", now=NOW)


def test_a_closed_way_lets_nothing_through(services: Services, clock: Clock) -> None:
    """As long as asked for, whoever asks; then one is let through, who knows that it is a trial."""
    with writing(services.engine) as session:
        assert gates.close(session, KEY, "429 slow down", wait=10 * SECOND)
        refused = ask(session)
        assert (refused.ids, refused.closed, refused.until_mended) == ((), True, False)
        assert refused.waiting == f"{KEY} is closed: 429 slow down"
        assert gates.closed(session, {KEY, "provider:other"}) == {KEY}
        clock.now += 10 * SECOND
        assert (len(ask(session).ids), ask(session).after_closing) == (1, True)
        assert gates.closed(session, {KEY}) == set()


def test_success_opens_it(services: Services, clock: Clock) -> None:
    """A way that worked again is open as if nothing had been, and its waits begin anew."""
    with writing(services.engine) as session:
        gates.close(session, KEY, "421 busy")
        assert not gates.reopen(session, KEY), "somebody was asked to wait, whatever another one saw"
        clock.now += timedelta(minutes=1)
        assert gates.reopen(session, KEY)
        assert not gates.reopen(session, KEY)
        assert not ask(session).after_closing
        assert gates.close(session, KEY, "421 busy"), "news again"


def test_many_workers_close_it_once(services: Services, clock: Clock) -> None:
    """Several workers that run into it at once make one closing: one alarm, and no longer wait."""
    with writing(services.engine) as session:
        assert [gates.close(session, KEY, "421 busy") for _ in range(5)] == [True] + [False] * 4
        row = session.get_one(Pace, KEY)
        assert (row.closed_times, row.closed_until) == (1, NOW + 30 * SECOND)
        assert not gates.close(session, KEY, "429", wait=timedelta(hours=1))
        assert row.closed_until == NOW + timedelta(hours=1)
        assert not gates.close(session, KEY, "421 busy")
        assert row.closed_until == NOW + timedelta(hours=1), "never shortened"


def test_waits_grow_until_it_works(services: Services, clock: Clock) -> None:
    """Closed again after each trial, a way stays closed for longer each time."""
    waits = []
    with writing(services.engine) as session:
        for _ in range(4):
            gates.close(session, KEY, "421 busy")
            until = session.get_one(Pace, KEY).closed_until
            assert until is not None
            waits.append(until - clock.now)
            clock.now = until
    assert waits == [30 * SECOND, 60 * SECOND, 120 * SECOND, 240 * SECOND]


def test_closed_until_mended(services: Services, clock: Clock) -> None:
    """What only a person can mend stays closed for any time, is told once, and opens when it works."""
    with writing(services.engine) as session:
        assert gates.close_until_mended(session, KEY, "the key is refused")
        assert not gates.close_until_mended(session, KEY, "the key is refused")
        assert not gates.close(session, KEY, "421 busy")
        clock.now += timedelta(days=30)
        refused = ask(session)
        assert (refused.closed, refused.until_mended) == (True, True)
        assert gates.closed(session, {KEY}) == {KEY}
        assert gates.reopen(session, KEY)
        assert ask(session).ids


def test_what_a_person_stopped_only_a_person_opens(services: Services, clock: Clock) -> None:
    """Neither time nor success nor another closing changes what a person stopped, nor the reason."""
    with writing(services.engine) as session:
        gates.close(session, KEY, "421 busy")
        steering.stop(session, KEY, "moving to another server")
        assert not gates.close(session, KEY, "429", wait=SECOND)
        assert not gates.close_until_mended(session, KEY, "the key is refused")
        clock.now += timedelta(days=1)
        assert not gates.reopen(session, KEY)
        assert ask(session).waiting == f"{KEY} is closed: moving to another server"
        assert steering.open_again(session, KEY)
        assert ask(session).ids
        assert not steering.open_again(session, KEY)


def test_a_stopped_newsletter_harms_no_other(services: Services) -> None:
    """While a newsletter is stopped its digests wait, those of others leave; opened, they leave too."""
    with writing(services.engine) as session:
        waits = digests(session, published(session), ["mail.example"] * 2)
        leave = digests(session, published(session, "weekly"), ["mail.example"] * 2)
        steering.stop(session, "newsletter:daily", "a wrong headline")
    assert ids(take(services)) == leave
    with writing(services.engine) as session:
        steering.open_again(session, "newsletter:daily")
    assert ids(take(services)) == waits
