"""A test mail of an issue: to an editor's own mailbox, as an audience would get it, and what became of it."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.editors.audit import audit, by_key
from newsletter.mail import Mail, Outcome, Verdict
from newsletter.models import AuditLine, Editor, Issue
from newsletter.preview import NoPreview, preview
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import reading, writing
from newsletter.testmail import hand_over, recipients, trial_mail
from newsletter.web.desk.issue_head import IssueNumber, find_issue
from newsletter.web.desk.send_refused import refused
from newsletter.web.desk.visits import Curator, Visit
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute
from subscribers import throttle
from subscribers.address import parse
from subscribers.throttle import Limit

router = APIRouter(prefix="/desk", route_class=PageRoute)

#: for one editor
BY_EDITOR = Limit("test mail, editor", 10, timedelta(minutes=10))
#: for one form: a double click and the back button bring no second mail
BY_FORM = Limit("test mail, form", 1, timedelta(days=1))

#: in the log: when it is handed over, and what became of it
HANDED = "test mail handed over"
BECAME = {
    Verdict.ACCEPTED: "test mail taken",
    Verdict.REFUSED: "test mail refused",
    Verdict.NOT_TAKEN: "test mail not taken",
    Verdict.UNKNOWN: "test mail unknown",
}


class TooMany(ValueError):
    """Ten test mails in ten minutes are enough: wait a little, or look at the preview."""


class Again(ValueError):
    """This very form was used before, and brought its mail: open the page anew for another one."""


class NotVerified(ValueError):
    """Test mails go only to editors who have signed in by a link from that mailbox in the last 30 days."""


@dataclass(frozen=True)
class LastTest:
    """What became of an editor's last test mail of an issue."""

    #: the act as the log has it
    what: str
    at: datetime
    audience: str | None
    reason: str | None


def new_once() -> str:
    """For one form: what it is known by when it comes twice."""
    return secrets.token_urlsafe(12)


def last_test(session: Session, issue: Issue, visit: Visit) -> LastTest | None:
    """The editor's last one of this issue."""
    line = session.scalar(
        select(AuditLine)
        .where(
            AuditLine.editor_id == visit.editor_id,
            AuditLine.subject == f"issue {issue.id}",
            AuditLine.act.in_([HANDED, *BECAME.values()]),
        )
        .order_by(AuditLine.id.desc())
        .limit(1)
    )
    if line is None:
        return None
    detail = line.detail or {}
    return LastTest(line.act, line.at, detail.get("audience"), detail.get("reason"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A test mail that somebody wants."""

    issue_id: int
    audience: str | None
    #: number of the editor who is to get it
    to: str
    #: what tells it from any other
    once: str
    #: who wants it, and from where
    editor_id: int | None
    ip: str | None
    #: the name of the key, where a program of theirs does
    key: str | None = None


@router.post("/issues/{issue_id}/send-test", max_body_size=FORM_LIMIT)
def send_test(visit: Curator, issue_id: IssueNumber, door: AtDoor) -> Response:
    """Hand one over at once; nobody counts as told by it, and its outcome stands on the page."""
    chosen = str(visit.form.get("audience", ""))
    audience = chosen if chosen in door.services.site.audiences else None
    to, once = str(visit.form.get("to", visit.editor_id)), str(visit.form.get("once", ""))
    try:
        send(door, Wanted(issue_id, audience, to, once, visit.editor_id, visit.ip))
    except (NoPreview, NotVerified, TooMany, Again, RenderError) as error:
        return refused(door, visit, issue_id, error)
    return RedirectResponse(f"{door.pages.base}/desk/issues/{issue_id}/send#test", 303)


def send(door: Door, wanted: Wanted) -> Outcome:
    """Hand it over at once, and say what became of it.

    Raises NotVerified, TooMany, Again, NoPreview and RenderError, and then no mail leaves.
    """
    to, mail = _make(door, wanted)
    detail: dict[str, object] = {"to": to.id, "audience": wanted.audience}
    _admit(door, wanted, detail)
    outcome = hand_over(door.services.provider, mail)
    detail |= {"reason": outcome.reason} if outcome.reason else {}
    with writing(door.services.engine) as session:
        _note(session, BECAME[outcome.verdict], wanted, door.clock(), detail)
    return outcome


def _make(door: Door, wanted: Wanted) -> tuple[Editor, Mail]:
    settings = door.services.settings
    with reading(door.services.engine) as session:
        issue = find_issue(session, wanted.issue_id)
        to = next((each for each in recipients(session) if str(each.id) == wanted.to), None)
        if to is None:
            raise NotVerified(NotVerified.__doc__)
        content = preview(session, issue, door.services.renderer, audience=wanted.audience).content
        return to, trial_mail(
            content,
            issue,
            to=parse(to.email),
            sender=settings.mail_from,
            public_url=settings.public_url,
        )


def _admit(door: Door, wanted: Wanted, detail: dict[str, object]) -> None:
    """Count it and write it down before it leaves, in a transaction of its own."""
    now, prints = door.clock(), door.services.fingerprints
    by = str(wanted.editor_id or wanted.key)
    with writing(door.services.engine) as session:
        throttle.purge(session, now=now)
        if not throttle.admitted(session, [(BY_FORM, wanted.once)], fingerprints=prints, now=now):
            raise Again(Again.__doc__)
        if not throttle.admitted(session, [(BY_EDITOR, by)], fingerprints=prints, now=now):
            raise TooMany(TooMany.__doc__)
        _note(session, HANDED, wanted, now, detail)


def _note(session: Session, act: str, wanted: Wanted, now: datetime, detail: dict[str, object]) -> None:
    if wanted.key:
        by_key(session, wanted.key)
    subject, by, ip = f"issue {wanted.issue_id}", wanted.editor_id, wanted.ip
    audit(session, act, subject, editor_id=by, now=now, detail=detail, ip=ip)
