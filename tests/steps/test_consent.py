"""Consent: who may become confirmed, who never comes back, and what the ledger keeps."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from newsletter.store.engine import reading, writing
from subscribers import admission, consent, roster, suppression
from subscribers.address import Address, InvalidName, parse
from subscribers.consent import Asked, Attested, Channel, UnknownSubscriber
from subscribers.enrolment import Applicant
from subscribers.ledger import Evidence
from subscribers.lens import Lens
from subscribers.models import Act, Consent, LensRecord, Subscriber, SubscriptionState, SuppressionReason
from subscribers.rhythm import Rhythm
from tests.people import FINGERPRINTS, NOW, bring_to, fresh_address, known, subscriber

LATER = NOW + timedelta(days=2)
INVESTORS = Lens.of(audiences=["Investors"])
PENDING, CONFIRMED, UNSUBSCRIBED = SubscriptionState

Step = Callable[[Session, Address, str, datetime], object]


def ask(session: Session, address: Address, slug: str = "daily", now: datetime = NOW) -> Asked | None:
    return consent.request(
        session,
        address,
        [slug],
        channel=Channel.FORM,
        wording="Send me this",
        ip="192.0.2.7",
        fingerprints=FINGERPRINTS,
        now=now,
    )


def ask_by_file(session: Session, address: Address, slug: str, now: datetime) -> Asked | None:
    evidence = Evidence(Channel.IMPORT, "Send me this", None, now)
    [(_, asked)] = admission.ask(session, [Applicant(address)], [slug], evidence, FINGERPRINTS)
    return asked


def confirm(session: Session, address: Address, slug: str = "daily", now: datetime = NOW) -> bool:
    public_id = known(session, address).public_id
    done = consent.confirm(
        session, public_id, [slug], channel=Channel.LINK, wording="Yes", fingerprints=FINGERPRINTS, now=now
    )
    return bool(done.confirmed)


def attest(session: Session, address: Address, slug: str = "daily", now: datetime = NOW) -> Attested:
    return consent.attest(
        session,
        address,
        [slug],
        source="paper form, autumn fair",
        channel=Channel.COMMAND,
        fingerprints=FINGERPRINTS,
        now=now,
    )


def leave(session: Session, address: Address, slug: str | None = "daily", now: datetime = NOW) -> bool:
    public_id = known(session, address).public_id
    return consent.unsubscribe(
        session, public_id, slug, channel=Channel.ONE_CLICK, wording="One-Click", now=now
    )


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


def state(session: Session, address: Address, slug: str = "daily") -> SubscriptionState | None:
    found = roster.find(session, address.mailbox)
    return found.state(slug) if found else None


@dataclass(frozen=True)
class Line:
    """A row of the ledger, every column of it."""

    id: int
    act: str
    newsletters: tuple[str, ...]
    rest: tuple[object, ...]


def ledger(session: Session, address: Address) -> list[Line]:
    lines = session.scalars(
        select(Consent)
        .join(Subscriber, Subscriber.id == Consent.subscriber_id)
        .where(Subscriber.email_key == address.key)
        .order_by(Consent.id)
        .execution_options(populate_existing=True)
    )
    return [
        Line(each.id, each.act, tuple(each.newsletters), (each.channel, each.wording, each.ip, each.at))
        for each in lines
    ]


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
                assert state(session, address, each) == _told_by(lines, each)


def _told_by(lines: list[Line], slug: str) -> SubscriptionState | None:
    """The state that the ledger alone proves; fails where an act was not open to it."""
    found: SubscriptionState | None = None
    for line in lines:
        if slug not in line.newsletters:
            continue
        if line.act == Act.REQUESTED:
            assert found is not CONFIRMED
            found = PENDING
        elif line.act == Act.CONFIRMED:
            assert found is PENDING
            found = CONFIRMED
        elif line.act == Act.ATTESTED:
            assert found in (None, PENDING)
            found = CONFIRMED
        elif line.act == Act.UNSUBSCRIBED:
            assert found in (PENDING, CONFIRMED)
            found = UNSUBSCRIBED
    return found


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


def close(session: Session, address: Address, reason: SuppressionReason) -> None:
    suppression.suppress(session, address, reason, fingerprints=FINGERPRINTS, now=NOW)


def test_an_address_closed_by_hand_is_not_asked(engine: Engine) -> None:
    """A request for an address that an operator closed mails nobody and leaves no trace."""
    address = fresh_address()
    with writing(engine) as session:
        close(session, address, SuppressionReason.BY_HAND)
        assert ask(session, address) is None
    with reading(engine) as session:
        assert roster.find(session, address.mailbox) is None


@pytest.mark.parametrize("reason", sorted(suppression.CONFIRMATION_OPENS))
def test_whoever_bounced_or_complained_comes_back_by_their_own_wish(
    engine: Engine, reason: SuppressionReason
) -> None:
    """Asked at the form and confirmed from the mailbox: then mail comes again; by no other way, and
    not before."""
    address = fresh_address()
    with writing(engine) as session:
        subscriber(session, address)
        close(session, address, reason)
        assert attest(session, address, now=LATER) is Attested.KEPT_OUT
        assert ask_by_file(session, address, "daily", LATER) is None
        assert ask(session, address, now=LATER)
        assert list(roster.readers(session, "daily", now=LATER)) == []
        assert confirm(session, address, now=LATER)
        assert [each.subscriber_id for each in roster.readers(session, "daily", now=LATER)]
        assert suppression.why(session, address, FINGERPRINTS) is None


def test_confirming_does_not_open_what_was_closed_since(engine: Engine) -> None:
    """An old link pressed again opens nothing: only what it confirms anew is a fresh wish. What an
    operator closed no link opens."""
    again, by_hand = fresh_address(), fresh_address()
    with writing(engine) as session:
        bring_to(session, again, CONFIRMED)
        close(session, again, SuppressionReason.COMPLAINED)
        assert not confirm(session, again)
        bring_to(session, by_hand, PENDING)
        close(session, by_hand, SuppressionReason.BY_HAND)
        assert confirm(session, by_hand)
        assert suppression.reasons(session, [again.key, by_hand.key], FINGERPRINTS) == {
            again.key: SuppressionReason.COMPLAINED,
            by_hand.key: SuppressionReason.BY_HAND,
        }
        assert list(roster.readers(session, "daily", now=NOW)) == []


def test_a_confirmation_says_what_it_came_to(engine: Engine) -> None:
    """Each newsletter of the link is told apart: confirmed now, before, or no longer open."""
    address = fresh_address()
    with writing(engine) as session:
        attest(session, address, "before")
        ask(session, address, "now")
        attest(session, address, "left")
        leave(session, address, "left")
        done = consent.confirm(
            session,
            known(session, address).public_id,
            ["now", "before", "left", "never"],
            channel=Channel.LINK,
            wording="Yes",
            fingerprints=FINGERPRINTS,
            now=NOW,
        )
    assert (done.confirmed, done.already, done.closed) == (("now",), ("before",), ("left", "never"))
    assert done.suppressed is None


def test_links_of_nobody(engine: Engine) -> None:
    """A confirmation for nobody we know is refused with words; leaving is granted to anybody."""
    with writing(engine) as session:
        with pytest.raises(UnknownSubscriber, match="subscribe anew"):
            consent.confirm(
                session,
                "nobody",
                ["daily"],
                channel=Channel.LINK,
                wording="Yes",
                fingerprints=FINGERPRINTS,
                now=NOW,
            )
        assert not consent.unsubscribe(session, "nobody", None, channel=Channel.LINK, wording="Stop", now=NOW)


def test_an_attested_person_counts_as_what_they_are(engine: Engine) -> None:
    """Attesting tells added, updated, unchanged and kept out apart, and the source is in the ledger."""
    address = fresh_address()
    with writing(engine) as session:
        assert attest(session, address) is Attested.ADDED
        assert attest(session, address) is Attested.UNCHANGED
        assert attest(session, address, "weekly") is Attested.UPDATED
        leave(session, address, None)
        assert attest(session, address) is Attested.KEPT_OUT
        assert attest(session, address, "monthly") is Attested.UPDATED
        assert [line.act for line in ledger(session, address)] == [
            "attested",
            "attested",
            "unsubscribed",
            "attested",
        ]
        assert ledger(session, address)[0].rest == (
            "command line",
            "paper form, autumn fair",
            None,
            NOW,
        )


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


def test_attesting_several_leaves_alone_what_was_ended(engine: Engine) -> None:
    """An operator who vouches for several newsletters brings back none that was unsubscribed."""
    address = fresh_address()
    with writing(engine) as session:
        bring_to(session, address, UNSUBSCRIBED)
        outcome = consent.attest(
            session,
            address,
            ["daily", "weekly"],
            source="fair",
            channel=Channel.COMMAND,
            fingerprints=FINGERPRINTS,
            now=LATER,
        )
        assert outcome is Attested.UPDATED
        assert state(session, address, "daily") is UNSUBSCRIBED
        assert state(session, address, "weekly") is CONFIRMED
        assert ledger(session, address)[-1].newsletters == ("weekly",)


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


def test_what_keeps_people_out_has_a_name(engine: Engine) -> None:
    """Whoever an operator may not bring back is kept out with the reason in words."""
    left, closed, new = fresh_address(), fresh_address(), fresh_address()
    with writing(engine) as session:
        bring_to(session, left, UNSUBSCRIBED)
        suppression.suppress(session, closed, SuppressionReason.ERASED, fingerprints=FINGERPRINTS, now=NOW)
        assert attest(session, left) is attest(session, closed) is Attested.KEPT_OUT
        assert consent.kept_out_because(session, left, ["daily"], FINGERPRINTS) == "unsubscribed from daily"
        assert consent.kept_out_because(session, closed, ["daily"], FINGERPRINTS) == "suppressed: erased"
        assert consent.kept_out_because(session, new, ["daily"], FINGERPRINTS) is None
        assert roster.find(session, closed.mailbox) is None


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
            assert _told_by(ledger(session, address), "daily") is UNSUBSCRIBED


def test_who_left_is_not_brought_back_by_way_of_a_question(engine: Engine) -> None:
    """Unsubscribed, then asked anew by anybody: an operator's word still does not bring them back."""
    address = fresh_address()
    with writing(engine) as session:
        attest(session, address)
        leave(session, address)
        assert ask(session, address, now=NOW + timedelta(days=1)) is not None
        assert attest(session, address, now=NOW + timedelta(days=2)) is Attested.KEPT_OUT
        assert state(session, address) is SubscriptionState.PENDING
        assert confirm(session, address, now=NOW + timedelta(days=3))
        assert state(session, address) is SubscriptionState.CONFIRMED
