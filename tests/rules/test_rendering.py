"""The mails themselves: every fact in them, nothing hostile, legible in light and dark."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lxml import html as lxml_html

from newsletter.content import Analysis, Article, Company, Impact, Maker, StoryContent, Tldr
from newsletter.mail import Content
from newsletter.rendering.joining import size_of
from newsletter.rendering.pieces import Form
from newsletter.rendering.telling import Telling
from newsletter.rendering.typesetting import columns
from tests.digests import (
    ARABIC,
    BARE,
    CHINESE,
    DAY,
    DESCRIPTION,
    EDITION,
    LINKS,
    NEWSLETTER,
    RENDERER,
    RICH,
    digest,
)

STORY_PAGE = Path(__file__).parents[3] / "shared" / "data" / "story-page.json"


def only(content: StoryContent, form: Form = Form.FULL, **telling: object) -> Content:
    return digest(Telling(content, form, because=("Engineers",), **telling))  # type: ignore[arg-type]


def parsed(mail: Content) -> lxml_html.HtmlElement:
    return lxml_html.document_fromstring(mail.html)


def words(mail: Content) -> str:
    """What a reader sees, on one line and without the marks of direction."""
    return " ".join(re.sub("[\u2068\u2069]", "", parsed(mail).text_content()).split())


def on_one_line(text: str) -> str:
    return " ".join(re.sub("[\u2068\u2069]", "", text).split())


@pytest.mark.parametrize("part", ["html", "txt"])
@pytest.mark.parametrize("name", ["digest", "two-scripts", "confirmation", "preferences-link", "data-link"])
def test_golden(name: str, part: str, golden: Callable[[str, str], None]) -> None:
    """The mails are those that were read and found good; a change shows as a diff."""
    why = ("2 outlets",)
    mail = {
        "digest": lambda: digest(*EDITION),
        "two-scripts": lambda: digest(Telling(ARABIC, because=why), Telling(CHINESE, because=why)),
        "confirmation": lambda: RENDERER.confirmation(newsletters=[NEWSLETTER, "Race to AGI Weekly"]),
        "preferences-link": lambda: RENDERER.letter("preferences-link"),
        "data-link": lambda: RENDERER.letter("data-link"),
    }[name]()
    if part == "txt":
        golden(f"{name}.txt", f"{mail.subject}\n\n{mail.text}")
    else:
        golden(f"{name}.html", mail.html.replace("><", ">\n<"))


def test_everything_in_both_parts() -> None:
    """Every title and every link of a story stands in html and in text."""
    mail = digest(*EDITION)
    links = {element.get("href") for element in parsed(mail).iter("a")}
    for telling in EDITION:
        content = telling.content
        assert content.title in words(mail)
        assert content.title in on_one_line(mail.text)
        for article in content.coverage:
            assert article.outlet in words(mail)
            assert article.outlet in on_one_line(mail.text)
            assert article.url is None or (article.url in links and article.url in mail.text)
    cited = {"https://chipwire.example/cost", "https://faraway.example/z", "https://licence.example/text"}
    assert cited <= links
    assert all(url in mail.text for url in cited)
    ours = {f"@@{slot}@@" for slot in LINKS} | {
        f"@@act_url@@/story/{telling.story_id}" for telling in EDITION
    }
    assert ours <= links
    assert all(url in mail.text.split() for url in ours)


def test_story_without_a_number_offers_nothing() -> None:
    """Only a card that knows its story's number has the link by which readers ask for less like it."""
    mail = only(RICH)
    assert "/story/" not in mail.html + mail.text
    assert "Less like this" in only(RICH, story_id=7).html


def test_every_citation_resolves() -> None:
    """`[n]` in the analysis leads to the source that is number n of the coverage, in both parts."""
    mail = only(RICH)
    document = parsed(mail)
    numbered = {}
    for rows in document.iter("ol"):
        for place, row in enumerate(rows.iter("li"), int(rows.get("start", "1"))):
            numbered[place] = row
    cited = [link for link in document.iter("a") if re.search(r"\[\d+\]$", link.text_content())]
    sites = {}
    for link in cited:
        number = int(re.search(r"\[(\d+)\]$", link.text_content())[1])  # type: ignore[index]
        sites[link.get("href")] = numbered[number].text_content()
        assert f"\n[{number}] " in mail.text
    assert [site.split(" · ")[0] for site in sites.values()] == [
        "Latent Ledger",
        "Chipwire",
        "faraway.example",
        "licence.example",
    ]
    assert "[6]" in mail.text
    assert "[0]" not in mail.text


