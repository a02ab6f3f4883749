"""Tables as files: encodings, delimiters, cells over several lines, and cells that are no formulas."""

import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.transfer.formats import unguarded
from subscribers.transfer.ours import GUARDS, guarded
from subscribers.transfer.people import Person, Refusal
from subscribers.transfer.table import BadFile, survey
from tests.tables import opened, read

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
    assert unguarded(guarded(cell), GUARDS) == cell
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_cells_over_several_lines() -> None:
    """In an export a quoted cell may hold line breaks; an unclosed one spoils its own line alone."""
    rows = [
        '1,a@x.example,Ann,"two',
        'lines",true,2024-05-06',
        '2,b@x.example,"Ben',
        "3,c@x.example,,,true",
    ]
    first, spoilt, last = read("id,email,name,note,subscribed_to_emails,created_at", *rows)
    assert isinstance(first, Person)
    assert isinstance(last, Person)
    assert isinstance(spoilt, Refusal)
    assert (first.line, spoilt.line, last.line) == (2, 4, 5)
