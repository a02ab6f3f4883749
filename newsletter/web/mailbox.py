"""The mailbox: what the folder provider keeps, and the issues with their proof of counts.

Only for trying the service out: it shows every mail to whoever can reach it, so it exists only
where mail goes into a folder. Mails are shown as inert documents, without scripts and images.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.mail import Content
from newsletter.models import Edition, Issue
from newsletter.preview import NoPreview, preview
from newsletter.proof import proof
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import reading
from newsletter.web.mailfolder import StoredMail, mail_names, read_envelope, read_mail
from newsletter.web.pages import AtDoor, Door, PageRoute
from subscribers.address import InvalidAddress

router = APIRouter(prefix="/mailbox", route_class=PageRoute)

#: mails on one page
PAGE = 100
#: keeps a mail inert even where it is opened on its own
INERT = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline';"
    " frame-ancestors 'self'"
}

NOTHING_TO_SHOW = (NoPreview, InvalidAddress, RenderError)

IssueId = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("")
def show_mails(door: AtDoor, page: Annotated[int, Query(ge=1, le=10**6)] = 1) -> Response:
    folder = door.services.settings.mail_folder
    names = mail_names(folder)
    shown = names[(page - 1) * PAGE : page * PAGE]
    return door.pages.answer(
        "mailbox/mails.html",
        mails=[read_envelope(folder, name) for name in shown],
        total=len(names),
        page=page,
        more=len(names) > page * PAGE,
    )


@router.get("/issues")
def show_issues(door: AtDoor) -> Response:
    with reading(door.services.engine) as session:
        newest_first = select(Issue).order_by(Issue.date.desc(), Issue.id.desc()).limit(PAGE)
        return door.pages.answer("mailbox/issues.html", issues=session.scalars(newest_first).all())


@router.get("/issues/{issue_id}")
def show_issue(issue_id: IssueId, door: AtDoor) -> Response:
    with _issue(door, issue_id) as (session, issue):
        editions = session.scalars(
            select(Edition).where(Edition.issue_id == issue_id).order_by(Edition.readers.desc(), Edition.id)
        )
        return door.pages.answer(
            "mailbox/issue.html", issue=issue, proof=proof(session, issue), editions=editions.all()
        )


@dataclass(frozen=True, slots=True)
class Eyes:
    """Through whose eyes an issue is previewed: an audience's, one subscriber's, or anybody's."""

    audience: str | None = None
    email: str | None = None


@router.get("/issues/{issue_id}/preview")
def show_preview(issue_id: IssueId, eyes: Annotated[Eyes, Depends()], door: AtDoor) -> Response:
    with _issue(door, issue_id) as (session, issue):
        try:
            content = _content(door, session, issue, eyes)
        except NOTHING_TO_SHOW as error:
            return door.pages.answer("message.html", status=422, title="No preview", text=str(error))
        return door.pages.answer("mailbox/preview.html", issue=issue, content=content, eyes=eyes)


@router.get("/issues/{issue_id}/preview/html")
def show_preview_html(issue_id: IssueId, eyes: Annotated[Eyes, Depends()], door: AtDoor) -> Response:
    with _issue(door, issue_id) as (session, issue):
        try:
            return HTMLResponse(_content(door, session, issue, eyes).html, headers=INERT)
        except NOTHING_TO_SHOW:
            raise HTTPException(404) from None


@router.get("/{name}")
def show_mail(name: str, door: AtDoor) -> Response:
    mail = _mail(door, name)
    links = mail.links(door.services.settings.public_url)
    return door.pages.answer("mailbox/mail.html", mail=mail, links=links)


@router.get("/{name}/html")
def show_mail_html(name: str, door: AtDoor) -> Response:
    return HTMLResponse(_mail(door, name).html, headers=INERT)


def _mail(door: Door, name: str) -> StoredMail:
    try:
        return read_mail(door.services.settings.mail_folder, name)
    except FileNotFoundError:
        raise HTTPException(404) from None


@contextmanager
def _issue(door: Door, issue_id: int) -> Iterator[tuple[Session, Issue]]:
    with reading(door.services.engine) as session:
        issue = session.get(Issue, issue_id)
        if issue is None:
            raise HTTPException(404)
        yield session, issue


def _content(door: Door, session: Session, issue: Issue, eyes: Eyes) -> Content:
    renderer = door.services.renderer
    return preview(session, issue, renderer, audience=eyes.audience or None, email=eyes.email or None).content
