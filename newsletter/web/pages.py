"""What all pages share: the services behind the door, the templates, and how an answer is made."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from python_multipart.multipart import parse_options_header
from sqlalchemy.exc import DataError
from starlette.datastructures import FormData

from newsletter.config import ROOT
from newsletter.site import AlertSpec
from newsletter.wiring import Services
from subscribers.address import parse

TEMPLATES = ROOT / "templates" / "web"

#: bytes of a form that a person fills in
FORM_LIMIT = 64 * 1024


class Pages:
    """The templates in `folder`, filled in."""

    def __init__(self, services: Services, folder: Path = TEMPLATES) -> None:
        settings = services.settings
        #: before every link within the site: its path only, so that it also works on another port
        self.base = urlsplit(settings.public_url).path
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(moment=_moment, masked=_masked)
        self._templates.globals.update(
            site=services.site,
            base=self.base,
            has_mailbox=settings.mail_provider == "folder",
        )

    def answer(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """The page that `template` makes of `values`."""
        return HTMLResponse(self._templates.get_template(template).render(values), status)


def _moment(at: datetime) -> str:
    """`23 Nov 2026, 07:00 UTC`; the offset where the instant has no named zone."""
    return f"{at.day} {at:%b %Y, %H:%M %Z}"


def _masked(email: str) -> str:
    return parse(email).masked


@dataclass(frozen=True)
class Door:
    """What an endpoint works with. `clock` is the one place where the web reads the time."""

    services: Services
    pages: Pages
    clock: Callable[[], datetime]


def _door(request: Request) -> Door:
    door: Door = request.app.state.door
    return door


AtDoor = Annotated[Door, Depends(_door)]


def alerts_of(door: Door) -> AlertSpec:
    """The alerts as they are published; 404 where they are not."""
    if door.services.site.alerts is None:
        raise HTTPException(404)
    return door.services.site.alerts


async def _form(request: Request) -> FormData:
    """The fields that were sent. In UTF-8 only: half of Python's codecs crash, or make no letters."""
    _, options = parse_options_header(request.headers.get("content-type"))
    if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"us-ascii"):
        raise HTTPException(400)
    return await request.form(max_files=0, max_fields=400)


async def _body(request: Request) -> bytes:
    return await request.body()


#: read before the endpoint runs, since endpoints are plain functions and may block on the database
SentForm = Annotated[FormData, Depends(_form)]
SentBody = Annotated[bytes, Depends(_body)]


class PageRoute(APIRoute):
    """A route that answers HEAD wherever it answers GET (RFC 9110 §9.3.2).

    What is looked for by an address with NUL in it is not there, since PostgreSQL takes it for no text.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.methods and "GET" in self.methods:
            self.methods.add("HEAD")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def respond(request: Request) -> Response:
            try:
                return await handle(request)
            except DataError:
                if any("\0" in text for text in (request.scope["path"], *request.query_params.values())):
                    raise HTTPException(404) from None
                raise

        return respond


def name_of(door: Door, slug: str) -> str:
    """A newsletter that was given up since is called by its slug."""
    return next((known.name for known in door.services.site.offers if known.slug == slug), slug)


def is_about_alerts(door: Door, *slugs: str) -> bool:
    """Whether the alerts are among these newsletters."""
    alerts = door.services.site.alerts
    return alerts is not None and alerts.slug in slugs


def in_one_line(text: str) -> str:
    """What somebody typed, without what a database or a page may stumble over."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def ip_of(request: Request) -> str | None:
    """Where the request came from, for the consent ledger and the limits."""
    return request.client.host if request.client else None
