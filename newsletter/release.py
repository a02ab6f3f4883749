"""Release: an issue is let go, kept back or stopped, and what bars it from going.

Both doors and the cut-off come through here. No issue goes with a finding of preflight that blocks;
what a person does is checked against what they saw, and stands in the log.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.desk import approval
from newsletter.desk.planning import fill
from newsletter.desk.states import step
from newsletter.editors.audit import audit
from newsletter.models import AuditLine, Delivery, Issue, Pick, Story, StoryRevision
from newsletter.models.delivery import DeliveryState, Priority
from newsletter.models.issue import IssueState
from newsletter.preflight.findings import Finding, blocking
from newsletter.preflight.look import Preflight
from newsletter.rendering.renderer import Renderer


class Act(StrEnum):
    """What a person does to an issue, as the log has it."""

    APPROVE = "issue approved"
    TAKE_BACK = "approval taken back"
    HOLD = "issue held"
    LET_GO = "issue let go"
    PAUSE = "issue paused"
    RESUME = "issue resumed"
    CANCEL = "issue cancelled"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts on an issue, when, and on what they saw."""

    name: str
    now: datetime
    #: None for the command line
    editor_id: int | None = None
    ip: str | None = None
    #: the `mark` of the page before them; None for whoever looks at no page
    seen: str | None = None


class NotAsShown(ValueError):
    """The issue is not in the state any more that the page showed; nothing was done."""

    def __init__(self, issue: Issue) -> None:
        reason = f": {issue.reason}" if issue.reason else ""
        super().__init__(f"issue {issue.id} is {issue.state} at version {issue.version} by now{reason}")


class Barred(ValueError):
    """Preflight found what no issue may leave with. Nobody can approve that away: it is to be mended."""

    def __init__(self, issue: Issue, findings: Sequence[Finding]) -> None:
        self.findings = findings
        faults = "; ".join(f"{_placed(each)} ({each.remedy})" for each in findings)
        super().__init__(f"preflight bars issue {issue.id}: {faults}")


class SamePerson(ValueError):
    """Whoever changed the issue last may not approve it: that is for another approver."""

    def __init__(self, issue: Issue) -> None:
        super().__init__(
            f"you changed issue {issue.id} last, and {issue.newsletter.name} goes by two persons: "
            "ask another approver"
        )


class TooLate(ValueError):
    """The time for this is over."""


def mark(issue: Issue) -> str:
    """Of what a page shows: equal as long as the issue takes no step and no change."""
    facts = [issue.state, issue.turn, issue.version]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def changed_last(issue: Issue, editor_id: int | None) -> bool:
    """Whether the two-person rule keeps this editor from approving the issue."""
    return issue.newsletter.two_persons and issue.version > 0 and issue.edited_by == editor_id


def close(session: Session, issue: Issue, renderer: Renderer, preflight: Preflight, *, now: datetime) -> None:
    """The cut-off of a draft: fill it for the last time, then send or hold by its policy.

    What preflight bars is held, whatever the policy, and so is what one person changed where it takes
    two. Raises RenderError.
    """
    fill(session, issue)
    until = f"it can still go out until {_at_home(issue, issue.expires_at):%Y-%m-%d %H:%M %Z}"
    if all(pick.dropped for pick in issue.picks):
        step(issue, IssueState.SKIPPED, "no story was seen since the last issue")
    elif issue.newsletter.policy != "send":
        step(issue, IssueState.HELD, f"nobody approved it before its cut-off (policy: hold); {until}")
    elif faults := blocking(preflight(session, issue, now)):
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        step(issue, IssueState.HELD, f"preflight bars it: {_placed(faults[0])}{more}; {until}")
    elif issue.newsletter.two_persons and issue.version:
        step(issue, IssueState.HELD, f"changed by one person, and approved by no other; {until}")
    else:
        approval.approve(session, issue, renderer, by="policy: send at the cut-off", now=now)


def approve(
    session: Session,
    issue: Issue,
    renderer: Renderer,
    preflight: Preflight,
    actor: Actor,
    *,
    seen: str | None = None,
    undo: timedelta = timedelta(),
) -> str:
    """`approval.approve` by a person. Also raises NotAsShown, SamePerson, TooLate and Barred."""
    _check(issue, actor)
    if changed_last(issue, actor.editor_id):
        raise SamePerson(issue)
    if undo and actor.now + undo >= issue.expires_at:
        expires = _at_home(issue, issue.expires_at)
        raise TooLate(f"issue {issue.id} expires at {expires:%H:%M %Z}, sooner than it could leave")
    findings = preflight(session, issue, actor.now)
    if faults := blocking(findings):
        raise Barred(issue, faults)
    digest = approval.approve(session, issue, renderer, by=actor.name, now=actor.now, seen=seen, undo=undo)
    _note(session, Act.APPROVE, issue, actor, hash=digest, version=issue.version, warnings=len(findings))
    return digest