def test_all_facts_of_a_rich_story() -> None:
    """Nothing that the story page shows is lost on the way into the mail."""
    mail = only(RICH, note="We checked the weights.")
    for part in (words(mail), on_one_line(mail.text)):
        for fact in (
            "Models · March 3, 2026",
            "Editor’s note: We checked the weights.",
            "AI-summarized from 4 sources",
            "Training is put at $9M.",
            "May advance AGI timeline",
            "For engineers and researchers",
            "Race to AGI Analysis",
            "Northlight · AI Lab · Canada · valuation $4.2B (as of November 2025)",
            "Openfield · Nonprofit",
            "About this summary: This story is told by 4 outlets.",
            "Because: Engineers",
            "Also cited",
            DESCRIPTION,
            "1 Sample Street, Sampletown",
        ):
            assert fact in part
    assert "Courrier du Calcul · French · Read" in words(mail)
    assert "計算新報 · Japanese · Read" in words(mail)
    assert "Latent Ledger · English · Read original" in words(mail)
    assert "[2] Courrier du Calcul (French)" in mail.text


def test_absent_facts_are_left_out() -> None:
    """A story of which little is known shows no empty label, no None and no number that nobody gave."""
    mail = only(BARE)
    for label in ("TL;DR", "Companies", "Coverage", "AGI timeline", "None", "Editor", "About this"):
        assert label not in words(mail)
        assert label not in mail.text
    untold = only(StoryContent(title="t", date=DAY, tldr=Tldr("Text.", Maker.AI)))
    assert "TL;DR (AI-summarized)" in untold.text
    by_hand = only(StoryContent(title="t", date=DAY, tldr=Tldr("Text.", Maker.EDITOR, 3)))
    assert "TL;DR (Written by the editors)" in by_hand.text


@pytest.mark.parametrize("impact", Impact)
def test_impact_is_told_in_words(impact: Impact) -> None:
    """Each impact has its own words and its own glyph; colour alone tells nothing."""
    others = [only(StoryContent("t", DAY, impact=other)) for other in Impact if other is not impact]
    found = re.search(r"Impact: (.+)", only(StoryContent("t", DAY, impact=impact)).text)
    assert found
    assert all(found[1] not in words(other) for other in others)


def test_forms() -> None:
    """An update says what changed and skips the analysis; a compact card names its coverage in a line."""
    update = only(RICH, Form.UPDATE, changes=("+9 outlets since Tuesday", "may advance → may delay"))
    assert "Update: +9 outlets since Tuesday · may advance → may delay" in words(update)
    compact = only(RICH, Form.COMPACT)
    assert "Coverage: Latent Ledger, Courrier du Calcul, Chipwire, 計算新報" in words(compact)
    assert size_of(compact) < size_of(update) < size_of(only(RICH))
    for mail in (update, compact):
        assert "Race to AGI Analysis" not in words(mail)
        assert "Training is put at $9M." in words(mail)
        assert "May advance AGI timeline" in words(mail)


def test_editors_words_win() -> None:
    """The editor's headline stands in place of the title, in the contents too."""
    mail = digest(Telling(RICH, headline="Weights for all"), Telling(BARE))
    assert words(mail).count("Weights for all") == 2
    assert RICH.title not in words(mail)


def test_long_tldr_ends_at_a_sentence() -> None:
    """A long TL;DR in Markdown becomes plain paragraphs of about 120 words, ended at a sentence."""
    sentence = "The **lab** said on [its blog](https://lab.example) that U.S. work goes on. "
    told = RENDERER.card(StoryContent("t", DAY, tldr=Tldr("# News\n\n" + sentence * 30)), Form.FULL)
    assert 100 <= told.words <= 125
    assert "goes on. …" in told.html
    assert "**" not in told.text


def test_right_to_left_is_mirrored() -> None:
    """An Arabic card runs from the right: alignment, edge, list and foreign words within."""
    mail = only(ARABIC)
    card = next(element for element in parsed(mail).iter("div") if element.get("lang") == "ar")
    assert card.get("dir") == "rtl"
    styles = " ".join(element.get("style", "") for element in card.iter())
    assert "border-right:4px" in styles
    assert "padding-right:24px" in styles
    assert not re.search(r"(border|padding)-left|text-align:left", styles)
    assert any(cell.get("align") == "right" for cell in card.iterancestors("td"))
    assert "\u2068$120M\u2069" in mail.html
    assert "\u2068$120M\u2069" in mail.text
    assert all("dir" not in element.attrib for element in parsed(only(CHINESE)).iter("h2"))


def test_tldr_in_another_language() -> None:
    """A TL;DR that is not in the language of its title says so."""
    story = StoryContent("A title", DAY, tldr=Tldr("خصصت الهيئة مبلغ", Maker.AI, 1, "ar"))
    box = next(element for element in parsed(only(story)).iter("div") if element.get("lang") == "ar")
    assert box.get("dir") == "rtl"
    assert "خصصت" in box.text_content()


def test_text_part_keeps_its_width() -> None:
    """No line of a text part is wider than 72 columns, wide letters counted twice; links stay whole."""
    for line in digest(*EDITION).text.splitlines():
        assert columns(line) <= 72 or line.strip().startswith(("https://", "@@"))
        assert line == line.rstrip()


