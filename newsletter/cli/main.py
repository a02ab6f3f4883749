"""The command `newsletter`: its parts put together, and its errors told kindly."""

import logging
import sys
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from typer.core import TyperGroup

from newsletter.alert_desk import editing as alert_editing
from newsletter.alert_desk import letting_go
from newsletter.cli import (
    alerts,
    alerts_readers,
    alerts_trial,
    corrections,
    deliveries,
    demo,
    desk_numbers,
    editors,
    erase,
    hooks,
    issue_edits,
    issues,
    keys,
    numbers,
    pace,
    preflight,
    replay,
    returns,
    segments,
    stories,
    subscribers,
    system,
    transfer,
    what_if,
    why,
)
from newsletter.cli.logs import configure_logs
from newsletter.cli.services import close
from newsletter.cli.terminal import err
from newsletter.config import ConfigError
from newsletter.desk import changes
from newsletter.desk.approval import NothingToApprove
from newsletter.desk.correcting import BadCorrection
from newsletter.desk.editing import TooLong
from newsletter.desk.states import IllegalStep
from newsletter.dispatch.steering import BadWay
from newsletter.dispatch.unknown import NotUnknown
from newsletter.editors.keys import BadKey
from newsletter.editors.people import AlreadyEditor, LastAdmin
from newsletter.faults import remedy
from newsletter.mail import Misconfigured
from newsletter.preview import NoPreview
from newsletter.release import Barred, SamePerson
from newsletter.rendering.renderer import RenderError
from newsletter.site import BadPublication
from newsletter.store.migrate import BrokenReferences, SchemaAhead, SchemaBehind
from subscribers.address import InvalidAddress, InvalidName
from subscribers.rhythm import InvalidRhythm
from subscribers.segments.parsing import BadRule
from subscribers.segments.saved import BadName
from subscribers.transfer.batches import Overtaken
from subscribers.transfer.table import BadFile
from subscribers.watching import TooManyRules


class Plain(TyperGroup):
    """Says in our words what is wrong with an option: Typer hands on those of a library for programmers."""

    def invoke(self, context: Any) -> Any:
        try:
            return super().invoke(context)
        except typer.BadParameter as error:
            if isinstance(error.__cause__, ValidationError):
                error.message = remedy(error.__cause__.errors()[0])
            raise


app = typer.Typer(
    cls=Plain,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="The newsletter and alert service of Race to AGI: from a story to a digest in the inbox.",
    epilog="New here? `newsletter demo` sets up an instance with sample data and shows what it sends.",
)
app.command("demo", rich_help_panel="Start")(demo.demo)
for command in (system.run, system.web, system.clock, system.worker):
    app.command(command.__name__, rich_help_panel="Serve")(command)
for command in (system.migrate, system.check):
    app.command(command.__name__, rich_help_panel="Operate")(command)
app.command("tick", rich_help_panel="Operate")(system.tick)
for of_readers in (
    alerts_readers.rules,
    alerts_readers.add,
    alerts_readers.pause,
    alerts_readers.resume,
    alerts_readers.stop,
    alerts_readers.choose,
):
    alerts.app.command(of_readers.__name__, rich_help_panel="Readers' rules")(of_readers)
alerts.app.command("try", rich_help_panel="Readers' rules")(alerts_trial.try_)
app.add_typer(alerts.app, name="alerts", rich_help_panel="Curate")
stories.app.command("correct")(corrections.correct)
app.add_typer(stories.app, name="stories", rich_help_panel="Curate")
issues.app.command("numbers")(numbers.numbers)
for edit in (issue_edits.pin, issue_edits.drop, issue_edits.history, issue_edits.undo):
    issues.app.command(edit.__name__)(edit)
issues.app.command("preflight")(preflight.preflight)
issues.app.command("replay")(replay.replay)
alerts.app.command("replay")(replay.replay_of_alert)
app.add_typer(issues.app, name="issues", rich_help_panel="Curate")
app.add_typer(deliveries.app, name="deliveries", rich_help_panel="Operate")
app.add_typer(pace.app, name="pace", rich_help_panel="Operate")
app.add_typer(returns.app, name="returns", rich_help_panel="Operate")
app.add_typer(hooks.app, name="hooks", rich_help_panel="Operate")
app.command("send-test", rich_help_panel="Curate")(issues.send_test)
subscribers.app.command("import")(transfer.import_)
subscribers.app.command("export")(transfer.export)
subscribers.app.command("erase")(erase.erase)
app.add_typer(editors.app, name="editors", rich_help_panel="Curate")
app.add_typer(keys.app, name="keys", rich_help_panel="Curate")
app.command("numbers", rich_help_panel="Curate")(desk_numbers.numbers)
app.command("what-if", rich_help_panel="Curate")(what_if.what_if)
app.add_typer(subscribers.app, name="subscribers", rich_help_panel="Readers")
app.add_typer(segments.app, name="segments", rich_help_panel="Readers")
app.command("why", rich_help_panel="Readers")(why.why)

#: these run for long, and are watched by their logs
SERVING = ("run", "web", "clock", "worker", "returns")

#: what a person can mend; anything else is a fault of ours and shows its traceback
MENDABLE = (
    alert_editing.IllegalStep,
    alert_editing.Overtaken,
    letting_go.BadTime,
    letting_go.Barred,
    letting_go.NotWhatWasSeen,
    letting_go.SamePerson,
    AlreadyEditor,
    BadCorrection,
    LastAdmin,
    BadFile,
    BadKey,
    BadName,
    BadPublication,
    BadRule,
    BadWay,
    Barred,
    BrokenReferences,
    ConfigError,
    IllegalStep,
    InvalidAddress,
    InvalidName,
    InvalidRhythm,
    LookupError,
    Misconfigured,
    NoPreview,
    NotUnknown,
    NothingToApprove,
    OSError,
    Overtaken,
    changes.Overtaken,
    RenderError,
    SamePerson,
    SchemaAhead,
    SchemaBehind,
    TooLong,
    TooManyRules,
)


@app.callback()
def options(
    context: typer.Context,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every step to stderr, as the serving commands do.")
    ] = False,
) -> None:
    """Settings come from the environment and from a file `.env`; `.env.example` lists them."""
    serving = context.invoked_subcommand in SERVING
    configure_logs(logging.INFO if verbose or serving else logging.WARNING)


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 failed, 2 wrong usage."""
    try:
        app()
    except MENDABLE as error:
        message = error.args[0] if isinstance(error, LookupError) and error.args else error
        err.print("[red]error:[/red]", end=" ")
        err.print(str(message), markup=False)
        sys.exit(1)
    except DBAPIError as error:
        err.print(f"[red]error:[/red] the database does not answer as it should: {error.orig}")
        err.print("Is DATABASE_URL right, and is the server running? `newsletter check` looks at both.")
        sys.exit(1)
    finally:
        close()
