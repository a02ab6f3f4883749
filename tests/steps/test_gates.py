"""Gates: what limits a way holds for all machines together, and what waits is neither lost nor in the way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.dispatch import gates
from newsletter.dispatch.claims import Worker, claim
from newsletter.dispatch.gates import Passage, admit
from newsletter.dispatch.places import Asking
from newsletter.dispatch.steering import stop
from newsletter.dispatch.tidying import tidy
from newsletter.models import Delivery, Pace
from newsletter.store.clock import database_now
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers.address import parse
from tests.outgoing import LEASE, NOW, WAYS, Clock, digests, ids, letter, published, take

SECOND = timedelta(seconds=1)
_ids = count(10**9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(gates, "database_now", clock)
    return clock


def pace(services: Services, key: str, **limits: Any) -> None:
    with writing(services.engine) as session:
        session.add(Pace(key=key, **limits))


def row(services: Services, key: str) -> Pace:
    with reading(services.engine) as session:
        found = session.get_one(Pace, key)
        session.expunge(found)
        return found


def asking(number: int, domain: str = "mail.example", *, letter: bool = False) -> list[Asking]:
    """Deliveries that only ask; there are no rows behind them."""
    later = NOW + timedelta(hours=12)
    return [Asking(next(_ids), f"reader@{domain}", letter, later) for _ in range(number)]


def ask(services: Services, wanted: list[Asking], owner: str = "worker") -> Passage:
    with writing(services.engine) as session:
        return admit(session, WAYS, wanted, owner=owner, now=NOW)


def deliveries(services: Services) -> dict[int, Delivery]:
    with reading(services.engine) as session:
        found = {delivery.id: delivery for delivery in session.scalars(select(Delivery))}
        session.expunge_all()
        return found


def test_a_rate_is_shared_by_all_workers(services: Services) -> None:
    """Four threads that ask as fast as they can get a burst and the steady rate, together and no more."""
    per_hour, burst = 360_000, 40
    pace(services, "provider:folder", per_hour=per_hour, burst=burst)
    together = Barrier(4)

    def work(owner: str) -> list[tuple[datetime, datetime, int]]:
        together.wait()
        seen = []
        for _ in range(40):
            with writing(services.engine) as session:
                before = database_now(session)
                passage = admit(session, WAYS, asking(50), owner=owner, now=NOW)
                seen.append((before, database_now(session), len(passage.ids)))
        return seen

    with ThreadPoolExecutor(4) as pool:
        seen = [claim for found in pool.map(work, "abcd") for claim in found]
    passed = sum(number for *_, number in seen)
    time = max(end for _, end, _ in seen) - min(begin for begin, *_ in seen)
    assert passed <= burst + per_hour * time / timedelta(hours=1)
    busy = row(services, "provider:folder")
    assert busy.day_count == passed >= burst - burst // 10


def test_a_rate_is_used_to_the_full(services: Services, clock: Clock) -> None:
    """Second by second as many leave as the rate allows, whoever of the workers asks."""
    pace(services, "provider:folder", per_hour=36_000, burst=20)
    numbers = []
    for second in range(60):
        clock.now = NOW + second * SECOND
        numbers.append(len(ask(services, asking(500), owner=f"worker {second % 3}").ids))
    assert numbers == [18] + [10] * 59, "of the burst a tenth is kept for letters"


def test_a_used_up_pace_is_no_trouble(services: Services, clock: Clock) -> None:
    """Who gets no room is told why in words, and that nothing is wrong; the mails stay as they are."""
    pace(services, "provider:folder", per_hour=60, burst=1)
    with writing(services.engine) as session:
        first, second = digests(session, published(session), ["mail.example"] * 2)
    assert ids(take(services)) == [first]
    found = take(services)
    assert found.passage.waiting == "provider:folder lets 60 an hour pass"
    assert not found.passage.closed
    waits = deliveries(services)[second]
    assert (waits.state, waits.due_at, waits.reason) == ("queued", NOW, None)
    clock.now += timedelta(minutes=1)
    assert ids(take(services)) == [second]


def test_a_letter_leaves_with_the_next_claim(services: Services, clock: Clock) -> None:
    """While a large digest with a narrow pace is on its way, a letter still leaves at once."""
    pace(services, "provider:folder", per_hour=60, burst=5)
    pace(services, "domain:mail.example", per_hour=60, burst=5)
    with writing(services.engine) as session:
        digests(session, published(session), ["mail.example", "other.example"] * 10)
    assert len(take(services).mails) == 4
    assert len(take(services).mails) == 0, "for digests the pace is used up"
    with writing(services.engine) as session:
        hurried = letter(session, parse("ines@mail.example"))
    assert ids(take(services)) == [hurried]


def test_letters_are_let_through_first(services: Services, clock: Clock) -> None:
    """Where there is room for one mail only, it is the letter that leaves."""
    pace(services, "provider:folder", per_hour=60, burst=1)
    with writing(services.engine) as session:
        digests(session, published(session), ["mail.example"] * 3)
        hurried = letter(session)
    assert ids(take(services)) == [hurried]


def test_a_narrow_domain_holds_up_nobody(services: Services, clock: Clock) -> None:
    """Mails beyond a domain's budget get places in line, one after the other; all others leave."""
    pace(services, "domain:narrow.example", per_hour=3_600, burst=5)
    with writing(services.engine) as session:
        narrow = digests(session, published(session), ["narrow.example"] * 10)
        others = digests(session, published(session, "weekly"), ["Wide.example", "mail.example"])
    first = take(services, limit=10)
    assert (ids(first), first.passage.postponed) == (narrow[:4], 6)
    assert ids(take(services, limit=10)) == others
    waiting = [deliveries(services)[delivery_id] for delivery_id in narrow[4:]]
    assert [mail.due_at for mail in waiting] == [NOW + n * SECOND for n in range(1, 7)]
    assert {mail.reason for mail in waiting} == {
        "waits for its turn: domain:narrow.example lets 3,600 an hour pass"
    }


