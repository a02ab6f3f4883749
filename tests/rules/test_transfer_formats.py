"""Files of subscribers: what each known export says of a person, and what is refused by name."""

import codecs
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subscribers.address import parse
from subscribers.rhythm import Rhythm
from subscribers.transfer.ours import guarded, unguarded
from subscribers.transfer.people import Person, Refusal, Status
from subscribers.transfer.reading import People
from subscribers.transfer.services import FORMATS, PLAIN
from subscribers.transfer.table import BadFile, lines_of, survey

AUDIENCES = ("Investors", "Researchers", "Policymakers")
DEFAULTS = Rhythm("Europe/Paris", 8)
EXPORTS = Path(__file__).parents[3] / "shared/data/subscriber-exports/ghost-migrate"


def people(*lines: str) -> People:
    return People([f"{line}\n" for line in lines], audiences=AUDIENCES, defaults=DEFAULTS)


def read(*lines: str) -> list[Person | Refusal]:
    return list(people(*lines))


def one(*lines: str) -> Person:
    [person] = read(*lines)
    assert isinstance(person, Person)
    return person


def refusal(*lines: str) -> Refusal:
    [refused] = read(*lines)
    assert isinstance(refused, Refusal)
    return refused


def opened(data: BinaryIO) -> People:
    return People(lines_of(data, survey(data).encoding), audiences=AUDIENCES, defaults=DEFAULTS)


def real(path: str) -> People:
    """A real export, as its service wrote it."""
    file = EXPORTS / path
    if not file.exists():
        pytest.skip("the shared folder with real exports is not here")
    return opened(io.BytesIO(file.read_bytes()))


def taken(found: People) -> dict[str, Person]:
    """The people of a file by their addresses; nobody in it may be refused."""
    persons = {}
    for record in found:
        assert isinstance(record, Person), record
        persons[record.address.mailbox] = record
    return persons


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


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
    bare = Person(2, parse("a@x.example"), DEFAULTS)
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
    ],
)
def test_a_header_that_is_none(header: str, named: str) -> None:
    """A table of other columns is refused as a whole, at once, with the columns named."""
    with pytest.raises(BadFile, match=named):
        people(header, "a@x.example")


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
        ("a@x.example," + "A" * PLAIN.longest, f"{PLAIN.longest + 13} characters", f"{PLAIN.longest}"),
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

    stream = iter(People(endless(), audiences=AUDIENCES, defaults=DEFAULTS))
    assert isinstance(next(stream), Person)
    assert isinstance(next(stream), Person)


@settings(max_examples=200)
@given(st.lists(st.text(max_size=80), max_size=8))
def test_any_text_below_a_header(lines: list[str]) -> None:
    """Whatever stands below a header, each line is a person or a refusal, never an error."""
    for record in read("email,name,audiences,timezone,hour", *lines):
        assert isinstance(record, Person | Refusal)


def test_who_left_anywhere_in_a_file_has_left() -> None:
    """A second line about somebody counts where it says that they left, so that they get no mail."""
    header = "email,status,tier,unsubscribed_at"
    first, again = read(header, "a@x.example,active,free,", "a@x.example,inactive,free,")
    assert isinstance(first, Person)
    assert isinstance(again, Person)
    assert (first.status, again.status) == (Status.SUBSCRIBED, Status.UNSUBSCRIBED)


def test_mailchimp() -> None:
    """Mailchimp: names, the times and tags of each; who unsubscribed or was cleaned, and when."""
    subscribed = taken(real("mg-mailchimp-members/src/test/fixtures/subscribed.csv"))
    assert list(subscribed) == [f"s{n}@example.com" for n in range(1, 6)]
    fifth = subscribed["s5@example.com"]
    assert (fifth.name, fifth.status) == ("Dolor Simet", Status.SUBSCRIBED)
    assert fifth.tags == {"lorem editors"}
    assert fifth.agreed_at == fifth.created_at == at("2018-02-05 19:28:22")
    assert subscribed["s1@example.com"].tags == frozenset()
    left = taken(real("mg-mailchimp-members/src/test/fixtures/unsubscribed.csv"))
    assert {person.status for person in left.values()} == {"unsubscribed"}
    assert left["u1@example.com"].left_at == at("2018-07-23 12:19:27")
    assert left["u3@example.com"].name == "Lorem Ipsum"
    cleaned = taken(real("mg-mailchimp-members/src/test/fixtures/cleaned.csv"))
    assert {person.status for person in cleaned.values()} == {"bounced"}
    assert cleaned["c1@example.com"].left_at == at("2020-03-23 17:30:05")
    assert cleaned["c5@example.com"].tags == {"editors"}


