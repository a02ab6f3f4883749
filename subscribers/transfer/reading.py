"""From the records of a table to people: each is a `Person`, or a `Refusal` that says why it is none.

Nothing is read ahead, and of the people read before only a number each is kept, which shows a second
line about the same person.
"""

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address

from subscribers.address import InvalidAddress, InvalidName, parse, parse_name
from subscribers.lens import term
from subscribers.rhythm import InvalidRhythm, Rhythm, parse_hour, parse_zone
from subscribers.transfer import ours
from subscribers.transfer.formats import Row, unguarded
from subscribers.transfer.people import Person, Refusal
from subscribers.transfer.services import OURS, PLAIN, recognise
from subscribers.transfer.table import BadLine, Table

#: where Substack puts those who asked it to forget them
FORGOTTEN = "@deletion-request.substack.com"
LONGEST_TAG = 100
#: what Curated (Ruby) and listmonk (Go) write behind a time: a blank, the offset, perhaps the zone's name
_SPACED_OFFSET = re.compile(r" ([+-]\d{4})(?: [A-Z]+| [+-]\d+)?$")


class People:
    """The people of a table, in its order; to be gone through once.

    In a known export, columns that mean nothing to us are left out, and so is a zone, a time or a
    country that cannot be read; the plain format is strict. Columns stand in any order and case.
    """

    def __init__(self, lines: Iterable[str], *, audiences: Collection[str], defaults: Rhythm) -> None:
        """Read the header. Raises BadFile for one that is none, and names what it does not know."""
        self._table = Table(lines)
        self._columns = [term(name) for name in self._table.columns]
        self.format = recognise(self._columns)
        self._audiences = {term(name) for name in audiences}
        self._defaults = defaults
        #: columns of the file that are left out, as the file spells them
        self.not_kept = [
            name
            for place, name in enumerate(self._table.columns)
            if name and term(name) not in self.format.known and (place or "email" in self.format.fields)
        ]
        #: column → how many of its cells could not be read
        self.not_read: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Person | Refusal]:
        first_met: dict[int, int] = {}
        for number, cells in self._table.records(longest=self.format.longest, tall=self.format.tall):
            try:
                if isinstance(cells, BadLine):
                    raise cells
                person = self._person(number, cells)
            except InvalidAddress as error:
                remedy = "correct the address, or take the line out"
                yield Refusal(
                    number, "not an e-mail address", remedy, f"{_shown(error.typed)}: {error.reason}"
                )
            except InvalidName as error:
                remedy = "correct the name, or leave it empty"
                yield Refusal(number, f"unusable name: {error.reason}", remedy)
            except BadLine as error:
                yield Refusal(number, error.reason, error.remedy, _shown(error.quoted))
            else:
                first = first_met.setdefault(hash(person.address.key), number)
                if first == number or person.status.closes:  # who left anywhere in the file has left
                    yield person
                else:
                    reason = f"the same address as in line {first}"
                    yield Refusal(number, reason, "keep one line for each person")

    def _person(self, number: int, cells: list[str]) -> Person:
        cells += [""] * (len(self._columns) - len(cells))
        if self.format.guards:
            cells = [unguarded(cell, self.format.guards) for cell in cells]
        row = dict(zip(self._columns, map(str.strip, cells), strict=True))
        typed = self._text(row, "email") if "email" in self.format.fields else cells[0].strip()
        if typed.endswith(FORGOTTEN):
            raise BadLine(
                "somebody who asked Substack to be forgotten", "leave them out: nothing is to be done"
            )
        address = parse(typed)
        status = self.format.status(row)
        return Person(
            line=number,
            address=address,
            defaults=self._defaults,
            status=status,
            name=parse_name(self._name(row)),
            audiences=self._audiences_in(self._text(row, "audiences")),
            timezone=self._zone(row),
            hour=self._hour(row),
            country=self._country(row),
            tags=self._tags(row),
            created_at=self._time(row, "created_at"),
            agreed_at=self._time(row, "agreed_at"),
            agreed_ip=self._ip(row),
            left_at=self._time(row, "left_at"),
            past=ours.past(row) if self.format is OURS else None,
        )

    def _text(self, row: Row, field: str) -> str:
        """The first filled cell of the field's columns."""
        for column in self.format.fields.get(field, ()):
            if text := row.get(column):
                return text
        return ""

    def _name(self, row: Row) -> str | None:
        parts = (self._text(row, "name"), self._text(row, "first_name"), self._text(row, "last_name"))
        return " ".join(filter(None, parts)) or None

    def _audiences_in(self, cell: str) -> frozenset[str] | None:
        if not cell:
            return None
        for separator in ";|":
            cell = cell.replace(separator, ",")
        named = {term(name): name.strip() for name in cell.split(",") if name.strip()}
        for key, name in named.items():
            if key not in self._audiences:
                known = ", ".join(sorted(self._audiences))
                raise BadLine("unknown audience", f"use {known}", name)
        return frozenset(named) or None

    def _zone(self, row: Row) -> str | None:
        if not (name := self._text(row, "timezone")):
            return None
        try:
            return parse_zone(name)
        except InvalidRhythm as error:
            if self.format is PLAIN:
                raise BadLine("unknown time zone", error.remedy, name) from None
            self._count_unread(row, "timezone")
            return None

    def _hour(self, row: Row) -> int | None:
        if not (text := self._text(row, "hour")):
            return None
        try:
            return parse_hour(text)
        except InvalidRhythm as error:
            raise BadLine("unknown hour", error.remedy, text) from None

    def _country(self, row: Row) -> str | None:
        if not (code := self._text(row, "country")):
            return None
        if len(code) == 2 and code.isascii() and code.isalpha():
            return code.upper()
        self._count_unread(row, "country")
        return None

    def _tags(self, row: Row) -> frozenset[str]:
        """The words in the cell, each perhaps in quotes."""
        if not (cell := self._text(row, "tags")):
            return frozenset()
        words = next(csv.reader([cell], delimiter=self.format.tag_separator, skipinitialspace=True), [])
        return frozenset(tag for word in words if (tag := term(word)[:LONGEST_TAG]))

    def _time(self, row: Row, field: str) -> datetime | None:
        """ISO 8601 with a blank or a T, UTC unless it names an offset."""
        if not (text := self._text(row, field)):
            return None
        try:
            found = datetime.fromisoformat(_SPACED_OFFSET.sub(r"\1", text).removesuffix(" UTC"))
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            self._count_unread(row, field)
            return None

    def _ip(self, row: Row) -> str | None:
        if not (text := self._text(row, "agreed_ip")):
            return None
        try:
            return str(ip_address(text))
        except ValueError:
            self._count_unread(row, "agreed_ip")
            return None

    def _count_unread(self, row: Row, field: str) -> None:
        """Count the filled cell of the field."""
        self.not_read[next(column for column in self.format.fields[field] if row.get(column))] += 1


def _shown(words: str) -> str:
    """As a message may quote them, however many there are."""
    return repr(words if len(words) <= 80 else f"{words[:79]}…") if words else ""
