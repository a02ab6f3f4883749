"""The command `newsletter`: its parts put together, and its errors told kindly."""

import logging
import sys
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from newsletter.cli import (
    deliveries,
    demo,
    editors,
    erase,
    hooks,
    issues,
    numbers,
    pace,
    returns,
    segments,
    stories,
    subscribers,
    system,
    transfer,
    why,
)
from newsletter.cli.logs import configure_logs
from newsletter.cli.services import close
from newsletter.cli.terminal import err
from newsletter.config import ConfigError
from newsletter.desk.approval import NothingToApprove
from newsletter.desk.states import IllegalStep
from newsletter.dispatch.steering import BadWay
from newsletter.dispatch.unknown import NotUnknown
from newsletter.editors.people import AlreadyEditor
from newsletter.mail import Misconfigured
from newsletter.preview import NoPreview
from newsletter.rendering.renderer import RenderError
from newsletter.site import BadPublication
from newsletter.store.migrate import BrokenReferences, SchemaAhead, SchemaBehind
from subscribers.address import InvalidAddress, InvalidName
from subscribers.rhythm import InvalidRhythm
from subscribers.segments.parsing import BadRule
from subscribers.segments.saved import BadName
from subscribers.transfer.batches import Overtaken
from subscribers.transfer.table import BadFile

app = typer.Typer(
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
app.add_typer(stories.app, name="stories", rich_help_panel="Curate")
issues.app.command("numbers")(numbers.numbers)
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
app.add_typer(subscribers.app, name="subscribers", rich_help_panel="Readers")
app.add_typer(segments.app, name="segments", rich_help_panel="Readers")
app.command("why", rich_help_panel="Readers")(why.why)

#: these run for long, and are watched by their logs
SERVING = ("run", "web", "clock", "worker", "returns")

#: what a person can mend; anything else is a fault of ours and shows its traceback
MENDABLE = (
    AlreadyEditor,
    BadFile,
    BadName,
    BadPublication,
    BadRule,
    BadWay,
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
    RenderError,
    SchemaAhead,
    SchemaBehind,
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
