"""A page as it reads: lines of text, whether they came from text or from HTML.

Lines keep what a reader sees; pieces keep what the mark-up parted although it reads as one run
("LeMagITFR" is an outlet and a badge).
"""

from dataclasses import dataclass

from newsletter.sources.cleaning import one_line


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Empty lines part paragraphs."""

    text: str
    #: the same with its links and emphasis
    markdown: str
    pieces: tuple[Piece, ...]
    #: 1 to 6 where the mark-up says so
    heading: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    lines: tuple[Line, ...]
    #: the address that the page gives as its lasting one
    address: str | None = None
    language: str | None = None


def text_page(text: str) -> Page:
    return Page(tuple(map(_line, text.splitlines())))


def _line(raw: str) -> Line:
    text = one_line(raw)
    return Line(text, raw.rstrip(), (Piece(text),) if text else ())