CAPITALS = "OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,TIMEZONE,CC,LEID,EUID,TAGS"


@pytest.mark.parametrize(
    "localised",
    [
        "E-Mail-Adresse,Vorname,Nachname",
        "Deine E-Mail Adresse,Vorname,Nachname",
        "Adresse e-mail,Prénom,Nom",
        "Correo electrónico,Nombre,Apellidos",
    ],
)
def test_mailchimp_in_other_languages(localised: str) -> None:
    """The first columns are in the account's language; the capital ones tell whose file it is."""
    row = (
        "a@x.example,Ann,Lee,2020-01-01 10:00:00,192.0.2.1,2020-01-02 10:00:00,2001:db8::1,"
        'europe/berlin,de,1,2,"""Big, fair"",""VIP"""'
    )
    found = people(f"{localised},{CAPITALS}", row)
    [person] = found
    assert found.format.name == "Mailchimp"
    assert found.not_kept == ["LEID", "EUID"]
    assert person == Person(
        line=2,
        address=parse("a@x.example"),
        defaults=DEFAULTS,
        name="Ann Lee",
        timezone="Europe/Berlin",
        country="DE",
        tags=frozenset({"big, fair", "vip"}),
        created_at=at("2020-01-01 10:00"),
        agreed_at=at("2020-01-02 10:00"),
        agreed_ip="2001:db8::1",
    )


def test_substack() -> None:
    """Substack: a disabled address has unsubscribed; two that cannot be mailed are refused by name."""
    records = list(found := real("mg-substack-members-csv/test/fixtures/fixtures_signup_emails.csv"))
    assert found.not_kept == ["active_subscription", "expiry", "prefer_digests"]
    assert [(each.line, each.reason[:15]) for each in records if isinstance(each, Refusal)] == [
        (7, "'ömil@gmail.com"),
        (22, "'maïbes@gmail.c"),
    ]
    persons = {each.address.mailbox: each for each in records if isinstance(each, Person)}
    assert len(persons) == 19
    left = [mailbox for mailbox, person in persons.items() if person.status is Status.UNSUBSCRIBED]
    assert left == ["maguirec086@comm.ca", "nottimferris@gmail.com"]
    assert persons["jill@example.com"].agreed_at == at("2020-05-23T18:28:09.834")


def test_substack_keeps_the_forgotten_out() -> None:
    """Somebody who asked Substack to be forgotten is not taken."""
    refused = refusal(
        "email,active_subscription,expiry,email_disabled,prefer_digests,created_at",
        "x9@deletion-request.substack.com,,,false,false,2020-08-06T10:21:25.000Z",
    )
    assert "forgotten" in refused.reason


def test_beehiiv() -> None:
    """beehiiv: active, pending, inactive, and whoever has a day of leaving; the older day of joining."""
    persons = taken(real("mg-beehiiv-members/src/test/fixtures/members.csv"))
    assert {mailbox.partition("@")[0]: str(person.status) for mailbox, person in persons.items()} == {
        "lorem": "subscribed",
        "ipsum": "subscribed",
        "dolor": "unsubscribed",
        "simet": "unsubscribed",
        "amett": "pending",
        "elit": "subscribed",
        "nullfirst": "subscribed",
        "unsublit": "unsubscribed",
        "fromsubstack": "subscribed",
    }
    assert persons["ipsum@example.com"].name == "Ipsum Name"
    assert persons["nullfirst@example.com"].name == "Last Only"
    assert persons["fromsubstack@example.com"].created_at == at("2022-03-12 11:43:23")
    assert persons["unsublit@example.com"].left_at == at("2024-03-13 11:33:53")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("mg-buttondown/src/test/fixtures/emails.csv", "'secondary_id', 'subject'"),
        ("mg-substack-members-csv/test/fixtures/invalid.csv", "'email_address'"),
    ],
)
def test_other_files_of_these_services(path: str, named: str) -> None:
    """A table that is no list of people is refused whole, and what is not known in it is named."""
    with pytest.raises(BadFile, match=named):
        real(path)


