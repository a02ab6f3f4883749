"""The mailbox: what the folder provider keeps, and the issues with their proof of counts.

Only for trying the service out: it shows every mail to whoever can reach it, so it exists only
where mail goes into a folder. Mails are shown as inert documents, without scripts and images.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.mail import Content
from newsletter.models import Edition, Issue
from newsletter.preview import NoPreview, preview
from newsletter.proof import proof
from newsletter.store.engine import reading
from newsletter.web.mailfolder import mail_names, read_envelope, read_mail
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


@router.get("/issues/{issue_id}/preview")
def show_preview(
    issue_id: IssueId, door: AtDoor, audience: str | None = None, email: str | None = None
) -> Response:
    with _issue(door, issue_id) as (session, issue):
        content, obstacle = None, None
        try:
            content = _preview(door, session, issue, audience, email)
        except (NoPreview, InvalidAddress) as error:
            obstacle = str(error)
        return door.pages.answer(
            "mailbox/preview.html",
            status=200 if content else 422,
            issue=issue,
            content=content,
            obstacle=obstacle,
            audience=audience,
            email=email,
        )


@router.get("/issues/{issue_id}/preview/html")
def show_preview_html(
    issue_id: IssueId, door: AtDoor, audience: str | None = None, email: str | None = None
) -> Response:
    with _issue(door, issue_id) as (session, issue):
        try:
            return HTMLResponse(_preview(door, session, issue, audience, email).html, headers=INERT)
        except (NoPreview, InvalidAddress):
            raise HTTPException(404) from None


@router.get("/{name}")
def show_mail(name: str, door: AtDoor) -> Response:
    settings = door.services.settings
    try:
        mail = read_mail(settings.mail_folder, name)
    except FileNotFoundError:
        raise HTTPException(404) from None
    return door.pages.answer("mailbox/mail.html", mail=mail, links=mail.links(settings.public_url))


@router.get("/{name}/html")
def show_mail_html(name: str, door: AtDoor) -> Response:
    try:
        mail = read_mail(door.services.settings.mail_folder, name)
    except FileNotFoundError:
        raise HTTPException(404) from None
    return HTMLResponse(mail.html, headers=INERT)


@contextmanager
def _issue(door: Door, issue_id: int) -> Iterator[tuple[Session, Issue]]:
    with reading(door.services.engine) as session:
        issue = session.get(Issue, issue_id)
        if issue is None:
            raise HTTPException(404)
        yield session, issue


def _preview(door: Door, session: Session, issue: Issue, audience: str | None, email: str | None) -> Content:
    chosen = preview(session, issue, door.services.renderer, audience=audience or None, email=email or None)
    return chosen.content
