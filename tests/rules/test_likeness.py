"""How mail programs show a mail: what each takes from the real digest, and that no word is lost."""

import re
from dataclasses import replace

import pytest
from lxml import html as lxml_html

from newsletter.mail import Content
from newsletter.web.desk.likeness import Look, likeness
from tests.digests import ARABIC, EDITION, RICH, digest
from tests.mail_words import only

MAIL = digest(*EDITION)
SHEETS = re.compile(r"<style.*?</style>", re.DOTALL)


def body_words(html: str) -> str:
    [body] = lxml_html.document_fromstring(html).xpath("//body")
    return " ".join(body.text_content().split())


@pytest.mark.parametrize("look", Look)
def test_no_program_loses_a_word(look: Look) -> None:
    """Whatever a program drops, every text and every link of the mail is still there, in its order."""
    for mail in (MAIL, only(ARABIC)):
        shown = likeness(mail.html, look)
        assert body_words(shown) == body_words(mail.html)
        assert re.findall(r'href="[^"]*"', shown) == re.findall(r'href="[^"]*"', mail.html)


@pytest.mark.parametrize("look", Look)
def test_links_lead_nowhere(look: Look) -> None:
    """Each document sends its links to a new window, which a sandbox does not open."""
    assert likeness(MAIL.html, look).count('<base target="_blank">') == 1


def test_light_and_dark_do_not_ask_the_machine() -> None:
    """An editor sees the scheme that was chosen, whatever their own machine prefers."""
    light, dark = (likeness(MAIL.html, look) for look in (Look.LIGHT, Look.DARK))
    for shown, media, scheme in ((light, "not all", "light"), (dark, "all", "dark")):
        assert "prefers-color-scheme" not in shown
        assert f"@media {media} {{" in shown
        assert f"color-scheme: {scheme};" in shown
        assert f'name="color-scheme" content="{scheme}"' in shown


def test_forced_dark_inverts_what_is_light() -> None:
    """A program that knows no dark rules turns the light colours over."""
    shown = likeness(MAIL.html, Look.FORCED)
    assert "filter:invert(1)" in shown
    assert "@media not all {" in shown


def test_without_style_sheets_only_what_stands_in_the_tags_holds() -> None:
    """Nothing of the mail's own sheets is left; inline styles are."""
    shown = likeness(MAIL.html, Look.PLAIN)
    assert len(SHEETS.findall(shown)) == 1, "the one of the frame"
    assert shown.count(' style="') == SHEETS.sub("", MAIL.html).count(' style="')


def test_outlook_reads_as_word_does() -> None:
    """What is meant for Word is shown, what Word does not know is gone, and the tables still fit."""
    shown = likeness(MAIL.html, Look.OUTLOOK)
    assert "<!--" not in shown
    assert "Arial, sans-serif !important" in shown
    assert shown.count("<table") == shown.count("</table>")
    assert shown.count("</td>") == len(re.findall(r"<td\b", shown))
    for unknown in ("border-radius", "max-width", "@media", "mj-outlook-group-fix {"):
        assert unknown not in shown
    padded = re.findall(r'<(\w+)[^<>]* style="[^"]*\bpadding', shown)
    assert set(padded) == {"td"}


def test_what_a_story_says_is_no_style() -> None:
    """A story about style sheets is told as it stands, by every program."""
    said = 'Use @media (prefers-color-scheme: dark), <style>a{}</style>, style="opacity:0" and <!--[if mso]>'
    mail: Content = only(replace(RICH, title=said))
    for look in Look:
        assert said in body_words(likeness(mail.html, look)), look


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        ("mso", True),
        ("mso | IE", True),
        ("(mso)|(IE)", True),
        ("!mso", False),
        ("!mso | IE", False),
        ("IE", False),
        ("lte mso 11", False),
        ("gte mso 9", True),
        ("gt mso 16", False),
        ("lt mso 17", True),
    ],
)
def test_conditional_comments(condition: str, shown: bool) -> None:
    """They are decided as Outlook 2016 and later do, for html that is hidden and that is shown to others."""
    for hidden in ("b", "<!-->b<!--"):
        html = f"<head></head><body>a<!--[if {condition}]>{hidden}<![endif]-->c"
        assert likeness(html, Look.OUTLOOK).endswith("<body>abc" if shown else "<body>ac")