DASHBOARD = "Email,Name,Subscription type,Activity,Subscription date,Subscriber country,Receiving emails for"
GHOST = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,"
    "labels,tiers"
)
BUTTONDOWN = (
    "id,email,notes,subscriber_type,creation_date,ip_address,subscription_date,unsubscription_date,tags,"
    "metadata"
)
LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at"
KEILA = "Email;First name;Last name;Data;Status;External ID"
CURATED = "Email Address,Subscribed at,UTM Source,UTM Medium"
PAID = "email,expiry,email_disabled,prefer_digests,stripe_connected_customer_id,type"
DAY = "2024-05-06"


@pytest.mark.parametrize(
    ("name", "header", "row", "status"),
    [
        ("Substack (dashboard)", DASHBOARD, f"a@x.example,Ann,Free,3,{DAY},FR,The letter", "subscribed"),
        ("Substack (dashboard)", DASHBOARD, f"a@x.example,Ann,Free,3,{DAY},FR,", "unsubscribed"),
        ("Substack (paid)", PAID, "a@x.example,,true,false,cus_1,monthly", "unsubscribed"),
        ("Ghost", GHOST, f"1,a@x.example,Ann,,true,false,,{DAY},,One,", "subscribed"),
        ("Ghost", GHOST, f"1,a@x.example,Ann,,false,false,,{DAY},,One,", "unsubscribed"),
        ("Ghost", GHOST, f"1,a@x.example,Ann,,true,false,,{DAY},{DAY},One,", "unsubscribed"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,regular,{DAY},,,,,", "subscribed"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,regular,{DAY},,,{DAY},,", "unsubscribed"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,unactivated,{DAY},,,,,", "pending"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,undeliverable,{DAY},,,,,", "bounced"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,complained,{DAY},,,{DAY},,", "complained"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,blocked,{DAY},,,,,", "blocked"),
        ("listmonk", LISTMONK, f"u,a@x.example,Ann,{{}},enabled,{DAY},{DAY}", "subscribed"),
        ("listmonk", LISTMONK, f"u,a@x.example,Ann,{{}},disabled,{DAY},{DAY}", "unsubscribed"),
        ("listmonk", LISTMONK, f"u,a@x.example,Ann,{{}},blocklisted,{DAY},{DAY}", "blocked"),
        ("listmonk", "email,name,attributes", 'a@x.example,Ann,"{""age"": 3}"', "subscribed"),
        ("Keila", KEILA, "a@x.example;Ann;Lee;{};active;7", "subscribed"),
        ("Keila", KEILA, "a@x.example;Ann;Lee;{};unsubscribed;7", "unsubscribed"),
        ("Keila", KEILA, "a@x.example;Ann;Lee;{};inactive;7", "unsubscribed"),
        ("Keila", KEILA.replace(";", ","), "a@x.example,Ann,Lee,{},unreachable,7", "bounced"),
        ("Curated", CURATED, f"a@x.example,{DAY},,", "subscribed"),
    ],
)
def test_every_other_export(name: str, header: str, row: str, status: str) -> None:
    """Each service's file is recognised by its columns, and a person's status read as it means it."""
    found = people(header, row)
    [person] = found
    assert isinstance(person, Person)
    assert (found.format.name, person.status, person.address.mailbox) == (name, status, "a@x.example")


def test_fields_of_buttondown() -> None:
    """The time and the machine of the consent, and tags apart by semicolons."""
    person = one(
        BUTTONDOWN, "1,a@x.example,,regular,2024-01-01,192.0.2.7,2024-01-02 08:00:00+01:00,,One;Two,{'a': 1}"
    )
    assert (person.created_at, person.agreed_at) == (at("2024-01-01"), at("2024-01-02 07:00"))
    assert (person.agreed_ip, sorted(person.tags)) == ("192.0.2.7", ["one", "two"])


