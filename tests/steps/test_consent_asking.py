"""Asking for a newsletter: who is mailed a question, how often, and what is kept of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select

from newsletter.store.engine import reading, writing
from subscribers import consent, roster
from subscribers.address import parse
from subscribers.consent import Asked, Channel
from subscribers.lens import Lens
from subscribers.models import Consent, LensRecord, Subscriber
from tests.consents import Line, ask, ledger
from tests.people import FINGERPRINTS, NOW, fresh_address, known, subscriber


def test_a_request_keeps_its_proof(engine: Engine) -> None:
    """The ledger shows what was asked, in which words, when, by which way and from where."""
    address = fresh_address()
    with writing(engine) as session:
        asked = consent.request(
            session,
            address,
            ["weekly", "daily", "weekly"],
            channel=Channel.FORM,
            wording="Send me this",
            ip="192.0.2.7",
            fingerprints=FINGERPRINTS,
            now=NOW,
        )
    assert asked is not None
    assert asked.newsletters == ("weekly", "daily")
    with reading(engine) as session:
        [line] = ledger(session, address)
        assert line == Line(
            asked.consent_id,
            "requested",
            ("weekly", "daily"),
            ("form", "Send me this", "192.0.2.7", NOW),
        )
        assert known(session, address).id == asked.subscriber_id


def test_only_what_is_not_confirmed_is_asked(engine: Engine) -> None:
    """A request for several newsletters asks for those that are not confirmed yet."""
    with writing(engine) as session:
        person = subscriber(session)
        asked = consent.request(
            session,
            parse(person.email),
            ["daily", "weekly"],
            channel=Channel.FORM,
            wording="Send me this",
            fingerprints=FINGERPRINTS,
            now=NOW,
        )
    assert asked is not None
    assert asked.newsletters == ("weekly",)


@pytest.mark.parametrize(
    ("minutes", "mails"),
    [
        ([0, 9], 1),
        ([0, 10], 2),
        ([0, 10, 20, 30], 3),
        ([0, 10, 20, 24 * 60 - 1], 3),
        ([0, 10, 20, 24 * 60], 4),
    ],
)
def test_nobody_is_flooded(engine: Engine, minutes: list[int], mails: int) -> None:
    """One address is mailed at most once in ten minutes and three times in 24 hours, whatever is
    asked for, and beyond that nothing is written at all."""
    address = fresh_address()
    for number, minute in enumerate(minutes):
        with writing(engine) as session:
            ask(session, address, f"newsletter-{number}", NOW + timedelta(minutes=minute))
    with reading(engine) as session:
        assert len(ledger(session, address)) == mails
        assert len(known(session, address).subscriptions) == mails


def test_asking_for_nothing_is_a_fault(engine: Engine) -> None:
    """A request or an attestation without a newsletter is refused, and makes nobody a subscriber."""
    address = fresh_address()
    with writing(engine) as session:
        with pytest.raises(ValueError, match="at least one newsletter"):
            consent.request(
                session, address, [], channel=Channel.FORM, wording="Yes", fingerprints=FINGERPRINTS, now=NOW
            )
        with pytest.raises(ValueError, match="at least one newsletter"):
            consent.attest(
                session,
                address,
                [],
                source="fair",
                channel=Channel.COMMAND,
                fingerprints=FINGERPRINTS,
                now=NOW,
            )
        assert roster.find(session, address.mailbox) is None


@pytest.mark.parametrize(
    "spellings", [("ann@mail.example", "Ann@Mail.example"), ("a@b.example", "c@b.example")]
)
def test_at_the_same_moment(engine: Engine, spellings: tuple[str, str]) -> None:
    """Requests that come in at once make one subscriber of one address, one mail, one lens, no error."""
    rounds = 5
    barrier = Barrier(len(spellings))

    def come(number: int, spelling: str) -> Asked | None:
        barrier.wait(timeout=30)
        with writing(engine) as session:
            return consent.request(
                session,
                parse(f"{number}{spelling}"),
                ["daily"],
                lens=Lens.of(topics=[f"topic {number}"]),
                channel=Channel.FORM,
                wording="Send me this",
                fingerprints=FINGERPRINTS,
                now=NOW,
            )

    with ThreadPoolExecutor(len(spellings)) as threads:
        mails = [
            [task.result() for task in [threads.submit(come, number, each) for each in spellings]]
            for number in range(rounds)
        ]
    people = len({parse(each).key for each in spellings})
    assert [sum(1 for mail in both if mail) for both in mails] == [people] * rounds
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == people * rounds
        assert session.scalar(select(func.count()).select_from(LensRecord)) == rounds
        assert session.scalar(select(func.count()).select_from(Consent)) == people * rounds
