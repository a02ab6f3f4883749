"""Records of JSON become stories, or refusals that say what to do."""

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content import Article, Company, Impact, Maker, StoryContent
from newsletter.samples.load import sample_stories
from newsletter.sources.cleaning import (
    impact_of,
    maker_of,
    markdown,
    one_line,
    web_link,
)
from newsletter.sources.files import read_file
from newsletter.sources.record_json import read_record
from newsletter.sources.records import Incoming, Refusal

DATA = Path(__file__).parents[3] / "shared" / "data"
LEAST = {"id": "a", "title": "A title", "date": "2026-01-08"}


def read(**changes: Any) -> StoryContent:
    """The content of a record that must be accepted."""
    incoming = read_record(LEAST | changes, file="here")
    assert isinstance(incoming, Incoming), incoming
    return incoming.content


def refuse(document: Any) -> Refusal:
    """The refusal of a record that must not be accepted; it names its place and a remedy."""
    refusal = read_record(document, file="x.jsonl", line=7)
    assert isinstance(refusal, Refusal), refusal
    assert (refusal.file, refusal.line, refusal.where) == ("x.jsonl", 7, "x.jsonl, line 7")
    assert refusal.remedy
    return refusal


def told(name: str, text: str | bytes) -> list[Incoming | Refusal]:
    data = text.encode() if isinstance(text, str) else text
    return list(read_file(name, data.splitlines(keepends=True)))


def test_id_title_and_date_are_enough() -> None:
    """All else may be missing or null, and unknown keys are ignored."""
    bare = StoryContent("A title", date(2026, 1, 8))
    empty = dict.fromkeys(
        ["category", "outlets", "tldr", "analysis", "companies", "coverage", "impact_label"]
    )
    assert read() == bare
    assert read(**empty, colour="blue", extra={"a": 1}) == bare


def test_every_field_arrives() -> None:
    """What a record tells is what the story says."""
    content = read(
        language="zh",
        category="Policy",
        primary_source={"outlet": "One", "url": "https://one.example/1"},
        tldr={"text": "Short.", "label": "AI-Summarized", "source_count": 2, "language": "EN"},
        about="About.",
        analysis={"heading": "Our view", "markdown": "A\n\n- b"},
        impact_label="May delay AGI timeline",
        who_should_care=["Investors", "Engineers", "investors"],
        companies=[{"name": "Lab", "type": "AI Lab", "country": "France", "valuation": "$6.0B",
                    "valuation_as_of": "2026-01-01"}],
        coverage=[{"outlet": "One", "language": "FR", "url": "https://one.example/1", "title": "Un",
                   "published_at": "2026-01-08T10:00:00+02:00", "kind": "article"}],
    )  # fmt: skip
    assert (content.language, content.category, content.about) == ("zh", "Policy", "About.")
    assert (content.primary_outlet, content.primary_url) == ("One", "https://one.example/1")
    assert content.tldr
    assert (content.tldr.made_by, content.tldr.source_count, content.tldr.language) == (Maker.AI, 2, "en")
    assert content.analysis
    assert (content.analysis.heading, content.analysis.markdown) == ("Our view", "A\n\n- b")
    assert content.impact is Impact.DELAY
    assert content.audiences == ("Investors", "Engineers")
    assert content.companies == (Company("Lab", "AI Lab", "France", "$6.0B", "2026-01-01"),)
    at = datetime(2026, 1, 8, 8, tzinfo=UTC)
    assert content.coverage == (Article("One", "https://one.example/1", "fr", "Un", at),)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "no record"),
        ("text", "no record"),
        ({"title": "x", "date": "2026-01-08"}, "id is missing"),
        (LEAST | {"id": " "}, "id is empty"),
        ({"id": "a", "date": "2026-01-08"}, "title is missing"),
        (LEAST | {"title": " \n"}, "title is empty"),
        (LEAST | {"title": "x" * 501}, "501 characters"),
        (LEAST | {"date": None}, "date null is no day"),
        (LEAST | {"date": "2026-02-30"}, "2026-02-30"),
        (LEAST | {"date": 20260108}, "20260108 is no day"),
        (LEAST | {"date": "8 January"}, "8 January"),
        (LEAST | {"coverage": "none"}, "coverage"),
        (LEAST | {"coverage": [{"outlet": "x" * 121}]}, "coverage.0.outlet"),
        (LEAST | {"tldr": {"text": "x", "source_count": -1}}, "tldr.source_count -1"),
        (LEAST | {"companies": [{"name": 5}]}, "companies.0.name 5"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(document: Any, reason: str) -> None:
    """A refusal names the field and what stood in it."""
    assert reason in refuse(document).reason


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


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://race.example/stories/1", True),
        ("http://race.example/1", True),
        ("javascript:x", False),
        ("/stories/1", False),
        ("", False),
        (None, False),
    ],
)
def test_the_storys_own_page(url: str | None, kept: bool) -> None:
    """A record may name the story's page on the site; only a web address is kept."""
    assert read(url=url).url == (url if kept else None)


def test_a_story_without_its_page_is_still_the_same() -> None:
    """What was stored before stories had a page loads, and has the fingerprint that it had."""
    story = read()
    old = story.to_json()
    del old["url"]
    assert StoryContent.from_json(old) == story
    document = json.dumps(old, separators=(",", ":")).encode()
    assert story.fingerprint() == hashlib.blake2b(document, digest_size=16).hexdigest()
    assert read(url="https://race.example/1").fingerprint() != story.fingerprint()


