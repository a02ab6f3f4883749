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
    starts = _starts(texts, [bool(line.heading or piece.link) for line in lines for piece in line.pieces])
    return [_company(texts[start:end]) for start, end in pairwise([*starts, len(texts)])]


def _starts(texts: list[str], standing_out: list[bool]) -> list[int]:
    """Where a company begins: at a name shown twice (on the logo and beside it).

    Where a page doubles no name, at a heading or a link; or else after the last fact of another.
    """
    doubled = [at for at, (one, two) in enumerate(pairwise(texts)) if one == two]
    names = [at for at, text in enumerate(texts) if "|" not in text and not _VALUATION.fullmatch(text)]
    told = [at for at in names if standing_out[at]]
    first = [at for at in names if at == 0 or (at - 1 not in names and texts[at - 1] not in _BARS)]
    return doubled or told or first


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
