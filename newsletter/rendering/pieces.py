"""The compiled parts of an issue: its shell, and a card for each story in each form.

They are kept as JSON when an issue is approved. Joining them needs nothing else: no template, no
story, no compiler.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

#: stands on both sides of a slot's name in a shell, and alone for the reasons in a card
SLOT = "\ufdd0"
#: stands on both sides of what an edition may do without
BLOCK = "\ufdd1"
# Both are Unicode noncharacters, kept for internal use (Unicode 23.7); `typesetting.clean` takes
# them out of every text, so none can come from a story.


class Form(StrEnum):
    """How much of a story a card tells."""

    FULL = "full"
    COMPACT = "compact"
    UPDATE = "update"


@dataclass(frozen=True)
class Card:
    """A story in one form, ready to be joined into any edition."""

    #: both hold one block, the line that says why a reader sees the story
    html: str
    text: str
    #: its line in the contents of an issue
    row_html: str
    row_text: str
    #: the title as shown, plain
    headline: str
    #: the beginning of the TL;DR for the preheader, plain; empty without a TL;DR
    lead: str
    #: the distinct outlets, as terms
    outlet_terms: tuple[str, ...]
    #: how many words there are to read
    words: int

    @property
    def outlets(self) -> int:
        return len(self.outlet_terms)

    @cached_property
    def html_around(self) -> tuple[str, str, str, str]:
        """The html before the line of reasons, of it before and after the reasons, and after it."""
        return _around(self.html)

    @cached_property
    def text_around(self) -> tuple[str, str, str, str]:
        """The same of the text."""
        return _around(self.text)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(document: dict[str, Any]) -> "Card":
        return _card.validate_python(document)


@dataclass(frozen=True)
class Shell:
    """All of a mail but its stories, with the slots `preheader`, `counts`, `rows` and `cards`.

    Html and text hold one block each, the contents, which a single story does without.
    """

    html: str
    text: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(document: dict[str, Any]) -> "Shell":
        return _shell.validate_python(document)


def _around(card: str) -> tuple[str, str, str, str]:
    head, line, tail = card.split(BLOCK)
    before, after = line.split(SLOT)
    return head, before, after, tail


_card = TypeAdapter(Card)
_shell = TypeAdapter(Shell)
