"""HTML to a page: the structure is read (blocks, headings, links), never the names of classes."""

import re
from urllib.parse import urljoin

import lxml.html
from lxml import etree

from newsletter.sources.cleaning import one_line, web_link
from newsletter.sources.page import Line, Page, Piece

_SILENT = re.compile("script|style|noscript|template|svg|nav|footer|head|iframe|select")
_BLOCK = re.compile(
    "address|article|aside|blockquote|body|d[dlt]|details|div|fieldset|figcaption|figure|form|h[1-6r]|header"
    "|html|li|main|[ou]l|p|pre|section|summary|table|tbody|thead|t[dhr]"
)
#: blocks after which no empty line stands
_CLOSE = re.compile("dt|li|t[dhr]")
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


def html_page(document: str) -> Page:
    """The page in an HTML document, from its <main> where there is one. Broken mark-up is mended."""
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        tree = lxml.html.document_fromstring(document.encode("utf-8", "replace"), parser=parser)
    except etree.LxmlError:
        return Page(())
    address = _lasting_address(tree)
    main = tree.find(".//main")
    reader = _Reader(address or "")
    reader.read(tree if main is None else main, None)
    reader.end_line()
    return Page(tuple(reader.lines), address, tree.get("lang"))


def _lasting_address(tree: lxml.html.HtmlElement) -> str | None:
    """RFC 6596, or else the Open Graph protocol's og:url, which means the same."""
    canonical, shared = tree.find(".//link[@rel='canonical']"), tree.find(".//meta[@property='og:url']")
    stated = canonical.get("href") if canonical is not None else None
    named = shared.get("content") if shared is not None else None
    return web_link(stated) or web_link(named)


class _Reader:
    """Walks the elements and writes down the lines that they make."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.lines: list[Line] = []
        #: of the line that is being read
        self.texts: list[str] = []
        self.marked: list[str] = []
        self.pieces: list[Piece] = []
        self.heading: int | None = None
        #: what the next line begins with in Markdown
        self.bullet = ""

    def read(self, element: lxml.html.HtmlElement, link: str | None) -> None:
        tag = str(element.tag)
        if _SILENT.fullmatch(tag) or "hidden" in element.attrib:
            return
        if tag == "img":
            self._say_aside(element.get("alt", ""), link)
        elif tag == "br":
            self.end_line()
        elif _BLOCK.fullmatch(tag):
            self._read_block(element, tag, link)
        else:
            self._read_inline(element, tag, link)

    def _read_block(self, element: lxml.html.HtmlElement, tag: str, link: str | None) -> None:
        self.end_line()
        self.heading = _HEADINGS.get(tag, self.heading)
        if tag in _HEADINGS:
            self.bullet = "#" * _HEADINGS[tag] + " "
        elif tag == "li":
            self.bullet = "1. " if getattr(element.getparent(), "tag", "") == "ol" else "- "
        elif tag == "blockquote":
            self.bullet = "> "
        self._read_within(element, link)
        self.end_line()
        self.bullet = ""
        if tag in _HEADINGS:
            self.heading = None
        if not _CLOSE.fullmatch(tag):
            self.lines.append(Line("", "", ()))

    def _read_inline(self, element: lxml.html.HtmlElement, tag: str, link: str | None) -> None:
        before, height = len(self.marked), len(self.lines)
        if tag == "a":
            link = self._target(element.get("href", ""))
        self._read_within(element, link)
        inner = "".join(self.marked[before:])
        if len(self.lines) > height or not inner.strip():
            return
        mark = _MARKS.get(tag, "")
        shown = f"{mark}{inner.strip()}{mark}"
        if tag == "a" and link:
            shown = f"[{shown}]({link})" if re.fullmatch(r"[^()<>]*", link) else f"[{shown}](<{link}>)"
        lead = " " if inner[:1].isspace() else ""
        self.marked[before:] = [lead, shown, " " if inner[-1:].isspace() else ""]

    def _read_within(self, element: lxml.html.HtmlElement, link: str | None) -> None:
        self._say(element.text, link)
        for child in element:
            self.read(child, link)
            self._say(child.tail, link)

    def _target(self, href: str) -> str | None:
        try:
            return web_link(urljoin(self.base, href.strip()))
        except ValueError:
            return None

    def _say(self, text: str | None, link: str | None) -> None:
        if not text:
            return
        self.texts.append(text)
        self.marked.append(re.sub(r"<(?=[A-Za-z/!])", "&lt;", text))
        if clean := one_line(text):
            self.pieces.append(Piece(clean, link))

    def _say_aside(self, alt: str, link: str | None) -> None:
        """The name on a logo is seen, but belongs to no sentence."""
        if clean := re.sub(r"\s+logo$", "", one_line(alt), flags=re.IGNORECASE):
            self.pieces.append(Piece(clean, link))

    def end_line(self) -> None:
        text = one_line("".join(self.texts))
        if self.pieces:
            marked = " ".join("".join(self.marked).split())
            self.lines.append(Line(text, self.bullet + marked, tuple(self.pieces), self.heading))
            self.bullet = ""
        self.texts, self.marked, self.pieces = [], [], []
