"""Dates as English pages and JSON records write them."""

import re
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG = re.compile(r"(?:[A-Z][a-z]+day, )?([A-Z][a-z]{2,8})\.? (\d{1,2}), (\d{4})")
_AS_OF = re.compile(r"(?:([A-Z][a-z]{2,8})\.? )?(?:(\d{1,2}), )?(\d{4})")
_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def long_date(text: str) -> date | str | None:
    """ "Thursday, January 8, 2026" as a date; `text` itself if no such day exists; None if it is no date."""
    found = _LONG.fullmatch(text)
    if not found:
        return None
    return _date(int(found[3]), _month(found[1]), int(found[2])) or text


def as_of(text: str) -> str | None:
    """ "January 8, 2026", "Jan 2026", "2026-01" or "2026" in ISO 8601, no more exact than `text` is.

    None if it is no date.
    """
    if iso := _ISO.fullmatch(text):
        return text if _date(int(iso[1]), int(iso[2] or 1), int(iso[3] or 1)) else None
    found = _AS_OF.fullmatch(text)
    if not found or (found[2] and not found[1]):
        return None
    day = _date(int(found[3]), _month(found[1]) if found[1] else 1, int(found[2] or 1))
    given = 10 if found[2] else 7 if found[1] else 4
    return day.isoformat()[:given] if day else None


def _month(name: str) -> int:
    short = name[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else 0


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
