"""Commands that change what an issue tells, and say what was changed."""

from typing import Annotated

import typer
from sqlalchemy import select

from newsletter.cli.issues import IssueId, find_issue
from newsletter.cli.services import ready
from newsletter.cli.stories import find_story
from newsletter.cli.terminal import Json, moment, say, show_json, show_table
from newsletter.desk import changes, editing
from newsletter.desk.changes import Hand
from newsletter.models import Editor
from newsletter.store.engine import reading, writing

StoryRef = Annotated[str, typer.Argument(metavar="STORY", help="Its number, or the id of its source.")]


def pin(issue: IssueId, story: StoryRef) -> None:
    """Tell this story to every reader of the issue, first. Voids an approval."""
    services = ready()
    with writing(services.engine) as session:
        found, told = find_issue(session, issue, lock=True), find_story(session, story)
        editing.pin(session, found, told.id, Hand(moment(None)))
    say(f"story {story} is pinned in issue {issue}")


def drop(issue: IssueId, story: StoryRef) -> None:
    """Tell this story to nobody, in this issue and in those that follow. Voids an approval."""
    services = ready()
    with writing(services.engine) as session:
        found, told = find_issue(session, issue, lock=True), find_story(session, story)
        editing.drop(session, found, told.id, Hand(moment(None)))
    say(f"story {story} is dropped from issue {issue}")


def history(issue: IssueId, as_json: Json = False) -> None:
    """Show who changed what of the issue and when, newest first."""
    services = ready()
    with reading(services.engine) as session:
        lines = changes.history(session, find_issue(session, issue))
        editors = session.scalars(select(Editor).where(Editor.id.in_({line.editor_id for line in lines})))
        emails: dict[int | None, str] = {editor.id: editor.email for editor in editors}
        facts = [
            {
                "version": line.version,
                "at": line.at.isoformat(),
                "by": emails.get(line.editor_id, "command line"),
                "words": line.words,
                "undoes": line.undoes,
            }
            for line in lines
        ]
    if as_json:
        show_json(facts)
        return
    rows = [(fact["version"], fact["at"], fact["by"], fact["words"]) for fact in facts]
    show_table(("version", "at", "by", "what"), rows, empty="nothing was changed since it was planned")


def undo(
    issue: IssueId,
    version: Annotated[int, typer.Argument(help="The change, as `newsletter issues history` numbers it.")],
) -> None:
    """Take back one change, or bring back what was taken back. Voids an approval."""
    services = ready()
    with writing(services.engine) as session:
        found = find_issue(session, issue, lock=True)
        change = changes.take_back(session, found, version, Hand(moment(None)))
    say(f"issue {issue}: {change.words if change else 'it was so already'}")
