"""Approve an issue, take that back, hold it, pause it, cancel it.

An approval freezes the compiled pieces from which every mail of the issue is joined, and a hash
over them: what leaves is what was approved.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from newsletter.corrections import book as corrections
from newsletter.desk.planning import pool
from newsletter.desk.states import IllegalStep, step, unapprove
from newsletter.models import Delivery, Issue, Piece
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.models.issue import IssueState
from newsletter.pool import Candidate
from newsletter.rendering.pieces import IN_ISSUES, Card, Form, Shell
from newsletter.rendering.renderer import Renderer
from newsletter.tracking.linking import counted

SHELL = "shell"
_VOID = "content, rules or templates changed since the approval: approve it anew"


class NothingToApprove(ValueError):
    """The issue has no story that it could tell."""


class NotWhatWasSeen(ValueError):
    """The issue says something else by now than what its approver looked at."""

    def __init__(self, issue: Issue) -> None:
        super().__init__(f"issue {issue.id} was changed since you looked at it: look again, then approve it")


def approve(
    session: Session,
    issue: Issue,
    renderer: Renderer,
    *,
    by: str,
    now: datetime,
    seen: str | None = None,
    undo: timedelta = timedelta(),
) -> str:
    """Freeze what the issue says and let it go at its time; returns the content hash.

    `seen` is the `draft_hash` of what its approver looked at; no mail leaves before `undo` is over.
    Raises NotWhatWasSeen, or RenderError when a piece cannot be rendered, and then changes nothing.
    """
    if all(pick.dropped for pick in issue.picks):
        raise NothingToApprove(f"issue {issue.id} has no story to tell: import stories, or cancel it")
    parts = pieces(session, issue, renderer)
    if seen not in (None, draft_hash(issue, renderer, parts)):
        raise NotWhatWasSeen(issue)
    if issue.newsletter.tracking != "off":
        assert renderer.counted_links is not None
        parts = counted(session, issue, parts, renderer.counted_links)
    documents = {name: part.to_json() for name, part in parts.items()}
    step(issue, IssueState.APPROVED, f"approved by {by}")
    session.execute(delete(Piece).where(Piece.issue_id == issue.id))
    session.add_all(Piece(issue_id=issue.id, name=name, document=d) for name, d in documents.items())
    issue.approved_by, issue.approved_at = by, now
    issue.release_at = now + undo if undo else None
    session.flush()
    issue.content_hash = content_hash(session, issue, renderer)
    issue.rules_hash = rules_hash(issue, renderer)
    return issue.content_hash


def piece_name(candidate: Candidate, form: Form) -> str:
    return f"{candidate.story_id}@{candidate.revision}/{form}"


def pieces(session: Session, issue: Issue, renderer: Renderer) -> dict[str, Card | Shell]:
    """Every part that a mail of this issue may be joined from, compiled now."""
    words = {pick.story_id: pick for pick in issue.picks}
    newsletter = issue.newsletter
    parts: dict[str, Card | Shell] = {
        SHELL: renderer.shell(
            newsletter=newsletter.name,
            description=newsletter.description,
            date=issue.date,
            intro=issue.intro,
        )
    }
    parts |= corrections.cards(session, issue, renderer)
    for candidate in pool(session, issue):
        if candidate.dropped or candidate.retracted:
            continue
        for form in IN_ISSUES:
            parts[piece_name(candidate, form)] = renderer.card(
                candidate.content,
                form,
                headline=words[candidate.story_id].headline,
                tldr=words[candidate.story_id].tldr,
                note=words[candidate.story_id].note,
                story_id=candidate.story_id,
            )
    return parts


def frozen_pieces(
    session: Session, issue_id: int, names: Collection[str] | None = None
) -> tuple[Shell, dict[str, Card]]:
    """The parts as they were approved: the shell, and all cards or those of these names."""
    query = select(Piece.name, Piece.document).where(Piece.issue_id == issue_id)
    if names is not None:
        query = query.where(Piece.name.in_([SHELL, *names]))
    documents: dict[str, dict[str, Any]] = dict(session.execute(query).all())
    shell = Shell.from_json(documents.pop(SHELL))
    return shell, {name: Card.from_json(document) for name, document in documents.items()}


def draft_hash(issue: Issue, renderer: Renderer, parts: Mapping[str, Card | Shell]) -> str:
    """What an approver sees and approves: over the parts as they would be frozen now."""
    return _hash(issue, renderer, ((name, parts[name].to_json()) for name in sorted(parts)))


def content_hash(session: Session, issue: Issue, renderer: Renderer) -> str:
    """The same over the pieces that were frozen."""
    rows = session.execute(
        select(Piece.name, Piece.document).where(Piece.issue_id == issue.id).order_by(Piece.name)
    )
    return _hash(issue, renderer, ((name, document) for name, document in rows))


def rules_hash(issue: Issue, renderer: Renderer) -> str:
    """Over all the rest: the picks and their order, the limits, what is counted, and the templates."""
    newsletter = issue.newsletter
    picks = sorted(
        (p.story_id, p.revision, p.pin or 0, p.rank or 0, p.dropped, p.added, p.lead_for) for p in issue.picks
    )
    rules = [renderer.version, newsletter.min_stories, newsletter.max_stories, newsletter.tracking, picks]
    return hashlib.sha256(json.dumps(rules).encode()).hexdigest()


def _hash(issue: Issue, renderer: Renderer, documents: Iterable[tuple[str, dict[str, Any]]]) -> str:
    digest = hashlib.sha256(rules_hash(issue, renderer).encode())
    for name, document in documents:
        digest.update(json.dumps([name, document], sort_keys=True).encode())
    return digest.hexdigest()


def void_if_changed(session: Session, issue: Issue, renderer: Renderer) -> bool:
    """Hold an approved issue whose content, rules or templates are not those that were approved."""
    if content_hash(session, issue, renderer) == issue.content_hash:
        return False
    step(issue, IssueState.HELD, _VOID)
    return True


def void_if_overruled(issue: Issue, renderer: Renderer) -> bool:
    """The same but for its pieces, which nobody has a hand in: cheap enough to be asked at every tick."""
    if rules_hash(issue, renderer) == issue.rules_hash:
        return False
    step(issue, IssueState.HELD, _VOID)
    return True


def take_back(issue: Issue, *, by: str, now: datetime) -> None:
    """Undo an approval, as long as nothing is published: a draft again, or held where the cut-off is over."""
    if issue.state != IssueState.APPROVED:
        raise IllegalStep(issue, IssueState.DRAFT)
    unapprove(issue, f"approval taken back by {by}", now=now)


def hold(issue: Issue, *, by: str, because: str | None = None) -> None:
    """Keep the issue from going out until somebody approves it."""
    step(issue, IssueState.HELD, f"held by {by}: {because}" if because else f"held by {by}")


def let_go(issue: Issue, *, by: str) -> None:
    """End a hold before the cut-off: a draft again, with which its policy does what it does with any."""
    if issue.state != IssueState.HELD:
        raise IllegalStep(issue, IssueState.DRAFT)
    step(issue, IssueState.DRAFT, f"let go by {by}")


def pause(issue: Issue, *, by: str) -> None:
    """Keep back what has not left yet, from the next claim on; what a worker has in hand still leaves."""
    step(issue, IssueState.PAUSED, f"paused by {by}")


def resume(issue: Issue, *, by: str) -> None:
    """Let the mails of a paused issue leave again; those that came too late meanwhile expire."""
    if issue.state != IssueState.PAUSED:
        raise IllegalStep(issue, IssueState.PUBLISHED)
    step(issue, IssueState.PUBLISHED, f"resumed by {by}")


def cancel(session: Session, issue: Issue, *, by: str, now: datetime) -> int:
    """End the issue; mails not yet handed over are cancelled. Returns how many."""
    step(issue, IssueState.CANCELLED, f"cancelled by {by}")
    done = session.execute(
        update(Delivery)
        .where(
            Delivery.kind == DeliveryKind.DIGEST,
            Delivery.occasion_id == issue.id,
            Delivery.state.in_((DeliveryState.QUEUED, DeliveryState.CLAIMED)),
        )
        .values(
            state=DeliveryState.CANCELLED,
            reason=f"issue cancelled by {by}",
            settled_at=now,
            owner=None,
            lease_until=None,
        )
    )
    assert isinstance(done, CursorResult)
    return done.rowcount
