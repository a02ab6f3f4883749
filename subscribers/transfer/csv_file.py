"""People from a CSV file: `email,name,audiences,timezone,hour`, of which only `email` is needed.

One line is one person, whatever the lines around it hold; nothing is read ahead or kept but the
addresses met so far, which show a second line about the same person.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from subscribers.address import InvalidAddress, InvalidName, parse, parse_name
from subscribers.lens import term
from subscribers.rhythm import InvalidRhythm, Rhythm, parse_hour, parse_zone
from subscribers.transfer.people import Person, Refusal

COLUMNS = ("email", "name", "audiences", "timezone", "hour")
#: characters; four times what the longest sensible line needs
LONGEST_LINE = 4_000


class BadFile(ValueError):
    """This file is no table of people that we can read; nothing of it was taken."""


class _BadLine(ValueError):
    """This line is no record of a person."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{reason}: {remedy}")


def read_people(
    lines: Iterable[str], *, audiences: Collection[str], defaults: Rhythm
) -> Iterator[Person | Refusal]:
    """What each line below the header says: a person, or why it is refused.

    Columns stand in any order, in any case, apart by commas or semicolons; several audiences by
    `;`, `|` or `,` within their cell. An empty cell says nothing. Raises BadFile at once for a
    header that is none, and later only where the text turns out not to be UTF-8.
    """
    numbered = _numbered(lines)
    _, header = next(numbered, (0, ""))
    delimiter = ";" if header.count(";") > header.count(",") else ","
    table = _Table(_columns(header, delimiter), delimiter, {term(name) for name in audiences}, defaults)
    return _read(numbered, table)


@dataclass(frozen=True, slots=True)
class _Table:
    columns: Sequence[str]
    delimiter: str
    #: the known ones, as terms
    audiences: Collection[str]
    defaults: Rhythm

    def person(self, line: str) -> Person:
        cells = _cells(line, self.delimiter)
        if len(cells) > len(self.columns):
            raise _BadLine(
                f"{len(cells)} cells where the header has {len(self.columns)}",
                f"put cells that hold {self.delimiter!r} in double quotes",
            )
        cell = {name: text.strip() for name, text in zip(self.columns, cells, strict=False)}
        return Person(
            address=parse(cell.get("email", "")),
            name=parse_name(cell.get("name")),
            audiences=self._audiences(cell.get("audiences", "")),
            timezone=parse_zone(zone) if (zone := cell.get("timezone")) else None,
            hour=parse_hour(hour) if (hour := cell.get("hour")) else None,
            defaults=self.defaults,
        )

    def _audiences(self, cell: str) -> frozenset[str] | None:
        named = {term(name): name.strip() for name in re.split(r"[;|,]", cell) if name.strip()}
        for key, name in named.items():
            if key not in self.audiences:
                known = ", ".join(sorted(self.audiences))
                raise _BadLine(f"unknown audience {name[:80]!r}", f"use {known}")
        return frozenset(named) or None


def _read(numbered: Iterator[tuple[int, str]], table: _Table) -> Iterator[Person | Refusal]:
    first_met: dict[str, int] = {}
    for number, line in numbered:
        try:
            person = table.person(line)
        except InvalidAddress as error:
            yield Refusal(number, str(error), "correct the address, or take the line out")
        except InvalidName as error:
            yield Refusal(number, str(error), "correct the name, or leave it empty")
        except (InvalidRhythm, _BadLine) as error:
            yield Refusal(number, error.reason, error.remedy)
        else:
            first = first_met.setdefault(person.address.key, number)
            if first == number:
                yield person
            else:
                yield Refusal(number, f"the same address as in line {first}", "keep one line for each person")


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines that hold something, with their numbers."""
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            text = line.removeprefix("\ufeff") if number == 1 else line
            if text.strip(" \t\r\n,;"):
                yield number, text
    except UnicodeDecodeError as error:
        raise BadFile(
            f"not UTF-8 text after line {number} ({error.reason}): save the file as CSV UTF-8"
        ) from None


def _columns(header: str, delimiter: str) -> list[str]:
    try:
        columns = [cell.strip().casefold() for cell in _cells(header, delimiter)]
    except _BadLine as error:
        raise BadFile(f"the header cannot be read: {error}") from None
    known = ", ".join(COLUMNS)
    if unknown := [repr(name[:80]) for name in columns if name not in COLUMNS]:
        raise BadFile(f"unknown columns {', '.join(unknown)}: the first line names the columns, from {known}")
    if twice := [name for name in COLUMNS if columns.count(name) > 1]:
        raise BadFile(f"the column {twice[0]} stands there twice: keep one of them")
    if "email" not in columns:
        raise BadFile(f"no column email: the first line names the columns, from {known}")
    return columns


def _cells(line: str, delimiter: str) -> list[str]:
    if len(line) > LONGEST_LINE:
        raise _BadLine(f"{len(line)} characters", f"one person needs fewer than {LONGEST_LINE}")
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error as error:
        remedy = "close every quote in its line, and double those within a cell"
        raise _BadLine(f"broken CSV ({error})", remedy) from None
