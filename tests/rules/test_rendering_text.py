"""Text and links on their way into a mail: cleaned, cut, wrapped, numbered."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content import Article, StoryContent
from newsletter.rendering import urls
from newsletter.rendering.coverage import LONGEST, Coverage
from newsletter.rendering.prose import lines, parse
from newsletter.rendering.typesetting import (
    clean,
    columns,
    count_words,
    cut,
    direction_of,
    isolate,
    language_name,
    shorten,
    wrap,
)
from tests.digests import DAY, RICH

URL = "https://a.example/x"


def said(markdown: str, number: int = 1) -> list[str]:
    return [mark + text for mark, text in lines(parse(markdown, lambda url: number))]


@given(st.text())
def test_clean_is_safe_and_settled(text: str) -> None:
    """A cleaned text is one line without controls or slots, and cleaning it again changes nothing."""
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert "@@" not in cleaned
    assert len(cleaned.splitlines()) <= 1
    cleaned.encode()


@given(st.text(alphabet=st.sampled_from("abc de  “”，。字（）é🚀"), max_size=120), st.integers(20, 40))
def test_wrap_keeps_text_and_width(text: str, width: int) -> None:
    """Wrapping loses no letter, and no line of words shorter than the width exceeds it."""
    wrapped = wrap(clean(text), first="* ", rest="  ", width=width)
    assert re.sub(r"\s", "", wrapped) == "*" + re.sub(r"\s", "", text)
    for line in wrapped.split("\n"):
        assert columns(line) <= width or " " not in line.strip("* ")
        assert line == line.rstrip()


def test_wrap_follows_cjk_typography() -> None:
    """Chinese breaks between letters, but no line begins with a closing mark or ends with an opening one."""
    wrapped = wrap("国家实验室（北京）公布了新一代推理芯片，功耗降低。" * 3, width=20)
    for line in wrapped.split("\n"):
        assert columns(line) <= 20
        assert line[0] not in "，。）"
        assert line[-1] != "（"


def test_links_stay_whole() -> None:
    """A link longer than a line is not broken."""
    link = "https://a.example/" + "x" * 100
    assert link in wrap(f"Read {link} now").split("\n")


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 10, "short"),
        ("one two three", 9, "one two…"),
        ("one two three", 8, "one two…"),
        ("unbroken-and-long", 8, "unbroke…"),
        ("ends, with comma", 9, "ends…"),
    ],
)
def test_cut(text: str, limit: int, expected: str) -> None:
    """A cut text ends at a word, says so, and never exceeds the limit."""
    assert cut(text, limit) == expected
    assert len(expected) <= limit


def test_shorten_prefers_sentences() -> None:
    """A long text ends at a sentence, not at the dot of an abbreviation; without one, at a word."""
    assert shorten("Alpha beta gamma. Delta the army comes.", 5) == "Alpha beta gamma. …"
    assert shorten("We know the U.S. army comes.", 5) == "We know the U.S. army…"
    assert shorten("one two three four five six", 4) == "one two three four…"
    assert shorten("一二三四五六。七八九十。", 4) == "一二三四五六。 …"
    assert shorten("short", 5) == "short"


def test_words_of_every_script_count() -> None:
    """Chinese counts two letters a word; other scripts count what stands between spaces."""
    assert count_words("three English words") == 3
    assert count_words("国家实验室 and more") == 5


def test_isolation_keeps_figures_in_order() -> None:
    """Latin letters and figures are isolated in Arabic, Arabic in English, and nothing without need."""
    assert isolate("مبلغ $120M في", "rtl") == "مبلغ \u2068$120M\u2069 في"
    assert isolate("from شركة الأفق today") == "from \u2068شركة الأفق\u2069 today"
    assert isolate("plain (text) 3") == "plain (text) 3"


def test_languages() -> None:
    """Languages are told in English words, without regions; nonsense is nothing, and runs from the left."""
    assert [language_name(tag) for tag in ("fr", "en-US", "zh-Hans", "nonsense-tag!", "")] == [
        "French",
        "English",
        "Chinese, Simplified",
        None,
        None,
    ]
    assert [direction_of(tag) for tag in ("ar", "he-IL", "fa", "en", "nonsense!")] == ["rtl"] * 3 + [
        "ltr"
    ] * 2


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        (f"Said.([a.example]({URL}))", "Said.\u00a0[1]"),
        (
            f"Said ([a.example]({URL}), [b.example]({URL}) and [c.example]({URL})).",
            "Said\u00a0[1]\u00a0[1]\u00a0[1].",
        ),
        (f"Said (see [a.example]({URL})).", "Said (see\u00a0[1])."),
        (f"[The report]({URL}) says", "The report\u00a0[1] says"),
        (f"[{URL}]({URL}) says", "[1] says"),
        ("Said ([a.example](ftp://a.example)).", "Said (a.example)."),
        ("A &#8216;word&#8217; &amp; <b>more</b>", "A ‘word’ & <b>more</b>"),
        ("![alt](https://x.example/i.png)", "alt"),
        ("one\ntwo  \nthree", "one two three"),
    ],
)
def test_citations_in_text(markdown: str, expected: str) -> None:
    """Citations lose their brackets and stay with the word before them; other links keep their words."""
    assert said(markdown) == [expected]


def test_blocks_in_text() -> None:
    """Lists, quotations and headings keep their shape as text."""
    markdown = "# Head\n\n1. one\n2. two\n\n- x\n\n> q\n\n```\ncode\n```\n\n---\n"
    assert said(markdown) == ["Head", "1. one", "2. two", "• x", "> q", "code"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://a.example/x?a=1&b=2#c", "https://a.example/x?a=1&b=2#c"),
        (" http://a.example ", "http://a.example"),
        ("https://a.example/a b\"<>'`", "https://a.example/a%20b%22%3C%3E%27%60"),
        ("https://a.example/@@slot@@", "https://a.example/%40%40slot%40%40"),
        ("https://a.example/ü%20", "https://a.example/%C3%BC%20"),
        *(
            (bad, None)
            for bad in ("javascript:alert(1)", "data:text/html,x", "//a.example", "/x", "", "https://")
        ),
        *((bad, None) for bad in ("https://[", "https://me:pw@a.example/", "https://a.example:x/", None)),
        ("https://a.example/" + "x" * 3_000, None),
    ],
)
def test_fit_links(given: str | None, expected: str | None) -> None:
    """Only plain web links reach a mail, and nothing in them needs escaping twice."""
    assert urls.fit(given) == expected


def test_same_page() -> None:
    """Tracking, scheme, www and fragment make no other page; another query does."""
    page = urls.page("https://www.a.example/x/?utm_source=m&id=3#top")
    assert page == urls.page("http://a.example/x?id=3")
    assert page != urls.page("http://a.example/x?id=4")


@pytest.mark.parametrize(
    ("url", "outlet", "belongs"),
    [
        ("https://www.thestar.com.my/a", "The Star (Malaysia)", True),
        ("https://lemagit.fr/a", "LeMagIT", True),
        ("https://deepmind.google/a", "deepmind.google", True),
        ("https://www.reuters.com/a", "Reuters", True),
        ("https://example.com/a", "Com", False),
        ("https://starry.example/a", "The Star", False),
        ("https://a.example", "(…)", False),
    ],
)
def test_outlets_and_their_sites(url: str, outlet: str, belongs: bool) -> None:
    """A site belongs to the outlet that bears its name, and to no other."""
    assert urls.belongs_to(url, outlet) is belongs


def test_citation_finds_its_row() -> None:
    """A citation leads to the same page, else to its outlet, else to a row of its own."""
    coverage = Coverage(RICH)
    assert coverage.cite("http://www.chipwire.example/news/2?utm_medium=x") == 3
    assert coverage.cite("https://chipwire.example/other") == 3
    assert coverage.rows[2].further == ["https://chipwire.example/other"]
    assert coverage.cite("https://new.example/a") == 5
    assert coverage.cite("https://new.example/a#again") == 5
    assert [row.outlet for row in coverage.cited] == ["new.example"]


def test_shared_hosts_are_no_outlet() -> None:
    """Two authors at one publishing host are two sources."""
    coverage = Coverage(StoryContent("t", DAY, coverage=(Article("Blog", "https://medium.com/@a/1"),)))
    assert coverage.cite("https://medium.com/@b/2") == 2


def test_citation_lends_its_link() -> None:
    """A report without a link takes that of a citation of the same outlet."""
    coverage = Coverage(StoryContent("t", DAY, coverage=(Article("LeMagIT"),)))
    assert coverage.cite("https://www.lemagit.fr/a") == 1
    assert coverage.rows[0].url == "https://www.lemagit.fr/a"


def test_wide_coverage_is_counted() -> None:
    """A long coverage shows its beginning and the number of the rest; what is cited of that is listed."""
    articles = tuple(Article(f"Outlet {n}", f"https://o{n}.example/r") for n in range(30))
    coverage = Coverage(replace(RICH, coverage=articles, primary_outlet=None, primary_url=None))
    assert (len(coverage.rows), coverage.hidden) == (LONGEST, 30 - LONGEST)
    assert coverage.cite("https://o20.example/r") == LONGEST + 1
    assert coverage.cited[0].outlet == "Outlet 20"


def test_primary_source_is_marked() -> None:
    """The original report is marked, lends its link, and is listed even when the coverage forgot it."""
    reports = (Article("Second"), Article("First"))
    story = StoryContent("t", DAY, primary_outlet="first", primary_url=URL, coverage=reports)
    assert [(row.outlet, row.url, row.original) for row in Coverage(story).rows] == [
        ("Second", None, False),
        ("First", URL, True),
    ]
    forgotten = Coverage(replace(story, primary_outlet=None, coverage=reports[:1]))
    assert [(row.outlet, row.original) for row in forgotten.rows] == [("a.example", True), ("Second", False)]
