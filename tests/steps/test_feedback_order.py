"""What comes back, told out of order and again and again, ends as if it was told once and in order."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select, text

from newsletter.feedback.applying import apply_events
from newsletter.feedback.readers import WORN_OUT
from newsletter.feedback.told import Told, store
from newsletter.models import Delivery, Event
from newsletter.models.delivery import DeliveryState
from newsletter.models.event import EventKind
from newsletter.store.engine import reading, writing
from subscribers.models import Subscription, Suppression
from tests.feedback import NOW, a_delivery, told, work_in
from tests.people import FINGERPRINTS, fresh_address, subscriber

#: a mail, what is told of it, how many days ago that was, and with which words
Happened = tuple[int, EventKind, int, str | None]
happenings = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.just(EventKind.SOFT_BOUNCE) | st.sampled_from(EventKind),
        st.integers(0, 40),
        st.sampled_from([None, "Bounced Address", "550 5.1.1 no such mailbox"]),
    ),
    max_size=14,
)
#: all that may change, but the wording and the moment of a suppression
OUTCOMES = (
    "SELECT occasion_id, state, mailbox, mailbox_at FROM delivery ORDER BY occasion_id",
    f"SELECT reason, note = '{WORN_OUT}' FROM suppression",
    "SELECT newsletter, state FROM subscription ORDER BY newsletter",
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happenings, st.integers(1, 5), st.randoms())
def test_the_end_is_that_of_the_ordered_run(
    engine: Engine, happened: list[Happened], size: int, chance: random.Random
) -> None:
    """Shuffled, in triplicate, in batches of any size: all that is kept ends as if told in order."""
    in_order = list(enumerate(sorted(happened, key=lambda one: -one[2])))
    shuffled = in_order * 3
    chance.shuffle(shuffled)
    assert outcome(engine, in_order, len(in_order) or 1) == outcome(engine, shuffled, size)


def outcome(engine: Engine, tellings: list[tuple[int, Happened]], size: int) -> list[list[object]]:
    """What is left of a reader with eight mails after the tellings, `size` in a batch."""
    with writing(engine) as session:
        for table in (Event, Delivery, Suppression, Subscription):
            session.execute(delete(table))
        reader = subscriber(session, fresh_address(), "daily", "weekly")
        mails = [
            a_delivery(
                session,
                reader.id,
                issue=number,
                newsletter="daily" if number % 2 else "weekly",
                state=(DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)[number % 2],
                settled_at=NOW - timedelta(days=41 - 5 * number),
            )
            for number in range(8)
        ]
    for start in range(0, len(tellings), size):
        with writing(engine) as session:
            store(session, [_event(mails, *telling) for telling in tellings[start : start + size]], NOW)
            apply_events(session, FINGERPRINTS, now=NOW, limit=size)
    work_in(engine, limit=size)
    with reading(engine) as session:
        return [[tuple(row) for row in session.execute(text(query))] for query in OUTCOMES]


def _event(mails: list[int], number: int, happened: Happened) -> Told:
    mail, kind, days, reason = happened
    return told(kind, mails[mail], key=f"key {number}", at=NOW - timedelta(days=days), reason=reason)


def test_many_may_tell_and_work_in_at_once(engine: Engine) -> None:
    """The same events, told by four processes in orders of their own, count once and break nothing."""
    with writing(engine) as session:
        readers = [subscriber(session, fresh_address()) for _ in range(20)]
        mails = [a_delivery(session, reader.id, state=DeliveryState.UNKNOWN) for reader in readers]
    events = [
        told(kind, mail)
        for mail in mails
        for kind in (EventKind.PROCESSED, EventKind.DELIVERED, EventKind.COMPLAINED, EventKind.UNSUBSCRIBED)
    ]

    def tell(seed: int) -> int:
        mine = random.Random(seed).sample(events, len(events))
        new = 0
        for start in range(0, len(mine), 10):
            with writing(engine) as session:
                new += store(session, mine[start : start + 10], NOW)
            with writing(engine) as session:
                apply_events(session, FINGERPRINTS, now=NOW, limit=10)
        return new

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(tell, range(4))) == len(events)
    work_in(engine)
    with reading(engine) as session:
        fates = session.execute(select(Delivery.state, Delivery.mailbox).distinct()).all()
        assert [tuple(row) for row in fates] == [("accepted", "complained")]
        assert session.scalars(select(Suppression.reason)).all() == ["complained"] * 20
        ended = select(Subscription).where(Subscription.state == "unsubscribed")
        assert len(session.scalars(ended).all()) == 20
