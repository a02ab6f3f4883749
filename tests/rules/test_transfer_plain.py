"""Tables that anybody writes: every usual spelling is read, and what cannot be used is refused by name."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subscribers.address import parse
from subscribers.transfer.people import Person, Refusal, Status
from subscribers.transfer.reading import People
from subscribers.transfer.services import PLAIN
from subscribers.transfer.table import BadFile
from tests.tables import AUDIENCES, DEFAULTS, one, people, read, refusal


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
    ("line", "reason", "quoted", "remedy"),
    [
        ("ann", "not an e-mail address", "'ann': An email address must have", "correct the address"),
        (f"{'a' * 300}@x.example", "not an e-mail address", "longer than 254", "correct the address"),
        (",Ann", "not an e-mail address", "", "correct the address"),
        ("a@x.example,,Dentists", "unknown audience", "'Dentists'", "investors, policymakers, researchers"),
        ("a@x.example,,,Mars/Base", "unknown time zone", "'Mars/Base'", "Europe/Paris"),
        ("a@x.example,,,,25", "unknown hour", "'25'", "0 to 23"),
        (f"a@x.example,,,,{'noon' * 99}", "unknown hour", "'noonnoon", "0 to 23"),
        ("a@x.example,A\x00nn", "name: it has control characters", "", "name"),
        ("a@x.example,A\tnn", "name: it has control characters", "", "name"),
        (f"a@x.example,{'A' * 201}", "name: it is longer than 200", "", "name"),
        ("a@x.example,Lee, Ann,,7,x", "6 cells where the header has 5", "", "double quotes"),
        ('a@x.example,"Ann', "broken CSV", "", "close every quote"),
        ('a@x.example,"Ann" Lee', "broken CSV", "", "close every quote"),
        ("a@x.example," + "A" * PLAIN.longest, f"{PLAIN.longest + 13} characters", "", f"{PLAIN.longest}"),
    ],
)  # fmt: skip
def test_a_bad_line_stops_no_other(line: str, reason: str, quoted: str, remedy: str) -> None:
    """A line that cannot be used is refused with its number, the fault, the words at fault and the
    remedy, in a message of bearable length, and the lines around it are taken."""
    before, refused, after = read(
        "email,name,audiences,timezone,hour", "before@x.example", line, "after@x.example"
    )
    assert isinstance(before, Person)
    assert isinstance(after, Person)
    assert isinstance(refused, Refusal)
    assert refused.line == 3
    assert reason in refused.reason
    assert quoted in refused.quoted
    assert remedy in refused.remedy
    assert len(refused.reason + refused.quoted) < 300


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
