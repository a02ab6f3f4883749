"""Consent: what each act makes of each state, and the line of the ledger that tells it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from newsletter.store.engine import reading, writing
from subscribers import consent
from subscribers.address import Address
from subscribers.consent import Channel
from subscribers.models import Act, Subscriber, SubscriptionState
from tests.consents import (
    CONFIRMED,
    INVESTORS,
    LATER,
    PENDING,
    UNSUBSCRIBED,
    Line,
    Step,
    ask,
    ask_by_file,
    attest,
    confirm,
    leave,
    ledger,
    state,
    told_by,
)
from tests.people import NOW, bring_to, fresh_address, known


def leave_all(session: Session, address: Address, slug: str, now: datetime) -> bool:
    return leave(session, address, None, now)


def change(session: Session, address: Address, slug: str, now: datetime) -> bool:
    return consent.change(
        session, known(session, address), lens=INVESTORS, channel=Channel.LINK, wording="Save", now=now
    )


STEPS: dict[str, Step] = {
    "ask": ask,
    "ask by file": ask_by_file,
    "confirm": confirm,
    "attest": attest,
    "leave": leave,
    "leave all": leave_all,
    "change": change,
}


#: every state of the daily, and what each act makes of it; the same state: nothing happens
TRANSITIONS = {
    (None, "ask"): PENDING,
    (None, "ask by file"): PENDING,
    (None, "attest"): CONFIRMED,
    (PENDING, "ask"): PENDING,
    (PENDING, "ask by file"): PENDING,
    (PENDING, "confirm"): CONFIRMED,
    (PENDING, "attest"): CONFIRMED,
    (PENDING, "leave"): UNSUBSCRIBED,
    (PENDING, "leave all"): UNSUBSCRIBED,
    (PENDING, "change"): PENDING,
    (CONFIRMED, "ask"): CONFIRMED,
    (CONFIRMED, "ask by file"): CONFIRMED,
    (CONFIRMED, "confirm"): CONFIRMED,
    (CONFIRMED, "attest"): CONFIRMED,
    (CONFIRMED, "leave"): UNSUBSCRIBED,
    (CONFIRMED, "leave all"): UNSUBSCRIBED,
    (CONFIRMED, "change"): CONFIRMED,
    (UNSUBSCRIBED, "ask"): PENDING,
    (UNSUBSCRIBED, "ask by file"): UNSUBSCRIBED,
    (UNSUBSCRIBED, "confirm"): UNSUBSCRIBED,
    (UNSUBSCRIBED, "attest"): UNSUBSCRIBED,
    (UNSUBSCRIBED, "leave"): UNSUBSCRIBED,
    (UNSUBSCRIBED, "leave all"): UNSUBSCRIBED,
    (UNSUBSCRIBED, "change"): UNSUBSCRIBED,
}


LINE_OF = {
    "ask": Act.REQUESTED,
    "ask by file": Act.REQUESTED,
    "confirm": Act.CONFIRMED,
    "attest": Act.ATTESTED,
    "leave": Act.UNSUBSCRIBED,
    "leave all": Act.UNSUBSCRIBED,
    "change": Act.CHANGED,
}


@pytest.mark.parametrize(("start", "act"), TRANSITIONS, ids=lambda value: str(value))
def test_every_act_in_every_state(engine: Engine, start: SubscriptionState | None, act: str) -> None:
    """Each act leads from each state to the one written down, and says so in one ledger line."""
    address = fresh_address()
    with writing(engine) as session:
        bring_to(session, address, start)
    with writing(engine) as session:
        before = ledger(session, address)
        STEPS[act](session, address, "daily", LATER)
    with reading(engine) as session:
        assert state(session, address) == TRANSITIONS[start, act]
        added = [line.act for line in ledger(session, address)[len(before) :]]
        moved = start != TRANSITIONS[start, act] or (start, act) == (PENDING, "ask") or act == "change"
        assert added == ([LINE_OF[act]] if moved else [])


@pytest.mark.parametrize(("start", "act"), TRANSITIONS, ids=lambda value: str(value))
def test_what_was_done_is_not_done_again(engine: Engine, start: SubscriptionState | None, act: str) -> None:
    """The same act twice leaves what it left once: same states, same instants, no second line."""
    address = fresh_address()
    with writing(engine) as session:
        bring_to(session, address, start)
        STEPS[act](session, address, "daily", LATER)
    with reading(engine) as session:
        once = ledger(session, address), _columns(known(session, address))
    with writing(engine) as session:
        STEPS[act](session, address, "daily", LATER + timedelta(minutes=1))
    with reading(engine) as session:
        assert (ledger(session, address), _columns(known(session, address))) == once


def _columns(person: Subscriber) -> list[object]:
    return [
        (person.lens, person.rhythm, person.name),
        *(
            (held.newsletter, held.state, held.requested_at, held.confirmed_at, held.unsubscribed_at)
            for held in person.subscriptions
        ),
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from(["daily", "weekly"])), max_size=12
    )
)
def test_whatever_happens(engine: Engine, steps: list[tuple[str, str]]) -> None:
    """Whatever comes in whatever order: the ledger only grows, its rows never change, and whoever
    is confirmed can be shown to have said so, after the last time they left."""
    address, now = fresh_address(), NOW
    lines: list[Line] = []
    for act, slug in [("ask", "daily"), *steps]:
        now += timedelta(hours=9)
        with writing(engine) as session:
            STEPS[act](session, address, slug, now)
        with reading(engine) as session:
            before, lines = lines, ledger(session, address)
            assert lines[: len(before)] == before
            for each in ("daily", "weekly"):
                assert state(session, address, each) == told_by(lines, each)
