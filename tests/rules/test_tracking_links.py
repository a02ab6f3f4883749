"""Counted links: what an approval makes of them, joined into mails like any other part."""

import re
from collections.abc import Sequence
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.links import LONGEST_READER, READER_SLOT, CountedLinks, reader_mark
from newsletter.mail import Content
from newsletter.rendering.joining import LIMIT, LONGEST_LINK, Entry, join, size_of
from newsletter.rendering.pieces import Card, Shell
from newsletter.rendering.telling import Telling
from newsletter.tracking.rewriting import counted_card, counted_shell, led, targets
from subscribers.tokens import Tokens
from tests.digests import EDITION, LINKS, RICH, entry, shell
from tests.rules.test_rendering_joining import tellings

WAYS = CountedLinks("https://news.example/mail", Tokens(["k" * 32]))
PICTURE = WAYS.opened(7)
PIXEL = re.compile(r"<img [^>]*>")


def counted(edition: Sequence[Telling]) -> tuple[Content, Content, dict[str, str]]:
    """The mail of an edition as it is, and joined from counted parts; url → way."""
    entries = [entry(telling) for telling in edition]
    parts: list[Card | Shell] = [shell(), *(each.card for each in entries)]
    urls = sorted({url for part in parts for url in targets(part)})
    ways = {url: WAYS.follow(number) for number, url in enumerate(urls, start=1)}
    there = [Entry(counted_card(e.card, ways), e.because, e.changes) for e in entries]
    through = join(counted_shell(shell(), ways, picture=PICTURE), there, subject="s")
    return join(shell(), entries, subject="s"), through, ways


@settings(max_examples=40, deadline=None)
@given(st.lists(tellings, min_size=1, max_size=4))
def test_counted_parts_join_to_the_counted_mail(edition: list[Telling]) -> None:
    """Whatever stories say: parts rewritten and joined are the joined mail rewritten, byte for byte."""
    plain, through, ways = counted(edition)
    assert PIXEL.sub("", through.html) == led(plain.html, ways)


@settings(max_examples=40, deadline=None)
@given(st.lists(tellings, min_size=1, max_size=4))
def test_nothing_but_the_links_is_changed(edition: list[Telling]) -> None:
    """With each way put back to where it leads, and without the picture, the html is what it was."""
    plain, through, ways = counted(edition)
    back = PIXEL.sub("", through.html)
    for url, way in ways.items():
        back = back.replace(f'<a href="{way}"', f'<a href="{escape(url)}"')
    assert back == plain.html
    assert through.text == plain.text


def test_every_outgoing_link_leads_through_us() -> None:
    """No link of the html goes straight out, and none that a reader acts through is touched."""
    plain, through, _ = counted(EDITION)
    hrefs = re.findall(r'<a href="([^"]*)"', through.html)
    ours = [href for href in hrefs if href.startswith("https://news.example/mail/l/")]
    own = [href for href in hrefs if href.startswith("@@")]
    assert len(ours) + len(own) == len(hrefs)
    assert own == [href for href in re.findall(r'<a href="([^"]*)"', plain.html) if href.startswith("@@")]
    assert all(href.endswith(f"@@{READER_SLOT}@@") for href in ours)


def test_the_same_place_has_one_way() -> None:
    """An address that stands in several parts is one link, under which its clicks add up."""
    _, through, ways = counted((Telling(RICH), Telling(RICH, headline="Another")))
    assert through.html.count(ways["https://latentledger.example/open-weight"]) == 2


def test_an_address_is_known_as_it_is_not_as_html_spells_it() -> None:
    """An ampersand of an address is one in the row, so that whoever follows it arrives."""
    part = counted_shell(
        shell(), {"https://racetoagi.example": "https://n.example/?a=1&b=2"}, picture=PICTURE
    )
    assert 'href="https://n.example/?a=1&amp;b=2"' in part.html
    assert list(targets(part)) == ["https://n.example/?a=1&b=2"]


def test_the_picture_is_met_by_nobody() -> None:
    """A mail has one picture, of one pixel, at its very end, and without a word for screen readers."""
    _, through, _ = counted(EDITION)
    [pixel] = PIXEL.findall(through.html)
    assert f'src="{PICTURE}"' in pixel
    assert 'width="1" height="1" alt=""' in pixel
    assert through.html.endswith(f"{pixel}</body></html>")


def test_the_size_counts_the_longest_marks_of_readers() -> None:
    """A counted mail with the longest links and marks weighs what `size_of` said, and is not clipped."""
    _, through, _ = counted([Telling(RICH, because=("Engineers",))] * 8)
    longest = dict.fromkeys(LINKS, "u" * LONGEST_LINK) | {READER_SLOT: "r" * LONGEST_READER}
    assert size_of(through) == len(through.fill(longest).html.encode()) < LIMIT


@pytest.mark.parametrize("delivery_id", [1, 2**63 - 1])
def test_no_mark_is_longer_than_thought(delivery_id: int) -> None:
    """The mark of any mail there can be is within what the size was reckoned with."""
    assert len(reader_mark(Tokens(["k" * 32]), delivery_id)) <= LONGEST_READER
