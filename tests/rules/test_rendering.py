"""The mails themselves: whole in both parts, good to read, and loading nothing."""

import re
from collections.abc import Callable

import pytest

from newsletter.content import StoryContent, Tldr
from newsletter.corrections.noting import Note, compose_note
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
    EDITION,
    LINKS,
    NEWSLETTER,
    PLACE,
    RENDERER,
    RICH,
    digest,
)
from tests.mail_words import on_one_line, only, parsed, words

NOTICES = [
    "Race to AGI Daily of Fri 9 Jan is not approved. It closes Fri 9 Jan, 04:00 UTC, and then waits for an "
    "approval.",
    "No mail leaves by provider:smtp until somebody sees to it: 535 <wrong> & rejected",
]


#: two stories that were told wrong
CORRECTIONS = (
    Telling(
        RICH,
        Form.CORRECTION,
        note="We wrote that training cost $9M. It was $19M; $9M is the last run alone.\n\nWe are <sorry>.",
        changes=("We told you on Thursday, January 8, 2026: “A model at $9M”",),
    ),
    Telling(ARABIC, Form.CORRECTION, note="The authority decided nothing.", retracts=True),
)
NOTE = Note(RICH, "We wrote $9M. It was $19M.", False, "We told you on Thursday, January 8, 2026")


@pytest.mark.parametrize("part", ["html", "txt"])
@pytest.mark.parametrize(
    "name",
    [
        "digest",
        "two-scripts",
        "corrected",
        "correction",
        "confirmation",
        "preferences-link",
        "data-link",
        "notice",
    ],
)
def test_golden(name: str, part: str, golden: Callable[[str, str], None]) -> None:
    """The mails are those that were read and found good; a change shows as a diff."""
    why = ("2 outlets",)
    mail = {
        "digest": lambda: digest(*EDITION),
        "two-scripts": lambda: digest(Telling(ARABIC, because=why), Telling(CHINESE, because=why)),
        "corrected": lambda: digest(EDITION[-1], corrections=CORRECTIONS),
        "correction": lambda: compose_note(RENDERER, NOTE, newsletter=NEWSLETTER),
        "confirmation": lambda: RENDERER.confirmation(newsletters=[NEWSLETTER, "Race to AGI Weekly"]),
        "preferences-link": lambda: RENDERER.letter("preferences-link"),
        "data-link": lambda: RENDERER.letter("data-link"),
        "notice": lambda: RENDERER.letter("notice", notices=NOTICES),
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
    ours = {f"@@{slot}@@" for slot in LINKS if slot != "public_url"} | {
        f"@@act_url@@/story/{telling.story_id}" for telling in EDITION
    }
    ours.add(f"@@public_url@@/view/{PLACE}")
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
