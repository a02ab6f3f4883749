"""The site's story page, as text and as HTML: read by what it shows."""

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content import Analysis, Article, Company, Impact, Maker, StoryContent, Tldr
from newsletter.sources.records import Incoming
from tests.story_pages import FIXTURE, page, read, story


def test_the_real_page_is_read_whole(real_page: str) -> None:
    """Everything that the page shows is in the story, and nothing else."""
    content = story(real_page)
    assert content.category == "Corporate"
    assert content.date == date(2026, 1, 8)
    assert content.title == "Mistral AI secures French defence framework deal for sovereign models"
    assert content.language == "en"
    assert (content.primary_outlet, content.primary_url) == ("Channel NewsAsia", None)
    assert content.tldr
    assert (content.tldr.made_by, content.tldr.source_count) == (Maker.AI, 3)
    assert content.tldr.text.startswith("France’s Ministry of the Armed Forces confirmed")
    assert content.tldr.text.endswith("builds on a 2025 cooperation agreement.")
    assert content.about
    assert content.about.startswith("This article aggregates")
    assert content.about.endswith("AGI development.")
    assert content.analysis
    assert content.analysis.heading == "Race to AGI Analysis"
    paragraphs = content.analysis.markdown.split("\n\n")
    assert len(paragraphs) == 3
    assert "([thestar.com.my](https://www.thestar.com.my/tech/" in paragraphs[0]
    assert paragraphs[-1].endswith("lead to general intelligence.")
    assert content.impact is Impact.ADVANCE
    assert content.audiences == ("Investors", "Researchers", "Engineers", "Policymakers")
    assert content.companies == (Company("Mistral AI", "AI Lab", "France", "$6.0B"),)
    assert content.coverage == (
        Article("Channel NewsAsia"),
        Article("The Star (Malaysia)"),
        Article("LeMagIT", language="fr"),
    )


def test_html_and_text_tell_the_same(real_page: str) -> None:
    """The page as HTML is the same story, with the links that the text cannot give."""
    text, html = story(real_page), story(FIXTURE.read_bytes())
    assert [article.url for article in html.coverage if article.url is None] == []
    unlinked = tuple(replace(article, url=None) for article in html.coverage)
    assert replace(html, primary_url=None, url=None, coverage=unlinked) == text


def test_html_gives_its_links_and_its_lasting_address() -> None:
    """The links behind “Read” and “Read original”, and the canonical address as the id."""
    incoming = read(FIXTURE.read_bytes())
    assert isinstance(incoming, Incoming)
    assert incoming.external_id == "https://racetoagi.example/stories/mistral-ai-french-defence-framework"
    assert incoming.content.url == incoming.external_id
    assert incoming.content.primary_url == "https://cna.example/business/mistral-ai-french-defence-framework"
    assert incoming.content.coverage[2] == Article(
        "LeMagIT", "https://lemagit.example/actualites/mistral-ai-ministere-des-armees?from=feed&page=1", "fr"
    )


LASTING = '<link rel="canonical" href="{}"/>'


@pytest.mark.parametrize(
    ("head", "address"),
    [
        ('<meta property="og:url" content="https://race.example/2"/>', "https://race.example/2"),
        (LASTING.format("https://race.example/1") + '<meta property="og:url" content="https://x.example/"/>',
         "https://race.example/1"),
        (LASTING.format("javascript:x") + '<meta property="og:url" content="https://race.example/2"/>',
         "https://race.example/2"),
        (LASTING.format("/stories/1"), None),
        ('<link rel="canonical"/><meta property="og:url"/>', None),
        ("", None),
    ],
)  # fmt: skip
def test_the_page_tells_its_address(head: str, address: str | None) -> None:
    """The canonical link, or else og:url, is the story's own page and its id; only a web address counts."""
    html = re.sub('<link rel="canonical"[^>]*>', head, FIXTURE.read_text(encoding="utf-8"))
    incoming = read(html)
    assert isinstance(incoming, Incoming)
    assert incoming.content.url == address
    assert incoming.external_id == address or incoming.external_id.startswith("page-2026-01-08-")


def test_a_text_page_has_no_address() -> None:
    """Text shows no link."""
    assert story(page()).url is None


def test_html_is_read_by_structure() -> None:
    """Without any class or id, the page tells the same."""
    bare = re.sub(r' (class|id|title|aria-\w+)="[^"]*"', "", FIXTURE.read_text(encoding="utf-8"))
    assert "class=" not in bare
    assert story(bare) == story(FIXTURE.read_bytes())


OTHER = b"""<html><body><p>Policy</p><ul><li>BBC</li><li>CNBC</li></ul><p>2 outlets</p>
<h1>A rule: an analysis</h1><p>Friday, February 13, 2026</p>
<p>Source: <b>BBC</b></p><p><a href="https://bbc.example/a(1)">Read original</a></p>
<dl><dt>TL;DR</dt><dd>AI-Summarized<br>from 2 sources</dd></dl><p>One.</p><p>Two.</p>
<p>About this summary</p><p>About.</p><p>2 sources covering this story</p>
<h2>Race to AGI Analysis</h2><p>A <strong>b</strong> <em>c</em> <a href="https://bbc.example/a(1)">d</a>.</p>
<h3>Why</h3><ul><li>one</li><li>two <a href="javascript:x">x</a></li></ul>
<p>Raw ([bbc.example](https://bbc.example/)) Markdown.</p><p><b>May delay AGI timeline</b></p>
<h2>Who should care</h2><ul><li>DevOps</li><li>Policy Makers</li></ul>
<h2>Companies mentioned</h2><table><tr><td>OneLab</td><td>AI Lab | France</td><td>Valuation: $5B (Oct 2025)
</td></tr><tr><td>Two</td><td>Startup | Japan</td></tr></table>
<h2>Coverage Sources</h2><table><tr><td>BBC</td><td></td><td><a href="https://bbc.example/">Read</a></td></tr>
<tr><td>CNBC</td><td>DE</td><td><a href="/go/2">Read</a></td></tr></table></body></html>"""


