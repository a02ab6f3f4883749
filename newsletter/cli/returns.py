"""Commands about mails that came back: take them in from a mail server, or read them from a folder."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from socket import AF_INET, AF_INET6, create_server
from typing import Annotated

import structlog
import typer
from sqlalchemy.exc import SQLAlchemyError

from newsletter.cli.services import ready
from newsletter.cli.system import on_duty
from newsletter.cli.terminal import Json, fail, moment, say, show_json, show_table
from newsletter.feedback.applying import apply_events
from newsletter.feedback.told import store
from newsletter.return_path import ReturnPaths
from newsletter.returns.folders import contents, put_aside, unread
from newsletter.returns.listening import listen
from newsletter.returns.telling import Heard, hear
from newsletter.store.engine import writing
from newsletter.wiring import Services

app = typer.Typer(no_args_is_help=True, help="Mails that came back: bounces and complaints by mail.")
log = structlog.get_logger()

#: mails of a folder that are kept with one commit
AT_ONCE = 100


@app.command()
def serve() -> None:
    """Take in what came back from a mail server, by LMTP or SMTP, at RETURNS_LISTEN."""
    services = ready()
    paths = _return_paths(services)
    host, port = _place(services)

    def keep(raw: bytes, sent_to: str) -> None:
        now = datetime.now(UTC)
        heard = hear(raw, paths, sent_to=sent_to, now=now)
        new = _keep(services, [heard], now)
        kind = heard.kind.value if heard.kind else None
        log.info("return_taken_in", kind=kind, ours=heard.told is not None, new=new)
        if new:
            _work_in(services, now)

    server = listen(paths, keep, host=host, port=port)
    with on_duty(services, "returns") as duty:
        server.start()
        say(f"returns: taking in what comes to {paths.base} at {services.settings.returns_listen}")
        try:
            duty.wait()
        finally:
            server.stop()


@app.command()
def read(
    folder: Annotated[
        Path, typer.Argument(help="A Maildir, or a folder with files *.eml.", metavar="FOLDER")
    ],
    as_json: Json = False,
) -> None:
    """Read what came back and lies in a folder; each mail once, then it is put aside.

    From `new` to `cur` in a Maildir, else into the folder `read` below. Exit code 1 when a mail could not
    be read or put aside: the others are kept all the same.
    """
    services = ready()
    paths, now = _return_paths(services), moment(None)
    files = unread(folder)
    heard: list[Heard] = []
    new, troubles = 0, []
    for start in range(0, len(files), AT_ONCE):
        batch = {}
        for path in files[start : start + AT_ONCE]:
            try:
                batch[path] = hear(contents(path), paths, now=now)
            except OSError as error:
                troubles.append(f"{path.name} cannot be read: {error.strerror}")
        new += _keep(services, batch.values(), now)
        heard += batch.values()
        try:
            put_aside(folder, list(batch))
        except OSError as error:
            troubles.append(f"{folder}: mails cannot be put aside ({error.strerror}): let us write to it")
    if new:
        _work_in(services, now)
    _report(heard, new, as_json)
    if troubles:
        fail("\n".join(troubles))


def _return_paths(services: Services) -> ReturnPaths:
    if services.return_paths is None:
        fail("BOUNCE_ADDRESS is not set: without it no mail has a return path by which we know it")
    return services.return_paths


def _place(services: Services) -> tuple[str, int]:
    """Host and port to listen at, which are free."""
    place = services.settings.returns_listen
    host, _, port = place.rpartition(":")
    host = host.strip("[]")
    try:
        create_server((host, int(port)), family=AF_INET6 if ":" in host else AF_INET).close()
    except OSError as error:
        fail(f"nothing can be taken in at {place} ({error.strerror}): set RETURNS_LISTEN to a free place")
    return host, int(port)


def _keep(services: Services, heard: Iterable[Heard], now: datetime) -> int:
    told = [one.told for one in heard if one.told]
    with writing(services.engine) as session:
        return store(session, told, now)


def _work_in(services: Services, now: datetime) -> None:
    """At once, so that the next claim heeds it; what fails is left to the clock."""
    try:
        with writing(services.engine) as session:
            apply_events(session, services.fingerprints, now=now)
    except SQLAlchemyError as error:
        log.warning("events_wait_for_the_clock", reason=type(error).__name__)


def _report(heard: list[Heard], new: int, as_json: bool) -> None:
    ours = Counter(one.kind.value for one in heard if one.kind and one.told)
    others = Counter(one.kind.value for one in heard if one.kind and not one.told)
    facts = {
        "read": len(heard),
        "new": new,
        "told_before": ours.total() - new,
        "not_ours": others.total(),
        "nothing": len(heard) - ours.total() - others.total(),
    }
    if as_json:
        show_json({**facts, "kinds": {"ours": dict(ours), "not_ours": dict(others)}})
        return
    say(
        f"mails read: {len(heard)}; new of mails of ours: {new}; told before: {facts['told_before']}; "
        f"without a return path of ours: {facts['not_ours']}; nothing about a mail: {facts['nothing']}"
    )
    kinds = sorted(ours | others)
    show_table(("told", "ours", "others"), [(kind, ours[kind], others[kind]) for kind in kinds], empty="")
