"""How commands speak: results to stdout, troubles to stderr, tables for people, JSON for scripts."""

import getpass
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
At = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="The moment to act at, instead of now: 2026-11-24T07:00Z. UTC unless it names an offset.",
    ),
]


def fail(message: str) -> NoReturn:
    """End the command with exit code 1 and a message that says what to mend."""
    err.print(f"[red]error:[/red] {_plain(message)}")
    raise typer.Exit(1)


def _plain(text: str) -> str:
    """Text that holds no markup for the terminal, whoever wrote it."""
    return text.replace("[", "\\[")


def say(text: str) -> None:
    out.print(_plain(text))


def show_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table, or the sentence `empty` where there are no rows."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_plain("" if cell is None else str(cell)) for cell in row))
    if table.row_count:
        out.print(table)
    else:
        say(empty)


def moment(text: str | None) -> datetime:
    """The aware instant in `text`; without one, now."""
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is not a time: write it as 2026-11-24T07:00Z")
    if not 1970 <= found.year <= 9000:
        fail(f"{text!r} is not a time to work at: use a year from 1970 on")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def operator() -> str:
    """Who is at the terminal, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def progress_bar() -> Progress:
    """A bar for long work, shown only where a person watches."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
