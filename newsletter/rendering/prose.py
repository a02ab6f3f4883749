"""Markdown of the site to what a mail may hold: a tree of few known elements, links numbered.

Only what stands in `Node.kind` ever comes out, whatever goes in: html in the Markdown is text like any
other, and links are http or https. Templates decide how the tree looks.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from newsletter.rendering import urls
from newsletter.rendering.typesetting import Direction, clean, isolate

#: nothing longer is parsed; an analysis is some hundred words
LONGEST = 20_000

Kind = Literal["p", "ul", "ol", "li", "blockquote", "em", "strong", "code", "br", "a", "text", "citation"]
_BLOCKS: dict[str, Kind] = {
    "paragraph": "p",
    "heading": "p",
    "code_block": "p",
    "fence": "p",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "blockquote": "blockquote",
}
_SPANS: dict[str, Kind] = {"em": "em", "strong": "strong", "code_inline": "code"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_DOMAIN = re.compile(r"(https?://)?[\w-]+(\.[\w-]+)+(/\S*)?")
# Places of what is no text while brackets are taken away; noncharacters, so never in a text.
_CITATION, _OTHER = "\ufdd2", "\ufdd3"
_BRACKETED = re.compile(rf"\s*\([\s,;|·&]*{_CITATION}(?:(?:[\s,;|·&]|and)*{_CITATION})*\s*\)")


@dataclass(frozen=True)
class Node:
    kind: Kind
    children: tuple["Node", ...] = ()
    text: str = ""
    #: of `a` and `citation`
    url: str = ""
    #: of the source that it leads to; 0 for none
    number: int = 0


#: gives the number of the source at a link
Numbering = Callable[[str], int]


def unnumbered(_: str) -> int:
    """For texts whose links lose their targets."""
    return 0


def parse(markdown: str, number: Numbering) -> tuple[Node, ...]:
    """The blocks of `markdown`. Links are numbered by `number`, in reading order.

    A link that only names a site, `([reuters.com](https://…))`, becomes a bare citation and loses
    its brackets; any other keeps its words. What is nested too deep is left out.
    """
    root = SyntaxTreeNode(_MARKDOWN.parse(markdown[:LONGEST]))
    return tuple(_blocks(root.children, number))


def isolated(nodes: Iterable[Node], direction: Direction) -> tuple[Node, ...]:
    """The same tree with the runs of the other direction isolated."""
    return tuple(
        replace(node, text=isolate(node.text, direction), children=isolated(node.children, direction))
        for node in nodes
    )


def lines(nodes: Iterable[Node]) -> tuple[tuple[str, str], ...]:
    """The tree as text: each paragraph with the mark before it (`• `, `1. `, `> ` or none)."""
    return tuple(line for node in nodes for line in _lines(node, "") if line[1])


def _lines(node: Node, mark: str) -> Iterator[tuple[str, str]]:
    if node.kind == "p":
        # Once more, since joined texts can make what the single ones were not.
        yield mark, clean(_plain(node))
    for place, child in enumerate(node.children, 1) if node.kind != "p" else ():
        inner = {"ul": "• ", "ol": f"{place}. ", "blockquote": "> "}.get(node.kind, mark)
        yield from _lines(child, inner)


def _plain(node: Node) -> str:
    inner = " " if node.kind == "br" else node.text + "".join(map(_plain, node.children))
    if not node.number:
        return inner
    return f"{inner}\u00a0[{node.number}]" if inner else f"[{node.number}]"


def _blocks(nodes: Iterable[SyntaxTreeNode], number: Numbering) -> Iterator[Node]:
    for node in nodes:
        kind = _BLOCKS.get(node.type)
        if kind == "p":
            spans = _code(node) if node.type in {"code_block", "fence"} else _paragraph(node, number)
            if "".join(map(_plain, spans)).strip():
                strong = node.type == "heading"
                yield Node("p", (Node("strong", spans),) if strong else spans)
        elif kind and (children := tuple(_blocks(node.children, number))):
            yield Node(kind, children)


def _code(node: SyntaxTreeNode) -> tuple[Node, ...]:
    return (Node("code", (Node("text", text=clean(node.content)),)),)


def _paragraph(node: SyntaxTreeNode, number: Numbering) -> tuple[Node, ...]:
    inline = node.children[0].children if node.children else []
    return _citations(_spans(inline, number))


def _spans(nodes: Iterable[SyntaxTreeNode], number: Numbering) -> tuple[Node, ...]:
    return tuple(span for node in nodes for span in _span(node, number))


def _span(node: SyntaxTreeNode, number: Numbering) -> Iterator[Node]:
    if node.type in {"text", "text_special", "code_inline"}:
        leaf = Node("text", text=_keep_edges(node.content))
        yield Node("code", (leaf,)) if node.type == "code_inline" else leaf
    elif node.type == "softbreak":
        yield Node("text", text=" ")
    elif node.type == "hardbreak":
        yield Node("br")
    elif node.type in _SPANS:
        yield Node(_SPANS[node.type], _spans(node.children, number))
    elif node.type == "link":
        yield from _link(node, number)
    elif node.type == "image":
        yield Node("text", text=_keep_edges(node.content))


def _link(node: SyntaxTreeNode, number: Numbering) -> Iterator[Node]:
    url = urls.fit(str(node.attrs.get("href", "")))
    children = _spans(node.children, number)
    words = "".join(map(_plain, children)).strip()
    if not url:
        yield from children
    elif not words or _DOMAIN.fullmatch(words):
        yield Node("citation", url=url, number=number(url))
    else:
        yield Node("a", children, url=url, number=number(url))


def _keep_edges(text: str) -> str:
    """`text` cleaned, with the spaces that part it from its neighbours."""
    inner = clean(text)
    if not inner:
        return " " if text else ""
    return " " * text[0].isspace() + inner + " " * text[-1].isspace()


def _citations(spans: tuple[Node, ...]) -> tuple[Node, ...]:
    """The brackets round citations taken away; each citation tied to the word before it."""
    line = "".join(
        span.text if span.kind == "text" else _CITATION if span.kind == "citation" else _OTHER
        for span in spans
    )
    line = _BRACKETED.sub(lambda found: _CITATION * found[0].count(_CITATION), line)
    line = re.sub(rf"\s*{_CITATION}", f"\u00a0{_CITATION}", line).lstrip("\u00a0")
    others = (span for span in spans if span.kind != "text")
    parts = re.split(f"([{_CITATION}{_OTHER}])", line)
    return tuple(
        next(others) if part in (_CITATION, _OTHER) else Node("text", text=part) for part in parts if part
    )
