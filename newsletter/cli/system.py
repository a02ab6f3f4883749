"""Commands that serve and operate: run, web, clock, worker, migrate, check, tick."""

import gc
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from socket import socket
from threading import Thread
from typing import Annotated

import typer
import uvicorn

from newsletter.cli.pace import closed_ways
from newsletter.cli.services import bring_up_to_date, configured, embedded, ready
from newsletter.cli.terminal import At, Json, fail, moment, progress_bar, say, show_json
from newsletter.clock import striking
from newsletter.mail import Misconfigured
from newsletter.pulses import BEAT, WRONG_CLOCK, clock_is_wrong
from newsletter.sender_check import examine
from newsletter.serving import LOOK, Duty, steady
from newsletter.store.engine import reading
from newsletter.store.migrate import SchemaAhead, SchemaBehind, is_empty, require_current
from newsletter.tasks import alert, bark, count_days, foresee, forget, handlers, sweep, tell, tidy_up, watch
from newsletter.tick import tick as do_tick
from newsletter.tick import tick_issues
from newsletter.web.app import create_app
from newsletter.wiring import Services

#: jobs at one time in one process
CONCURRENCY = 4


def run() -> None:
    """Serve everything in one process: web pages, clock and worker."""
    services = ready()
    with (
        on_duty(services, "web", "clock", "worker") as duty,
        _working(services, duty, CONCURRENCY),
        _pages(services, duty),
    ):
        duty.wait()


def web() -> None:
    """Serve the web pages and the API."""
    serve(ready())


def clock() -> None:
    """Strike the tick: plan, close, publish and finish issues. Two clocks do no harm."""
    services = ready()
    with on_duty(services, "clock") as duty:
        say("clock: running, Ctrl-C ends it")
        duty.wait()


def worker(
    concurrency: Annotated[
        int,
        typer.Option(min=1, max=40, help="Mails leave over so many connections at one time."),
    ] = CONCURRENCY,
) -> None:
    """Hand over what is due. As many workers as wanted, on as many machines."""
    services = ready()
    with on_duty(services, "worker") as duty, _working(services, duty, concurrency):
        say(f"worker: running, mail goes out by {services.provider.name}, Ctrl-C ends it")
        duty.wait()


def serve(services: Services) -> None:
    """Serve the pages until interrupted."""
    with on_duty(services, "web") as duty, _pages(services, duty):
        duty.wait()


@contextmanager
def on_duty(services: Services, *roles: str) -> Iterator[Duty]:
    """The frame of every process that serves; ends in failure when it has to leave for a fault."""
    duty = Duty(services.engine, roles)
    duty.heed_signals()
    # what is loaded now stays: nobody needs to look through it for garbage over and over
    gc.freeze()
    # and a page makes tens of thousands of values at once, most of which stay, or go without that
    gc.set_threshold(10_000, 10, 10)
    strokes = [(LOOK, steady("look", duty.look)), (BEAT, steady("pulse", duty.beat))]
    for _, at_the_start in strokes:
        at_the_start()
    if "clock" in roles:
        strokes += [(seconds, _stroke(services, duty, action)) for seconds, action in STROKES]
    with striking(strokes):
        try:
            yield duty
        finally:
            duty.leave()
    if duty.fault:
        fail(duty.fault)


#: what the clock does, and every how many seconds; each by itself, so that none holds up another
STROKES: tuple[tuple[int, Callable[[Services, datetime], object]], ...] = (
    (1, tick_issues),
    (1, alert),
    (1, sweep),
    (1, tell),
    (10, tidy_up),
    (10, foresee),
    (60, count_days),
    (60, watch),
    (60, bark),
    (3600, forget),
)


def _stroke(
    services: Services, duty: Duty, action: Callable[[Services, datetime], object]
) -> Callable[[], None]:
    def stroke() -> None:
        if not duty.resting():
            action(services, duty.now())

    return steady(action.__name__, stroke)


@contextmanager
def _working(services: Services, duty: Duty, concurrency: int) -> Iterator[None]:
    """Do jobs while the block runs, and whenever the database answers again after it did not."""
    tasks = handlers(services, clock=duty.now)
    work = steady("worker", lambda: services.queue.run(tasks, concurrency=concurrency, stop=duty.resting))

    def keep_working() -> None:
        while not duty.leaving():
            if not duty.resting():
                work()
            time.sleep(1)

    thread = Thread(target=keep_working)
    thread.start()
    try:
        yield
    finally:
        duty.leave()
        thread.join()


@contextmanager
def _pages(services: Services, duty: Duty) -> Iterator[None]:
    """Serve the pages while the block runs."""
    port = services.settings.port
    with closing(socket()) as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            fail(f"port {port} is taken by another program: set PORT to a free one")
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(services),
            # the mailbox page shows every mail and asks nobody who they are
            host="127.0.0.1" if services.settings.mail_provider == "folder" else "0.0.0.0",  # noqa: S104
            port=port,
            # the paths of our links hold tokens: they belong in no log
            access_log=False,
            # as ours, see `logs`
            log_config=None,
            log_level=logging.WARNING,
            # seconds for answers in hand
            timeout_graceful_shutdown=10,
        )
    )

    def answer() -> None:
        try:
            server.run()
        finally:
            duty.leave(None if server.should_exit else f"the pages cannot be served on port {port}")

    # in a thread, where it leaves the signals to us: it would end the process by them, in mid-batch
    thread = Thread(target=answer)
    thread.start()
    say(f"serving on {services.settings.public_url} (port {port}), Ctrl-C ends it")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def migrate() -> None:
    """Bring the database up to date, and take over the publication file."""
    for line in bring_up_to_date(configured()) or ["already up to date"]:
        say(line)


def check() -> None:
    """Look at settings, database, mail provider, and what DNS says of the sender; sends nothing."""
    services = configured()
    faults = []
    say(f"settings: complete, links begin with {services.settings.public_url}")
    say(f"publication: {', '.join(offer.slug for offer in services.site.offers)}")
    try:
        if embedded(services) and is_empty(services.engine):
            say("database: sqlite, not set up yet; the first command that needs it does it")
        else:
            require_current(services.engine)
            say(f"database: {services.engine.dialect.name}, up to date")
            for line in closed_ways(services):
                say(f"warning: {line}")
    except (SchemaAhead, SchemaBehind) as error:
        faults.append(f"database: {error}")
    try:
        say(f"provider: {services.provider.check()}")
    except Misconfigured as error:
        faults.append(f"provider: {error}")
    for finding in examine(services.settings):
        if finding.to_mend:
            faults.append(finding.line)
        else:
            say(finding.line)
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
    if at is None:
        with reading(services.engine) as session:
            if clock_is_wrong(session, now):
                fail(f"{WRONG_CLOCK}; nothing is done until then")
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