def test_an_unknown_status_is_no_consent() -> None:
    """A word for a status that we do not know is refused; nobody is taken for subscribed by it."""
    refused = refusal(LISTMONK, f"u,a@x.example,Ann,{{}},sleeping,{DAY},{DAY}")
    assert "unknown status 'sleeping'" in refused.reason
    assert "enabled" in refused.remedy
    assert "email_disabled" in refusal(PAID, "a@x.example,,perhaps,false,cus_1,monthly").reason


def test_unreadable_cells_of_an_export_are_counted() -> None:
    """A zone, time or country that cannot be read keeps nobody out, and the report counts it."""
    found = people(
        f"Email Address,{CAPITALS}", "a@x.example,yesterday,,,999.1.1.1,Mars/Base,Germany,1,2,", "b@x.example"
    )
    first, second = found
    assert isinstance(first, Person)
    assert isinstance(second, Person)
    assert (first.timezone, first.country, first.agreed_at, first.agreed_ip) == (None, None, None, None)
    assert found.not_read == {"timezone": 1, "cc": 1, "optin_time": 2, "confirm_ip": 1}


def test_cells_over_several_lines() -> None:
    """In an export a quoted cell may hold line breaks; an unclosed one spoils its own line alone."""
    rows = [
        '1,a@x.example,Ann,"two',
        f'lines",true,false,,{DAY},,,',
        '2,b@x.example,"Ben',
        "3,c@x.example,,,true",
    ]
    first, spoilt, last = read(GHOST, *rows)
    assert isinstance(first, Person)
    assert isinstance(last, Person)
    assert isinstance(spoilt, Refusal)
    assert (first.line, spoilt.line, last.line) == (2, 4, 5)


def test_no_two_formats_claim_one_file() -> None:
    """The signs of a format recognise it and no other that stands before it."""
    for number, form in enumerate(FORMATS):
        assert [each.name for each in FORMATS[:number] if each.signs <= form.known | form.signs] == []


TEXT = "email;name\r\na@x.example;Jörg\r\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "utf-8-sig"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig"),
        (TEXT.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("cp1252"), "cp1252"),
        (("sep=;\r\n" + TEXT).encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF8 + ('"sep=;"\r\n' + TEXT).encode(), "utf-8-sig"),
        (TEXT.replace(";", "\t").encode("utf-16"), "utf-16"),
        (TEXT.replace("\r\n", "\r").encode(), "utf-8-sig"),
    ],
    ids=["utf-8", "bom", "excel", "big", "le", "be", "windows", "sep", "quoted sep", "tabs", "mac"],
)
def test_as_spreadsheets_write_it(data: bytes, encoding: str) -> None:
    """The name comes out right from every encoding and delimiter; a guess is told to the operator."""
    found = survey(io.BytesIO(data))
    assert (found.encoding, found.size, found.note is None) == (encoding, len(data), encoding != "cp1252")
    [person] = opened(io.BytesIO(data))
    assert isinstance(person, Person)
    assert person.name == "Jörg"


def test_an_archive_is_not_opened() -> None:
    """A ZIP, as Mailchimp gives it, is refused with the remedy."""
    with pytest.raises(BadFile, match="unpack it"):
        survey(io.BytesIO(b"PK\x03\x04rest"))


def test_a_character_cut_in_two_is_no_other_encoding() -> None:
    """UTF-8 is known as such wherever the blocks that are read end."""
    data = b"email,name\n" + ("a@x.example," + "é" * 100 + "\n").encode() * 6_000
    assert survey(io.BytesIO(data)).encoding == survey(io.BytesIO(b"x" + data)).encoding == "utf-8-sig"


@given(st.text())
def test_the_guard_against_formulas(cell: str) -> None:
    """Nothing that a spreadsheet takes for a formula comes out, and every cell comes back as it was."""
    assert unguarded(guarded(cell)) == cell
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
