"""Limits: so often in a window, counted in the database, for whoever hides behind several spellings."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select

from newsletter.store.engine import reading, writing
from subscribers import throttle
from subscribers.address import parse
from subscribers.fingerprints import Fingerprints
from subscribers.models import Throttle
from subscribers.throttle import Limit, block_of, domain_of, mailbox_of
from tests.people import FINGERPRINTS

NOON = datetime(2026, 1, 8, 12, tzinfo=UTC)
TWICE = Limit("twice", 2, timedelta(minutes=10))
IN_ALL = Limit("in all", 3, timedelta(hours=1))


def ask(engine: Engine, *subjects: tuple[Limit, str], at: datetime = NOON) -> bool:
    with writing(engine) as session:
        return throttle.admitted(session, subjects, fingerprints=FINGERPRINTS, now=at)


def test_so_often_in_each_window(engine: Engine) -> None:
    """A limit holds within its window and not beyond it, for each subject by itself."""
    assert [ask(engine, (TWICE, "ann")) for _ in range(3)] == [True, True, False]
    assert ask(engine, (TWICE, "bob"))
    assert not ask(engine, (TWICE, "ann"), at=NOON + timedelta(minutes=9, seconds=59))
    assert ask(engine, (TWICE, "ann"), at=NOON + timedelta(minutes=10))


def test_whom_a_narrow_limit_stops_uses_up_no_wide_one(engine: Engine) -> None:
    """One who asks a thousand times takes from all others no more than they may take themselves."""
    asked = [ask(engine, (TWICE, "flood"), (IN_ALL, "")) for _ in range(50)]
    assert asked.count(True) == 2
    assert [ask(engine, (TWICE, f"honest {n}"), (IN_ALL, "")) for n in range(2)] == [True, False]


def test_many_processes_count_as_one(engine: Engine) -> None:
    """Asked by many at once, exactly as many are admitted as by one after the other."""

    def one(_: int) -> bool:
        return ask(engine, (TWICE, "ann"), (IN_ALL, ""))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(40))).count(True) == TWICE.most


def test_the_table_tells_nobody_who_asked(engine: Engine) -> None:
    """What is limited is kept as a keyed hash only, and what is over is forgotten."""
    ask(engine, (TWICE, "ann@reader.example"))
    with reading(engine) as session:
        [row] = session.scalars(select(Throttle))
        assert row.subject == FINGERPRINTS.make("twice\nann@reader.example")
        assert Fingerprints(["another key"]).make("twice\nann@reader.example") != row.subject
    with writing(engine) as session:
        throttle.purge(session, now=NOON + timedelta(hours=12))
        assert session.scalar(select(func.count()).select_from(Throttle)) == 1
        throttle.purge(session, now=NOON + timedelta(days=1, seconds=1))
        assert session.scalar(select(func.count()).select_from(Throttle)) == 0


def test_a_count_is_one_statement(engine: Engine) -> None:
    """Counting reads back what it wrote in the same statement: there is no gap for another process."""
    ask(engine, (TWICE, "ann"))
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
    ask(engine, (TWICE, "ann"))
    assert [each.split()[0] for each in statements if not each.startswith("BEGIN")] == ["INSERT"]
    with reading(engine) as session:
        assert session.scalar(select(Throttle.count)) == 2


@pytest.mark.parametrize(
    "email",
    ["ann.lee@gmail.com", "annlee@gmail.com", "a.n.n.l.e.e+x@gmail.com", "AnnLee+news@googlemail.com"],
)
def test_spellings_of_one_mailbox_count_as_one(email: str) -> None:
    """Sub-addresses everywhere, and dots where the provider ignores them, hide nobody."""
    assert mailbox_of(parse(email)) == "annlee@gmail.com"


def test_other_people_are_others() -> None:
    """Dots tell people apart elsewhere, and a local part that only has a plus is one."""
    assert mailbox_of(parse("ann.lee+x@reader.example")) == "ann.lee@reader.example"
    assert mailbox_of(parse("+x@reader.example")) == "+x@reader.example"
    assert domain_of(parse("ann@Reader.example")) == "reader.example"


@pytest.mark.parametrize(
    ("ip", "block"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.200", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_network_counts_as_one(ip: str | None, block: str) -> None:
    """Whoever commands a network is limited as one, in both families of addresses."""
    assert block_of(ip) == block


@given(st.datetimes(timezones=st.just(UTC)), st.integers(1, 86_400))
def test_windows_join_without_gap(now: datetime, seconds: int) -> None:
    """Every instant is in exactly one window of a length."""
    limit = Limit("any", 1, timedelta(seconds=seconds))
    start = limit.start(now)
    assert start <= now < start + limit.window
    assert limit.start(start) == start
