"""Commands about the keys of programs: add, list, end. What they did is in the desk's log."""

from typing import Annotated

import typer

from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, moment, say, show_json, show_table
from newsletter.editors import keys
from newsletter.editors.audit import names
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing

app = typer.Typer(no_args_is_help=True, help="Keys: programs that work at the desk by its JSON API.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which program it is for.")],
    role: Annotated[
        Role, typer.Option(help="What it may do; each role may do what those before it may.")
    ] = Role.VIEWER,
) -> None:
    """Make a key for a program, and show it: this once, and never again.

    The program sends it with every request, as `Authorization: Bearer KEY`. What there is to ask for
    stands at `/api/v1`.
    """
    services = ready()
    with writing(services.engine) as session:
        key, secret = keys.make(session, name, role, now=moment(None))
        said = f"key {key.id}, {key.name}: {role}"
    say(said)
    say(secret)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the keys, those in use first; no list shows their secrets."""
    services = ready()
    with reading(services.engine) as session:
        known = names(session)
        found = [
            {
                "id": key.id,
                "name": key.name,
                "role": key.role,
                "made_by": known[key.made_by] if key.made_by else None,
                "made": key.made_at.isoformat(timespec="seconds"),
                "used": key.used_at.isoformat(timespec="seconds") if key.used_at else None,
                "ended": key.ended_at.isoformat(timespec="seconds") if key.ended_at else None,
            }
            for key in keys.all_keys(session)
        ]
    if as_json:
        show_json(found)
        return
    columns = ("id", "name", "role", "made_by", "made", "used", "ended")
    rows = [[one[column] for column in columns] for one in found]
    show_table(columns, rows, empty="no keys yet: `newsletter keys add NAME --role ROLE`")


@app.command()
def end(key_id: Annotated[int, typer.Argument(metavar="ID")]) -> None:
    """End a key at once. What was done with it stays in the log."""
    services = ready()
    with writing(services.engine) as session:
        key = keys.end(session, key_id, now=moment(None))
        said = f"key {key.id}, {key.name}: ended"
    say(said)
