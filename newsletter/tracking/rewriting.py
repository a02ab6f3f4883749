"""A mail whose links lead through us, and which a picture tells to be opened. Pure.

Only html is touched. In the text part a link is the address that its reader sees, so it stays as it is,
and what is followed there is not counted. What a reader acts through are slots, and stay.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from html import escape, unescape

from newsletter.links import READER_SLOT
from newsletter.rendering.pieces import Card, Shell

_LINK = re.compile(r'(?<=<a href=")https?://[^"]*(?=")')
_END = "</body>"
_COUNTED = re.compile(rf'(?<=<a href=")[^"]*/l/([^"/@]+)@@{READER_SLOT}@@(?=")')
_PICTURE = re.compile(rf'<img src="[^"]*/o/[^"/@]+@@{READER_SLOT}@@"[^>]*>')


def targets(part: Card | Shell) -> Iterator[str]:
    """Where the outgoing links of the part lead, in their order, as often as they stand there."""
    for html in (part.html, part.row_html) if isinstance(part, Card) else (part.html,):
        yield from map(unescape, _LINK.findall(html))


def counted_card(card: Card, ways: Mapping[str, str]) -> Card:
    """The card with each of its links led by its way; `ways` has one for every target."""
    return replace(card, html=led(card.html, ways), row_html=led(card.row_html, ways))


def counted_shell(shell: Shell, ways: Mapping[str, str], *, picture: str) -> Shell:
    """The same for the shell, with the picture at the end of its body."""
    body, end, rest = shell.html.rpartition(_END)
    # of no size and without a word, so that neither eyes nor screen readers meet it
    pixel = f'<img src="{escape(picture)}" width="1" height="1" alt="" style="display:block;border:0" />'
    return replace(shell, html=led(body, ways) + pixel + end + rest)


def led(html: str, ways: Mapping[str, str]) -> str:
    """Html in which every outgoing link leads by its way, and nothing else is changed."""
    return _LINK.sub(lambda link: escape(ways[unescape(link[0])]), html)


def straightened(html: str, leads_to: Callable[[str], str]) -> str:
    """The html with its links straight again, and without the picture.

    `leads_to` says where the link of a token leads.
    """
    straight = _COUNTED.sub(lambda link: escape(leads_to(link[1])), html)
    return _PICTURE.sub("", straight)
