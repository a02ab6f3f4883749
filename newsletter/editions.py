"""An edition: a selection joined into a mail. Preview, test mail and real mail all come from here."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from newsletter.corrections.owing import Debts
from newsletter.corrections.rules import Owed
from newsletter.desk.approval import piece_name
from newsletter.mail import Content
from newsletter.models import Edition, EditionStory, Issue
from newsletter.rendering.joining import Entry, join, preheader, shorten, size_of
from newsletter.rendering.pieces import Card, Form, Shell, corrected_by, correction_piece, is_fold, is_line
from newsletter.rendering.renderer import Renderer
from newsletter.selection import Decision, Selection

#: stories that alerts told, and that a mail names in its lines; of more, it says how many
MOST_LINES = 40
#: stories that were left to an issue which is full, and that a mail names; the page on the web names all
MOST_FOLDS = 30


@dataclass(frozen=True)
class Telling:
    """A story's place in an edition, by the name of the piece that tells it."""

    story_id: int
    revision: int
    piece: str
    because: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def is_correction(self) -> bool:
        """Whether it tells what was told wrong of the story, and not the story."""
        return corrected_by(self.piece) is not None

    @property
    def is_story(self) -> bool:
        """Whether it tells the story in a place of its own: not only what was wrong with it, nor in a line
        that it is there, or was told."""
        return _is_story(self.piece)


@dataclass(frozen=True)
class Composed:
    subject: str
    #: the corrections, the stories, those in brief, and then the lines on what its readers heard of already
    tellings: tuple[Telling, ...]
    content: Content
    size_bytes: int

    def fingerprint(self) -> str:
        """Equal for readers who get the same mail."""
        return _fingerprint(self.subject, self.tellings)


@dataclass(frozen=True)
class Shown:
    """A mail as the desk shows it; links that are a reader's own are open slots."""

    content: Content
    #: what a mailbox shows beside the subject
    preheader: str
    #: of its html, with the longest possible links
    size_bytes: int


def compose(
    issue: Issue,
    selection: Selection,
    shell: Shell,
    cards: Mapping[str, Card],
    renderer: Renderer,
    corrections: Sequence[Telling] = (),
) -> Composed:
    """The mail for one selection, its tail shortened to what mail clients show in full.

    Above the stories stand the `corrections` that its readers are to hear.
    """
    said = _lines(selection.lines)
    below = [_entry(telling, cards) for telling in said if telling.changes]
    above = [_entry(telling, cards) for telling in corrections]
    usual = Form.COMPACT if selection.short else Form.FULL
    whole = [_telling(decision, Form.UPDATE if decision.changes else usual) for decision in selection.picks]
    short = [_telling(decision, Form.COMPACT) for decision in selection.picks]
    subject = _subject(issue, whole, cards, renderer)
    choices = [(_entry(long, cards), _entry(small, cards)) for long, small in zip(whole, short, strict=True)]
    anywhere = _place(issue.id, _fingerprint(subject, whole))  # as long as the place it will have
    fit = partial(shorten, shell, subject=subject, corrections=above, lines=below, edition=anywhere)
    told, brief = _fit(selection, choices, cards, fit)
    tellings = (
        *corrections,
        *(
            long if entry == choice[0] else small
            for entry, choice, long, small in zip(told, choices, whole, short, strict=False)
        ),
        *brief,
        *said,
    )
    place = _place(issue.id, _fingerprint(subject, tellings))
    folds = _folds(brief, cards)
    content = join(shell, told, subject=subject, corrections=above, folds=folds, lines=below, edition=place)
    return Composed(subject, tellings, content, size_of(content))


def _fit(
    selection: Selection,
    choices: Sequence[tuple[Entry, Entry]],
    cards: Mapping[str, Card],
    shortened: Callable[..., list[Entry]],
) -> tuple[list[Entry], list[Telling]]:
    """The stories with which the mail is not clipped, and those in brief: also what was left to this issue
    and is too long for it."""
    brief = _in_brief(selection.folds, cards)
    while True:
        told = shortened(choices, folds=_folds(brief, cards))
        too_long = [one for one in selection.picks[len(told) : len(choices)] if one.folded]
        if not too_long:
            return told, brief
        choices, brief = choices[: len(told)], [*_in_brief(too_long, cards), *brief]


def compose_again(
    issue: Issue,
    tellings: Sequence[Telling],
    shell: Shell,
    cards: Mapping[str, Card],
    renderer: Renderer,
) -> Composed:
    """What was composed before, from the pieces of now; KeyError for a piece that is gone since."""
    subject = _subject(issue, [t for t in tellings if t.is_story], cards, renderer)
    content = _joined(subject, tellings, shell, cards, _place(issue.id, _fingerprint(subject, tellings)))
    return Composed(subject, tuple(tellings), content, size_of(content))


def of_corrections(debts: Debts, owed: Iterable[Owed]) -> tuple[Telling, ...]:
    """The tellings of corrections that somebody is to hear."""
    return tuple(
        Telling(one.story_id, one.revision, correction_piece(one.correction_id), (), (debts.words(one),))
        for one in owed
    )


