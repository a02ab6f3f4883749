"""Close an issue, approve it, hold it, pause it, cancel it.

An approval freezes the compiled pieces from which every mail of the issue is joined, and a hash
over them: what leaves is what was approved.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from newsletter.desk.planning import fill, pool
from newsletter.desk.states import IllegalStep, step
from newsletter.models import Delivery, Issue, Piece
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.models.issue import IssueState
from newsletter.pool import Candidate
from newsletter.rendering.pieces import Card, Form, Shell
from newsletter.rendering.renderer import Renderer
from newsletter.tracking.linking import counted

SHELL = "shell"


class NothingToApprove(ValueError):
    """The issue has no story that it could tell."""


def close(session: Session, issue: Issue, renderer: Renderer, *, now: datetime) -> None:
    """The cut-off of a draft: fill it for the last time, then send or hold by its policy."""
    fill(session, issue)
    if all(pick.dropped for pick in issue.picks):
        step(issue, IssueState.SKIPPED, "no story was seen since the last issue")
    elif issue.newsletter.policy == "send":
        approve(session, issue, renderer, by="policy: send at the cut-off", now=now)
    else:
        until = f"it can still go out until {issue.expires_at:%Y-%m-%d %H:%M} UTC"
        step(issue, IssueState.HELD, f"nobody approved it before its cut-off (policy: hold); {until}")


def approve(session: Session, issue: Issue, renderer: Renderer, *, by: str, now: datetime) -> str:
    """Freeze what the issue says and let it go at its time; returns the content hash.

    Raises RenderError, and changes nothing, when a piece cannot be rendered.
    """
    if all(pick.dropped for pick in issue.picks):
        raise NothingToApprove(f"issue {issue.id} has no story to tell: import stories, or cancel it")
    parts = pieces(session, issue, renderer)
    if issue.newsletter.tracking != "off":
        assert renderer.counted_links is not None
        parts = counted(session, issue, parts, renderer.counted_links)
    documents = {name: part.to_json() for name, part in parts.items()}
    step(issue, IssueState.APPROVED, f"approved by {by}")
    session.execute(delete(Piece).where(Piece.issue_id == issue.id))
    session.add_all(Piece(issue_id=issue.id, name=name, document=d) for name, d in documents.items())
    issue.approved_by, issue.approved_at = by, now
    session.flush()
    issue.content_hash = content_hash(session, issue, renderer)
    return issue.content_hash


def piece_name(candidate: Candidate, form: Form) -> str:
    return f"{candidate.story_id}@{candidate.revision}/{form}"


def pieces(session: Session, issue: Issue, renderer: Renderer) -> dict[str, Card | Shell]:
    """Every part that a mail of this issue may be joined from, compiled now."""
    words = {pick.story_id: pick for pick in issue.picks}
    newsletter = issue.newsletter
    parts: dict[str, Card | Shell] = {
        SHELL: renderer.shell(newsletter=newsletter.name, description=newsletter.description, date=issue.date)
    }
    for candidate in pool(session, issue):
        if candidate.dropped:
            continue
        for form in Form:
            parts[piece_name(candidate, form)] = renderer.card(
                candidate.content,
                form,
                headline=words[candidate.story_id].headline,
                note=words[candidate.story_id].note,
                story_id=candidate.story_id,
            )
    return parts


def frozen_pieces(session: Session, issue_id: int) -> tuple[Shell, dict[str, Card]]:
    """The parts as they were approved."""
    rows = session.execute(select(Piece.name, Piece.document).where(Piece.issue_id == issue_id))
    documents: dict[str, dict[str, Any]] = dict(rows.all())
    shell = Shell.from_json(documents.pop(SHELL))
    return shell, {name: Card.from_json(document) for name, document in documents.items()}


def content_hash(session: Session, issue: Issue, renderer: Renderer) -> str:
    """Over the frozen pieces, the picks and their order, the limits, what is counted, and the templates."""
    digest = hashlib.sha256(renderer.version.encode())
    newsletter = issue.newsletter
    picks = sorted((p.story_id, p.revision, p.pin or 0, p.dropped) for p in issue.picks)
    rules = [newsletter.min_stories, newsletter.max_stories, newsletter.tracking, picks]
    digest.update(json.dumps(rules).encode())
    rows = session.execute(
        select(Piece.name, Piece.document).where(Piece.issue_id == issue.id).order_by(Piece.name)
    )
    for name, document in rows:
        digest.update(json.dumps([name, document], sort_keys=True).encode())
    return digest.hexdigest()


def void_if_changed(session: Session, issue: Issue, renderer: Renderer) -> bool:
    """Hold an approved issue whose content, rules or templates are not those that were approved."""
    if content_hash(session, issue, renderer) == issue.content_hash:
        return False
    step(issue, IssueState.HELD, "content or templates changed since the approval: approve it anew")
    return True


def hold(issue: Issue, *, by: str) -> None:
    """Keep the issue from going out until somebody approves it."""
    step(issue, IssueState.HELD, f"held by {by}")


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
