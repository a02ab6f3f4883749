"""Preview: an issue as an audience or one reader would receive it, by the functions that send it."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from newsletter.desk.approval import SHELL, frozen_pieces, pieces
from newsletter.desk.planning import limits, pool, window
from newsletter.editions import compose
from newsletter.ledger import editions_received, ledger
from newsletter.mail import Content
from newsletter.models import Issue
from newsletter.models.issue import IssueState
from newsletter.publication import reading
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
    if email is not None:
        selection = selection_for(session, issue, _subscriber(session, email))
    else:
        lens = Lens.of(audiences=[audience] if audience else [])
        selection = select(
            pool(session, issue), lens, {}, window=window(issue), limits=limits(issue.newsletter)
        )
    if selection.skipped:
        raise NoPreview(f"no mail for these readers: {selection.skipped}")
    shell, cards = _parts(session, issue, renderer)
    return Preview(selection, compose(issue, selection, shell, cards, renderer).content)


def selection_for(session: Session, issue: Issue, subscriber: Subscriber) -> Selection:
    """What this subscriber gets of the issue, and why, as of its publication."""
    candidates = pool(session, issue)
    story_ids = [candidate.story_id for candidate in candidates]
    known = ledger(session, story_ids, before=issue)
    muted = roster.muted_stories(session, story_ids, subscriber_id=subscriber.id)
    received = dict(editions_received(session, known, subscriber_id=subscriber.id))
    timing = reading(issue, subscriber.rhythm)
    return select(
        candidates,
        subscriber.lens,
        known.told_by(received.get(subscriber.id, ())),
        muted.get(subscriber.id, frozenset()),
        window=window(issue, days_back=timing[1] if timing else 1),
        limits=limits(issue.newsletter),
    )


def _subscriber(session: Session, email: str) -> Subscriber:
    found = roster.find(session, email)
    if found is None:
        raise NoPreview(f"no subscriber has the address {email!r}")
    return found


def _parts(session: Session, issue: Issue, renderer: Renderer) -> tuple[Shell, dict[str, Card]]:
    """The frozen pieces of an issue that was approved; for any other, compiled now."""
    if issue.state in (IssueState.APPROVED, IssueState.PUBLISHED, IssueState.PAUSED, IssueState.FINISHED):
        return frozen_pieces(session, issue.id)
    parts = pieces(session, issue, renderer)
    shell = parts.pop(SHELL)
    assert isinstance(shell, Shell)
    return shell, {name: part for name, part in parts.items() if isinstance(part, Card)}
