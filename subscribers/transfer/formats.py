"""What a known format is: by which columns it is recognised, what they mean, how it tells a status.

A column is named in the form of `lens.term`: case and blanks do not count. Where a field has several
columns, the first that is filled is taken.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from subscribers.lens import term
from subscribers.transfer.people import Status
from subscribers.transfer.table import BadLine

#: the cells of a record by column, without the blanks around them; a missing one is ""
Row = Mapping[str, str]


@dataclass(frozen=True)
class Format:
    """What the export of one service looks like."""

    name: str
    #: columns that only this service writes together, as few as tell it from others
    signs: frozenset[str]
    status: Callable[[Row], Status]
    #: field of `people.Person` → its columns
    fields: Mapping[str, tuple[str, ...]]
    #: other columns that `status` reads
    read: tuple[str, ...] = ()
    tag_separator: str = ","
    #: the service may write line breaks into cells
    tall: bool = True
    #: characters of the longest record that makes sense
    longest: int = 100_000
    #: what the service takes for the beginning of a formula, and puts a quote before
    guards: frozenset[str] = frozenset()

    @property
    def known(self) -> frozenset[str]:
        """Every column that we read."""
        return frozenset(self.read).union(*self.fields.values())


def unguarded(cell: str, guards: frozenset[str]) -> str:
    """The cell without the quote that guards a spreadsheet from it; a quote before anything else stays."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in guards else cell


def columns_of(**columns: str) -> dict[str, tuple[str, ...]]:
    """`name="name|full name"` → the columns of the field `name`."""
    return {field: tuple(named.split("|")) for field, named in columns.items()}


def by_word(column: str, words: Mapping[Status, str], *, left: str = "") -> Callable[[Row], Status]:
    """The status that a word in `column` means; unsubscribed wherever the column `left` is filled.

    A file without that column is one of subscribed people.
    """
    meaning = {word: status for status, named in words.items() for word in named.split()}

    def read(row: Row) -> Status:
        if column not in row:
            return Status.SUBSCRIBED
        said = term(row[column])
        if said not in meaning:
            raise BadLine(f"unknown {column}", f"use one of {', '.join(meaning)}", said)
        found = meaning[said]
        return Status.UNSUBSCRIBED if row.get(left) and not found.closes else found

    return read


def by_flag(column: str, *, wanted: str, left: str = "") -> Callable[[Row], Status]:
    """Subscribed where `column` says `wanted`, true or false, and `left` is empty."""

    def read(row: Row) -> Status:
        said = row.get(column, "").casefold()
        if said not in ("true", "false", "1", "0"):
            raise BadLine(f"{column} is neither true nor false", "use true or false", said)
        is_wanted = (said in ("true", "1")) == (wanted == "true")
        return Status.SUBSCRIBED if is_wanted and not row.get(left) else Status.UNSUBSCRIBED

    return read
