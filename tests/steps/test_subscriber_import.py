"""People from files come in, leave and are closed as the file says; no file raises consent."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, func, select

from newsletter.store.engine import reading, writing
from subscribers import roster, suppression
from subscribers.address import parse
from subscribers.lens import Lens
from subscribers.models import Consent, SubscriptionState, SuppressionReason, Tag
from subscribers.rhythm import Rhythm
from subscribers.transfer.people import KeptOut, Person, Status
from tests.people import FINGERPRINTS, NOW, bring_to, fresh_address, known, subscriber
from tests.tables import DEFAULTS, person, read, take, take_records


def test_attested_people_read_at_once(engine: Engine) -> None:
    """With a source people are confirmed, as the file has them and with the defaults for the rest."""
    with writing(engine) as session:
        report = take(session, "email,name,audiences,hour", "a@x.example,Ann,Investors,", "b@x.example,,,21")
        assert (report.added, report.asked) == (2, 0)
        ann, ben = known(session, parse("a@x.example")), known(session, parse("b@x.example"))
        assert (ann.name, ann.lens, ann.rhythm) == ("Ann", Lens.of(audiences=["Investors"]), DEFAULTS)
        assert (ben.name, ben.lens, ben.rhythm) == (None, Lens(), Rhythm("Europe/Paris", 21))
        assert [each.subscriber_id for each in roster.readers(session, "daily", now=NOW)] == [ann.id, ben.id]
        assert [(line.channel, line.wording) for line in session.scalars(select(Consent))] == [
            ("import", "fair")
        ] * 2


def test_without_a_source_people_are_asked(engine: Engine) -> None:
    """Without one everybody is pending, and for each there is one mail to be sent; `source=""` is none."""
    for source, host in ((None, "x"), ("", "y")):
        with writing(engine) as session:
            emails = read("email", f"a@{host}.example", f"b@{host}.example")
            report, asked = take_records(session, *emails, source=source)
            assert (report.added, report.asked) == (2, 2)
            assert [
                (mail.subscriber_id, mail.newsletters, session.get_one(Consent, mail.consent_id).act)
                for mail in asked
            ] == [
                (known(session, parse(f"{name}@{host}.example")).id, ("daily",), "requested") for name in "ab"
            ]
            assert list(roster.readers(session, "daily", now=NOW)) == []


@pytest.mark.parametrize("source", ["fair", None])
def test_the_same_file_again(engine: Engine, source: str | None) -> None:
    """Importing a file again, days later, changes nobody, asks nobody, and adds nothing to the ledger."""
    lines = ["email,name,audiences,timezone,hour", "a@x.example,Ann,Investors,Asia/Tokyo,9", "b@x.example"]
    with writing(engine) as session:
        take(session, *lines, source=source)
    with writing(engine) as session:
        report = take(session, *lines, source=source, now=timedelta(days=3))
        assert (report.added, report.changed, report.unchanged, report.asked) == (0, 0, 2, 0)
        assert session.scalar(select(func.count()).select_from(Consent)) == 2


def test_a_file_changes_only_what_it_says(engine: Engine) -> None:
    """What a file does not mention stays: companies followed, mutes, the days of the week, the name."""
    mine = Lens.of(audiences=["Investors"], companies=["Mistral AI"], muted_topics=["Robots"])
    weekdays = frozenset({0, 2})
    address = fresh_address()
    with writing(engine) as session:
        subscriber(session, address, lens=mine, rhythm=Rhythm("Asia/Tokyo", 21, weekdays), name="Ann")
        report = take(session, "email,audiences,hour,name", f"{address.mailbox},Researchers,7,")
        assert report.changed == 1
        person = known(session, address)
        assert person.lens == Lens.of(
            audiences=["Researchers"], companies=["Mistral AI"], muted_topics=["Robots"]
        )
        assert (person.rhythm, person.name) == (Rhythm("Asia/Tokyo", 7, weekdays), "Ann")
        assert take(session, "email", address.mailbox).unchanged == 1


@pytest.mark.parametrize("source", ["fair", None])
def test_nobody_is_brought_back(engine: Engine, source: str | None) -> None:
    """No file brings back whom it finds unsubscribed or suppressed; they are counted as kept out."""
    left, closed, new = fresh_address(), fresh_address(), fresh_address()
    with writing(engine) as session:
        bring_to(session, left, SubscriptionState.UNSUBSCRIBED)
        suppression.suppress(session, closed, SuppressionReason.ERASED, fingerprints=FINGERPRINTS, now=NOW)
    with writing(engine) as session:
        emails = [address.mailbox for address in (left, closed, new)]
        report = take(session, "email", *emails, source=source, now=timedelta(days=3))
        assert (report.kept_out, report.added, report.asked) == (2, 1, 0 if source else 1)
        assert known(session, left).state("daily") is SubscriptionState.UNSUBSCRIBED
        assert roster.find(session, closed.mailbox) is None


def test_work_grows_with_batches_not_with_people(engine: Engine) -> None:
    """A thousand people cost a few dozen queries, so that a large file takes seconds."""
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
    lines = [f"reader{number}@x.example,Investors,{number % 24}" for number in range(1000)]
    with writing(engine) as session:
        assert take(session, "email,audiences,hour", *lines).added == 1000
    with writing(engine) as session:
        assert take(session, "email,audiences,hour", *lines).unchanged == 1000
    assert len([each for each in statements if each.startswith("SELECT")]) < 40


def test_one_person_twice_in_one_stream(engine: Engine) -> None:
    """A portion that names a person twice makes one subscriber; where one line says left, they left."""
    first, again = fresh_address(), fresh_address()
    with writing(engine) as session:
        report, _ = take_records(session, person(first), Person(3, first, DEFAULTS))
        assert (report.added, report.unchanged) == (1, 1)
        take_records(session, person(again), Person(3, again, DEFAULTS, status=Status.UNSUBSCRIBED))
        assert known(session, again).state("daily") is SubscriptionState.UNSUBSCRIBED


@pytest.mark.parametrize("source", ["fair", None], ids=["attested", "asked"])
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("state", [None, *SubscriptionState, *SuppressionReason])
def test_nobody_is_mailed_against_their_will(
    engine: Engine, state: SubscriptionState | SuppressionReason | None, status: Status, source: str | None
) -> None:
    """Whatever somebody's state here and their status in a file: mail goes only to who agreed, here or
    as attested, and left nowhere; nobody else is so much as asked; and twice is as good as once."""
    address = fresh_address()
    with writing(engine) as session:
        if isinstance(state, SuppressionReason):
            suppression.suppress(session, address, state, fingerprints=FINGERPRINTS, now=NOW)
        else:
            bring_to(session, address, state)
    with writing(engine) as session:
        _, asked = take_records(session, person(address, status), source=source, now=timedelta(days=3))
    with writing(engine) as session:
        again, asked_again = take_records(
            session, person(address, status), source=source, now=timedelta(days=6)
        )
        assert (again.added, again.changed, again.unsubscribed, again.suppressed) == (0, 0, 0, 0)
        assert asked_again == []
    with reading(engine) as session:
        may_join = state in (None, SubscriptionState.PENDING)
        attested = status is Status.SUBSCRIBED and source is not None and may_join
        reads = not status.closes and (state is SubscriptionState.CONFIRMED or attested)
        assert len(list(roster.readers(session, "daily", now=NOW))) == reads
        assert len(asked) == (state is None and not status.closes and not attested)
        if state is SubscriptionState.UNSUBSCRIBED:
            assert known(session, address).state("daily") is SubscriptionState.UNSUBSCRIBED
        if isinstance(state, SuppressionReason):
            assert suppression.why(session, address, FINGERPRINTS)
            assert roster.find(session, address.mailbox) is None, "a closed address gets no new row"


def test_what_a_file_says_of_leaving(engine: Engine) -> None:
    """Who unsubscribed elsewhere is kept as such with the day, known or not, with a line in the ledger,
    and no later file brings them in."""
    stranger, reader, day = fresh_address(), fresh_address(), NOW - timedelta(days=90)
    with writing(engine) as session:
        subscriber(session, reader)
        leaving = [
            Person(line, address, DEFAULTS, status=Status.UNSUBSCRIBED, left_at=day)
            for line, address in enumerate((stranger, reader), start=2)
        ]
        report, _ = take_records(session, *leaving)
        assert report.unsubscribed == 2
        for address in (stranger, reader):
            [held] = known(session, address).subscriptions
            assert (held.state, held.unsubscribed_at) == ("unsubscribed", day)
            last = session.scalars(
                select(Consent).where(Consent.subscriber_id == held.subscriber_id).order_by(Consent.id)
            ).all()[-1]
            assert (last.act, last.channel, last.at) == ("unsubscribed", "import", day)
        report, _ = take_records(session, person(stranger))
        assert report.kept_out_lines == [KeptOut(2, "unsubscribed")]


def test_what_a_file_says_of_bounces(engine: Engine) -> None:
    """A cleaned address is closed with the day of its bounce, and nobody is enrolled for it."""
    address, day = fresh_address(), NOW - timedelta(days=90)
    with writing(engine) as session:
        report, _ = take_records(session, person(address, Status.BOUNCED, day))
        assert report.suppressed == 1
        record = suppression.why(session, address, FINGERPRINTS)
        assert record
        assert (record.reason, record.since) == (SuppressionReason.BOUNCED, day)
        assert roster.find(session, address.mailbox) is None
        report, _ = take_records(session, person(address))
        assert report.kept_out_lines == [KeptOut(2, "suppressed: bounced")]


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.BOUNCED])
def test_who_came_back_since_stays(engine: Engine, status: Status) -> None:
    """Somebody who left elsewhere and confirmed to us later has told us more recently than the file."""
    address = fresh_address()
    with writing(engine) as session:
        bring_to(session, address, SubscriptionState.CONFIRMED)
        report, _ = take_records(session, person(address, status, NOW - timedelta(days=1)))
        assert report.unchanged == 1
        assert len(list(roster.readers(session, "daily", now=NOW))) == 1
        take_records(session, person(address, status, NOW + timedelta(hours=1)), now=timedelta(days=1))
        assert list(roster.readers(session, "daily", now=NOW)) == []


def test_every_field_is_kept(engine: Engine) -> None:
    """Consent is kept with its time and IP as the file has them, beside tags, country and beginning; a
    time that is yet to come is none. A later file adds to them."""
    address, day = fresh_address(), NOW - timedelta(days=90)
    with writing(engine) as session:
        full = Person(
            line=2,
            address=address,
            defaults=DEFAULTS,
            name="Ann",
            timezone="Asia/Tokyo",
            country="JP",
            tags=frozenset({"vip", "fair"}),
            created_at=day - timedelta(days=1),
            agreed_at=day,
            agreed_ip="192.0.2.1",
        )
        future = Person(3, fresh_address(), DEFAULTS, agreed_at=NOW + timedelta(days=9))
        assert take_records(session, full, future)[0].added == 2
        found = known(session, address)
        assert (found.name, found.rhythm, found.country) == ("Ann", Rhythm("Asia/Tokyo", 8), "JP")
        assert (found.created_at, found.subscriptions[0].confirmed_at) == (day - timedelta(days=1), day)
        line, other = session.scalars(select(Consent).order_by(Consent.at))
        assert (line.at, line.ip, line.wording, line.act) == (day, "192.0.2.1", "fair", "attested")
        assert other.at == NOW
        more = Person(2, address, DEFAULTS, country="FR", tags=frozenset({"fair", "new"}))
        assert take_records(session, more)[0].changed == 1
        assert set(session.scalars(select(Tag.name))) == {"vip", "fair", "new"}
        assert found.country == "FR"


def test_a_mailbox_that_confirmed_is_not_asked_again(engine: Engine) -> None:
    """Somebody pending in a file who confirmed here stays confirmed, whatever the file says."""
    address = fresh_address()
    with writing(engine) as session:
        bring_to(session, address, SubscriptionState.CONFIRMED)
        _, asked = take_records(session, person(address, Status.PENDING), now=timedelta(days=2))
        assert asked == []
        assert known(session, address).state("daily") is SubscriptionState.CONFIRMED
