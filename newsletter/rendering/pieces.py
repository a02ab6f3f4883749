"""The compiled parts of an issue: its shell, and a card for each story in each form.

They are kept as JSON when an issue is approved. Joining them needs nothing else: no template, no
story, no compiler.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

#: stands on both sides of a slot's name
SLOT = "\ufdd0"
#: stands on both sides of a block, which goes when its (first) slot is empty
BLOCK = "\ufdd1"
# Both are Unicode noncharacters, kept for internal use (Unicode 23.7); `typesetting.clean` takes
# them out of every text, so none can come from a story.

#: a part cut at its marks: texts and blocks in turn, and in each of them literals and slot names in turn
Cut = tuple[tuple[str, ...], ...]


#: with its number, names the piece that tells of a correction; those of stories begin with a number
CORRECTION = "correction/"


def correction_piece(correction_id: int) -> str:
    """The name of the piece that tells of a correction."""
    return f"{CORRECTION}{correction_id}"


def corrected_by(piece: str) -> int | None:
    """The number of the correction that the piece tells of; None for one that tells a story."""
    return int(piece.removeprefix(CORRECTION)) if piece.startswith(CORRECTION) else None


#: with the alert's number and a form, names the piece that tells a story in an alert
ALERT = "alert/"


def alert_piece(alert_id: int, form: "Form") -> str:
    """The name of the piece that tells the story of an alert."""
    return f"{ALERT}{alert_id}/{form}"


def alerted_by(piece: str) -> int | None:
    """The number of the alert that the piece is of; None for any other."""
    return int(piece.split("/")[1]) if piece.startswith(ALERT) else None


def is_fold(piece: str) -> bool:
    """Whether the piece tells a story in one line, since its alert was left to an issue that is full."""
    return piece.endswith(f"/{Form.FOLD}")


def is_line(piece: str) -> bool:
    """Whether the piece says no more of a story than that its readers heard of it."""
    return piece.endswith(f"/{Form.LINE}")


class Form(StrEnum):
    """How much of a story a card tells."""

    FULL = "full"
    COMPACT = "compact"
    UPDATE = "update"
    #: not the story, but what was told wrong of it
    CORRECTION = "correction"
    #: in one line, with the reason: its alert was left to the issue, which is full
    FOLD = "fold"
    #: not the story, but that its reader heard of it by an alert, and what came since
    LINE = "line"
    #: in the mail of an alert: the story that leads it, one beside it, one of many
    ALERT = "alert"
    ALSO = "also"
    BRIEF = "brief"


#: the forms in which an alert tells a story
ALERTING = (Form.ALERT, Form.ALSO, Form.BRIEF)
#: the forms in which a story itself is told
TELLING = (Form.FULL, Form.COMPACT, Form.UPDATE)
#: the forms of a story in an issue
IN_ISSUES = (*TELLING, Form.FOLD, Form.LINE)


@dataclass(frozen=True)
class Card:
    """A story in one form, ready to be joined into any edition."""

    #: both hold the block `because`, why a reader sees the story; an update `changes`, what is new;
    #: a correction there what they were told, and when; a line that they heard of it, and what came since
    html: str
    text: str
    #: its line in the contents of an issue; in an alert, with the block `facts`, among those a rule found
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
    def cut_html(self) -> Cut:
        return _cut(self.html)

    @cached_property
    def cut_text(self) -> Cut:
        return _cut(self.text)

    @cached_property
    def cut_row_html(self) -> Cut:
        return _cut(self.row_html)

    @cached_property
    def cut_row_text(self) -> Cut:
        return _cut(self.row_text)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(document: dict[str, Any]) -> "Card":
        return _card.validate_python(document)


@dataclass(frozen=True)
class Shell:
    """All of a mail but its stories."""

    #: both hold the slots `preheader` (html only), `counts`, `cards`, and in blocks `rows`, the contents,
    #: `folds`, what has no other place, `lines`, what its readers heard of already, and `edition`, where the
    #: mail can be read on the web
    html: str
    text: str

    @cached_property
    def cut_html(self) -> Cut:
        return _cut(self.html)

    @cached_property
    def cut_text(self) -> Cut:
        return _cut(self.text)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(document: dict[str, Any]) -> "Shell":
        return _shell.validate_python(document)


@dataclass(frozen=True)
class AlertShell(Shell):
    """All of an alert's mail but its stories: `html` and `text` hold the slots `preheader` (html only),
    `cards`, and in blocks `heading` and `rules`, why it was sent."""

    #: what the block `rules` holds of each rule, or other reason: in blocks, `words` and `rule`, its number,
    #: or else `others`, the words of a reason that is no rule, and `editors`, where to have none of theirs;
    #: `met`, the facts of a mail's only story, or `stories`, each with its own
    rule_html: str
    rule_text: str

    @cached_property
    def cut_rule_html(self) -> Cut:
        return _cut(self.rule_html)

    @cached_property
    def cut_rule_text(self) -> Cut:
        return _cut(self.rule_text)

    @staticmethod
    def from_json(document: dict[str, Any]) -> "AlertShell":
        return _alert_shell.validate_python(document)


def _cut(part: str) -> Cut:
    return tuple(tuple(text.split(SLOT)) for text in part.split(BLOCK))


_card = TypeAdapter(Card)
_shell = TypeAdapter(Shell)
_alert_shell = TypeAdapter(AlertShell)
