"""What everybody may read of a mail: nothing that is its reader's own, and what was corrected since. Pure.

Nothing frozen is changed: pieces are turned on their way to a page. What only its reader can use stands
in elements of the class `own`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup, escape

from newsletter.rendering.dates import in_words
from newsletter.rendering.pieces import Card, Shell
from newsletter.rendering.telling import paragraphs

_OWN = re.compile(r'<(p|span) class="(?:meta )?own"([^>]*)>.*?</\1>', re.DOTALL)
#: below the title of a card, or at the end of an item of a list
_OF_CORRECTIONS = re.compile(r"(?<=</h2>)|(?=</li>\s*\Z)|\Z")
_HEAD, _BODY = re.compile(r"<head>(.*)</head>", re.DOTALL), re.compile(r"<body[^>]*>(.*)</body>", re.DOTALL)
_STYLE = re.compile(r"<style[^>]*>.*?</style>", re.DOTALL)
# for Outlook, for the line that mailboxes show, and for screen readers that are told it is a mail
_ONLY_IN_MAIL = re.compile(
    r'<!--\[if (?:lte )?mso.*?<!\[endif\]-->|<div style="display:none.*?</div>| aria-roledescription="email"',
    re.DOTALL,
)


@dataclass(frozen=True)
class Mark:
    """A correction as it stands at the story that it is about."""

    story_id: int
    retracts: bool
    #: the editors' words
    text: str
    #: since when it counts
    at: datetime

    @property
    def name(self) -> str:
        return "Retraction" if self.retracts else "Correction"

    @property
    def place(self) -> str:
        """Its anchor in the page."""
        return f"corrected-{self.story_id}"


@dataclass(frozen=True)
class Sheet:
    """A mail without its frame, for a page of ours."""

    styles: str
    body: str


def public_card(card: Card, marks: Sequence[Mark] = ()) -> Card:
    """The card without what is its reader's own, and with its corrections below the title."""
    html = _OWN.sub("", card.html)
    if marks:
        before, after = _OF_CORRECTIONS.split(html, maxsplit=1)
        html = before + _box(marks) + after
    return replace(card, html=html)


def public_shell(shell: Shell, *, subscribe_url: str) -> Shell:
    """The shell with one line that leads to the form, in place of the last of what is its reader's own."""
    parts = list(_OWN.finditer(shell.html))
    html = shell.html
    for part in reversed(parts):
        line = _invitation(part[2], subscribe_url) if part is parts[-1] else ""
        html = html[: part.start()] + line + html[part.end() :]
    return replace(shell, html=html)


def sheet(html: str) -> Sheet:
    """The styles and the body of a whole mail, without what only mail programs need."""
    head, body = (_ONLY_IN_MAIL.sub("", _part(pattern, html)) for pattern in (_HEAD, _BODY))
    return Sheet("".join(_STYLE.findall(head)), body)


def _part(pattern: re.Pattern[str], html: str) -> str:
    found = pattern.search(html)
    assert found is not None
    return found[1]


def _invitation(attributes: str, url: str) -> str:
    return (
        f'<p class="meta"{attributes}>You are reading this on the web. '
        f'<a href="{escape(url)}">Subscribe</a>, and it comes to your inbox.</p>'
    )


def _box(marks: Sequence[Mark]) -> str:
    """All corrections of one story, the last first, in a box that can be linked to."""
    told = Markup("").join(map(_told, reversed(marks)))
    opening = Markup('<div class="corrected" id="{}" lang="en" dir="ltr">').format(marks[0].place)
    return f"{opening}{told}</div>"


def _told(mark: Mark) -> Markup:
    lines = paragraphs(mark.text)
    if mark.retracts:
        lines = ("We take this story back.", *lines)
    head = Markup("<p><b>{}</b> · {}</p>").format(mark.name, in_words(mark.at))
    return head + Markup("").join(Markup("<p>{}</p>").format(line) for line in lines)