def test_nothing_is_fetched() -> None:
    """A mail loads nothing: no picture, no font, no style sheet, so nobody learns that it was opened."""
    for mail in (digest(*EDITION), RENDERER.confirmation(newsletters=[NEWSLETTER])):
        without_links = re.sub(r'<a href="[^"]*"', "", mail.html)
        assert not re.search(r"src=|url\(|@import|@font-face|<img|<link", without_links)
        assert set(re.findall(r"https?://[\w.]+", without_links)) <= {"http://www.w3.org"}
        assert "{{" not in mail.html + mail.text


def test_preheader_is_not_the_subject() -> None:
    """Beside the subject a mailbox shows how the first story begins, or else what follows it."""
    assert preheader(digest(*EDITION)).startswith("A research consortium released the weights")
    assert preheader(digest(Telling(BARE), Telling(RICH))).startswith(RICH.title)


def preheader(mail: Content) -> str:
    return next(div for div in parsed(mail).iter("div") if "none" in div.get("style", "")).text_content()


def test_subject() -> None:
    """The subject is the lead headline on one line, cut at a word where it is too long for a mailbox."""
    subject = RENDERER.subject([RICH.title, "Other"], newsletter=NEWSLETTER, date=DAY)
    assert subject == RICH.title
    long = RENDERER.subject(["A very long headline\r\nBcc: all " * 9], newsletter=NEWSLETTER, date=DAY)
    assert len(long) <= 78
    assert re.fullmatch(r"[^\r\n]+ (A|very|long|headline|Bcc:|all)…", long)
    assert RENDERER.subject([], newsletter=NEWSLETTER, date=DAY) == f"{NEWSLETTER}, March\u00a03,\u00a02026"


def test_confirmation_says_all_that_matters() -> None:
    """The mail names the newsletters and the sender, the life of the link, and that ignoring it is fine."""
    mail = RENDERER.confirmation(newsletters=[NEWSLETTER, "Race to AGI Weekly"])
    for part in (words(mail), on_one_line(mail.text)):
        assert "Race to AGI Daily and Race to AGI Weekly" in part
        assert "valid for 7 days" in part
        assert "ignore this mail" in part
        assert "1 Sample Street" in part
    assert set(re.findall(r"@@\w+@@", mail.html + mail.text)) == {"@@confirm_url@@"}
    assert len(mail.subject) <= 78


def test_real_story_page() -> None:
    """The story page of the site arrives whole: its facts, and its citation at the outlet it names."""
    if not STORY_PAGE.exists():
        pytest.skip(f"the sample data folder is not here: {STORY_PAGE}")
    mail = only(_story_page())
    for part in (words(mail), on_one_line(mail.text)):
        for fact in (
            "Mistral AI secures French defence framework deal for sovereign models",
            "Corporate · January 8, 2026",
            "AI-summarized from 3 sources",
            "builds on a 2025 cooperation agreement.",
            "OpenAI, Anthropic, and Google. [2]",
            "lead to general intelligence.",
            "May advance AGI timeline",
            "For investors, researchers, engineers and policymakers",
            "Mistral AI · AI Lab · France · valuation $6.0B",
            "This article aggregates reporting from 3 news sources.",
        ):
            assert fact in part
    assert "Channel NewsAsia · English · Original report" in words(mail)
    assert "LeMagIT · French" in words(mail)
    assert "https://www.thestar.com.my/tech/" in mail.text.split("[2] The Star (Malaysia) (English)\n")[1]


def _story_page() -> StoryContent:
    page = json.loads(STORY_PAGE.read_text(encoding="utf-8"))
    return StoryContent(
        title=page["title"],
        date=date.fromisoformat(page["date"]),
        category=page["category"],
        primary_outlet=page["primary_source"]["outlet"],
        tldr=Tldr(page["tldr"]["text"], Maker.AI, page["tldr"]["source_count"]),
        about=page["about"],
        analysis=Analysis(**page["analysis"]),
        impact=Impact.ADVANCE,
        audiences=tuple(page["who_should_care"]),
        companies=tuple(Company(**company) for company in page["companies"]),
        coverage=tuple(
            Article(article["outlet"], language=(article["language"] or "en").lower())
            for article in page["coverage"]
        ),
    )


def test_a_note_in_another_script_keeps_its_order() -> None:
    """The site's English words about a summary are set left to right, in an Arabic card too."""
    card = RENDERER.card(replace(ARABIC, about="Made from 2 sources."), Form.FULL, story_id=1)
    assert re.search(r'<p class="meta" dir="ltr"[^>]*>[^/]*About this summary:', card.html)
    same = RENDERER.card(replace(ARABIC, about="ملخص من مصدرين."), Form.FULL, story_id=1)
    assert 'class="meta" dir=' not in same.html
