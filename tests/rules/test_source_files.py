"""Files of stories: what they are is told by their content, and one bad record stops no other."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sources.cleaning import (
    one_line,
)
from newsletter.sources.files import read_file
from newsletter.sources.records import Incoming, Refusal
from tests.records import LEAST, told

DATA = Path(__file__).parents[3] / "shared" / "data"


def test_one_bad_line_stops_no_other() -> None:
    """A JSONL file gives all its good lines; each bad one is a refusal with its number."""
    good = json.dumps(LEAST)
    lines = told(
        "x.jsonl", f'{good}\n\nnonsense\n{{"id": \n[1]\n{good}\n'.encode() + b'"\xff"\n' + good.encode()
    )
    assert {one.file for one in lines} == {"x.jsonl"}
    assert [one.line for one in lines if isinstance(one, Refusal)] == [3, 4, 5, 7]
    assert [one.line for one in lines if isinstance(one, Incoming)] == [1, 6, 8]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["-", "stories.json", "stories.txt"])
def test_the_content_tells_what_a_file_is(name: str, bom: bytes, indent: int | None) -> None:
    """An object, an array and lines are told apart by themselves, whatever the file is called."""
    two = [LEAST, LEAST | {"id": "b"}]
    for text in (json.dumps(two, indent=indent), "\n".join(json.dumps(one, indent=indent) for one in two)):
        found = told(name, bom + text.encode())
        assert [one.external_id for one in found if isinstance(one, Incoming)] == ["a", "b"]


def test_lines_are_known_behind_a_bad_first_one() -> None:
    """Lines from standard input are read as lines although the first of them is broken."""
    found = told("-", '{"id": "half\n' + json.dumps(LEAST))
    assert [type(one) for one in found] == [Refusal, Incoming]


def test_a_broken_array_gives_what_stands_before() -> None:
    """The records before the break are taken, and the break is one refusal with its line."""
    first, second = told("x.json", f"[{json.dumps(LEAST)},\n{{broken")
    assert isinstance(first, Incoming)
    assert isinstance(second, Refusal)
    assert (first.line, second.line) == (1, 2)
    *_, end = told("x.json", f"[{json.dumps(LEAST)}")
    assert isinstance(end, Refusal)
    assert "cut off" in end.reason


@pytest.mark.parametrize(
    "data", [b"", b"\n \n", b"\xef\xbb\xbf", b"\xff\xfe\x00", b"[" * 9999, b'{"a":' * 9999]
)
def test_no_story_is_one_refusal(data: bytes) -> None:
    """Empty files, wrong encodings and endless nesting are refused, once."""
    [refusal] = told("file", data)
    assert isinstance(refusal, Refusal)


PAGE = "Corporate\nA title in Latin letters\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.jsonl", f"{json.dumps(LEAST)}\n\n{json.dumps(LEAST)}\n"),
        ("x.json", json.dumps([LEAST], indent=1)),
        ("x.txt", PAGE),
        ("x.html", f"<p>{PAGE}"),
        ("x.txt", "机器之心\n"),
    ],
)
def test_utf_16_without_its_mark_is_refused_by_name(name: str, text: str, encoding: str) -> None:
    """Text full of NUL is one refusal that says how to save the file; it is never taken for a page."""
    [refusal] = told(name, text.encode(encoding))
    assert isinstance(refusal, Refusal)
    assert (refusal.file, refusal.line) == (name, None)
    assert "NUL" in refusal.reason
    assert "UTF-8" in refusal.remedy


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_utf_16_with_its_mark_is_read(name: str, encoding: str) -> None:
    """As Windows programs save it; its records have their lines."""
    text = f"\ufeff{json.dumps(LEAST)}\r\n" + json.dumps(
        LEAST | {"id": "b", "title": "机器之心"}, ensure_ascii=False
    )
    found = told(name, text.encode(encoding))
    assert [(one.external_id, one.line) for one in found if isinstance(one, Incoming)] == [("a", 1), ("b", 2)]


def test_a_line_with_nul_stops_no_other() -> None:
    """One spoilt line of a JSONL file is refused with its number."""
    good = json.dumps(LEAST)
    first, spoilt, last = told("x.jsonl", f"{good}\n\0\0\n{good}\n")
    assert isinstance(first, Incoming)
    assert isinstance(last, Incoming)
    assert isinstance(spoilt, Refusal)
    assert spoilt.line == 2
    assert "NUL" in spoilt.reason


def test_jsonl_is_a_stream() -> None:
    """The first story of an endless file is there before its end."""

    def endless() -> Iterator[bytes]:
        while True:
            yield json.dumps(LEAST).encode() + b"\n"

    assert isinstance(next(read_file("x.jsonl", endless())), Incoming)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data: bytes) -> None:
    """Whatever a file holds, reading it gives records or refusals, and never an error."""
    for start in (b"", b"<p>", b"{", b'[{"id":', b'{"id":"a"}\n'):
        for name in ("-", "x.jsonl", "x.html"):
            assert all(isinstance(one, Incoming | Refusal) for one in told(name, start + data))


@pytest.mark.parametrize(("name", "count"), [("stories.jsonl", 853), ("story-versions.jsonl", 46)])
def test_real_stories_are_all_accepted(name: str, count: int) -> None:
    """Every real record that we know of becomes a story, without an entity or a control left in it."""
    path = DATA / name
    if not path.exists():
        pytest.skip("the folder of real input data is not here")
    with path.open("rb") as file:
        found = [one for one in read_file(name, file) if isinstance(one, Incoming)]
    assert len(found) == count
    assert all(one_line(one.content.title) == one.content.title for one in found)
    assert not any("&#" in one.content.title for one in found)
