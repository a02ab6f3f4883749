"""A test mail of an issue or an alert: to an editor's own mailbox, and what became of it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import testmail
from newsletter.editors.audit import audit, by_key
from newsletter.mail import Mail, Outcome, Verdict
from newsletter.models import AuditLine, Editor
from newsletter.preview import NoPreview
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import reading, writing
from newsletter.testmail import hand_over, recipients
from newsletter.web.desk.alert_view import find_alert
from newsletter.web.desk.issue_head import IssueNumber, find_issue
from newsletter.web.desk.send_refused import refused
from newsletter.web.desk.visits import Curator, Visit
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute
from subscribers import throttle
from subscribers.address import Address, parse
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


#: why a test mail does not leave
REFUSALS = (NoPreview, NotVerified, TooMany, Again, RenderError)


@dataclass(frozen=True)
class LastTest:
    """What became of an editor's last test mail of an issue or an alert."""

    #: the act as the log has it
    what: str
    at: datetime
    audience: str | None
    reason: str | None


def new_once() -> str:
    """For one form: what it is known by when it comes twice."""
    return secrets.token_urlsafe(12)


def last_test(session: Session, subject: str, visit: Visit) -> LastTest | None:
    """The editor's last one of this, as the log names it: `issue 7`."""
    line = session.scalar(
        select(AuditLine)
        .where(
            AuditLine.editor_id == visit.editor_id,
            AuditLine.subject == subject,
            AuditLine.act.in_([HANDED, *BECAME.values()]),
        )
        .order_by(AuditLine.id.desc())
        .limit(1)
    )
    if line is None:
        return None
    detail = line.detail or {}
    return LastTest(line.act, line.at, detail.get("audience"), detail.get("reason"))


#: makes the mail to an address
Make = Callable[[Session, Address], Mail]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A test mail that somebody wants."""

    #: what it is of, as the log names it: `issue 7`
    subject: str
    make: Make
    #: number of the editor who is to get it
    to: str
    #: what tells it from any other
    once: str
    #: who wants it, and from where
    editor_id: int | None
    ip: str | None
    #: as whom it is made, where that makes a difference
    audience: str | None = None
    #: the name of the key, where a program of theirs does
    key: str | None = None


def of_issue(door: Door, issue_id: int, audience: str | None) -> Make:
    """How that of an issue is made, as readers of the audience would get it."""
    services = door.services

    def make(session: Session, to: Address) -> Mail:
        post = testmail.Post(to, services.settings.mail_from, services.settings.public_url)
        issue = find_issue(session, issue_id)
        return testmail.of_issue(session, issue, services.renderer, post, audience=audience)

    return make


def of_alert(door: Door, alert_id: int) -> Make:
    """How that of an alert is made, as its page shows it."""
    services = door.services

    def make(session: Session, to: Address) -> Mail:
        post = testmail.Post(to, services.settings.alert_sender, services.settings.public_url)
        return testmail.of_alert(session, find_alert(session, alert_id), services.renderer, post)

    return make


@router.post("/issues/{issue_id}/send-test", max_body_size=FORM_LIMIT)
def send_test(visit: Curator, issue_id: IssueNumber, door: AtDoor) -> Response:
    """Hand one over at once; nobody counts as told by it, and its outcome stands on the page."""
    chosen = str(visit.form.get("audience", ""))
    audience = chosen if chosen in door.services.site.audiences else None
    to, once = str(visit.form.get("to", visit.editor_id)), str(visit.form.get("once", ""))
    make = of_issue(door, issue_id, audience)
    try:
        send(door, Wanted(f"issue {issue_id}", make, to, once, visit.editor_id, visit.ip, audience))
    except REFUSALS as error:
        return refused(door, visit, issue_id, error)
    return RedirectResponse(f"{door.pages.base}/desk/issues/{issue_id}/send#test", 303)


def send(door: Door, wanted: Wanted) -> Outcome:
    """Hand it over at once, and say what became of it. Raises REFUSALS, and then no mail leaves."""
    to, mail = _made(door, wanted)
    detail: dict[str, object] = {"to": to.id, "audience": wanted.audience}
    _admit(door, wanted, detail)
    outcome = hand_over(door.services.provider, mail)
    detail |= {"reason": outcome.reason} if outcome.reason else {}
    with writing(door.services.engine) as session:
        _note(session, BECAME[outcome.verdict], wanted, door.clock(), detail)
    return outcome


def _made(door: Door, wanted: Wanted) -> tuple[Editor, Mail]:
    with reading(door.services.engine) as session:
        to = next((each for each in recipients(session) if str(each.id) == wanted.to), None)
        if to is None:
            raise NotVerified(NotVerified.__doc__)
        return to, wanted.make(session, parse(to.email))


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
    by, ip = wanted.editor_id, wanted.ip
    audit(session, act, wanted.subject, editor_id=by, now=now, detail=detail, ip=ip)
