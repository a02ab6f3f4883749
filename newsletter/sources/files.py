"""Any file with stories: what it is, is seen from its content; its name is only a hint."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import PurePath

from newsletter.sources.page import text_page
from newsletter.sources.page_html import html_page
from newsletter.sources.record_json import read_document, read_lines
from newsletter.sources.records import Incoming, Refusal
from newsletter.sources.story_page import read_page

#: bytes that are looked at to see what a file is
_HEAD = 65536


def read_file(name: str, lines: Iterable[bytes]) -> Iterator[Incoming | Refusal]:
    """The stories in a binary file: a story page as text or HTML, JSON or JSONL; UTF-8, BOM or not.

    `lines` is the open file itself, or its lines. JSONL is read as a stream, whatever its size.
    """
    rest = iter(lines)
    head: list[bytes] = []
    while sum(map(len, head)) < _HEAD and (line := next(rest, None)) is not None:
        head.append(line)
    if _is_jsonl(name, head):
        yield from read_lines(chain(head, rest), name=name)
        return
    try:
        text = b"".join(chain(head, rest)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield Refusal(name, f"byte {error.start + 1} is not UTF-8", "save the file as UTF-8")
        return
    start = text.lstrip()[:1]
    if not start:
        yield Refusal(name, "the file is empty", "fetch the file again")
    elif start in "[{":
        yield from read_document(text, name=name)
    else:
        yield read_page(html_page(text) if start == "<" else text_page(text), where=name)


def _is_jsonl(name: str, head: list[bytes]) -> bool:
    """A line that is a whole object, outside an array, is a record."""
    if PurePath(name).suffix.lower() in (".jsonl", ".ndjson"):
        return True
    first = next(filter(bytes.strip, head), b"").removeprefix(b"\xef\xbb\xbf").lstrip()
    return not first.startswith((b"[", b"<")) and any(map(_is_object, head))


def _is_object(line: bytes) -> bool:
    if not line.removeprefix(b"\xef\xbb\xbf").startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line.decode("utf-8-sig")), dict)
    except (ValueError, RecursionError):
        return False
