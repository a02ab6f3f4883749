"""What editors do to an alert of their own: draft it from a story, aim it, write its headline and line.

Each change and each step is a version. Whoever does something says which version they saw; if somebody
else was there meanwhile, nothing is done. All of it stands in the log.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.content import StoryContent
from newsletter.desk.editing import fit, tidy
from newsletter.editors.audit import audit
from newsletter.models import Alert, Story, StoryRevision
from newsletter.models.alert import AlertKind
from newsletter.models.alert import AlertState as S
from newsletter.release import Actor
from subscribers.segments.parsing import parse

#: states in which an alert may still be changed
CHANGEABLE = (S.DRAFT, S.APPROVED)
STEPS: dict[S, frozenset[S]] = {
    S.DRAFT: frozenset({S.APPROVED, S.CANCELLED}),
    S.APPROVED: frozenset({S.DRAFT, S.SPREADING, S.CANCELLED, S.EXPIRED}),
    S.SPREADING: frozenset({S.SPREAD, S.CANCELLED, S.EXPIRED}),
    # as long as some of its mails have not left
    S.SPREAD: frozenset({S.CANCELLED}),
    S.CANCELLED: frozenset(),
    S.EXPIRED: frozenset(),
}


class Act(StrEnum):
    """What a person does to an alert, as the log has it."""

    DRAFT = "alert drafted"
    CHANGE = "alert changed"
    APPROVE = "alert approved"
    TAKE_BACK = "alert taken back"
    CANCEL = "alert cancelled"


class IllegalStep(ValueError):
    """An alert cannot go from its state to the one asked for."""

    def __init__(self, alert: Alert, to: S) -> None:
        allowed = " or ".join(sorted(STEPS[S(alert.state)]))
        remedy = f"it can become {allowed}" if allowed else "nothing can be done to it any more"
        super().__init__(f"alert {alert.id} is {alert.state} and cannot become {to}: {remedy}")


class Overtaken(ValueError):
    """The alert was changed, or took a step, since it was looked at; nothing was done."""

    def __init__(self, alert: Alert) -> None:
        reason = f": {alert.reason}" if alert.reason else ""
        super().__init__(
            f"alert {alert.id} was changed since you looked: by now it is {alert.state}"
            f" at version {alert.version}{reason}"
        )


class Unsaved(ValueError):
    """What its approver wrote or chose is not what would leave."""

    def __init__(self, alert: Alert) -> None:
        super().__init__(
            f"what you wrote is not in alert {alert.id} yet: save it, look at the mail, then approve it"
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What editors choose of an alert; empty is none."""

    #: above the story: why it is told at once
    line: str = ""
    #: in place of the story's own
    headline: str = ""
    #: as the site names them
    audiences: tuple[str, ...] = ()
    #: the rule of a segment
    segment: str = ""

    @staticmethod
    def of(alert: Alert) -> "Wanted":
        return Wanted(alert.line or "", alert.headline or "", tuple(alert.audiences), alert.segment or "")


def draft(session: Session, story: Story, actor: Actor, *, life: timedelta) -> Alert:
    """An alert of the story, aimed at nobody yet; or the one that is being worked at already."""
    session.execute(select(Story.id).where(Story.id == story.id).with_for_update())
    query = select(Alert).where(Alert.story_id == story.id, Alert.state.in_(CHANGEABLE))
    if found := session.scalars(query.where(Alert.kind == AlertKind.EDITORS).limit(1)).first():
        return found
    alert = Alert(
        kind=AlertKind.EDITORS,
        story=story,
        state=S.DRAFT,
        made_at=actor.now,
        # it begins anew with its approval
        expires_at=actor.now + life,
        rules=[],
        audiences=[],
        pieces={},
        version=1,
        edited_by=actor.editor_id,
    )
    renew(alert, content_of(session, story))
    session.add(alert)
    session.flush()
    note(session, Act.DRAFT, alert, actor, story=story.id)
    return alert


def change(session: Session, alert: Alert, wanted: Wanted, actor: Actor) -> bool:
    """Set all of that, as one version of the alert; voids an approval.

    False where everything was so already. Raises Overtaken, IllegalStep where it is too late, TooLong,
    and BadRule for a segment that is none.
    """
    check(session, alert, actor)
    if alert.state not in CHANGEABLE:
        raise IllegalStep(alert, S.DRAFT)
    content = content_of(session, alert.story)
    changed = _unlike(alert, content, wanted)
    if not changed:
        return False
    for name, (_, after) in changed.items():
        setattr(alert, name, after)
    alert.edited_by = actor.editor_id
    renew(alert, content)
    if alert.state == S.APPROVED:
        step(alert, S.DRAFT, f"changed by {actor.name} after its approval: approve it anew")
    else:
        alert.version += 1
        alert.reason = None
    note(session, Act.CHANGE, alert, actor, changed=changed)
    return True


def nothing_unsaved(session: Session, alert: Alert, wanted: Wanted) -> None:
    """Raises Unsaved where the alert is not so yet; TooLong and BadRule as `change`."""
    if _unlike(alert, content_of(session, alert.story), wanted):
        raise Unsaved(alert)


def _unlike(alert: Alert, content: StoryContent, wanted: Wanted) -> dict[str, list[Any]]:
    """What of it is to be otherwise: field → what stands there, and what is wanted."""
    after: dict[str, Any] = {
        "line": fit("line", wanted.line),
        "headline": fit("headline", wanted.headline),
        "audiences": list(wanted.audiences),
        "segment": wanted.segment.strip() or None,
    }
    if after["headline"] == tidy("headline", content.title):
        after["headline"] = None
    if after["segment"]:
        parse(after["segment"])
    both = {name: [getattr(alert, name), value] for name, value in after.items()}
    return {name: [before, value] for name, (before, value) in both.items() if before != value}


def content_of(session: Session, story: Story) -> StoryContent:
    """What is known of the story now: what a draft tells."""
    return session.get_one(StoryRevision, (story.id, story.revision)).content


def renew(alert: Alert, content: StoryContent) -> None:
    """Let the alert tell its story as it is known now."""
    alert.revision = alert.story.revision
    alert.companies = sorted(content.company_terms)


def check(session: Session, alert: Alert, actor: Actor) -> None:
    """Lock the alert against others. Raises Overtaken where the actor saw another version."""
    session.refresh(alert, with_for_update={"of": Alert})
    if actor.seen not in (None, str(alert.version)):
        raise Overtaken(alert)


def step(alert: Alert, to: S, reason: str | None) -> None:
    """Bring the alert into the state `to`, with the reason that people will read. Raises IllegalStep."""
    if to not in STEPS[S(alert.state)]:
        raise IllegalStep(alert, to)
    alert.state, alert.reason = to, reason
    alert.version += 1
    if to == S.DRAFT:
        # an approval holds no longer than its state
        alert.approved_by = alert.approved_at = alert.release_at = alert.content_hash = None
        alert.pieces = {}


def note(session: Session, act: Act, alert: Alert, actor: Actor, **detail: Any) -> None:
    """Write it into the log."""
    detail["version"] = alert.version
    if actor.editor_id is None:
        detail["operator"] = actor.name
    subject, by = f"alert {alert.id}", actor.editor_id
    audit(session, act, subject, editor_id=by, now=actor.now, detail=detail, ip=actor.ip)
