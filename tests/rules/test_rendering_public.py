"""What everybody may read of a mail: all but what is its reader's own, and marked where corrected."""

import re
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.mail import SLOT
from newsletter.rendering.joining import Entry, join
from newsletter.rendering.pieces import Card, Shell
from newsletter.rendering.public import Mark, public_card, public_shell, sheet
from newsletter.rendering.telling import Telling
from newsletter.tracking.rewriting import counted_card, counted_shell, straightened, targets
from subscribers.tokens import Purpose
from tests.digests import EDITION, RICH, entry, shell
from tests.rules.test_rendering_joining import hostile, tellings
from tests.rules.test_tracking_links import PICTURE, WAYS

FORM = "https://news.example/subscribe"
AT = datetime(2026, 3, 5, 9, tzinfo=UTC)
MARK = Mark(1, retracts=False, text="It was seven.\nNot nine.", at=AT)


def public(edition: list[Telling]) -> str:
    """The html of the page, joined from turned pieces."""
    entries = [Entry(public_card(e.card), e.because, e.changes) for e in map(entry, edition)]
    return join(public_shell(shell(), subscribe_url=FORM), entries, subject="s").html


@settings(max_examples=25, deadline=None)
@given(st.lists(tellings, min_size=1, max_size=3))
def test_nothing_of_a_reader_is_left(edition: list[Telling]) -> None:
    """Whatever stories say: no slot is left, and a card is what it is where readers have no part in it."""
    html = public(edition)
    assert not SLOT.search(html)
    for telling in edition:
        assert public_card(entry(telling).card).html == entry(replace(telling, story_id=None)).card.html


def test_one_line_leads_to_the_form() -> None:
    """Where a mail says how to leave, the page says how to come; everything else of the shell stays."""
    html = public(list(EDITION))
    assert html.count(f'<a href="{FORM}">Subscribe</a>') == 1
    gone = (
        "Unsubscribe",
        "Fewer mails",
        "Less like this",
        "Change what you",
        "You receive",
        "View in browser",
    )
    assert not [words for words in gone if words in html]
    assert "They can be wrong" in html
    assert "1 Sample Street" in html


@given(hostile)
def test_corrections_are_only_words(text: str) -> None:
    """Whatever an editor writes stands in the box as text, and changes nothing outside of it."""
    plain = public_card(entry(Telling(RICH)).card).html
    marked = public_card(entry(Telling(RICH)).card, [replace(MARK, text=text)]).html
    before, box, rest = marked.partition('<div class="corrected"')
    inner, end, after = rest.partition("</div>")
    assert before + after == plain
    assert box
    assert end
    assert before.endswith("</h2>")
    assert "<script" not in inner


def test_the_last_correction_stands_first() -> None:
    """Several corrections of a story share a box; a retraction says so in words."""
    later = replace(MARK, retracts=True, text="Withdrawn.", at=AT.replace(day=7))
    html = public_card(entry(Telling(RICH)).card, [MARK, later]).html
    order = (
        "Retraction",
        "March\xa07",
        "We take this story back.",
        "Withdrawn.",
        "Correction",
        "seven",
        "nine",
    )
    assert [html.index(words) for words in order] == sorted(html.index(words) for words in order)
    assert html.count('class="corrected"') == html.count(f'id="{MARK.place}"') == 1


def test_a_sheet_is_the_mail_without_its_frame() -> None:
    """Styles and body are those of the mail; nothing for Outlook, and no hidden line for mailboxes."""
    mail = public(list(EDITION))
    found = sheet(mail)
    assert "@media (prefers-color-scheme: dark)" in found.styles
    assert not [
        words for words in ("[if mso", "display:none", "<body", "<head") if words in found.styles + found.body
    ]

    titles = re.compile("<h2[^>]*>(.*?)</h2>")
    assert titles.findall(found.body) == titles.findall(mail) != []


def test_counted_links_lead_straight() -> None:
    """A page has the links as they were before they were counted, and not the picture."""
    parts: list[Card | Shell] = [shell(), *(entry(telling).card for telling in EDITION)]
    urls = {f"{number}": url for number, url in enumerate(sorted({u for p in parts for u in targets(p)}))}
    ways = {url: WAYS.follow(int(number)) for number, url in urls.items()}
    cards = [replace(e, card=public_card(counted_card(e.card, ways))) for e in map(entry, EDITION)]
    frame = public_shell(counted_shell(shell(), ways, picture=PICTURE), subscribe_url=FORM)
    through = join(frame, cards, subject="s").html
    assert "<img" in through

    def leads_to(token: str) -> str:
        [number] = WAYS.tokens.read(Purpose.LINK, token, now=AT)
        return urls[number]

    assert straightened(through, leads_to) == public(list(EDITION))
