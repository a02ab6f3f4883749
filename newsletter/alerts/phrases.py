"""Numbers and lists in words, as alerts say them. Pure."""

from collections.abc import Iterable
from datetime import timedelta


def count(number: int, thing: str) -> str:
    """`1 outlet`, `3,000 readers`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def hours(span: timedelta) -> str:
    """`1 hour`, `72 hours`; begun ones are not counted."""
    return count(span // timedelta(hours=1), "hour")


def listed(things: Iterable[str], joined: str, *, most: int | None = None) -> str:
    """`a, b or c`; empty for nothing. Of more than `most`, so many: `a, b or 7 more`."""
    told = list(things)
    if most is not None and len(told) > most:
        told = [*told[:most], f"{len(told) - most} more"]
    *before, last = told or [""]
    return f"{', '.join(before)} {joined} {last}" if before else last


def quoted(terms: Iterable[str], joined: str = "or", *, most: int | None = None) -> str:
    """`“a” or “b”`, in the order of the alphabet."""
    return listed((f"“{term}”" for term in sorted(terms)), joined, most=most)
