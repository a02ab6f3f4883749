"""The keys of programs: which there are and when each was used; made, shown once, ended."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import RedirectResponse, Response

from newsletter.editors import keys
from newsletter.editors.audit import names
from newsletter.editors.keys import BadKey
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Admin, Visit
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute
from subscribers.address import InvalidName

router = APIRouter(prefix="/desk/keys", route_class=PageRoute)

#: what each role may do besides what those before it may
ROLES = {
    Role.VIEWER: "reads everything but the readers' addresses",
    Role.EDITOR: "curates issues, and stops them",
    Role.APPROVER: "lets issues go",
    Role.ADMIN: "sees to editors, and reads the log",
}


@router.get("")
def show_keys(visit: Admin, door: AtDoor) -> Response:
    return _page(door, visit)


@router.post("", max_body_size=FORM_LIMIT)
def make(visit: Admin, door: AtDoor) -> Response:
    """Make a key. The answer to this one request shows its secret, and no other ever does."""
    filled = {name: str(visit.form.get(name, "")).strip() for name in ("name", "role")}
    try:
        role = Role(filled["role"])
    except ValueError:
        return _page(door, visit, filled, {"role": "Choose a role."})
    try:
        with writing(door.services.engine) as session:
            key, secret = keys.make(
                session, filled["name"], role, by=visit.editor_id, ip=visit.ip, now=door.clock()
            )
            name = key.name
    except InvalidName as error:
        return _page(door, visit, filled, {"name": f"Please check the name: {error.reason}."})
    except BadKey as error:
        return _page(door, visit, filled, {"name": f"{error}.".capitalize()})
    return _page(door, visit, made=(name, secret))


@router.post("/{key_id}/end", max_body_size=FORM_LIMIT)
def end(visit: Admin, key_id: Annotated[int, Path(ge=1, lt=2**63)], door: AtDoor) -> Response:
    """End a key at once. What was done with it stays in the log."""
    try:
        with writing(door.services.engine) as session:
            keys.end(session, key_id, by=visit.editor_id, ip=visit.ip, now=door.clock())
    except LookupError:
        text = "The page of the keys shows those there are."
        return answer(door, "message.html", visit, status=404, title="There is no such key", text=text)
    return RedirectResponse(f"{door.pages.base}/desk/keys", 303)


def _page(
    door: Door,
    visit: Visit,
    filled: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
    *,
    made: tuple[str, str] | None = None,
) -> Response:
    """`made`: the name and the secret of a key that was made just now."""
    with reading(door.services.engine) as session:
        return answer(
            door,
            "keys.html",
            visit,
            status=422 if faults else 200,
            keys=keys.all_keys(session),
            makers=names(session),
            roles=ROLES,
            filled=filled or {"name": "", "role": Role.VIEWER},
            faults=faults or {},
            made=made,
        )