def test_jsonl_is_a_stream() -> None:
    """The first story of an endless file is there before its end."""

    def endless() -> Iterator[bytes]:
        while True:
            yield json.dumps(LEAST).encode() + b"\n"

    assert isinstance(next(read_file("x.jsonl", endless())), Incoming)


def test_untidy_text_is_mended() -> None:
    """Entities are decoded however often they were escaped; controls and ragged blanks are gone."""
    content = read(
        title=" R&amp;amp;D\x00 &#8216;wins&#8217;\n\tagain ", tldr={"text": "a  \r\nb\x07\n\n\n\nc &lt; d"}
    )
    assert content.title == "R&D ‘wins’ again"
    assert content.tldr
    assert content.tldr.text == "a\nb\n\nc < d"


def test_analysis_keeps_what_markdown_decodes_itself() -> None:
    """One level of entities stays, so that an escaped tag never becomes a tag."""
    assert markdown("a &amp;lt;b&amp;gt; &amp;amp; c") == "a &lt;b&gt; &amp; c"
    assert markdown("R&D [x](https://x.example/?a=1&copy=2)") == "R&D [x](https://x.example/?a=1&copy=2)"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://x.example/",
        "//x.example",
        "https://",
        "https://x y",
        "http://[",
        "",
        f"https://x.example/{'a' * 2000}",
    ],
)
def test_links_that_no_mail_may_hold_are_dropped(url: str) -> None:
    """A report without a fit link is still a report."""
    assert read(coverage=[{"outlet": "One", "url": url}]).coverage == (Article("One"),)


def test_links_are_kept_as_they_are() -> None:
    """Only an escaped ampersand is mended; `&copy=` stays a parameter."""
    assert web_link(" https://x.example/?a=1&amp;copy=2 ") == "https://x.example/?a=1&copy=2"


def test_discussions_are_no_reports() -> None:
    """Discussions and redirects count as coverage only where nothing else is told."""
    talk = {"outlet": "Forum", "url": "https://forum.example/1", "kind": "discussion"}
    assert read(coverage=[talk, {"outlet": "One", "kind": "article"}]).outlets == ("One",)
    assert read(coverage=[talk]).outlets == ("Forum",)


def test_a_record_without_coverage_names_its_outlets() -> None:
    """The outlets, or else the primary source, stand for the coverage that is not listed."""
    source = {"outlet": "One", "url": "https://one.example/1"}
    assert read(outlets=["One", "Two"], coverage=[]).outlets == ("One", "Two")
    assert read(primary_source=source).coverage == (Article("One", "https://one.example/1"),)


@pytest.mark.parametrize(
    ("label", "impact"),
    [
        ("May advance AGI timeline", Impact.ADVANCE),
        ("Could accelerate AGI timeline", Impact.ADVANCE),
        ("May delay AGI timeline", Impact.DELAY),
        ("Likely to slow the AGI timeline", Impact.DELAY),
        ("No clear effect on AGI timeline", Impact.NEUTRAL),
        ("Neutral", Impact.NEUTRAL),
        ("Unclear impact on AGI timeline", Impact.UNCLEAR),
        ("May advance or delay AGI timeline", Impact.UNCLEAR),
        ("Purple", None),
        (None, None),
    ],
)
def test_impact_labels(label: str | None, impact: Impact | None) -> None:
    """The site's wordings are understood; a label of unknown wording says nothing."""
    assert impact_of(label) is impact


def test_who_made_a_tldr() -> None:
    """Every wording that names a machine means AI."""
    assert {*map(maker_of, ["AI-Summarized", "AI summary (Gemini 2.5 Flash), as the source says"])} == {
        Maker.AI
    }
    assert {*map(maker_of, ["By the editors", "Maintained by hand", None])} == {Maker.EDITOR}


@given(st.text(st.characters(codec=None)) | st.text("&#x;amp07d8\x00\ud800 "))
def test_clean_text_can_be_carried(text: str) -> None:
    """It is one line with single blanks, without anything that a database or a mail cannot carry."""
    clean = one_line(text)
    assert clean == " ".join(clean.split())
    assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in clean)


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


def test_samples_are_sound() -> None:
    """Every sample is accepted, dated to the day asked for or the one before, on any day."""
    for today in (date(2026, 1, 7), date(2026, 1, 9), date(2031, 12, 31)):
        found = list(sample_stories(today))
        assert all(isinstance(one, Incoming) for one in found)
        days = {one.content.date for one in found if isinstance(one, Incoming)}
        assert days == {today, date.fromordinal(today.toordinal() - 1)}


def test_samples_of_another_day_are_other_stories() -> None:
    """The ids change with the day and with nothing else."""
    first, again, later = (
        {one.external_id for one in sample_stories(date(2026, 5, day)) if isinstance(one, Incoming)}
        for day in (1, 1, 3)
    )
    assert first == again
    assert not first & later


def test_samples_are_visibly_made_up() -> None:
    """Every link in the samples ends in .example."""
    text = (Path(__file__).parents[2] / "newsletter" / "samples" / "stories.jsonl").read_text()
    hosts = {link.partition("/")[0] for link in text.split("https://")[1:]}
    assert hosts
    assert all(host.endswith(".example") for host in hosts)
