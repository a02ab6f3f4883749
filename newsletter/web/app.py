"""The web application: its routes, what every answer carries, and the pages for what goes wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.archive import Archive
from newsletter.links import CONFIRM_LIFE
from newsletter.metrics import Metrics
from newsletter.site import Site
from newsletter.web import (
    acts,
    alerts_editors,
    api,
    archive,
    atom,
    data,
    health,
    hooks,
    mailbox,
    manage,
    metrics,
    preferences,
    subscribe,
    tracking,
    undoing,
    unsubscribe,
)
from newsletter.web import alerts as own_alerts
from newsletter.web.api_v1 import description as api_v1
from newsletter.web.api_v1 import problems
from newsletter.web.desk import (
    alert_acts,
    corrections,
    edition,
    editions,
    home,
    issue,
    issue_acts,
    issues,
    keys,
    log,
    numbers,
    people,
    preflight,
    preview,
    readers_import,
    send,
    sign_in,
    stories,
    test_mail,
    what_if,
    why,
)
from newsletter.web.desk import alerts as desk_alerts
from newsletter.web.desk import pages as desk_pages
from newsletter.web.desk.visits import visit_of
from newsletter.web.pages import TEMPLATES, Door, Pages
from newsletter.wiring import Services
from subscribers.consent import UnknownSubscriber
from subscribers.tokens import BadToken, ExpiredToken

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
#: where a script of ours guesses the zone
SCRIPTED_PATHS = ("/subscribe",)
#: what scripts on the site's own pages may call as well, without cookies (Fetch standard §3.2)
SHARED_PATHS = ("/api/subscribe",)
#: for pages that are about one person
PRIVATE_HEADERS = {"cache-control": "no-store", "x-robots-tag": "noindex"}
PRIVATE_PATHS = (
    "/data/",
    "/confirm/",
    "/preferences/",
    "/alerts/",
    "/unsubscribe/",
    "/act/",
    "/undo/",
    "/l/",
    "/o/",
    "/mailbox",
    "/sign-in",
    "/desk",
)

#: where programs ask, and read why something is refused
MACHINE_PATHS = ("/api/", "/hooks/", "/metrics")

#: what search engines may read; a mail viewed in a browser they must, to see that it is not for them
OPEN_PATHS = ("/subscribe", "/issues", "/view/", "/style.css")
ROBOTS = "\n".join(["User-agent: *", *(f"Allow: {path}" for path in OPEN_PATHS), "Disallow: /", ""])


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(services: Services, *, clock: Callable[[], datetime] = _utc_now) -> FastAPI:
    """The application for `services`. Connects to nothing until it is asked something."""
    # a redirect to the path without its last slash would lead to whatever host the request names
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.state.door = Door(services, Pages(services), clock)
    app.state.visits = tracking.Visits(services.engine)
    app.state.metrics = Metrics(services.engine)
    app.state.archive = Archive(
        services.engine, services.renderer, services.tokens, public_url=services.settings.public_url
    )
    app.add_middleware(_Headers, origin=_origin(services.site))
    app.include_router(subscribe.router)
    app.include_router(atom.router)
    app.include_router(archive.router)
    app.include_router(unsubscribe.router)
    app.include_router(preferences.router)
    app.include_router(own_alerts.router)
    app.include_router(alerts_editors.router)
    app.include_router(acts.router)
    app.include_router(undoing.router)
    app.include_router(manage.router)
    app.include_router(data.router)
    app.include_router(api.router)
    for described in (*api_v1.ROOMS, api_v1):
        app.include_router(described.router)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(hooks.router)
    app.include_router(tracking.router)
    for room in (
        sign_in,
        home,
        issues,
        stories,
        corrections,
        desk_alerts,
        alert_acts,
        issue,
        issue_acts,
        preview,
        editions,
        edition,
        preflight,
        readers_import,
        people,
        keys,
        log,
        numbers,
        send,
        test_mail,
        what_if,
        why,
        desk_pages,
    ):
        app.include_router(room.router)
    if services.settings.mail_provider == "folder":
        app.include_router(mailbox.router)
    app.add_api_route("/style.css", _style, methods=["GET", "HEAD"])
    app.add_api_route("/zone.js", _zone_script, methods=["GET", "HEAD"])
    app.add_api_route("/robots.txt", _robots, methods=["GET", "HEAD"])
    return app


def _style() -> Response:
    return FileResponse(TEMPLATES / "style.css", headers={"cache-control": "no-cache"})


def _zone_script() -> Response:
    return FileResponse(TEMPLATES / "zone.js", headers={"cache-control": "no-cache"})


def _robots() -> Response:
    return PlainTextResponse(ROBOTS)


def _origin(site: Site) -> str:
    url = urlsplit(site.url)
    return f"{url.scheme}://{url.netloc}".casefold()


def _headers_for(path: str, origin: str) -> dict[str, str]:
    headers = HEADERS | (PRIVATE_HEADERS if path.startswith(PRIVATE_PATHS) else {})
    if path in SCRIPTED_PATHS:
        headers["content-security-policy"] += "; script-src 'self'"
    if path in SHARED_PATHS:
        headers["access-control-allow-origin"] = origin
    return headers


class _Headers:
    """Gives every answer the headers of its path, unless it brings its own."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self.app = app
        self.origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _headers_for(scope["path"], self.origin).items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


