"""Who stands at the desk: the session behind the cookie, its role, and whether a form is our own.

Every route of the desk declares by `Needs` the role that it is for. What changes something comes by
POST alone, from a page of ours, with the token of the session that it acts for.
"""

import hmac
from dataclasses import dataclass, field, replace
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import Response

from newsletter.editors import sessions
from newsletter.editors.rules import LONGEST_LIFE, form_token, may
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from newsletter.web.pages import Door, ip_of

#: methods that change nothing (RFC 9110 §9.2.1)
SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Visit:
    """An editor's request."""

    editor_id: int
    email: str
    name: str
    role: Role
    #: of the session; the cookie's value
    secret: str = field(repr=False)
    ip: str | None
    #: what they sent; empty where they only look
    form: FormData = field(default_factory=FormData, repr=False)

    @property
    def form_token(self) -> str:
        """What every form shown to them must carry."""
        return form_token(self.secret)

    def may(self, needed: Role) -> bool:
        return may(self.role, needed)


class Needs:
    """The dependency of a route: an editor of at least `role`, who may send up to `files` files.

    Whoever is not signed in is shown the way; 403 for a role that does not suffice, for a form from
    elsewhere, and for one without the session's token. Nothing of a body is read before its sender
    may send it.
    """

    def __init__(self, role: Role, *, files: int = 0) -> None:
        self.role = role
        self._files = files

    async def __call__(self, request: Request) -> Visit:
        door: Door = request.app.state.door
        visit = await run_in_threadpool(visit_of, request, door)
        if visit is None:
            raise HTTPException(303, headers={"location": f"{door.pages.base}/sign-in"})
        if not visit.may(self.role):
            raise HTTPException(403)
        if request.method in SAFE:
            return visit
        if not came_from_us(request, door):
            raise HTTPException(403)
        form = await request.form(max_files=self._files, max_fields=400)
        sent = form.get("token")
        if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), visit.form_token.encode()):
            await form.close()
            raise HTTPException(403)
        return replace(visit, form=form)


Viewer = Annotated[Visit, Depends(Needs(Role.VIEWER))]
#: an editor or above; "editor" alone is anybody at the desk
Curator = Annotated[Visit, Depends(Needs(Role.EDITOR))]
Approver = Annotated[Visit, Depends(Needs(Role.APPROVER))]
Admin = Annotated[Visit, Depends(Needs(Role.ADMIN))]
AdminWithFile = Annotated[Visit, Depends(Needs(Role.ADMIN, files=1))]


def visit_of(request: Request, door: Door) -> Visit | None:
    """Who asks, by the cookie of their session; None where nobody is signed in."""
    secret = request.cookies.get(_cookie(door))
    if not secret:
        return None
    now, engine = door.clock(), door.services.engine
    with reading(engine) as session:
        found = sessions.find(session, secret, now=now)
    if found is None:
        return None
    if sessions.is_to_be_noted(found, now=now):
        with writing(engine) as session:
            sessions.note(session, found.id, now=now)
    editor = found.editor
    name = editor.name or editor.email
    return Visit(editor.id, editor.email, name, Role(editor.role), secret, ip_of(request))


def came_from_us(request: Request, door: Door) -> bool | None:
    """Whether a page of ours sent the request, as the browser tells; None where it does not tell.

    Browsers name the sender's site (Fetch Metadata) where the connection is safe, and its origin
    always, though pages may hide theirs as "null".
    """
    if site := request.headers.get("sec-fetch-site"):
        return site == "same-origin"
    origin = request.headers.get("origin", "null")
    if origin == "null":
        return None
    public = urlsplit(door.services.settings.public_url)
    ours = (f"{public.scheme}://{public.netloc}", f"{request.url.scheme}://{request.headers.get('host')}")
    return origin in ours


def let_in(response: Response, door: Door, secret: str) -> None:
    """Give the browser the session's secret, out of reach for scripts and other sites."""
    response.set_cookie(
        _cookie(door),
        secret,
        max_age=int(LONGEST_LIFE.total_seconds()),
        secure=_is_https(door),
        httponly=True,
        samesite="lax",
    )


def see_off(response: Response, door: Door) -> None:
    """Take the secret back."""
    response.delete_cookie(_cookie(door), secure=_is_https(door), httponly=True, samesite="lax")


def cookie_of(request: Request, door: Door) -> str | None:
    """The secret that the browser holds, whether or not its session lasts still."""
    return request.cookies.get(_cookie(door))


def _cookie(door: Door) -> str:
    """Where the connection is safe, a name that binds the cookie to this host (RFC 6265bis §4.1.3.2)."""
    return "__Host-desk" if _is_https(door) else "desk"


def _is_https(door: Door) -> bool:
    return door.services.settings.public_url.startswith("https://")
