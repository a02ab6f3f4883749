"""Commands about stories: import, list, show."""

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, err, moment, say, show_json, show_table
from newsletter.intake.stories import list_stories, story_by_ref
from newsletter.intake.take_in import take_in
from newsletter.models import Story
from newsletter.sources.files import read_file
from newsletter.sources.records import Incoming, Refusal
from newsletter.store.engine import reading, writing

app = typer.Typer(no_args_is_help=True, help="Stories: import them, look at them.")


@app.command("import")
def import_(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="Story pages (text or HTML), JSON, JSONL; - reads stdin."),
    ],
    seen_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When the stories were first seen, for replays; else now."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Take stories in. The same story again changes nothing; a changed one becomes a new revision.

    A record or file that cannot be used is reported with its line, the reason and the remedy; the
    others are taken in. Exit code 1 when any was refused.
    """
    services = ready()
    now = moment(seen_at)
    with writing(services.engine) as session:
        report = take_in(session, chain.from_iterable(map(_records, files)), now=now)
        if report.added or report.changed:
            services.look_out(session)
    if as_json:
        show_json(report.to_json())
    else:
        say(
            f"{report.added} added, {report.changed} changed, "
            f"{report.unchanged} unchanged, {len(report.refused)} refused"
        )
        for refusal in report.refused:
            err.print(f"refused {refusal.where}: {refusal.reason}. {refusal.remedy}", markup=False)
    if report.refused:
        raise typer.Exit(1)


def _records(name: str) -> Iterator[Incoming | Refusal]:
    if name == "-":
        yield from read_file("stdin", sys.stdin.buffer)
        return
    try:
        with Path(name).open("rb") as data:
            yield from read_file(name, data)
    except OSError as error:
        remedy = "name a file that is there and may be read; of a folder, the files in it"
        yield Refusal(name, None, f"it cannot be read: {error.strerror}", remedy)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50, as_json: Json = False
) -> None:
    """List stories, newest first."""
    services = ready()
    with reading(services.engine) as session:
        found = [_facts(story) for story in list_stories(session, limit=limit)]
    if as_json:
        show_json(found)
        return
    rows = [(f["id"], f["date"], f["outlets"], f["revision"], f["first_seen_at"], f["title"]) for f in found]
    show_table(
        ("id", "date", "outlets", "revision", "first seen", "title"),
        rows,
        empty="no stories yet: `newsletter stories import FILE`",
    )


@app.command()
def show(
    story: Annotated[str, typer.Argument(metavar="STORY", help="Its number, or the id its source gives it.")],
    as_json: Json = False,
) -> None:
    """Show all that is known of a story."""
    services = ready()
    with reading(services.engine) as session:
        found = find_story(session, story)
        facts = {**_facts(found), **found.revisions[-1].content.to_json()}
        facts["revisions"] = [{"number": r.number, "seen_at": r.seen_at.isoformat()} for r in found.revisions]
        facts["external_ids"] = [record.external_id for record in found.records]
    if as_json:
        show_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, list) and value:
            say(f"{name}:")
            for entry in value:
                say("  - " + (_line(entry) if isinstance(entry, dict) else str(entry)))
        elif isinstance(value, dict):
            say(f"{name}: {_line(value)}")
        elif value not in (None, []):
            say(f"{name}: {value}")


def find_story(session: Session, ref: str) -> Story:
    """The story of that number or external id; LookupError with the remedy."""
    found = story_by_ref(session, ref)
    if found is None:
        raise LookupError(f"no story {ref!r}: `newsletter stories list` shows those there are")
    return found


def _facts(story: Story) -> dict[str, object]:
    return {
        "id": story.id,
        "title": story.title,
        "date": story.date.isoformat(),
        "outlets": len(story.revisions[-1].content.outlets),
        "revision": story.revision,
        "first_seen_at": story.first_seen_at.isoformat(timespec="minutes"),
    }


def _line(facts: dict[str, object]) -> str:
    return " · ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
