"""Dates in English words."""

import datetime

from babel.dates import format_date


def in_words(date: datetime.date, *, weekday: bool = False) -> str:
    """`January 8, 2026`, which no line break parts; with its weekday: `Thursday, January 8, 2026`."""
    day = format_date(date, "MMMM\u00a0d,\u00a0y", locale="en")
    return f"{format_date(date, 'EEEE', locale='en')}, {day}" if weekday else day
