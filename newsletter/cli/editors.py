"""Commands about editors: add, list, role, remove. What they did is in the desk's log."""

from typing import Annotated

import typer
from sqlalchemy.orm import Session

from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, moment, say, show_json, show_table
from newsletter.editors import people, signing_in
from newsletter.links import SIGN_IN_LIFE, sign_in_url
from newsletter.models import Editor
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers.address import parse

app = typer.Typer(no_args_is_help=True, help="Editors: the people at the desk, and what each may do.")

Email = Annotated[str, typer.Argument(metavar="EMAIL")]


@app.command()
def add(
    email: Email,
    role: Annotated[
        Role, typer.Option(help="What they may do; each role may do what those before it may.")
    ] = Role.VIEWER,
    name: Annotated[str | None, typer.Option(help="As others at the desk shall read it.")] = None,
) -> None:
    """Let a person in to the desk, and say how they sign in.

    A viewer looks at everything but the readers' addresses, an editor curates issues, an approver lets
    them go, and an admin sees to editors, readers, imports and exports.
    """
    services = ready()
    now = moment(None)
    with writing(services.engine) as session:
        editor = people.add(session, parse(email), role, name=name, now=now)
        link = _link(session, services, editor) if services.settings.mail_provider == "folder" else None
    say(f"{editor.email}: {role}")
    say(f"They sign in at {services.settings.public_url}/sign-in, by a link that is mailed to them.")
    if link:
        minutes = SIGN_IN_LIFE.seconds // 60
        say(f"Mail goes into a folder here, so this is their first one; it works for {minutes} minutes:")
        say(link)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the editors and their roles."""
    services = ready()
    with reading(services.engine) as session:
        found = [
            {
                "email": editor.email,
                "name": editor.name,
                "role": editor.role,
                "since": editor.added_at.isoformat(timespec="seconds"),
            }
            for editor in people.everybody(session)
        ]
    if as_json:
        show_json(found)
        return
    rows = [(one["email"], one["role"], one["name"], one["since"]) for one in found]
    empty = "no editors yet: `newsletter editors add EMAIL --role admin`"
    show_table(("email", "role", "name", "since"), rows, empty=empty)


@app.command("role")
def change_role(email: Email, role: Annotated[Role, typer.Argument(metavar="ROLE")]) -> None:
    """Give an editor another role; their sessions end, and they sign in anew."""
    services = ready()
    with writing(services.engine) as session:
        editor = people.get(session, parse(email))
        people.change_role(session, editor, role, now=moment(None))
    say(f"{editor.email}: {role}")


@app.command()
def remove(email: Email) -> None:
    """Shut an editor out at once. What they did stays in the log."""
    services = ready()
    with writing(services.engine) as session:
        editor = people.get(session, parse(email))
        people.remove(session, editor, now=moment(None))
    say(f"{editor.email}: removed")


def _link(session: Session, services: Services, editor: Editor) -> str:
    asked = signing_in.ask(session, editor, now=moment(None))
    services.wake(session)
    public_url, tokens = services.settings.public_url, services.tokens
    return sign_in_url(public_url, tokens, asked.id, at=asked.asked_at)
