"""Any file with stories: what it is, is seen from its content; its name is only a hint."""

import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import PurePath

from newsletter.sources.page import text_page
from newsletter.sources.page_html import html_page
from newsletter.sources.record_json import read_document, read_lines
from newsletter.sources.records import SAVE_AS_UTF_8, Incoming, Refusal, holds_nul
from newsletter.sources.story_page import read_page

#: bytes that are looked at to see what a file is
_HEAD = 65536


def read_file(name: str, lines: Iterable[bytes]) -> Iterator[Incoming | Refusal]:
    """The stories in a binary file: a story page as text or HTML, JSON or JSONL.

    `lines` is the open file itself, or its lines. It is UTF-8, byte order mark or not, or UTF-16
    with one. JSONL in UTF-8 is read as a stream, whatever its size.
    """
    rest = iter(lines)
    head: list[bytes] = []
    while sum(map(len, head)) < _HEAD and (line := next(rest, None)) is not None:
        head.append(line)
    if head and head[0].startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        yield from _read_utf_16(name, b"".join(chain(head, rest)))
        return
    if head and all(b"\0" in line for line in head):
        yield holds_nul(name, None)
        return
    if _is_jsonl(name, head):
        yield from read_lines(chain(head, rest), name=name)
        return
    yield from _read_whole(name, b"".join(chain(head, rest)))


def _read_whole(name: str, data: bytes) -> Iterator[Incoming | Refusal]:
    if b"\0" in data:
        yield holds_nul(name, None)
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield Refusal(name, None, f"byte {error.start + 1} is not UTF-8", SAVE_AS_UTF_8)
        return
    start = text.lstrip()[:1]
    if not start:
        yield Refusal(name, None, "the file is empty", "fetch the file again")
    elif start in "[{":
        yield from read_document(text, name=name)
    else:
        yield read_page(html_page(text) if start == "<" else text_page(text), file=name)


def _read_utf_16(name: str, data: bytes) -> Iterator[Incoming | Refusal]:
    try:
        text = data.decode("utf-16")
    except UnicodeDecodeError as error:
        yield Refusal(name, None, f"byte {error.start + 1} is not UTF-16", SAVE_AS_UTF_8)
    else:
        yield from read_file(name, text.encode().splitlines(keepends=True))


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
