"""Editors: add, give another role, remove. Removed ones stay known, since the log names them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.editors import keys, sessions
from newsletter.editors.audit import audit
from newsletter.models import Editor
from newsletter.models.editor import Role
from subscribers.address import Address, parse_name
from subscribers.unique import insert_new


class LastAdmin(ValueError):
    """Nobody could let anybody in any more."""

    def __init__(self, editor: Editor) -> None:
        super().__init__(f"{editor.email} is the only admin: make somebody else one first")


class AlreadyEditor(ValueError):
    """This person is an editor already; their role can be changed."""

    def __init__(self, editor: Editor) -> None:
        super().__init__(
            f"{editor.email} is an editor already, as {editor.role}: "
            "`newsletter editors role EMAIL ROLE` changes that"
        )


def add(
    session: Session,
    address: Address,
    role: Role,
    *,
    name: str | None = None,
    by: int | None = None,
    ip: str | None = None,
    now: datetime,
) -> Editor:
    """Let a person in, or in again. Raises AlreadyEditor, and InvalidName for a name that is none.

    Here and below `by` is the number of the editor who does it; None for the command line.
    """
    # two may add at once: whoever is new counts as removed until the lines below let them in
    newcomer = {"email": address.mailbox, "email_key": address.key, "role": role}
    insert_new(session, Editor, [{**newcomer, "added_at": now, "removed_at": now}])
    editor = session.scalars(select(Editor).where(Editor.email_key == address.key).with_for_update()).one()
    if editor.removed_at is None:
        raise AlreadyEditor(editor)
    editor.email, editor.name, editor.role = address.mailbox, parse_name(name), role
    editor.added_at, editor.removed_at = now, None
    audit(session, "editor added", _subject(editor), editor_id=by, now=now, detail={"role": role}, ip=ip)
    return editor


def find(session: Session, address: Address) -> Editor | None:
    """The editor of that address, unless they were removed."""
    return session.scalar(select(Editor).where(Editor.email_key == address.key, Editor.removed_at.is_(None)))


def get(session: Session, address: Address) -> Editor:
    """The same, locked against other writers; LookupError with the remedy."""
    for editor in _locked(session):
        if editor.email_key == address.key:
            return editor
    raise LookupError(f"no editor {address.mailbox}: `newsletter editors list` shows those there are")


def get_by_number(session: Session, editor_id: int) -> Editor:
    """The editor of that number, locked as by `get`; LookupError for one who was removed, or never was."""
    for editor in _locked(session):
        if editor.id == editor_id:
            return editor
    raise LookupError(f"there is no editor {editor_id}: they may have been removed meanwhile")


def _locked(session: Session) -> Sequence[Editor]:
    """All of them, in one order: else two admins could remove each other at one time."""
    return session.scalars(
        select(Editor).where(Editor.removed_at.is_(None)).order_by(Editor.id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()


def everybody(session: Session) -> Sequence[Editor]:
    """All editors but those who were removed, in the order in which they came."""
    query = select(Editor).where(Editor.removed_at.is_(None)).order_by(Editor.added_at, Editor.id)
    return session.scalars(query).all()


def change_role(
    session: Session,
    editor: Editor,
    role: Role,
    *,
    by: int | None = None,
    ip: str | None = None,
    now: datetime,
) -> None:
    """Give the editor another role; they sign in anew with it, and the keys they made end. The same role
    changes nothing.

    Raises LastAdmin.
    """
    if editor.role == role:
        return
    _keep_an_admin(session, editor)
    before, editor.role = editor.role, role
    sessions.end_all(session, editor.id, now=now)
    keys.end_all(session, editor.id, by=by, ip=ip, now=now)
    detail = {"before": before, "role": role}
    audit(session, "role changed", _subject(editor), editor_id=by, now=now, detail=detail, ip=ip)


def remove(
    session: Session, editor: Editor, *, by: int | None = None, ip: str | None = None, now: datetime
) -> None:
    """Shut the editor out, at once and everywhere, with the keys they made. Raises LastAdmin."""
    _keep_an_admin(session, editor)
    editor.removed_at = now
    sessions.end_all(session, editor.id, now=now)
    keys.end_all(session, editor.id, by=by, ip=ip, now=now)
    audit(session, "editor removed", _subject(editor), editor_id=by, now=now, ip=ip)


def _keep_an_admin(session: Session, editor: Editor) -> None:
    others = [one for one in _locked(session) if one.role == Role.ADMIN and one.id != editor.id]
    if editor.role == Role.ADMIN and not others:
        raise LastAdmin(editor)


def _subject(editor: Editor) -> str:
    return f"editor {editor.id}"
