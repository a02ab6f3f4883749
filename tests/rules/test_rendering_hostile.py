"""Hostile stories: whatever they say, and however much of it, stays text in a mail of usual size."""

import re

import pytest
from lxml import html as lxml_html

from newsletter.content import Analysis, Article, Company, Maker, StoryContent, Tldr
from newsletter.rendering.joining import size_of
from newsletter.rendering.pieces import TELLING
from newsletter.rendering.telling import Telling
from tests.digests import DAY, LINKS, PLACE, digest


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "{{ 7*7 }}{% for x in y %}",
        "]]></mj-text></mj-body>",
        "<!--[if mso]>",
        "[x](javascript:alert(1)) ([evil.example](javascript:alert(1)))",
        "![x](https://evil.example/pixel.gif)",
        '<a href="https://evil.example" onclick="x">x</a>',
        "@@unsubscribe_url@@ @@secret@@",
        "\x00\x08\x1b[31m\u202e\ufdd0\ud800",
    ],
)
def test_hostile_texts_are_only_texts(text: str) -> None:
    """Whatever a story says, wherever it says it, stays text: no element, no link, no slot, no code."""
    story = StoryContent(
        title=text,
        date=DAY,
        category=text,
        primary_outlet=text,
        primary_url=text,
        tldr=Tldr(text, Maker.AI, 3, language=text),
        about=text,
        analysis=Analysis(text, text),
        audiences=(text,),
        companies=(Company(text, text, text, text),),
        coverage=(Article(text, "javascript:alert(1)", text),),
    )
    for form in TELLING:
        mail = digest(Telling(story, form, text, text, (text,), (text,), 7), Telling(story, form))
        mail = mail.fill(LINKS)
        document = lxml_html.document_fromstring(mail.html)
        assert not list(document.iter("script", "img", "iframe", "form", "base", "link"))
        links = {element.get("href") for element in document.iter("a")}
        less, view = f"{LINKS['act_url']}/story/7", f"{LINKS['public_url']}/view/{PLACE}"
        ours = {url for slot, url in LINKS.items() if slot != "public_url"} | {less, view}
        assert links == {*ours, "https://racetoagi.example"}
        assert "onclick" not in {name for element in document.iter() for name in element.attrib}
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", mail.html + mail.text)
        assert "49" not in document.text_content()


@pytest.mark.parametrize("unit", ["<b>", "> ", "- ", "[", "*", "`", "![", "(", "\n\n1. ", "_a", "<!--"])
def test_deep_nesting_is_survived(unit: str) -> None:
    """Ten thousand levels of anything neither crash nor stall the renderer."""
    deep = unit * 10_000 + "end"
    story = StoryContent("t", DAY, tldr=Tldr(deep), analysis=Analysis("Analysis", deep))
    assert size_of(digest(Telling(story))) < 92 * 1024


def test_endless_texts_are_cut() -> None:
    """A TL;DR of five megabytes, with spaces or without, becomes a paragraph that says it was cut."""
    for text in ("word " * 1_000_000, "字" * 1_600_000, "x" * 5_000_000):
        mail = digest(Telling(StoryContent(title=text, date=DAY, tldr=Tldr(text), about=text)))
        assert size_of(mail) < 20 * 1024
        assert "…" in mail.text
