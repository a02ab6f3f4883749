"""What an editor sees whose change was not made: why, what there is instead, and their words kept."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from newsletter.desk.changes import Closed, NotThere, Overtaken, value_of
from newsletter.desk.editing import LONGEST, TooLong
from newsletter.models import IssueChange
from newsletter.store.engine import reading
from newsletter.web.desk.issue_head import find_issue, head_of
from newsletter.web.desk.issue_view import ShownChange, shown_changes
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Visit
from newsletter.web.pages import Door

#: a form's fields with texts, as people call them
LABELS = {"headline": "headline", "tldr": "TL;DR", "note": "note", "intro": "intro"}


class Here(NamedTuple):
    """Where an act was asked for."""

    door: Door
    issue_id: int
    #: the act's own address
    path: str


class Text(NamedTuple):
    """A text that two hands wrote, or that is too long."""

    #: of the form's field
    name: str
    label: str
    longest: int
    mine: str
    #: what stands there now: empty for the story's own text, None where nobody else wrote it
    theirs: str | None = None


def overtaken(visit: Visit, here: Here, refusal: Overtaken) -> Response:
    """409: both texts side by side, who wrote the other and when, and the choice between them."""
    fields = {name.rpartition(".")[2]: name for name in refusal.mine}
    with reading(here.door.services.engine) as session:
        issue = find_issue(session, here.issue_id)
        query = select(IssueChange).where(
            IssueChange.issue_id == issue.id, IssueChange.version.in_(refusal.versions)
        )
        found = session.scalars(query.order_by(IssueChange.version.desc())).all()
        now = here.door.clock()
        return _again(
            session,
            visit,
            here,
            status=409,
            title="This was changed meanwhile",
            words=refusal.words,
            changes=shown_changes(session, issue, found, editor_id=visit.editor_id, now=now),
            texts=[
                _mine(visit, field)._replace(theirs=str(value_of(issue, fields[field]) or ""))
                for field in LABELS
                if field in fields and field in visit.form
            ],
            version=issue.version if refusal.mine else None,
        )


def too_long(visit: Visit, here: Here, refusal: TooLong) -> Response:
    """422: the texts again, to be shortened."""
    with reading(here.door.services.engine) as session:
        return _again(
            session,
            visit,
            here,
            status=422,
            title=f"The {LABELS[refusal.field]} is too long",
            words=str(refusal),
            texts=[_mine(visit, field) for field in LABELS if field in visit.form],
            version=int(text_in(visit.form, "version")),
        )


def not_possible(visit: Visit, here: Here, refusal: Closed | NotThere) -> Response:
    """409: what is asked for cannot be done any more, whoever asks."""
    with reading(here.door.services.engine) as session:
        state = find_issue(session, here.issue_id).state
        title = f"Too late: the issue is {state}" if isinstance(refusal, Closed) else "This is not possible"
        return _again(
            session,
            visit,
            here,
            status=409,
            title=title,
            words=str(refusal),
        )


def _again(
    session: Session,
    visit: Visit,
    here: Here,
    *,
    status: int,
    title: str,
    words: str,
    changes: Sequence[ShownChange] = (),
    texts: Sequence[Text] = (),
    version: int | None = None,
) -> Response:
    """A page with the form as it was sent; made from `version`, it can be sent again."""
    issue = find_issue(session, here.issue_id)
    given = {"token", "version", *LABELS}
    hidden = [(name, value) for name, value in visit.form.multi_items() if name not in given]
    return answer(
        here.door,
        "issue_refused.html",
        visit,
        status=status,
        head=head_of(session, issue, here.door.clock()),
        title=title,
        words=words,
        changes=changes,
        texts=texts,
        version=version,
        action=here.path,
        hidden=[(name, value) for name, value in hidden if isinstance(value, str)],
        back=back(visit, here, {}),
    )


def _mine(visit: Visit, field: str) -> Text:
    return Text(field, LABELS[field], LONGEST[field], text_in(visit.form, field))


def back(visit: Visit, here: Here, said: Mapping[str, int]) -> str:
    """The issue's page as it was looked at, and what it is to say, at the place of the act."""
    kept = {name: value for name in ("as", "find", "shown") if (value := text_in(visit.form, name))}
    query = urlencode({**kept, **said})
    at = text_in(visit.form, "at")
    place = f"#{at}" if at.replace("-", "").isalnum() else ""
    return f"{here.door.pages.base}/desk/issues/{here.issue_id}{'?' if query else ''}{query}{place}"


def text_in(form: FormData, name: str) -> str:
    """What a field says; nothing where a file came in its place."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""
