"""A table in a text file: its bytes, its encoding, its delimiter, its records with their line numbers.

Knows nothing of people. Reads RFC 4180 and what spreadsheets make of it: `sep=` lines, semicolons,
tabs, byte order marks, UTF-16.
"""

import codecs
import csv
import hashlib
import io
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

#: bytes looked at in one go
BLOCK = 1 << 20
#: lines that one record may take, where cells may hold line breaks
TALLEST = 200


class BadFile(ValueError):
    """This file is no table of people that we can read; nothing of it was taken."""


class BadLine(ValueError):
    """This line is no record of a person.

    `quoted` are the words at fault; `reason` and `remedy` hold none of them.
    """

    def __init__(self, reason: str, remedy: str, quoted: str = "") -> None:
        self.reason = reason
        self.remedy = remedy
        self.quoted = quoted
        super().__init__(f"{reason}: {remedy}")


@dataclass(frozen=True)
class Survey:
    """What one look over all bytes of a file tells."""

    size: int
    #: of the bytes; equal files have equal ones
    digest: str
    encoding: str
    #: what the operator should know about the encoding
    note: str | None


def survey(data: BinaryIO) -> Survey:
    """Look over a seekable file once, in constant memory, and leave it at its beginning.

    Raises BadFile for what is no text.
    """
    start = data.read(4)
    if start.startswith(b"PK\x03\x04"):
        raise BadFile("a ZIP archive (or an Excel workbook): unpack it, or save it as CSV, and import each")
    data.seek(0)
    hashed, size = hashlib.blake2b(digest_size=16), 0
    utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    while block := data.read(BLOCK):
        hashed.update(block)
        size += len(block)
        utf8 = utf8 if utf8 and _decodes(utf8, block) else None
    is_utf8 = utf8 is not None and _decodes(utf8, b"", final=True)
    data.seek(0)
    digest = hashed.hexdigest()
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Survey(size, digest, "utf-16", None)
    if b"\x00" in start[:2]:  # a letter of ASCII in UTF-16 that nothing announces
        return Survey(size, digest, "utf-16-be" if start[0] == 0 else "utf-16-le", None)
    if is_utf8:
        return Survey(size, digest, "utf-8-sig", None)
    note = "not UTF-8, so taken for Windows-1252: look at the names, and if they are wrong save as CSV UTF-8"
    return Survey(size, digest, "cp1252", note)


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def lines_of(data: BinaryIO, encoding: str) -> Iterator[str]:
    """The lines of the file with their ends. Bytes that the encoding does not know become �."""
    text = io.TextIOWrapper(data, encoding=encoding, errors="replace", newline="")
    try:
        while line := text.readline(BLOCK):
            yield line
    finally:
        if not data.closed:  # who opened the file closes it
            text.detach()


class Table:
    """The header and, one after the other, the records below it."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Read the header. Raises BadFile where there is none."""
        self._lines = enumerate(lines, start=1)
        self._ahead: deque[tuple[int, str]] = deque()
        number, line = self._next_full() or (0, "")
        told = line.strip().removeprefix("\ufeff").strip('"')
        if told[:4].casefold() == "sep=" and len(told) == 5:  # Excel's own way to name the delimiter
            self.delimiter = told[4]
            number, line = self._next_full() or (0, "")
        else:
            self.delimiter = max(",;\t", key=line.count)
        try:
            self.columns: Sequence[str] = [cell.strip() for cell in self.cells(line.removeprefix("\ufeff"))]
        except csv.Error as error:
            raise BadFile(f"the header in line {number} cannot be read: {error}") from None

    def records(self, *, longest: int, tall: bool) -> Iterator[tuple[int, list[str] | BadLine]]:
        """The cells of each record and the line it begins in, or why it has none.

        `longest` in characters; `tall` where a quoted cell may hold line breaks. An unclosed quote
        spoils the line it stands in and no other.
        """
        while found := self._next_full():
            number, line = found
            yield number, self._record(line, longest, TALLEST if tall else 1)

    def _record(self, line: str, longest: int, tallest: int) -> list[str] | BadLine:
        more: list[tuple[int, str]] = []
        text = line
        while True:
            if len(text) > longest and not more:
                return BadLine(f"{len(text)} characters", f"one person needs fewer than {longest}")
            try:
                cells = self.cells(text)
            except csv.Error as error:
                following = None
                if (
                    str(error) == "unexpected end of data"
                    and len(more) + 1 < tallest
                    and len(text) <= longest
                ):
                    following = self._next()
                if following is None:
                    self._ahead.extendleft(reversed(more))
                    remedy = "close every quote in its line, and double those within a cell"
                    return BadLine(f"broken CSV ({error})", remedy)
                more.append(following)
                text += following[1]
                continue
            if len(cells) > len(self.columns):
                self._ahead.extendleft(reversed(more))
                return BadLine(
                    f"{len(cells)} cells where the header has {len(self.columns)}",
                    f"put cells that hold {self.delimiter!r} in double quotes",
                )
            return cells

    def cells(self, line: str) -> list[str]:
        """The cells of a record; csv.Error where its quotes are wrong."""
        return next(csv.reader([line], delimiter=self.delimiter, strict=True, skipinitialspace=True), [])

    def _next(self) -> tuple[int, str] | None:
        return self._ahead.popleft() if self._ahead else next(self._lines, None)

    def _next_full(self) -> tuple[int, str] | None:
        """The next line that holds something."""
        while found := self._next():
            if found[1].strip(" \t\r\n,;\ufeff"):
                return found
        return None
