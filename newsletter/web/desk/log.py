"""The log: who did what at the desk, the newest first. It can be read, and nothing else."""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from newsletter.editors.audit import COMMAND_LINE, acts, names, read_log
from newsletter.models import AuditLine
from newsletter.store.engine import reading
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Admin
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(prefix="/desk", route_class=PageRoute)

#: lines on one page
PAGE = 100

Number = Annotated[int | None, Query(ge=1, lt=2**63)]


@router.get("/log")
def show_log(visit: Admin, door: AtDoor, editor: str = "", act: str = "", before: Number = None) -> Response:
    """By one editor or anybody, of one act or any, older than the line `before`; an unknown one has none."""
    by = _number(editor)
    with reading(door.services.engine) as session:
        known = names(session)
        lines = read_log(session, by=by, act=act or None, before=before, limit=PAGE + 1)
        return answer(
            door,
            "log.html",
            visit,
            lines=[_shown(line, known) for line in lines[:PAGE]],
            oldest=lines[PAGE - 1].id if len(lines) > PAGE else None,
            names={COMMAND_LINE: "Command line", **known},
            acts=sorted({*acts(session), *filter(None, [act])}),
            editor=by,
            act=act,
            before=before,
        )


def _shown(line: AuditLine, known: Mapping[int, str]) -> dict[str, object]:
    kind, _, rest = line.subject.partition(" ")
    number = _number(rest) or 0
    changed = sorted((line.detail or {}).items())
    return {
        "at": line.at,
        "who": "command line" if line.editor_id is None else known[line.editor_id],
        "act": line.act,
        "subject": known.get(number, line.subject) if kind == "editor" else line.subject,
        "page": f"/desk/{kind}s/{number}" if kind in ("issue", "alert") else None,
        "detail": ", ".join(
            _changes(value) if isinstance(value, dict) else f"{name}: {_words(value)}"
            for name, value in changed
        ),
        "ip": line.ip,
    }


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _changes(fields: Mapping[str, list[object]]) -> str:
    """Of fields that were changed: what stood there, and what was written."""
    return ", ".join(f"{name}: {' → '.join(map(_words, both))}" for name, both in fields.items())


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
