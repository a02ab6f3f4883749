"""The site's story page, as text and as HTML: read by what it shows."""

import re
from dataclasses import replace
from datetime import date
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content import Analysis, Article, Company, Impact, Maker, StoryContent, Tldr
from newsletter.sources.files import read_file
from newsletter.sources.records import Incoming, Refusal

FIXTURE = Path(__file__).parents[1] / "fixtures" / "story-page.html"
DATA = Path(__file__).parents[3] / "shared" / "data"

PAGE = """\
{head}
Thursday, February 12, 2026

A chip maker opens its compiler

Source: {primary}
Read original

TL;DR

AI-Summarizedfrom {count} source{s}

The maker published its compiler on February 12, 2026.

About this summary

This article aggregates reporting.

{count} source{s} covering this story{companies_count}

{analysis}{care}{companies}Coverage Sources

{coverage}
"""


def page(
    *,
    outlets: tuple[str, ...] = ("BBC",),
    badges: tuple[str, ...] = ("",),
    category: str = "Infrastructure",
    analysis: str = "",
    care: str = "",
    companies: str = "",
    companies_count: str = "",
) -> str:
    """A page of the site's shape, with the parts that a story may have."""
    count = len(outlets)
    entries = [f"{name}\n{name}{badge}\nRead" for name, badge in zip(outlets, badges, strict=True)]
    return PAGE.format(
        head="\n".join([category, *outlets, f"{count} outlet{'s' * (count > 1)}"]),
        primary=outlets[0],
        count=count,
        s="s" * (count > 1),
        companies_count=companies_count,
        analysis=analysis and f"Race to AGI Analysis\n\n{analysis}\n\n",
        care=care and f"Who Should Care\n\n{care}\n\n",
        companies=companies and f"Companies Mentioned\n\n{companies}\n\n",
        coverage="\n".join([*outlets, *entries]),
    )


def read(text: str | bytes, name: str = "page") -> Incoming | Refusal:
    data = text.encode() if isinstance(text, str) else text
    [one] = read_file(name, data.splitlines(keepends=True))
    return one


def story(text: str | bytes) -> StoryContent:
    """The content of a page that must be accepted."""
    incoming = read(text)
    assert isinstance(incoming, Incoming), incoming
    return incoming.content


def refusal(text: str | bytes) -> str:
    """The reason why a page is refused; there is a remedy, too."""
    refused = read(text, "half.txt")
    assert isinstance(refused, Refusal), refused
    assert (refused.file, refused.line, refused.where) == ("half.txt", None, "half.txt")
    assert refused.remedy
    return refused.reason


@pytest.fixture
def real_page() -> str:
    path = DATA / "story-page.txt"
    if not path.exists():
        pytest.skip("the folder of real input data is not here")
    return path.read_text(encoding="utf-8")


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


COMPANIES = """\
Mistral AI
Mistral AI
AI Lab|France
Valuation: $6.0B (Jan 2026)
OpenAI
OpenAI
AI Lab|United States
X
X
Platform
Sample Chips
Sample Chips
|Japan
Valuation: $1.5B as of March 3, 2025
Bare"""


def test_several_companies() -> None:
    """Each with what the page tells of it: facts and valuation may be missing."""
    assert story(page(companies=COMPANIES + "\nBare")).companies == (
        Company("Mistral AI", "AI Lab", "France", "$6.0B", "2026-01"),
        Company("OpenAI", "AI Lab", "United States"),
        Company("X", "Platform"),
        Company("Sample Chips", None, "Japan", "$1.5B", "2025-03-03"),
        Company("Bare"),
    )


MISTRAL = Company("Mistral AI", "AI Lab", "France", "$6.0B")
AMIAD = Company("AMIAD", "Government", "France")
THALES = Company("Thales", "Defence", "France")


def test_names_shown_once_are_companies_too(real_page: str) -> None:
    """A company begins at a doubled name or after another's last fact, and its count says the same."""
    more = "AMIAD\nGovernment|France\nThales\nThales\nDefence|France\n"
    text = real_page.replace("1 company", "3 companies").replace("$6.0B\n", f"$6.0B\n{more}")
    assert story(text).companies == (MISTRAL, AMIAD, THALES)


CARDS = {
    "with a logo": '<div><img alt="{0}"/><h3>{0}</h3><p><i>{1}</i><i>|</i><i>{2}</i></p></div>',
    "a heading": "<div><h3>{0}</h3><p>{1}|{2}</p></div>",
    "a heading below another logo": '<div><img alt="The sign"/><h3>{0}</h3><p>{1}|{2}</p></div>',
    "plain": "<div><p>{0}</p><p><span>{1}</span><span>|</span><span>{2}</span></p></div>",
    "linked": '<div><a href="https://{1}.example/">{0}</a><p>{1}|{2}</p></div>',
    "linked whole": '<a href="https://{1}.example/"><p>{0}</p><p>{1}|{2}</p></a>',
    "facts without a bar": '<div><img alt="{0}"/><p>{0}</p><p>{1}</p><p>{2}</p></div>',
}


@pytest.mark.parametrize(("one", "other"), [*permutations(CARDS, 2)])
def test_each_company_has_its_own_look(one: str, other: str) -> None:
    """Whether one company has a logo, a heading or a link decides nothing for the others."""
    cards = CARDS[one].format("AMIAD", "Government", "France")
    cards += CARDS[other].format("Thales", "Defence", "France")
    cards += CARDS[one].format("Sample Chips", "Chips", "Japan")
    html = FIXTURE.read_text(encoding="utf-8").replace("1<!-- --> company", "4<!-- --> companies")
    content = story(html.replace("$6.0B</p>\n        </a>", f"$6.0B</p></a>{cards}"))
    assert content.companies == (MISTRAL, AMIAD, THALES, Company("Sample Chips", "Chips", "Japan"))


def test_lost_companies_are_named(real_page: str) -> None:
    """A page that counts more companies than can be found is refused, with what was found."""
    assert refusal(real_page.replace("1 company", "3 companies")) == (
        "the page says 3 companies, 1 was found: Mistral AI"
    )
    shown = real_page.index("Companies Mentioned"), real_page.index("Coverage Sources")
    none = real_page[: shown[0]] + real_page[shown[1] :]
    assert refusal(none) == "the page says 1 company, none was found"
    html = FIXTURE.read_text(encoding="utf-8")
    assert "says 3 companies" in refusal(html.replace("1<!-- --> company", "3<!-- --> companies"))
    apart = html.replace('<span class="mx-2">|</span>', "").replace("1<!-- --> company", "3 companies")
    assert "says 3 companies" in refusal(apart)


def test_lost_sources_are_named(real_page: str) -> None:
    """The same for the sources that cover the story."""
    assert refusal(real_page.replace("3 sources covering", "4 sources covering")) == (
        "the page says 4 sources, 3 were found: Channel NewsAsia, The Star (Malaysia), LeMagIT"
    )
    html = FIXTURE.read_text(encoding="utf-8").replace("3<!-- --> sources covering", "5 sources covering")
    assert "says 5 sources" in refusal(html)


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
