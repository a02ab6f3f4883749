"""Preview: an issue as an audience, a lens or one reader would receive it, by the functions that send it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from newsletter.desk.approval import SHELL, frozen_pieces, pieces
from newsletter.desk.planning import limits, pool, window
from newsletter.editions import Composed, Telling, compose, compose_again, preheader_of
from newsletter.editions import Shown as Shown
from newsletter.grouping import Grouping
from newsletter.mail import Content
from newsletter.models import Issue
from newsletter.models.issue import FROZEN
from newsletter.rendering.pieces import Card, Shell
from newsletter.rendering.renderer import Renderer
from newsletter.selection import Selection, select
from subscribers import roster
from subscribers.lens import Lens
from subscribers.models import Subscriber


class NoPreview(ValueError):
    """There is nothing to show; the message says why."""


@dataclass(frozen=True)
class Preview:
    selection: Selection
    content: Content


def preview(
    session: Session,
    issue: Issue,
    renderer: Renderer,
    *,
    audience: str | None = None,
    email: str | None = None,
) -> Preview:
    """The mail that readers of `audience`, or the subscriber `email`, would get of this issue.

    Without either, what a reader gets who chose nothing. Links that are a reader's own stay open
    slots. Raises NoPreview.
    """
    corrections: Sequence[Telling] = ()
    if email is not None:
        subscriber = _subscriber(session, email)
        selection = selection_for(session, issue, subscriber)
        corrections = corrections_for(session, issue, subscriber)
    else:
        lens = Lens.of(audiences=[audience] if audience else [])
        selection = selection_through(session, issue, lens)
    return Preview(selection, shown(session, issue, renderer, selection, corrections).content)


def selection_through(session: Session, issue: Issue, lens: Lens) -> Selection:
    """What a reader of this lens gets of the issue who was told nothing before, and why."""
    return select(pool(session, issue), lens, {}, window=window(issue), limits=limits(issue.newsletter))


def selection_for(session: Session, issue: Issue, subscriber: Subscriber) -> Selection:
    """What this subscriber gets of the issue, and why, as of its publication."""
    grouping = Grouping(session, issue, only=subscriber)
    return grouping.selection(grouping.of(subscriber))


def corrections_for(session: Session, issue: Issue, subscriber: Subscriber) -> tuple[Telling, ...]:
    """The corrections that this subscriber hears of by the issue, as of its publication."""
    grouping = Grouping(session, issue, only=subscriber)
    return grouping.corrections(grouping.of(subscriber))


def shown(
    session: Session,
    issue: Issue,
    renderer: Renderer,
    selection: Selection,
    corrections: Sequence[Telling] = (),
) -> Shown:
    """The mail of a selection, below the corrections. Raises NoPreview for readers who get none."""
    if selection.skipped:
        raise NoPreview(f"no mail for these readers: {selection.skipped}")
    shell, cards = parts_of(session, issue, renderer)
    return _shown(compose(issue, selection, shell, cards, renderer, corrections), cards)


def shown_again(session: Session, issue: Issue, renderer: Renderer, tellings: Sequence[Telling]) -> Shown:
    """The mail of an edition that was forecast. Raises NoPreview where its stories changed since."""
    shell, cards = parts_of(session, issue, renderer)
    try:
        return _shown(compose_again(issue, tellings, shell, cards, renderer), cards)
    except KeyError:
        raise NoPreview("its stories changed since the editions were counted: count them anew") from None


def _shown(composed: Composed, cards: Mapping[str, Card]) -> Shown:
    return Shown(composed.content, preheader_of(composed.tellings, cards), composed.size_bytes)


def _subscriber(session: Session, email: str) -> Subscriber:
    found = roster.find(session, email)
    if found is None:
        raise NoPreview(f"no subscriber has the address {email!r}")
    return found


def parts_of(session: Session, issue: Issue, renderer: Renderer) -> tuple[Shell, dict[str, Card]]:
    """The frozen pieces of an issue that was approved; for any other, compiled now."""
    if issue.state in FROZEN:
        return frozen_pieces(session, issue.id)
    parts = pieces(session, issue, renderer)
    shell = parts.pop(SHELL)
    assert isinstance(shell, Shell)
    return shell, {name: part for name, part in parts.items() if isinstance(part, Card)}
