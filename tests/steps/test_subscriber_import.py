"""People from files: what a line says is taken or refused by name, and no file raises consent."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session

from newsletter.store.engine import reading, writing
from subscribers import roster, suppression
from subscribers.address import parse
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.models import Consent, Subscriber, SubscriptionState, SuppressionReason
from subscribers.rhythm import Rhythm
from subscribers.transfer.csv_file import LONGEST_LINE, BadFile, read_people
from subscribers.transfer.people import ImportReport, Person, Refusal, import_people
from tests.people import NOW, bring_to, fresh_address, known, subscriber

AUDIENCES = ("Investors", "Researchers", "Policymakers")
DEFAULTS = Rhythm("Europe/Paris", 8)


def read(*lines: str) -> list[Person | Refusal]:
    return list(read_people([f"{line}\n" for line in lines], audiences=AUDIENCES, defaults=DEFAULTS))


def one(*lines: str) -> Person:
    [person] = read(*lines)
    assert isinstance(person, Person)
    return person


def refusal(*lines: str) -> Refusal:
    [refused] = read(*lines)
    assert isinstance(refused, Refusal)
    return refused


def take(
    session: Session, *lines: str, source: str | None = "fair", now: timedelta = timedelta()
) -> ImportReport:
    return import_people(
        session,
        read(*lines),
        newsletters=["daily"],
        source=source,
        channel=Channel.IMPORT,
        wording="An operator entered this address: please confirm",
        now=NOW + now,
    )


@pytest.mark.parametrize(
    ("header", "record"),
    [
        ("email,name,audiences,timezone,hour", 'a@x.example,Ann,"Investors;Researchers",Asia/Tokyo,21'),
        ("Hour,TIMEZONE, Audiences ,name,Email", "21,Asia/Tokyo,Investors|Researchers,Ann,a@x.example"),
        ("\ufeffemail;name;audiences;timezone;hour", "a@x.example;Ann;Investors|Researchers;asia/tokyo; 21"),
        ("email;name;audiences;timezone;hour", 'a@x.example;Ann;"investors; researchers";Asia/Tokyo;21'),
        ("name,audiences,hour,timezone,email\r", 'Ann, "Investors,Researchers",21,Asia/Tokyo,a@x.example\r'),
    ],
    ids=["plain", "another order", "byte order mark", "semicolons", "windows"],
)  # fmt: skip
def test_spellings_of_one_record(header: str, record: str) -> None:
    """The same person is read from every usual way of writing a table."""
    person = one(header, record)
    assert person.address == parse("a@x.example")
    assert (person.name, person.timezone, person.hour) == ("Ann", "Asia/Tokyo", 21)
    assert person.audiences == frozenset({"investors", "researchers"})


def test_only_the_address_is_needed() -> None:
    """A column that is missing, a short line and an empty cell all say nothing."""
    bare = Person(parse("a@x.example"), None, None, None, None, DEFAULTS)
    assert one("email", "a@x.example") == bare
    assert one("email,name,hour", "a@x.example") == bare
    assert one("email,name,audiences,timezone,hour", "a@x.example,, ,,") == bare


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("email,vorname,name,Nachname", "'vorname', 'nachname'"),
        ("email,", "''"),
        ("name,hour", "no column email"),
        ("email,name,Email", "email stands there twice"),
        ("ann@x.example", "'ann@x.example'"),
        ('email,"name', "header"),
        ("x" * (LONGEST_LINE + 1), "header"),
    ],
)
def test_a_header_that_is_none(header: str, named: str) -> None:
    """A table of other columns is refused as a whole, at once, with the columns named."""
    with pytest.raises(BadFile, match=named):
        read_people([f"{header}\n", "a@x.example\n"], audiences=AUDIENCES, defaults=DEFAULTS)


def test_an_empty_file() -> None:
    """A file of nothing is no table, and the message says which columns it needs."""
    with pytest.raises(BadFile, match="email, name, audiences, timezone, hour"):
        read()


@pytest.mark.parametrize(
    ("line", "reason", "remedy"),
    [
        ("ann", "'ann' is not an e-mail address", "correct the address"),
        (",Ann", "'' is not an e-mail address", "correct the address"),
        ("a@x.example,,Dentists", "unknown audience 'Dentists'", "investors, policymakers, researchers"),
        ("a@x.example,,,Mars/Base", "unknown time zone 'Mars/Base'", "Europe/Paris"),
        ("a@x.example,,,,25", "unknown hour '25'", "0 to 23"),
        ("a@x.example,,,,noon", "unknown hour 'noon'", "0 to 23"),
        ("a@x.example,A\x00nn", "control characters", "name"),
        ("a@x.example,A\tnn", "control characters", "name"),
        (f"a@x.example,{'A' * 201}", "longer than 200", "name"),
        ("a@x.example,Lee, Ann,,7,x", "6 cells where the header has 5", "double quotes"),
        ('a@x.example,"Ann', "broken CSV", "close every quote"),
        ('a@x.example,"Ann" Lee', "broken CSV", "close every quote"),
        ("a@x.example," + "A" * LONGEST_LINE, f"{LONGEST_LINE + 13} characters", f"{LONGEST_LINE}"),
    ],
)  # fmt: skip
def test_a_bad_line_stops_no_other(line: str, reason: str, remedy: str) -> None:
    """A line that cannot be used is refused with its number, the fault and the remedy, in a message
    of bearable length, and the lines around it are taken."""
    before, refused, after = read(
        "email,name,audiences,timezone,hour", "before@x.example", line, "after@x.example"
    )
    assert isinstance(before, Person)
    assert isinstance(after, Person)
    assert isinstance(refused, Refusal)
    assert refused.line == 3
    assert reason in refused.reason
    assert remedy in refused.remedy
    assert len(refused.reason) < 300


def test_lines_are_numbered_as_an_editor_shows_them() -> None:
    """Empty lines are passed over and counted."""
    assert refusal("", "email", "", " , ", "ann").line == 5


def test_a_second_line_about_one_person() -> None:
    """The same address again, in any spelling, is refused and points to the line that was taken."""
    first, again = read("email", "Ann@Bücher.example", "ann@xn--bcher-kva.example")
    assert isinstance(first, Person)
    assert again == Refusal(3, "the same address as in line 2", "keep one line for each person")


def test_a_refused_line_does_not_stand_in_the_way() -> None:
    """A line that corrects a refused one further up is taken."""
    refused, taken = read("email,hour", "ann@x.example,25", "ann@x.example,7")
    assert isinstance(refused, Refusal)
    assert isinstance(taken, Person)


def test_lines_are_read_as_they_come() -> None:
    """Nothing is read ahead: an endless file yields its people one by one."""

    def endless() -> Iterator[str]:
        yield "email\n"
        number = 0
        while True:
            number += 1
            yield f"reader{number}@x.example\n"

    people = read_people(endless(), audiences=AUDIENCES, defaults=DEFAULTS)
    assert isinstance(next(people), Person)
    assert isinstance(next(people), Person)


def test_text_in_another_encoding(engine: Engine) -> None:
    """A file that turns out not to be UTF-8 is refused with the remedy, and nobody of it is taken."""

    def decoded() -> Iterator[str]:
        for line in (b"email,name\n", b"a@x.example,Ann\n", "b@x.example,J\xf6rg\n".encode("latin-1")):
            yield line.decode()

    people = read_people(decoded(), audiences=AUDIENCES, defaults=DEFAULTS)
    with pytest.raises(BadFile, match=r"line 2.*save the file as CSV UTF-8"), writing(engine) as session:
        import_people(
            session,
            people,
            newsletters=["daily"],
            source="fair",
            channel=Channel.IMPORT,
            wording="",
            now=NOW,
        )
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=8))
def test_any_text_below_a_header(lines: list[str]) -> None:
    """Whatever stands below a header, each line is a person or a refusal, never an error."""
    for record in read("email,name,audiences,timezone,hour", *lines):
        assert isinstance(record, Person | Refusal)


def test_attested_people_read_at_once(engine: Engine) -> None:
    """With a source people are confirmed, as the file has them and with the defaults for the rest."""
    with writing(engine) as session:
        report = take(session, "email,name,audiences,hour", "a@x.example,Ann,Investors,", "b@x.example,,,21")
        assert (report.added, report.asked) == (2, ())
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
            report = take(session, "email", f"a@{host}.example", f"b@{host}.example", source=source)
            assert report.added == 2
            assert [
                (mail.subscriber_id, mail.newsletters, session.get_one(Consent, mail.consent_id).act)
                for mail in report.asked
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
        assert (report.added, report.changed, report.unchanged, report.asked) == (0, 0, 2, ())
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
        suppression.suppress(session, closed, SuppressionReason.ERASED, now=NOW)
    with writing(engine) as session:
        emails = [address.mailbox for address in (left, closed, new)]
        report = take(session, "email", *emails, source=source, now=timedelta(days=3))
        assert (report.kept_out, report.added, len(report.asked)) == (2, 1, 0 if source else 1)
        assert known(session, left).state("daily") is SubscriptionState.UNSUBSCRIBED
        assert roster.find(session, closed.mailbox) is None


def test_the_report_adds_up(engine: Engine) -> None:
    """Every record is counted once, and the report is plain JSON with each refusal spelled out."""
    with writing(engine) as session:
        take(session, "email,hour", "same@x.example,7", "other@x.example,7")
        report = take(
            session, "email,hour", "same@x.example,7", "other@x.example,9", "new@x.example,7", "ann,7"
        )
    assert json.loads(json.dumps(report.to_json())) == {
        "added": 1,
        "changed": 1,
        "unchanged": 1,
        "kept_out": 0,
        "refused": [
            {
                "line": 5,
                "reason": "'ann' is not an e-mail address: An email address must have an @-sign",
                "remedy": "correct the address, or take the line out",
            }
        ],
        "asked": 0,
    }


@pytest.mark.parametrize(
    ("source", "channel"), [("fair", Channel.IMPORT), (None, Channel.IMPORT), (None, Channel.COMMAND)]
)
def test_one_person_twice_in_one_stream(engine: Engine, source: str | None, channel: Channel) -> None:
    """A stream that names a person twice, as other formats may, makes one subscriber, asked once."""
    person = one("email", "a@x.example")
    with writing(engine) as session:
        report = import_people(
            session,
            [person, person],
            newsletters=["daily"],
            source=source,
            channel=channel,
            wording="Please confirm",
            now=NOW,
        )
        assert (report.added, report.unchanged) == (1, 1)
        assert len(report.asked) == (0 if source else 1)
        assert session.scalar(select(func.count()).select_from(Consent)) == 1


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
