"""Commands that bring subscribers in from a file, and out into one."""

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TextIO

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from newsletter.cli.services import ready
from newsletter.cli.subscribers import (
    WORDING,
    Confirmed,
    Newsletters,
    Source,
    chosen_newsletters,
    require_attestation,
)
from newsletter.cli.terminal import Json, err, moment, say, show_json
from newsletter.importing import Import, Imported
from newsletter.store.engine import reading
from subscribers.models import Batch
from subscribers.transfer.export import records, write_csv, write_jsonl
from subscribers.transfer.people import SHOWN
from subscribers.transfer.taking import Terms


class ExportFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A table of subscribers; - reads stdin.")],
    newsletter: Newsletters = None,
    confirmed: Confirmed = False,
    source: Source = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would happen; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import subscribers. Nobody who left, bounced or complained is brought back.

    Takes the exports of Mailchimp, Substack, beehiiv, Ghost, Buttondown, listmonk, Keila and Curated
    as they are, our own, and tables of email,name,audiences,timezone,hour.

    Without --confirmed people are pending, and get a mail that asks them. A row that cannot be used
    is reported with its line, the reason and the remedy. Exit code 1 when any was refused. An import
    that was interrupted goes on where it was when it is run again.
    """
    services = ready()
    require_attestation(confirmed, source)
    terms = Terms(tuple(chosen_newsletters(services, newsletter)), source, WORDING)
    now = moment(None)
    with _opened(file) as data, _bar() as bar:
        task = bar.add_task("importing", total=None)
        work = Import(
            services.engine,
            services.site,
            services.fingerprints,
            data,
            terms,
            progress=lambda read: bar.update(task, completed=read),
        )
        bar.update(task, total=work.size)
        if dry_run:
            done = work.rehearse(now=now)
        else:
            done = work.take(file_name=Path(file).name, now=now, begun=_say_where)
    if as_json:
        show_json(_to_json(done) | {"dry_run": dry_run})
    else:
        _tell(done, dry_run=dry_run)
    if done.report.refused:
        raise typer.Exit(1)


def _say_where(batch: Batch) -> None:
    if batch.done:
        err.print(f"going on after {batch.done:,} records", markup=False)


def _to_json(done: Imported) -> dict[str, Any]:
    return {
        "format": done.format_name,
        "note": done.note,
        "columns_not_kept": list(done.not_kept),
        "cells_not_read": done.not_read,
        **done.report.to_json(),
    }


def _tell(done: Imported, *, dry_run: bool) -> None:
    report = done.report
    say(f"format: {done.format_name}" + (" (dry run: nothing was changed)" if dry_run else ""))
    say(
        f"{report.added} added, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.unsubscribed} unsubscribed, {report.suppressed} suppressed, "
        f"{report.kept_out} kept out, {report.refused} refused; {report.asked} to be asked"
    )
    if done.note:
        err.print(f"note: {done.note}", markup=False)
    if done.not_kept:
        err.print(f"columns not kept: {', '.join(done.not_kept)}", markup=False)
    for column, cells in done.not_read.items():
        err.print(f"cells of {column} that could not be read: {cells}", markup=False)
    for kept_out in report.kept_out_lines:
        err.print(f"kept out line {kept_out.line}: {kept_out.reason}", markup=False)
    for refusal in report.refused_lines:
        quoted = f" ({refusal.quoted})" if refusal.quoted else ""
        err.print(f"refused line {refusal.line}: {refusal.reason}{quoted}. {refusal.remedy}", markup=False)
    if max(report.kept_out, report.refused) > SHOWN:
        err.print(f"of each kind the first {SHOWN:,} lines are shown", markup=False)


def export(
    newsletter: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Only those who ever asked for it; else all.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; else stdout.")] = None,
    form: Annotated[
        ExportFormat, typer.Option("--format", help="csv can be imported again.")
    ] = ExportFormat.CSV,
) -> None:
    """Export subscribers: status with each newsletter, preferences, consent, tags, suppression.

    The file can be read by its owner alone, and is there only once it is complete.
    """
    services = ready()
    slug = services.site.newsletter(newsletter).slug if newsletter else None
    write = write_csv if form is ExportFormat.CSV else write_jsonl
    with reading(services.engine) as session, _written(out) as text:
        write(records(session, newsletter=slug), text)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """The file, open for reading from any place in it."""
    if name != "-":
        with Path(name).open("rb") as data:
            yield data
        return
    with tempfile.TemporaryFile() as data:
        shutil.copyfileobj(sys.stdin.buffer, data)
        data.seek(0)
        yield data


@contextmanager
def _written(path: Path | None) -> Iterator[TextIO]:
    """A file that appears under its name when the block ends, or not at all; or stdout."""
    if path is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdout
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as text:
            yield text
            text.flush()
            os.fsync(text.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _bar() -> Progress:
    """How much of the file is read, shown only where a person watches."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
