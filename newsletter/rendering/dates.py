"""Dates in English words."""

import datetime

from babel.dates import format_date


def partly_in_words(date: str) -> str:
    """An ISO 8601 date of a day, a month or a year: `January 8, 2026`, `January 2026`, `2026`."""
    year, *rest = map(int, date.split("-"))
    if len(rest) == 2:
        return in_words(datetime.date(year, *rest))
    return format_date(datetime.date(year, rest[0], 1), "MMMM\u00a0y", locale="en") if rest else str(year)


def in_words(date: datetime.date, *, weekday: bool = False) -> str:
    """`January 8, 2026`, which no line break parts; with its weekday: `Thursday, January 8, 2026`."""
    day = format_date(date, "MMMM\u00a0d,\u00a0y", locale="en")
    return f"{format_date(date, 'EEEE', locale='en')}, {day}" if weekday else day
