"""How text from outside is made fit: pure functions, the same for every source.

Real records carry doubly escaped entities, control characters, ragged white space and links that
no mail may hold.
"""

import html
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from newsletter.content import Impact, Maker
from subscribers.lens import term

#: controls but tab and line feed, halves of surrogate pairs, byte order marks, forced direction
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff\u202d\u202e]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
#: how often real texts are escaped at most
_LEVELS = 4
_AI = re.compile(r"\bAI\b|\bLLM\b|\bGPT|artificial|automat|machine", re.IGNORECASE)

#: bytes; longer links do not fit the index that keeps coverage unique
MAX_LINK = 2000

_BOTH = re.compile(r"unclear|uncertain|unknown|too early")
_NEITHER = re.compile(r"neutral|unlikely|\bno\b|\bnot\b|\blittle\b")
_ADVANCE = re.compile(r"advanc|accelerat|speed|shorten|hasten|bring.* (?:closer|forward)")
_DELAY = re.compile(r"delay|slow|lengthen|hinder|set.* back|push.* back")


def decoded(text: str) -> str:
    """`text` with its entities decoded, however often they were escaped: `&amp;amp;` is `&`."""
    for _ in range(_LEVELS):
        text = _one_level(text)
    return text


def _one_level(text: str) -> str:
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def one_line(text: str) -> str:
    """Clean text on one line, its white space single."""
    return " ".join(_UNFIT.sub("", decoded(text).replace("\r", " ")).split())


def prose(text: str) -> str:
    """Clean text that keeps its lines; paragraphs stand one empty line apart."""
    return _tidy(decoded(text))


def markdown(text: str) -> str:
    """Clean CommonMark. One level of entities stays, since CommonMark decodes it itself."""
    for _ in range(_LEVELS):
        plain = _one_level(text)
        if plain == _one_level(plain):
            break
        text = plain
    return _tidy(text)


def _tidy(text: str) -> str:
    text = _UNFIT.sub("", re.sub(r"\r\n?|[\u2028\u2029]", "\n", text))
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n")


def web_link(url: str | None) -> str | None:
    """`url` if a mail may link to it: http or https with a host and of sane length; else None."""
    if url is None:
        return None
    url = url.strip().replace("&amp;", "&")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return None
    if not usable or _UNFIT.search(url) or re.search(r"\s", url) or len(url.encode()) > MAX_LINK:
        return None
    return url


def impact_of(label: str | None) -> Impact | None:
    """What the site's label says of the AGI timeline.

    A label of unknown wording is None: a story is worth more than its label.
    """
    text = (label or "").casefold()
    if _BOTH.search(text):
        return Impact.UNCLEAR
    if _NEITHER.search(text):
        return Impact.NEUTRAL
    advances, delays = bool(_ADVANCE.search(text)), bool(_DELAY.search(text))
    if advances and delays:
        return Impact.UNCLEAR
    return Impact.ADVANCE if advances else Impact.DELAY if delays else None


def maker_of(label: str | None) -> Maker:
    """Who wrote a TL;DR, by its label: "AI-Summarized" and the like are AI, all else an editor."""
    return Maker.AI if _AI.search(label or "") else Maker.EDITOR


def label(text: str | None) -> str | None:
    """A name as people read it: `product_launch` → `Product launch`; one written for people stays."""
    if not text or text != text.lower():
        return text
    return text.replace("_", " ").capitalize()


def distinct(names: Iterable[str | None]) -> tuple[str, ...]:
    """The names that are there, each once, in their order; spellings of one term are one name."""
    first: dict[str, str] = {}
    for name in filter(None, names):
        first.setdefault(term(name), name)
    return tuple(first.values())
