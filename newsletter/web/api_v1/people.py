"""The people of the desk, and the log of what was done there. For admins."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from newsletter.editors import people
from newsletter.editors.audit import names, read_log
from newsletter.models import Editor
from newsletter.models.editor import Role
from newsletter.store.engine import reading
from newsletter.web.api_v1.callers import ApiRoute, ByAdmin
from newsletter.web.api_v1.documents import Text, Told
from newsletter.web.api_v1.issues import Cursor, Limit
from newsletter.web.api_v1.problems import PREFIX
from newsletter.web.desk.people import Number
from newsletter.web.pages import AtDoor
from subscribers.address import parse

router = APIRouter(prefix=PREFIX, route_class=ApiRoute, tags=["People"])

RoleName = Literal["viewer", "editor", "approver", "admin"]


class EditorDocument(BaseModel):
    """A person at the desk."""

    id: int
    email: str = Field(examples=["ada@desk.example"])
    name: str | None
    role: RoleName
    added_at: datetime

    @classmethod
    def of(cls, editor: Editor) -> Self:
        return cls.model_validate(editor, from_attributes=True)


class Editors(BaseModel):
    editors: list[EditorDocument]


class NewEditor(Told):
    email: Text = Field(max_length=320, examples=["ada@desk.example"])
    role: RoleName
    name: Text | None = Field(None, description="As others at the desk read it.")


class NewRole(Told):
    role: RoleName


class LogLine(BaseModel):
    """Who did what at the desk, to what, when."""

    id: int
    at: datetime
    who: str = Field(examples=["Ada"])
    act: str = Field(examples=["issue approved"])
    subject: str = Field(examples=["issue 12"])
    detail: dict[str, Any] | None = Field(description="With `key`, where a program did it.")
    ip: str | None


class Log(BaseModel):
    lines: list[LogLine] = Field(description="The newest first.")
    next: int | None = Field(description="The `cursor` of the next page; null on the last.")


@router.get("/editors")
def list_editors(_caller: ByAdmin, door: AtDoor) -> Editors:
    """List the editors and their roles."""
    with reading(door.services.engine) as session:
        found: Sequence[Editor] = people.everybody(session)
        return Editors(editors=[EditorDocument.of(editor) for editor in found])


@router.post("/editors", status_code=201)
def add_editor(caller: ByAdmin, door: AtDoor, told: NewEditor) -> EditorDocument:
    """Let a person in to the desk; they sign in by a link that is mailed to them when they ask for it."""
    with caller.writing(door) as session:
        editor = people.add(
            session,
            parse(told.email),
            Role(told.role),
            name=told.name,
            by=caller.editor_id,
            ip=caller.ip,
            now=door.clock(),
        )
        return EditorDocument.of(editor)


@router.patch("/editors/{editor_id}")
def change_role(caller: ByAdmin, door: AtDoor, editor_id: Number, told: NewRole) -> EditorDocument:
    """Give an editor another role; their sessions end."""
    with caller.writing(door) as session:
        editor = people.get_by_number(session, editor_id)
        by, ip = caller.editor_id, caller.ip
        people.change_role(session, editor, Role(told.role), by=by, ip=ip, now=door.clock())
        return EditorDocument.of(editor)


@router.delete("/editors/{editor_id}", status_code=204, response_class=Response)
def remove_editor(caller: ByAdmin, door: AtDoor, editor_id: Number) -> None:
    """Shut an editor out, at once and everywhere. What they did stays in the log."""
    with caller.writing(door) as session:
        editor = people.get_by_number(session, editor_id)
        people.remove(session, editor, by=caller.editor_id, ip=caller.ip, now=door.clock())


@router.get("/log")
def read_lines(
    _caller: ByAdmin,
    door: AtDoor,
    by: Annotated[
        int | None, Query(ge=0, lt=2**63, description="Only of this editor; 0 is the command line.")
    ] = None,
    act: Annotated[Text | None, Query(description="Only this act.", examples=["issue approved"])] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Log:
    """Read what was done at the desk."""
    with reading(door.services.engine) as session:
        known = names(session)
        found = read_log(session, by=by, act=act, before=cursor, limit=limit + 1)
        page = found[:limit]
        return Log(
            lines=[
                LogLine(
                    id=line.id,
                    at=line.at,
                    who="The command line" if line.editor_id is None else known[line.editor_id],
                    act=line.act,
                    subject=line.subject,
                    detail=line.detail,
                    ip=line.ip,
                )
                for line in page
            ],
            next=page[-1].id if len(found) > limit else None,
        )