@pytest.mark.parametrize("every", [1, 4])
def test_each_waits_once(services: Services, clock: Clock, every: int) -> None:
    """A large digest to one narrow domain: each mail is moved about once and leaves in its turn."""
    pace(services, "domain:narrow.example", per_hour=3_600, burst=10)
    with writing(services.engine) as session:
        all_of_them = digests(session, published(session), ["narrow.example"] * 60)
    left, moved = [], 0
    for second in count(0, every):
        clock.now = NOW + second * SECOND
        for _ in range(3):  # several workers, each with a claim smaller than what is due
            found = take(services, clock.now, limit=8)
            left += ids(found)
            moved += found.passage.postponed
        if len(left) == len(all_of_them):
            break
        assert second < 90
    assert sorted(left) == all_of_them
    assert second <= 60
    assert moved <= 75


def test_a_later_line_stands_behind(services: Services, clock: Clock) -> None:
    """Who comes when there is a line already gets a place at its end."""
    pace(services, "domain:narrow.example", per_hour=3_600, burst=1)
    with writing(services.engine) as session:
        issue = published(session)
        digests(session, issue, ["narrow.example"] * 5)
        assert take_in(session) == 1
        (late,) = digests(session, issue, ["narrow.example"])
        assert take_in(session) == 0
    assert deliveries(services)[late].due_at == NOW + 5 * SECOND


def take_in(session: Session) -> int:
    return len(claim(session, 100, Worker("worker", "folder", WAYS, LEASE), now=NOW).mails)


