"""From pieces to mails: string joins only, so an edition costs microseconds. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import escape

from newsletter.mail import Content
from newsletter.rendering.pieces import BLOCK, SLOT, Card, Shell
from newsletter.rendering.typesetting import clean, isolate, wrap

#: what a mail may weigh, in bytes of html: Gmail shows about 102 KB and hides the rest
LIMIT = 92 * 1024
#: in characters; our own signed links are shorter
LONGEST_LINK = 512
WORDS_PER_MINUTE = 220

_READER_SLOT = re.compile(r"@@\w+@@")


@dataclass(frozen=True)
class Entry:
    """A card in an edition."""

    card: Card
    #: why its readers see it, in the words shown to them
    because: tuple[str, ...]
    #: in an update: what is new since its readers were told
    changes: tuple[str, ...] = ()


def join(shell: Shell, entries: Sequence[Entry], *, subject: str) -> Content:
    """The mail of an edition; what differs by reader stays in it as `@@slots@@`."""
    cards = [entry.card for entry in entries]
    told = [(entry.card, reasons(entry.because)) for entry in entries]
    terms = {term for card in cards for term in card.outlet_terms}
    lead = preheader([card.lead for card in cards], [card.headline for card in cards])
    count = counts(len(cards), len(terms), sum(card.words for card in cards))
    html = {
        "preheader": str(escape(lead)),
        "counts": str(escape(count)),
        "rows": "".join(card.row_html for card in cards),
        "cards": "".join(_html_of(card, because) for card, because in told),
    }
    text = {
        "counts": count,
        "rows": "\n".join(card.row_text for card in cards),
        "cards": "\n\n".join(_text_of(card, because) for card, because in told),
    }
    contents = len(cards) > 1
    return Content(
        subject, _fill(shell.html, html, contents=contents), _fill(shell.text, text, contents=contents)
    )


def size_of(content: Content) -> int:
    """The bytes of the html once every slot holds the longest possible link."""
    slots = _READER_SLOT.findall(content.html)
    return len(content.html.encode()) + sum(LONGEST_LINK - len(slot) for slot in slots)


def fold(
    shell: Shell, entries: Sequence[tuple[Entry, Entry]], *, subject: str, limit: int = LIMIT
) -> list[Entry]:
    """Of each pair (as wanted, compact) the one with which the whole stays within `limit` bytes.

    The tail is folded first, story by story. If even all of them compact are too large, the last
    are left out, but never all: one compact entry may exceed the limit.
    """
    compact = [small for _, small in entries]
    for wanted in range(len(entries), -1, -1):
        chosen = [large for large, _ in entries[:wanted]] + compact[wanted:]
        if size_of(join(shell, chosen, subject=subject)) <= limit:
            return chosen
    for kept in range(len(entries) - 1, 1, -1):
        if size_of(join(shell, compact[:kept], subject=subject)) <= limit:
            return compact[:kept]
    return compact[:1]


def counts(stories: int, outlets: int, words: int) -> str:
    """`8 stories · 27 outlets · 6 min read`; what is nought is left out."""
    minutes = max(1, round(words / WORDS_PER_MINUTE))
    told = [_number(stories, "story", "stories"), _number(outlets, "outlet", "outlets")]
    return " · ".join([part for part in told if part] + [f"{minutes} min read"])


def preheader(leads: Sequence[str], headlines: Sequence[str]) -> str:
    """What a mailbox shows beside the subject: how the first story begins, else the other titles."""
    lead = leads[0] if leads else ""
    return lead or " · ".join(headlines[1:3])


def reasons(because: Iterable[str]) -> str:
    return " · ".join(filter(None, map(_reason, because)))


@lru_cache(maxsize=4096)
def _reason(words: str) -> str:
    return isolate(clean(words))


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}" if count else ""


def _html_of(card: Card, because: str) -> str:
    head, before, after, tail = card.html_around
    return f"{head}{before}{escape(because)}{after}{tail}" if because else head + tail


def _text_of(card: Card, because: str) -> str:
    head, before, after, tail = card.text_around
    return head + wrap(before + because + after) + tail if because else head + tail


def _fill(shell: str, values: Mapping[str, str], *, contents: bool) -> str:
    head, block, tail = shell.split(BLOCK)
    parts = f"{head}{block}{tail}".split(SLOT) if contents else f"{head}{tail}".split(SLOT)
    parts[1::2] = [values[name] for name in parts[1::2]]
    return "".join(parts)
