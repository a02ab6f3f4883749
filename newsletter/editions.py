"""An edition: a selection joined into a mail. Preview, test mail and real mail all come from here."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from newsletter.desk.approval import piece_name
from newsletter.mail import Content
from newsletter.models import Edition, Issue
from newsletter.rendering.joining import Entry, fold, join, size_of
from newsletter.rendering.pieces import Card, Form, Shell
from newsletter.rendering.renderer import Renderer
from newsletter.selection import Decision, Selection


@dataclass(frozen=True)
class Telling:
    """A story's place in an edition, by the name of the piece that tells it."""

    story_id: int
    revision: int
    piece: str
    because: tuple[str, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Composed:
    subject: str
    tellings: tuple[Telling, ...]
    content: Content
    size_bytes: int

    def fingerprint(self) -> str:
        """Equal for readers who get the same mail."""
        plan = [[t.piece, t.because, t.changes] for t in self.tellings]
        return hashlib.blake2b(json.dumps([self.subject, plan]).encode(), digest_size=16).hexdigest()


def compose(
    issue: Issue, selection: Selection, shell: Shell, cards: Mapping[str, Card], renderer: Renderer
) -> Composed:
    """The mail for one selection, its tail folded to what mail clients show in full."""
    usual = Form.COMPACT if selection.short else Form.FULL
    whole = [_telling(decision, Form.UPDATE if decision.changes else usual) for decision in selection.picks]
    short = [_telling(decision, Form.COMPACT) for decision in selection.picks]
    subject = renderer.subject(
        [cards[telling.piece].headline for telling in whole],
        newsletter=issue.newsletter.name,
        date=issue.date,
    )
    choices = [(_entry(long, cards), _entry(brief, cards)) for long, brief in zip(whole, short, strict=True)]
    folded = fold(shell, choices, subject=subject)
    tellings = tuple(
        long if entry == choice[0] else brief
        for entry, choice, long, brief in zip(folded, choices, whole, short, strict=False)
    )
    content = join(shell, folded, subject=subject)
    return Composed(subject, tellings, content, size_of(content))


def content_of(edition: Edition, shell: Shell, cards: Mapping[str, Card]) -> Content:
    """The mail of a frozen edition: equal, byte for byte, to what `compose` made."""
    assert edition.subject is not None
    entries = [
        Entry(cards[story.piece], because=tuple(story.because), changes=tuple(story.changes))
        for story in edition.stories
    ]
    return join(shell, entries, subject=edition.subject)


def for_test(content: Content) -> Content:
    """The content of a test mail, marked so that nobody takes it for the real one."""
    return replace(content, subject=f"[TEST] {content.subject}")


def _telling(decision: Decision, form: Form) -> Telling:
    candidate = decision.candidate
    return Telling(
        candidate.story_id,
        candidate.revision,
        piece_name(candidate, form),
        decision.because,
        decision.changes,
    )


def _entry(telling: Telling, cards: Mapping[str, Card]) -> Entry:
    return Entry(cards[telling.piece], because=telling.because, changes=telling.changes)
