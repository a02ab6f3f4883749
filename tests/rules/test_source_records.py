"""Records of JSON become stories, or refusals that say what to do."""

import hashlib
import json
import unicodedata
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content import Article, Company, Impact, Maker, StoryContent
from newsletter.sources.cleaning import (
    impact_of,
    maker_of,
    markdown,
    one_line,
    web_link,
)
from tests.records import LEAST, read, refuse


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
