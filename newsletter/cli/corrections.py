"""The command that corrects a story, or takes it back."""

from typing import Annotated

import typer

from newsletter.cli.services import ready
from newsletter.cli.stories import find_story
from newsletter.cli.terminal import moment, say
from newsletter.desk import correcting
from newsletter.desk.correcting import By
from newsletter.models.desk import CorrectionKind
from newsletter.store.engine import writing
from newsletter.story_life import told_in


def correct(
    story: Annotated[str, typer.Argument(metavar="ID", help="Its number, or the id its source gives it.")],
    text: Annotated[str, typer.Option(help="What was wrong, and what is right.")],
    retract: Annotated[bool, typer.Option("--retract", help="Take the whole story back.")] = False,
    revision: Annotated[
        int | None, typer.Option(metavar="N", help="The last revision that was wrong; else the newest.")
    ] = None,
    at_once: Annotated[
        bool, typer.Option("--now", help="Also mail it at once, and do not wait for the next digest.")
    ] = False,
) -> None:
    """Tell everybody who was told this story that it was wrong, once, in their next digest.

    A story that is retracted is told to nobody any more.
    """
    services = ready()
    kind = CorrectionKind.RETRACTION if retract else CorrectionKind.CORRECTION
    by = By(moment(None))
    with writing(services.engine) as session:
        found = find_story(session, story)
        made = correcting.write(session, found, kind=kind, text=text, revision=revision, by=by)
        voided = correcting.confirm(session, made.id, by=by)
        readers = sum(each.readers for each in told_in(session, found.id, up_to=made.revision))
        say(f"{kind} {made.id} of “{found.title}”, up to revision {made.revision}: told to {readers} readers")
        for issue in voided:
            say(f"issue {issue.id}, {issue.newsletter.slug} {issue.date}, is {issue.state}: {issue.reason}")
        if at_once:
            say(f"{correcting.send_note(session, made.id, by=by)} mails go out at once")
