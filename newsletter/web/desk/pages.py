"""What all pages of the desk share: their frame, their navigation, their headers, their look."""

from typing import NamedTuple

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from newsletter.models.editor import Role
from newsletter.web.desk.visits import Visit
from newsletter.web.pages import TEMPLATES, Door, PageRoute

router = APIRouter(route_class=PageRoute)

#: besides those that every page has
HEADERS = {"permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()"}
#: a form within the desk must be able to say where it comes from
WITHIN = {"referrer-policy": "same-origin"}
HSTS = {"strict-transport-security": "max-age=31536000"}
#: for the pages that a script of ours helps
SCRIPTED = {
    "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self';"
    " img-src 'self' data:; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}


class Section(NamedTuple):
    """A room of the desk as the navigation shows it."""

    title: str
    path: str
    role: Role


SECTIONS = (
    Section("Today", "/desk", Role.VIEWER),
    Section("Issues", "/desk/issues", Role.VIEWER),
    Section("Stories", "/desk/stories", Role.VIEWER),
    Section("Alerts", "/desk/alerts", Role.VIEWER),
    Section("Numbers", "/desk/numbers", Role.VIEWER),
    Section("What if", "/desk/what-if", Role.VIEWER),
    Section("Import readers", "/desk/readers/import", Role.ADMIN),
    Section("Editors", "/desk/editors", Role.ADMIN),
    Section("Keys", "/desk/keys", Role.ADMIN),
    Section("Log", "/desk/log", Role.ADMIN),
)


def answer(
    door: Door,
    template: str,
    visit: Visit | None,
    *,
    status: int = 200,
    follows: bool = False,
    scripts: tuple[str, ...] = (),
    **values: object,
) -> Response:
    """A page of the desk for whoever is signed in, or, without a `visit`, of the way in.

    It comes with `scripts` (`issue.js`); `follows`: with the one that keeps it up to date while work
    goes on. No page needs them.
    """
    scripts += ("desk.js",) if follows else ()
    sections = [section for section in SECTIONS if visit and visit.may(section.role)]
    page = door.pages.answer(
        f"desk/{template}",
        status=status,
        visit=visit,
        sections=sections,
        follows=follows,
        scripts=scripts,
        **values,
    )
    page.headers.update(HEADERS | (WITHIN if visit else {}) | (SCRIPTED if scripts else {}))
    if door.services.settings.public_url.startswith("https://"):
        page.headers.update(HSTS)
    return page


@router.get("/desk.css")
def style() -> Response:
    return FileResponse(TEMPLATES / "desk.css", headers={"cache-control": "no-cache"})


@router.get("/desk.js")
def following() -> Response:
    return FileResponse(TEMPLATES / "desk.js", headers={"cache-control": "no-cache"})


@router.get("/issue.js")
def arranging() -> Response:
    return FileResponse(TEMPLATES / "issue.js", headers={"cache-control": "no-cache"})
