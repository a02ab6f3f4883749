"""The section "Companies Mentioned" of a story page."""

import re
from itertools import pairwise
from typing import Any

from newsletter.sources.dates import as_of
from newsletter.sources.page import Line

_VALUATION = re.compile(r"valuation:?\s*(.*)", re.IGNORECASE)
_DATED = re.compile(r"(?P<amount>.+?)\s*(?:[(·,]\s*|\s)(?:as of\s+)?(?P<day>[^()·]*\d{4}(?:-\d\d){0,2})\)?")
_BARS = ("|", "·", "•")


def read_companies(lines: list[Line]) -> list[dict[str, Any]]:
    """Companies in the form of our JSON schema: each with its type and country, and its valuation."""
    texts = [piece.text for line in lines for piece in line.pieces]
    links = [piece.link for line in lines for piece in line.pieces]
    headings = [bool(line.heading) for line in lines for _ in line.pieces]
    # a link around a whole company begins at its name
    opening = [bool(link) and link != before for before, link in pairwise([None, *links])]
    starts = _starts(texts, headings, opening)
    return [_company(texts[start:end]) for start, end in pairwise([*starts, len(texts)])]


def _starts(texts: list[str], headings: list[bool], opening: list[bool]) -> list[int]:
    """Where a company begins: at a name that stands out, or after the last fact of another.

    Names stand out as headings, as links, before facts with a bar, or by being shown twice (on the
    logo and beside it). Facts without a bar are at most two: type and country.
    """
    starts: list[int] = []
    facts = 0
    for at, text in enumerate(texts):
        if _is_fact(texts, at):
            facts = 2
        elif starts and not facts and text == texts[starts[-1]]:
            continue
        elif not starts or facts >= 2 or headings[at] or opening[at] or _is_name(texts, at):
            if headings[at] and starts and starts[-1] == at - 1 and not headings[at - 1]:
                # the logo above a heading, in other words
                starts.pop()
            starts.append(at)
            facts = 0
        else:
            facts += 1
    return starts


def _is_fact(texts: list[str], at: int) -> bool:
    """Surely no name: a valuation, its amount, or what a bar parts."""
    before, after = texts[max(at - 1, 0) : at], texts[at + 1 : at + 2]
    valued = [_VALUATION.fullmatch(text) for text in before]
    return (
        "|" in texts[at]
        or bool(_VALUATION.fullmatch(texts[at]))
        or any(text in _BARS for text in (texts[at], *before, *after))
        or any(found and not found[1] for found in valued)
    )


def _is_name(texts: list[str], at: int) -> bool:
    """Surely a name: it stands twice, or before facts that a bar parts."""
    after = texts[at + 1 : at + 2]
    told = bool(after) and _is_fact(texts, at + 1) and not _VALUATION.fullmatch(after[0])
    return told or after == [texts[at]]


def _company(texts: list[str]) -> dict[str, Any]:
    name = texts[0]
    company: dict[str, Any] = {"name": name}
    facts: list[str] = []
    for at, text in enumerate(texts):
        if found := _VALUATION.fullmatch(text):
            amount = found[1] or "".join(texts[at + 1 : at + 2])
            return company | _facts(facts) | _valuation(amount)
        if text != name and text not in _BARS:
            facts += text.split("|")
    return company | _facts(facts)


def _facts(facts: list[str]) -> dict[str, Any]:
    return dict(zip(("type", "country"), facts, strict=False))


def _valuation(amount: str) -> dict[str, Any]:
    """ "$6.0B (Jan 2026)" is an amount and a day."""
    dated = _DATED.fullmatch(amount)
    day = as_of(dated["day"].strip()) if dated else None
    if dated is None or day is None:
        return {"valuation": amount}
    return {"valuation": dated["amount"], "valuation_as_of": day}
