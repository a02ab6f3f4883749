"""What every source gives: a story as it tells it, or the reason why a record cannot be used."""

from dataclasses import asdict, dataclass
from typing import Any

from newsletter.content import StoryContent


@dataclass(frozen=True, slots=True)
class Incoming:
    """One record that a source told us."""

    #: the source's own lasting name for the story
    external_id: str
    content: StoryContent
    #: what was read: a file by its name, or "record 2" of a call
    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One record that cannot be used; the others are not harmed."""

    file: str
    #: from 1; None where the fault is of the whole file
    line: int | None
    #: what is wrong, naming the input
    reason: str
    #: what a person can do about it
    remedy: str

    @property
    def where(self) -> str:
        """ "x.jsonl, line 3", or the file alone."""
        return self.file if self.line is None else f"{self.file}, line {self.line}"

    def to_json(self) -> dict[str, Any]:
        return {"where": self.where} | asdict(self)


SAVE_AS_UTF_8 = "save the file as UTF-8"


def holds_nul(file: str, line: int | None) -> Refusal:
    """The refusal of text with NUL characters, as UTF-16 looks where its byte order mark is missing."""
    return Refusal(file, line, "the text holds NUL characters, as UTF-16 does", SAVE_AS_UTF_8)
