"""Story pages that are broken, cut off, hostile or none at all: refused with the reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sources.files import read_file
from newsletter.sources.records import Incoming, Refusal
from tests.story_pages import COMPANIES, FIXTURE, page, refusal


def test_lost_sources_are_named(real_page: str) -> None:
    """The same for the sources that cover the story."""
    assert refusal(real_page.replace("3 sources covering", "4 sources covering")) == (
        "the page says 4 sources, 3 were found: Channel NewsAsia, The Star (Malaysia), LeMagIT"
    )
    html = FIXTURE.read_text(encoding="utf-8").replace("3<!-- --> sources covering", "5 sources covering")
    assert "says 5 sources" in refusal(html)


def test_half_a_page_names_what_it_lacks(real_page: str) -> None:
    """A page that was cut off is never taken for a whole one, wherever the cut is."""
    assert "Coverage Sources" in refusal(real_page[: len(real_page) // 2])
    assert "LeMagIT" in refusal(real_page[: real_page.rindex("Read")])
    assert "date" in refusal(real_page[len(real_page) // 2 :])
    for end in range(0, len(real_page.rstrip()) - 1, 7):
        assert refusal(real_page[:end])


def test_half_of_the_html_names_what_it_lacks() -> None:
    """The same for HTML, whose open tags are mended by every parser."""
    whole = FIXTURE.read_bytes()
    assert "Coverage Sources" in refusal(whole[: len(whole) // 2])
    for end in range(0, whole.rindex(b">Read<svg"), 97):
        assert refusal(whole[:end])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Hello.", "date, title, the section “Coverage Sources”"),
        ("<html><body><h1>About us</h1></body></html>", "date, the section “Coverage Sources”"),
        (page().replace("A chip maker opens its compiler\n", ""), "title"),
        (page().replace("Thursday, February 12, 2026", "Monday, February 30, 2026", 1), "February 30, 2026"),
        (page().replace("A chip", "x" * 501), "title has"),
    ],
)
def test_what_is_no_story_page_is_refused(text: str, reason: str) -> None:
    """The reason names what is missing or wrong."""
    assert reason in refusal(text)


@pytest.mark.parametrize(
    "data", [b"<", b"<" * 9999, b"<div>" * 9999, b"<!-- -->", b'<?xml encoding="utf-16"?><p>']
)
def test_hostile_markup_is_refused(data: bytes) -> None:
    """Nothing in a document makes reading it fail."""
    assert refusal(data)


@given(st.data())
def test_shuffled_pages_are_answered(data: st.DataObject) -> None:
    """Lines of a page in any order and number give a story or a refusal, never an error."""
    lines = page(analysis="A.\n\nMay delay AGI timeline", care="Investors", companies=COMPANIES).splitlines()
    chosen = data.draw(st.lists(st.sampled_from(lines), max_size=40))
    for text in ("\n".join(chosen), "<p>" + "<br>".join(chosen), "<h1>" + "</h1><a href=x><b>".join(chosen)):
        assert all(isinstance(one, Incoming | Refusal) for one in read_file("page", [text.encode() or b"x"]))