# What people read when something goes wrong; none of it repeats what they sent.
_MESSAGES = {
    400: ("This request cannot be read", "Please go back and try once more."),
    403: ("This is not for you to do", "Your role does not allow it, or the page was open for too long."),
    404: ("There is no such page", "The address may be mistyped, or cut off on its way to you."),
    405: ("This page cannot be asked that way", "Please open it by its link."),
    413: ("That is too much at once", "Please send less."),
    500: ("Something broke on our side", "Nothing was changed. Please try again in a few minutes."),
}


def _trouble(request: Request, status: int, detail: str | None = None) -> Response:
    title, text = _MESSAGES.get(status, (f"Error {status}", "Please try again later."))
    if request.url.path.startswith(f"{problems.PREFIX}/"):
        public_url = request.app.state.door.services.settings.public_url
        return problems.answer_status(public_url.rstrip("/"), status, detail)
    if request.url.path.startswith(MACHINE_PATHS):
        return JSONResponse({"error": detail or title}, status)
    door: Door = request.app.state.door
    if request.url.path.startswith("/desk"):
        # where something broke nothing more is asked of the database
        visit = visit_of(request, door) if status in (403, 404) else None
        return desk_pages.answer(door, "message.html", visit, status=status, title=title, text=text)
    return door.pages.answer("message.html", status=status, title=title, text=text)


def _http_error(request: Request, error: HTTPException) -> Response:
    response = _trouble(request, error.status_code, error.detail)
    response.headers.update(error.headers or {})
    return response


def _no_such_page(request: Request, _error: RequestValidationError) -> Response:
    return _trouble(request, 404)


def _crash(request: Request, _error: Exception) -> Response:
    """Answered outside of all middleware, so it brings its headers itself."""
    response = _trouble(request, 500)
    door: Door = request.app.state.door
    response.headers.update(_headers_for(request.url.path, _origin(door.services.site)))
    return response


def _bad_link(request: Request, _error: BadToken | UnknownSubscriber) -> Response:
    door: Door = request.app.state.door
    return door.pages.answer("bad_link.html", status=404)


def _old_link(request: Request, error: ExpiredToken) -> Response:
    door: Door = request.app.state.door
    age = door.clock() - error.made_at
    return door.pages.answer("expired.html", status=410, age=age.days, life=CONFIRM_LIFE.days)


_HANDLERS: dict[type[Exception], Callable[[Request, Any], Response]] = {
    HTTPException: _http_error,
    RequestValidationError: _no_such_page,
    BadToken: _bad_link,
    ExpiredToken: _old_link,
    UnknownSubscriber: _bad_link,
    Exception: _crash,
}