def take_back(session: Session, issue: Issue, actor: Actor) -> None:
    """Undo an approval while nothing is published. Raises NotAsShown and IllegalStep."""
    _check(issue, actor)
    approval.take_back(issue, by=actor.name, now=actor.now)
    _note(session, Act.TAKE_BACK, issue, actor)


def hold(session: Session, issue: Issue, actor: Actor, *, because: str | None = None) -> None:
    """Keep the issue from going out. Raises NotAsShown and IllegalStep."""
    _check(issue, actor)
    approval.hold(issue, by=actor.name, because=because)
    _note(session, Act.HOLD, issue, actor, because=because)


def let_go(session: Session, issue: Issue, actor: Actor) -> None:
    """End a hold before the cut-off. Raises NotAsShown, TooLate and IllegalStep."""
    _check(issue, actor)
    if actor.now >= issue.cutoff_at:
        raise TooLate(f"the cut-off of issue {issue.id} is over, no policy sends it now: approve it")
    approval.let_go(issue, by=actor.name)
    _note(session, Act.LET_GO, issue, actor)


def pause(session: Session, issue: Issue, actor: Actor) -> None:
    """Keep back the mails that have not left yet. Raises NotAsShown and IllegalStep."""
    _check(issue, actor)
    approval.pause(issue, by=actor.name)
    _note(session, Act.PAUSE, issue, actor)


def resume(session: Session, issue: Issue, actor: Actor) -> None:
    """Let them leave again. Raises NotAsShown and IllegalStep."""
    _check(issue, actor)
    approval.resume(issue, by=actor.name)
    _note(session, Act.RESUME, issue, actor)


def cancel(session: Session, issue: Issue, actor: Actor) -> int:
    """End the issue for good; returns how many mails that stopped. Raises NotAsShown and IllegalStep."""
    _check(issue, actor)
    stopped = approval.cancel(session, issue, by=actor.name, now=actor.now)
    _note(session, Act.CANCEL, issue, actor, mails=stopped)
    return stopped


def came_in(session: Session, issue: Issue, *, since: datetime) -> Sequence[str]:
    """The titles of its stories that were first told, or told anew, after `since`; the newest first."""
    return session.scalars(
        select(Story.title)
        .join(Pick, Pick.story_id == Story.id)
        .join(
            StoryRevision,
            (StoryRevision.story_id == Pick.story_id) & (StoryRevision.number == Pick.revision),
        )
        .where(Pick.issue_id == issue.id, StoryRevision.seen_at > since)
        .order_by(StoryRevision.seen_at.desc(), Story.id)
    ).all()


def leaves_at(issue: Issue) -> datetime:
    """When an approved issue is published at the earliest."""
    return max(issue.publish_at, issue.release_at or issue.publish_at)


def next_mail_at(session: Session, issue: Issue) -> datetime | None:
    """When the next of its mails that wait is due; None where none waits."""
    return session.scalar(
        select(Delivery.due_at)
        .where(
            Delivery.state == DeliveryState.QUEUED,
            Delivery.priority == Priority.DIGEST,
            Delivery.occasion_id == issue.id,
        )
        .order_by(Delivery.due_at)
        .limit(1)
    )


def _check(issue: Issue, actor: Actor) -> None:
    if actor.seen not in (None, mark(issue)):
        raise NotAsShown(issue)


def is_repeated(session: Session, issue: Issue, act: Act, actor: Actor) -> bool:
    """Whether the actor's last act on the issue was this one, from the same page: a form sent twice."""
    last = session.scalar(
        select(AuditLine)
        .where(
            AuditLine.editor_id == actor.editor_id,
            AuditLine.subject == _subject(issue),
            AuditLine.act.in_(Act),
        )
        .order_by(AuditLine.id.desc())
        .limit(1)
    )
    return last is not None and last.act == act and (last.detail or {}).get("seen") == actor.seen


def _subject(issue: Issue) -> str:
    return f"issue {issue.id}"


def _note(session: Session, act: Act, issue: Issue, actor: Actor, **detail: Any) -> None:
    if actor.seen is None:
        detail["operator"] = actor.name
    else:
        detail["seen"] = actor.seen
    audit(
        session,
        act,
        _subject(issue),
        editor_id=actor.editor_id,
        now=actor.now,
        detail=detail,
        ip=actor.ip,
    )


def _at_home(issue: Issue, at: datetime) -> datetime:
    """The instant as its editors read it."""
    return at.astimezone(ZoneInfo(issue.newsletter.timezone))


def _placed(finding: Finding) -> str:
    """What is wrong, and where."""
    where = finding.where if finding.story_id is None else f"story {finding.story_id}, {finding.where}"
    return f"{where}: {finding.words}"
