"""What every source gives: a story as it tells it, or the reason why a record cannot be used."""

from dataclasses import dataclass

from newsletter.content import StoryContent


@dataclass(frozen=True, slots=True)
class Incoming:
    """One record that a source told us."""

    #: the source's own lasting name for the story
    external_id: str
    content: StoryContent
    #: "line 12" of a file, or the file's name
    where: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One record that cannot be used; the others are not harmed."""

    where: str
    #: what is wrong, naming the input
    reason: str
    #: what a person can do about it
    remedy: str