def test_other_markup_of_the_same_page_is_read() -> None:
    """Tables for lists, a title before its date, names shown once: the same parts are found."""
    assert story(OTHER) == StoryContent(
        title="A rule: an analysis",
        date=date(2026, 2, 13),
        category="Policy",
        primary_outlet="BBC",
        primary_url="https://bbc.example/a(1)",
        tldr=Tldr("One.\n\nTwo.", Maker.AI, 2),
        about="About.",
        analysis=Analysis(
            "Race to AGI Analysis",
            "A **b** *c* [d](<https://bbc.example/a(1)>).\n\n### Why\n\n- one\n- two x\n\n"
            "Raw ([bbc.example](https://bbc.example/)) Markdown.",
        ),
        impact=Impact.DELAY,
        audiences=("DevOps", "Policy Makers"),
        companies=(
            Company("OneLab", "AI Lab", "France", "$5B", "2025-10"),
            Company("Two", "Startup", "Japan"),
        ),
        coverage=(Article("BBC", "https://bbc.example/"), Article("CNBC", None, "de")),
    )


def test_a_story_may_have_few_parts() -> None:
    """One outlet, and neither analysis nor impact nor audiences nor companies."""
    content = story(page())
    assert content.title == "A chip maker opens its compiler"
    assert (content.category, content.coverage) == ("Infrastructure", (Article("BBC"),))
    assert content.tldr == Tldr("The maker published its compiler on February 12, 2026.", Maker.AI, 1)
    assert content.about == "This article aggregates reporting."
    assert (content.analysis, content.impact, content.audiences, content.companies) == (None, None, (), ())


def test_a_page_needs_no_category() -> None:
    """The count of outlets tells that the first line is one of them."""
    content = story(page(outlets=("BBC", "CNBC"), badges=("", "")).removeprefix("Infrastructure\n"))
    assert content.category is None
    assert content.outlets == ("BBC", "CNBC")


OUTLETS = ("LeMagIT", "BBC", "CNBC", "TechCrunch AI", "WIRED", "The Star (Malaysia)", "CNBC TV18", "机器之心")


@given(
    st.permutations(OUTLETS), st.lists(st.sampled_from(["", "FR", "DE", "ES", "ZH"]), min_size=8, max_size=8)
)
def test_a_badge_is_what_follows_the_name(outlets: list[str], badges: list[str]) -> None:
    """Names that end in capitals keep them, with and without a badge behind."""
    content = story(page(outlets=tuple(outlets), badges=tuple(badges)))
    assert [(article.outlet, (article.language or "").upper()) for article in content.coverage] == [
        *zip(outlets, badges, strict=True)
    ]


@given(st.lists(st.sampled_from(["Investors", "Researchers", "Engineers", "Policymakers"]), unique=True))
def test_audiences_that_run_together_are_parted(audiences: list[str]) -> None:
    """Any of them, in any order."""
    assert story(page(care="".join(audiences))).audiences == tuple(audiences)


@pytest.mark.parametrize(
    ("label", "impact"),
    [
        ("May advance AGI timeline", Impact.ADVANCE),
        ("May delay AGI timeline", Impact.DELAY),
        ("No clear effect on AGI timeline", Impact.NEUTRAL),
        ("Unclear effect on AGI timeline", Impact.UNCLEAR),
        ("Neutral", Impact.NEUTRAL),
        ("Purple for the AGI timeline", None),
    ],
)
def test_the_impact_is_no_part_of_the_analysis(label: str, impact: Impact | None) -> None:
    """The label under the analysis is read, and the analysis ends before it."""
    text = "## What it means\n\nA thought.\n\n- one\n- two"
    content = story(page(analysis=f"{text}\n\n{label}"))
    assert content.impact is impact
    assert content.analysis == Analysis("Race to AGI Analysis", text)


def test_an_impact_without_analysis() -> None:
    """The label may stand alone."""
    content = story(page(companies_count="\n\nMay delay AGI timeline"))
    assert (content.impact, content.analysis) == (Impact.DELAY, None)


def test_a_sentence_on_timelines_stays_in_the_analysis() -> None:
    """Only a line of its own without a full stop is the label."""
    text = "This may delay the AGI timeline."
    assert story(page(analysis=text)).analysis == Analysis("Race to AGI Analysis", text)


def test_a_page_has_the_same_id_each_time() -> None:
    """The id of a text page is made from date and title alone."""
    one, again = read(page()), read(page(outlets=("BBC", "CNBC"), badges=("", "")))
    other = read(page().replace("opens", "closes"))
    assert isinstance(one, Incoming)
    assert isinstance(again, Incoming)
    assert isinstance(other, Incoming)
    assert one.external_id == again.external_id != other.external_id


def test_windows_text_is_the_same() -> None:
    """A byte order mark and carriage returns change nothing."""
    assert story(b"\xef\xbb\xbf" + page().replace("\n", "\r\n").encode()) == story(page())


def test_a_page_without_empty_lines_is_the_same(real_page: str) -> None:
    """Copying from some browsers loses them; every line is then a paragraph."""
    assert story(re.sub(r"\n+", "\n", real_page)) == story(real_page)
