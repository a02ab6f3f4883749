"""A story in a mail: every fact that is known, none that is not, in its own script."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from newsletter.content import Analysis, Article, Company, Impact, Maker, StoryContent, Tldr
from newsletter.rendering.pieces import Form
from tests.digests import (
    ARABIC,
    BARE,
    CHINESE,
    DAY,
    DESCRIPTION,
    RENDERER,
    RICH,
)
from tests.mail_words import on_one_line, only, parsed, words

STORY_PAGE = Path(__file__).parents[3] / "shared" / "data" / "story-page.json"


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
