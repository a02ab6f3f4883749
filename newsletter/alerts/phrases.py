"""Numbers and lists in words, as alerts say them. Pure."""

from collections.abc import Iterable


def count(number: int, thing: str) -> str:
    """`1 outlet`, `3 outlets`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def listed(things: Iterable[str], joined: str) -> str:
    """`a, b or c`; empty for nothing."""
    *before, last = tuple(things) or ("",)
    return f"{', '.join(before)} {joined} {last}" if before else last


def quoted(terms: Iterable[str], joined: str = "or") -> str:
    """`“a” or “b”`, in the order of the alphabet."""
    return listed((f"“{term}”" for term in sorted(terms)), joined)
