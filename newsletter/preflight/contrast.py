"""Whether the colours of a mail can be read, in light and in dark, by the formula of WCAG 2.2. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from typing import NamedTuple

from newsletter.preflight.findings import Finding, Severity

#: §1.4.3: for text, and for text of 24 px or of 18.66 px in bold
LEAST, LEAST_LARGE = 4.5, 3.0

_VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
_COLOUR = re.compile(r"#(?:[0-9a-f]{3}){1,2}", re.IGNORECASE)
_NAMED = {"white": "#ffffff", "black": "#000000"}
_DARK = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{((?:[^{}]*\{[^{}]*\})*)\s*\}")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


class Look(NamedTuple):
    """How text is shown: its colour and the one behind it, as `#rrggbb`, and whether it is large."""

    ink: str
    paper: str
    large: bool


def ratio(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@lru_cache(maxsize=32)
def contrast(html: str) -> tuple[Finding, ...]:
    """Each pair of colours in which the mail shows text and which is too weak to be read by everybody."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    shown = [("light", look) for look in reader.looks] + [("dark", look) for look in _dark(reader.styles)]
    return tuple(
        Finding(
            "contrast",
            Severity.WARNING,
            "mail",
            f"text in {look.ink} on {look.paper} ({scheme}) has a contrast of {ratio(*look[:2]):.1f}:1",
            f"change the colours of the templates until it is {_least(look):.1f}:1",
        )
        for scheme, look in dict.fromkeys(shown)
        if ratio(look.ink, look.paper) < _least(look)
    )


def _least(look: Look) -> float:
    return LEAST_LARGE if look.large else LEAST


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class _Style(NamedTuple):
    """What an element passes on to those within it."""

    ink: str = "#000000"
    paper: str = "#ffffff"
    size: float = 16
    bold: bool = False
    hidden: bool = False


class _Reader(HTMLParser):
    """Walks a mail and notes in which looks it shows text."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: dict[Look, None] = {}
        self.styles = ""
        self._open: list[tuple[str, _Style]] = [("", _Style())]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self._open.append((tag, _within(self._open[-1][1], tag, {k: v or "" for k, v in attrs})))

    def handle_endtag(self, tag: str) -> None:
        if tag in (name for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        tag, style = self._open[-1]
        if tag == "style":
            self.styles += data
        elif data.strip() and not style.hidden and tag not in ("title", "script"):
            large = style.size >= 24 or (style.bold and style.size >= 18.66)
            self.looks[Look(style.ink, style.paper, large)] = None


def _within(outer: _Style, tag: str, attributes: dict[str, str]) -> _Style:
    said = _declared(attributes.get("style", ""))
    size = re.match(r"([\d.]+)px", said.get("font-size", ""))
    weight = said.get("font-weight", "bold" if tag in ("b", "strong", "th", "h1", "h2", "h3") else "")
    return _Style(
        ink=_colour(said.get("color")) or outer.ink,
        paper=_paper(said) or _colour(attributes.get("bgcolor")) or outer.paper,
        size=float(size[1]) if size else outer.size,
        bold=weight in ("bold", "700", "800", "900") if weight else outer.bold,
        hidden=outer.hidden or "none" in said.get("display", ""),
    )


def _dark(styles: str) -> Iterator[Look]:
    """The looks of the dark scheme: a rule with both colours, and each other ink on each other paper."""
    inks, papers = [], []
    for block in _DARK.findall(styles):
        for _, body in _RULE.findall(block):
            said = _declared(body)
            ink, paper = _colour(said.get("color")), _paper(said)
            if ink and paper:
                yield Look(ink, paper, large=False)
            elif ink:
                inks.append(ink)
            elif paper:
                papers.append(paper)
    yield from (Look(ink, paper, large=False) for ink in inks for paper in papers)


def _declared(style: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in style.lower().split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if value}


def _paper(said: dict[str, str]) -> str | None:
    return _colour(said.get("background-color") or said.get("background"))


def _colour(text: str | None) -> str | None:
    """The first colour in `text` as `#rrggbb`; None for none that is known."""
    found = _COLOUR.search(text or "")
    if not found:
        return _NAMED.get((text or "").partition(" ")[0])
    digits = found[0][1:].lower()
    return f"#{''.join(digit * 2 for digit in digits) if len(digits) == 3 else digits}"