def preheader_of(tellings: Iterable[Telling | EditionStory], cards: Mapping[str, Card]) -> str:
    """What a mailbox shows beside the subject."""
    told = [cards[telling.piece] for telling in tellings if _is_story(telling.piece)]
    return preheader([card.lead for card in told], [card.headline for card in told])


def content_of(edition: Edition, shell: Shell, cards: Mapping[str, Card]) -> Content:
    """The mail of a frozen edition: equal, byte for byte, to what `compose` made."""
    assert edition.subject is not None
    assert edition.issue_id is not None
    place = _place(edition.issue_id, edition.fingerprint)
    return _joined(edition.subject, edition.stories, shell, cards, place)


def for_everybody(
    subject: str, tellings: Iterable[Telling], shell: Shell, cards: Mapping[str, Card]
) -> Content:
    """The same, from pieces that were turned for a page; it says of no edition where that can be read, and
    names all that was left to it."""
    return _joined(subject, tellings, shell, cards, "", most_folds=None)


def hash_of(content: Content) -> str:
    """SHA-256 over subject, html and text as they were frozen, with NUL between them; in hexadecimal."""
    return hashlib.sha256("\0".join((content.subject, content.html, content.text)).encode()).hexdigest()


def for_test(content: Content) -> Content:
    """The content of a test mail, marked so that nobody takes it for the real one."""
    return replace(content, subject=f"[TEST] {content.subject}")


def _fingerprint(subject: str, tellings: Iterable[Telling]) -> str:
    plan = [[telling.piece, telling.because, telling.changes] for telling in tellings]
    return hashlib.blake2b(json.dumps([subject, plan]).encode(), digest_size=16).hexdigest()


def _place(issue_id: int, fingerprint: str) -> str:
    """Where the edition can be read on the web, below /view/."""
    return f"{issue_id}/{fingerprint}"


def _subject(issue: Issue, tellings: Iterable[Telling], cards: Mapping[str, Card], renderer: Renderer) -> str:
    headlines = [cards[telling.piece].headline for telling in tellings]
    return renderer.subject(headlines, newsletter=issue.newsletter.name, date=issue.date)


def _telling(decision: Decision, form: Form) -> Telling:
    candidate = decision.candidate
    return Telling(
        candidate.story_id,
        candidate.revision,
        piece_name(candidate, form),
        decision.because,
        decision.changes,
    )


def _lines(heard: Sequence[Decision]) -> list[Telling]:
    """A line of each story. Beyond MOST_LINES the last one says how many there are, and nothing is said of
    them: they stand in the edition without a word, since their readers are not told of them again."""
    more = len(heard) - MOST_LINES
    words = [[str(one.heard)] for one in heard[:MOST_LINES]] + [[]] * more
    if more > 0:
        words[MOST_LINES - 1].append(f"and {more} more {'story' if more == 1 else 'stories'} of our alerts")
    return [_line(one, tuple(said)) for one, said in zip(heard, words, strict=True)]


def _in_brief(decisions: Iterable[Decision], cards: Mapping[str, Card]) -> list[Telling]:
    """An issue that an older release approved has no pieces of that form, and leaves them to the next one."""
    every = [_telling(decision, Form.FOLD) for decision in decisions]
    return [telling for telling in every if telling.piece in cards]


def _folds(
    tellings: Sequence[Telling | EditionStory], cards: Mapping[str, Card], most: int | None = MOST_FOLDS
) -> list[Entry]:
    """What was left to an issue that is full. Beyond the first `most` the last of them says how many there
    are, and that all can be read on the web."""
    entries = [_entry(telling, cards) for telling in tellings[:most]]
    more = len(tellings) - len(entries)
    if more:
        words = f"and {more} more {'story' if more == 1 else 'stories'}: view this issue in your browser"
        entries[-1] = replace(entries[-1], because=(*entries[-1].because, words))
    return entries


def _line(decision: Decision, words: tuple[str, ...]) -> Telling:
    candidate = decision.candidate
    piece = piece_name(candidate, Form.LINE)
    return Telling(candidate.story_id, candidate.revision, piece, (), words)


def _is_story(piece: str) -> bool:
    return corrected_by(piece) is None and not is_fold(piece) and not is_line(piece)


def _joined(
    subject: str,
    tellings: Iterable[Telling | EditionStory],
    shell: Shell,
    cards: Mapping[str, Card],
    place: str,
    *,
    most_folds: int | None = MOST_FOLDS,
) -> Content:
    """The mail of the tellings, each where it belongs."""
    tellings = list(tellings)
    corrections = [_entry(one, cards) for one in tellings if corrected_by(one.piece) is not None]
    entries = [_entry(one, cards) for one in tellings if _is_story(one.piece)]
    folds = _folds([one for one in tellings if is_fold(one.piece)], cards, most_folds)
    # the last of many stand there without a word, see `_lines`
    lines = [_entry(one, cards) for one in tellings if is_line(one.piece) and one.changes]
    return join(
        shell, entries, subject=subject, corrections=corrections, folds=folds, lines=lines, edition=place
    )


def _entry(telling: Telling | EditionStory, cards: Mapping[str, Card]) -> Entry:
    return Entry(cards[telling.piece], because=tuple(telling.because), changes=tuple(telling.changes))
