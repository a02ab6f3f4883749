"""Commands that serve and operate: run, web, clock, worker, migrate, check, tick."""

import logging
import signal
from contextlib import closing, suppress
from datetime import UTC, datetime
from socket import socket
from typing import Annotated, NoReturn

import typer
import uvicorn

from newsletter import clock as clockwork
from newsletter.cli.services import bring_up_to_date, configured, embedded, ready
from newsletter.cli.terminal import At, Json, fail, moment, progress_bar, say, show_json
from newsletter.mail import Misconfigured
from newsletter.store.migrate import SchemaAhead, SchemaBehind, is_empty, require_current
from newsletter.tick import tick as do_tick
from newsletter.tick import tick_issues
from newsletter.web.app import create_app
from newsletter.wiring import Services


def run() -> None:
    """Serve everything in one process: web pages, clock and worker."""
    services = ready()
    with clockwork.in_background(lambda stop: do_tick(services, datetime.now(UTC), stop=stop)):
        serve(services)


def web() -> None:
    """Serve the web pages and the API."""
    serve(ready())


def clock() -> None:
    """Strike the tick: plan, close, publish and finish issues. Two clocks do no harm."""
    services = ready()
    say("clock: running, Ctrl-C ends it")
    clockwork.strike(lambda _: tick_issues(services, datetime.now(UTC)))


def worker() -> None:
    """Hand over what is due. As many workers as wanted, on as many machines."""
    services = ready()
    dispatcher = services.dispatcher()
    say(f"worker: running, mail goes out by {services.provider.name}, Ctrl-C ends it")
    clockwork.strike(lambda stop: dispatcher.run(datetime.now(UTC), stop=stop))


def serve(services: Services) -> None:
    """Serve the pages until interrupted."""
    port = services.settings.port
    with closing(socket()) as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            fail(f"port {port} is taken by another program: set PORT to a free one")
    say(f"serving on {services.settings.public_url} (port {port}), Ctrl-C ends it")
    # uvicorn ends the process by the signal itself once it has closed its doors: that would kill the
    # clock and the worker beside it in mid-batch
    signal.signal(signal.SIGTERM, _interrupt)
    with suppress(KeyboardInterrupt):
        uvicorn.run(
            create_app(services),
            # the mailbox page shows every mail and asks nobody who they are
            host="127.0.0.1" if services.settings.mail_provider == "folder" else "0.0.0.0",  # noqa: S104
            port=port,
            # the paths of our links hold tokens: they belong in no log
            access_log=False,
            log_level=logging.WARNING,
        )


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def migrate() -> None:
    """Bring the database up to date, and take over the publication file."""
    for line in bring_up_to_date(configured()) or ["already up to date"]:
        say(line)


def check() -> None:
    """Look at settings, database and mail provider; sends nothing."""
    services = configured()
    faults = []
    say(f"settings: complete, links begin with {services.settings.public_url}")
    say(f"publication: {', '.join(newsletter.slug for newsletter in services.site.newsletters)}")
    try:
        if embedded(services) and is_empty(services.engine):
            say("database: sqlite, not set up yet; the first command that needs it does it")
        else:
            require_current(services.engine)
            say(f"database: {services.engine.dialect.name}, up to date")
    except (SchemaAhead, SchemaBehind) as error:
        faults.append(f"database: {error}")
    try:
        say(f"provider: {services.provider.check()}")
    except Misconfigured as error:
        faults.append(f"provider: {error}")
    if not services.settings.postal_address:
        say("warning: POSTAL_ADDRESS is not set; mail that leaves this machine needs one")
    if faults:
        fail("\n".join(faults))


def tick(
    at: At = None,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing when nothing was due.")] = False,
) -> None:
    """Do all that is due at this moment, once: plan, publish, hand over. For cron, scripts and tests.

    Exit code 1 when something could not be done: nothing is lost, and the next tick tries again.
    """
    services = ready()
    now = moment(at)
    with progress_bar() as bar:
        task = bar.add_task("handing over", total=None)
        ticked = do_tick(services, now, progress=lambda done: bar.advance(task, done))
    if as_json:
        show_json({"at": now.isoformat(), "news": ticked.news, "troubles": ticked.troubles})
    elif ticked.news or not (quiet or ticked.troubles):
        for line in ticked.news or [f"nothing was due at {now:%Y-%m-%d %H:%M} UTC"]:
            say(line)
    if ticked.troubles:
        fail("\n".join(ticked.troubles))