def test_what_cannot_have_its_turn_expires(services: Services, clock: Clock) -> None:
    """A mail that expires before its place expires by itself, with its reason, and takes up no place."""
    pace(services, "domain:narrow.example", per_hour=60, burst=1)
    end = NOW + timedelta(seconds=90)
    with writing(services.engine) as session:
        issue = published(session)
        first, second, third, fourth = digests(session, issue, ["narrow.example"] * 4, expires_at=end)
    assert ids(take(services)) == [first]
    found = deliveries(services)
    assert [found[n].due_at for n in (second, third, fourth)] == [NOW + timedelta(minutes=1), end, end]
    clock.now = NOW + timedelta(minutes=1)
    assert ids(take(services, clock.now)) == [second]
    with writing(services.engine) as session:
        tidy(session, now=end)
    found = deliveries(services)
    assert {found[n].state for n in (third, fourth)} == {"expired"}
    assert {found[n].reason for n in (third, fourth)} == {"could not leave in its time"}
    reserved = row(services, "domain:narrow.example").reserved_at
    assert reserved == NOW + timedelta(minutes=1)


def test_a_stopped_domain_is_passed_by(services: Services, clock: Clock) -> None:
    """Mails to a domain that a person stopped wait aside, with the reason; all others leave."""
    with writing(services.engine) as session:
        stop(session, "domain:narrow.example", "they asked us to")
        issue = published(session)
        (waits, leaves) = digests(session, issue, ["narrow.example", "wide.example"])
    assert ids(take(services)) == [leaves]
    found = deliveries(services)[waits]
    assert found.due_at > NOW
    assert found.reason == "domain:narrow.example is closed: they asked us to"


def test_no_pace_is_wasted(services: Services, clock: Clock) -> None:
    """What one way does not let through is counted on no other."""
    pace(services, "provider:folder", per_hour=60, burst=3)
    pace(services, "sender:racetoagi.example", per_hour=60, burst=1_000)
    pace(services, "domain:narrow.example", per_hour=60, burst=1)
    passage = ask(services, asking(2, "narrow.example") + asking(5))
    assert len(passage.ids) == 2
    counts = {key: row(services, key).day_count for key in (*WAYS, "domain:narrow.example")}
    assert counts == {
        "provider:folder": 2,
        "sender:racetoagi.example": 2,
        "domain:narrow.example": 1,
    }
    ask(services, asking(5))
    assert row(services, "sender:racetoagi.example").day_count == 2


def test_a_warm_up_lets_its_number_through_each_day(services: Services, clock: Clock) -> None:
    """A new sender sends no more in a day than its plan says; the next day in UTC it sends more."""
    limits = {"warm_up_from": NOW.date(), "warm_up_first": 20, "warm_up_growth": 2.0}
    pace(services, "sender:racetoagi.example", **limits)
    assert len(ask(services, asking(100)).ids) == 18
    refused = ask(services, asking(100))
    assert not refused.ids
    assert refused.waiting == (
        "sender:racetoagi.example is warming up: 20 may leave today, more after midnight UTC"
    )
    assert len(ask(services, asking(100, letter=True)).ids) == 2, "kept for letters"
    clock.now += timedelta(days=1)
    assert len(ask(services, asking(100)).ids) == 36
    clock.now += timedelta(days=400)
    assert len(ask(services, asking(5_000)).ids) == 5_000


def test_a_clock_that_was_set_back(services: Services, clock: Clock) -> None:
    """After the database's clock was set back by a day, mail leaves at its pace, and not a day later."""
    pace(services, "provider:folder", per_hour=3_600, burst=10)
    assert len(ask(services, asking(50)).ids) == 9
    clock.now -= timedelta(days=1)
    assert len(ask(services, asking(50)).ids) == 0
    clock.now += 5 * SECOND
    assert len(ask(services, asking(50)).ids) == 4


def test_nobody_waits_for_each_other(services: Services) -> None:
    """Workers that need the same ways in another order lock them in one order, and all get through."""
    for domain in "abc":
        pace(services, f"domain:{domain}.example", per_hour=360_000, burst=5)
    mixed = [one for domain in "abc" for one in asking(3, f"{domain}.example")]

    def work(n: int) -> None:
        for _ in range(15):
            ask(services, mixed if n % 2 else mixed[::-1], owner=str(n))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert all(row(services, f"domain:{domain}.example").day_count >= 3 for domain in "abc")
