"""Consent: whose word sets a reader's preferences, and whose does not."""

import pytest
from sqlalchemy import Engine

from newsletter.store.engine import reading, writing
from subscribers import consent, roster
from subscribers.address import InvalidName, parse
from subscribers.consent import Attested, Channel
from subscribers.lens import Lens
from subscribers.rhythm import Rhythm
from tests.consents import INVESTORS, LATER, UNSUBSCRIBED, ask, ledger
from tests.people import FINGERPRINTS, NOW, bring_to, fresh_address, known, subscriber


def test_strangers_change_nobody(engine: Engine) -> None:
    """A request in the name of somebody confirmed leaves their preferences alone."""
    mine = Rhythm("Europe/Paris", 6)
    with writing(engine) as session:
        person = subscriber(session, lens=INVESTORS, rhythm=mine, name="Ann")
        asked = consent.request(
            session,
            parse(person.email),
            ["weekly"],
            lens=Lens.of(muted_topics=["safety"]),
            rhythm=Rhythm("Asia/Tokyo", 3),
            name="Not Ann",
            channel=Channel.FORM,
            wording="Send me this",
            fingerprints=FINGERPRINTS,
            now=NOW,
        )
        assert asked is not None
    with reading(engine) as session:
        person = known(session, parse(person.email))
        assert (person.lens, person.rhythm, person.name) == (INVESTORS, mine, "Ann")


def test_the_last_wish_before_the_confirmation_counts(engine: Engine) -> None:
    """Whoever fills in the form again before confirming gets what they chose last."""
    address, rhythm = fresh_address(), Rhythm("Asia/Tokyo", 21, frozenset({0, 4}))
    with writing(engine) as session:
        ask(session, address)
    with writing(engine) as session:
        asked = consent.request(
            session,
            address,
            ["daily"],
            lens=INVESTORS,
            rhythm=rhythm,
            name=" Ann  Lee ",
            channel=Channel.FORM,
            wording="Send me this",
            fingerprints=FINGERPRINTS,
            now=LATER,
        )
        assert asked is not None
        person = known(session, address)
        assert (person.lens, person.rhythm, person.name) == (INVESTORS, rhythm, "Ann Lee")


def test_attested_preferences(engine: Engine) -> None:
    """An operator's preferences are set where given, once, with their line; what is not given stays."""
    address = fresh_address()
    with writing(engine) as session:
        subscriber(session, address, lens=INVESTORS, name="Ann")
    with writing(engine) as session:
        for expected in (Attested.UPDATED, Attested.UNCHANGED):
            outcome = consent.attest(
                session,
                address,
                ["daily"],
                rhythm=Rhythm("Asia/Tokyo", 9),
                source="phone call",
                channel=Channel.COMMAND,
                fingerprints=FINGERPRINTS,
                now=LATER,
            )
            assert outcome is expected
        person = known(session, address)
        assert (person.lens, person.rhythm, person.name) == (INVESTORS, Rhythm("Asia/Tokyo", 9), "Ann")
        assert [line.act for line in ledger(session, address)] == ["attested", "changed"]


def test_whoever_left_keeps_their_preferences(engine: Engine) -> None:
    """Nobody touches the preferences of somebody who is kept out."""
    address = fresh_address()
    with writing(engine) as session:
        bring_to(session, address, UNSUBSCRIBED)
        before = ledger(session, address)
        outcome = consent.attest(
            session,
            address,
            ["daily"],
            lens=INVESTORS,
            source="fair",
            channel=Channel.COMMAND,
            fingerprints=FINGERPRINTS,
            now=LATER,
        )
        assert outcome is Attested.KEPT_OUT
        assert known(session, address).lens == Lens()
        assert ledger(session, address) == before


def test_change_sets_what_is_given(engine: Engine) -> None:
    """Each preference is set by itself; a name can be removed; the same again writes nothing."""
    with writing(engine) as session:
        person = subscriber(session, name="Ann")

        def save(**preferences: object) -> bool:
            return consent.change(
                session,
                person,
                channel=Channel.LINK,
                wording="Save",
                now=LATER,
                **preferences,  # type: ignore[arg-type]
            )

        assert save(lens=INVESTORS)
        assert not save(lens=INVESTORS)
        assert save(rhythm=Rhythm("Asia/Tokyo", 9))
        assert person.name == "Ann"
        assert save(name=None)
        found = known(session, parse(person.email))
        assert (found.lens, found.rhythm, found.name) == (INVESTORS, Rhythm("Asia/Tokyo", 9), None)
        assert not save()
        assert [line.act for line in ledger(session, parse(person.email))] == ["attested", *["changed"] * 3]


def test_names_that_would_forge_a_header_are_refused(engine: Engine) -> None:
    """A name with a line break never gets into the database, by any act."""
    evil = "Ann\r\nBcc: everybody@mail.example"
    address = fresh_address()
    with writing(engine) as session:
        with pytest.raises(InvalidName):
            consent.request(
                session,
                address,
                ["daily"],
                name=evil,
                channel=Channel.FORM,
                wording="Yes",
                fingerprints=FINGERPRINTS,
                now=NOW,
            )
        with pytest.raises(InvalidName):
            subscriber(session, address, name=evil)
        assert roster.find(session, address.mailbox) is None
        person = subscriber(session, address)
        with pytest.raises(InvalidName):
            consent.change(session, person, name=evil, channel=Channel.LINK, wording="Save", now=NOW)
