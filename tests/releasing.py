"""Issues for tests to let go or keep back, by persons and by the cut-off, with what preflight would find."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import release
from newsletter.editors import people
from newsletter.models import Issue, Newsletter
from newsletter.models.editor import Role
from newsletter.preflight.findings import Finding, Severity
from newsletter.preflight.look import Preflight
from newsletter.release import Act, Actor
from newsletter.store.engine import writing
from newsletter.wiring import Services
from subscribers.address import parse
from tests.builders import a_story
from tests.issues import CUTOFF, SEEN, daily, draft, subscribe, tell

MINUTE = timedelta(minutes=1)
FAULT = Finding("citations", Severity.BLOCKING, "analysis", "[3] names no source", "name it", 7)
DOUBT = replace(FAULT, severity=Severity.WARNING)
STEPS: dict[Act, Callable[[Session, Issue, Actor], object]] = {
    Act.TAKE_BACK: release.take_back,
    Act.HOLD: release.hold,
    Act.LET_GO: release.let_go,
    Act.PAUSE: release.pause,
    Act.RESUME: release.resume,
    Act.CANCEL: release.cancel,
}


def finding(*found: Finding) -> Preflight:
    """A preflight that finds these."""

    def look(session: Session, issue: Issue, now: datetime) -> Sequence[Finding]:
        return found

    return look


def an_issue(services: Services) -> int:
    """A draft of one story, for one reader."""
    tell(services, a_story("As approved"))
    subscribe(services, "a@reader.example")
    return draft(services)


def approve(
    services: Services,
    issue_id: int,
    *found: Finding,
    by: Actor | None = None,
    seen: str | None = None,
    minutes: int = 0,
) -> None:
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        undo, actor = timedelta(minutes=minutes), by or Actor("Ada", SEEN)
        release.approve(session, issue, services.renderer, finding(*found), actor, seen=seen, undo=undo)


def close(services: Services, *found: Finding) -> Issue:
    """The cut-off of the daily, where preflight finds these."""
    with writing(services.engine) as session:
        issue = session.get_one(Issue, daily(services).id)
        release.close(session, issue, services.renderer, finding(*found), now=CUTOFF)
    return daily(services)


def change(services: Services, **facts: object) -> None:
    with writing(services.engine) as session:
        newsletter = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        for name, value in facts.items():
            setattr(newsletter, name, value)


def an_editor(services: Services, name: str) -> int:
    with writing(services.engine) as session:
        return people.add(session, parse(f"{name}@desk.example"), Role.APPROVER, now=SEEN).id
