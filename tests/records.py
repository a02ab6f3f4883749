"""Records of stories as sources tell them, and what reading them gives."""

from typing import Any

from newsletter.content import StoryContent
from newsletter.sources.files import read_file
from newsletter.sources.record_json import read_record
from newsletter.sources.records import Incoming, Refusal

LEAST = {"id": "a", "title": "A title", "date": "2026-01-08"}


def read(**changes: Any) -> StoryContent:
    """The content of a record that must be accepted."""
    incoming = read_record(LEAST | changes, file="here")
    assert isinstance(incoming, Incoming), incoming
    return incoming.content


def refuse(document: Any) -> Refusal:
    """The refusal of a record that must not be accepted; it names its place and a remedy."""
    refusal = read_record(document, file="x.jsonl", line=7)
    assert isinstance(refusal, Refusal), refusal
    assert (refusal.file, refusal.line, refusal.where) == ("x.jsonl", 7, "x.jsonl, line 7")
    assert refusal.remedy
    return refusal


def told(name: str, text: str | bytes) -> list[Incoming | Refusal]:
    data = text.encode() if isinstance(text, str) else text
    return list(read_file(name, data.splitlines(keepends=True)))
