"""The people of the desk: who they are and when they were last here; added, given a role, removed."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from newsletter.editors import people, sessions
from newsletter.editors.people import AlreadyEditor, LastAdmin
from newsletter.models import Editor
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Admin, Visit
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute
from subscribers.address import InvalidAddress, InvalidName, parse

router = APIRouter(prefix="/desk/editors", route_class=PageRoute)

Number = Annotated[int, Path(ge=1, lt=2**63)]

#: what each role may do besides what those before it may
ROLES = {
    Role.VIEWER: "looks at everything but the readers' addresses",
    Role.EDITOR: "curates issues, keeps them back, and is mailed warnings",
    Role.APPROVER: "lets issues go, and ends them",
    Role.ADMIN: "sees to editors, readers, imports and exports",
}


@router.get("")
def show_people(visit: Admin, door: AtDoor) -> Response:
    return _page(door, visit)


@router.post("", max_body_size=FORM_LIMIT)
def add(visit: Admin, door: AtDoor) -> Response:
    """Let a person in; they sign in by a link that is mailed to them when they ask for it."""
    filled = {name: str(visit.form.get(name, "")).strip() for name in ("email", "name", "role")}
    try:
        role = Role(filled["role"])
    except ValueError:
        return _page(door, visit, filled, {"role": "Choose a role."})
    try:
        with writing(door.services.engine) as session:
            people.add(
                session,
                parse(filled["email"]),
                role,
                name=filled["name"] or None,
                by=visit.editor_id,
                ip=visit.ip,
                now=door.clock(),
            )
    except InvalidAddress as error:
        return _page(door, visit, filled, {"email": f"Please check the address: {error.reason}."})
    except InvalidName as error:
        return _page(door, visit, filled, {"name": f"Please check the name: {error.reason}."})
    except AlreadyEditor:
        return _page(door, visit, filled, {"email": "They are an editor already: change the role below."})
    return _back(door)


@router.post("/{editor_id}/role", max_body_size=FORM_LIMIT)
def change_role(visit: Admin, editor_id: Number, door: AtDoor) -> Response:
    """Give them another role; their sessions end."""
    try:
        role = Role(str(visit.form.get("role", "")))
    except ValueError:
        return _page(door, visit, faults={f"{editor_id}": "Choose a role."})

    def act(session: Session, editor: Editor, now: datetime) -> None:
        people.change_role(session, editor, role, by=visit.editor_id, ip=visit.ip, now=now)

    return _do(door, visit, editor_id, act)


@router.post("/{editor_id}/remove", max_body_size=FORM_LIMIT)
def remove(visit: Admin, editor_id: Number, door: AtDoor) -> Response:
    """Shut them out at once. What they did stays in the log."""

    def act(session: Session, editor: Editor, now: datetime) -> None:
        people.remove(session, editor, by=visit.editor_id, ip=visit.ip, now=now)

    return _do(door, visit, editor_id, act)


def _do(
    door: Door, visit: Visit, editor_id: int, act: Callable[[Session, Editor, datetime], None]
) -> Response:
    try:
        with writing(door.services.engine) as session:
            act(session, people.get_by_number(session, editor_id), door.clock())
    except LastAdmin as error:
        return _page(door, visit, faults={f"{editor_id}": f"{error}."})
    except LookupError:
        text = "Somebody removed them meanwhile. The page of the editors shows who is there now."
        return answer(door, "message.html", visit, status=404, title="This editor is not here", text=text)
    return _back(door)


def _page(
    door: Door, visit: Visit, filled: dict[str, str] | None = None, faults: dict[str, str] | None = None
) -> Response:
    with reading(door.services.engine) as session:
        found: Sequence[Editor] = people.everybody(session)
        return answer(
            door,
            "people.html",
            visit,
            status=422 if faults else 200,
            editors=found,
            seen=sessions.last_seen(session),
            roles=ROLES,
            filled=filled or {"email": "", "name": "", "role": Role.EDITOR},
            faults=faults or {},
        )


def _back(door: Door) -> Response:
    return RedirectResponse(f"{door.pages.base}/desk/editors", 303)
