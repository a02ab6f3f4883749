"""Commands that bring subscribers in from a file, and out into one."""

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
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
from newsletter.outbox import queue_confirmation
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers.rhythm import Rhythm
from subscribers.transfer import batches
from subscribers.transfer.export import records, write_csv, write_jsonl
from subscribers.transfer.people import SHOWN, ImportReport, Person, Refusal
from subscribers.transfer.reading import People
from subscribers.transfer.table import Survey, lines_of, survey
from subscribers.transfer.taking import Terms, import_people


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
    with _opened(file) as data:
        done = _Import(services, data, Path(file).name, terms, moment(None)).run(dry_run=dry_run)
    if as_json:
        show_json(done.to_json() | {"dry_run": dry_run})
    else:
        done.tell(dry_run=dry_run)
    if done.report.refused:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Done:
    """What an import came to, and what was seen in the file."""

    format_name: str
    note: str | None
    not_kept: Sequence[str]
    not_read: dict[str, int]
    report: ImportReport

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.format_name,
            "note": self.note,
            "columns_not_kept": list(self.not_kept),
            "cells_not_read": self.not_read,
            **self.report.to_json(),
        }

    def tell(self, *, dry_run: bool) -> None:
        report = self.report
        say(f"format: {self.format_name}" + (" (dry run: nothing was changed)" if dry_run else ""))
        say(
            f"{report.added} added, {report.changed} changed, {report.unchanged} unchanged, "
            f"{report.unsubscribed} unsubscribed, {report.suppressed} suppressed, "
            f"{report.kept_out} kept out, {report.refused} refused; {report.asked} to be asked"
        )
        if self.note:
            err.print(f"note: {self.note}", markup=False)
        if self.not_kept:
            err.print(f"columns not kept: {', '.join(self.not_kept)}", markup=False)
        for column, cells in self.not_read.items():
            err.print(f"cells of {column} that could not be read: {cells}", markup=False)
        for kept_out in report.kept_out_lines:
            err.print(f"kept out line {kept_out.line}: {kept_out.reason}", markup=False)
        for refusal in report.refused_lines:
            err.print(f"refused line {refusal.line}: {refusal.reason}. {refusal.remedy}", markup=False)
        if max(report.kept_out, report.refused) > SHOWN:
            err.print(f"of each kind the first {SHOWN:,} lines are shown", markup=False)


class _Import:
    """One file on its way in, a portion a transaction."""

    def __init__(
        self, services: Services, data: BinaryIO, file_name: str, terms: Terms, now: datetime
    ) -> None:
        self.services = services
        self.data = data
        self.file_name = file_name
        self.terms = terms
        self.now = now

    def run(self, *, dry_run: bool) -> _Done:
        file = survey(self.data)
        first = self.services.site.newsletter(self.terms.newsletters[0])
        people = People(
            lines_of(self.data, file.encoding),
            audiences=self.services.site.audiences,
            defaults=Rhythm(first.timezone, first.default_hour),
        )
        with _bar() as bar:
            portions = self._portions(iter(people), bar, file.size)
            report = self._rehearse(portions) if dry_run else self._take(portions, file, people.format.name)
        return _Done(people.format.name, file.note, people.not_kept, dict(people.not_read), report)

    def _portions(
        self, stream: Iterator[Person | Refusal], bar: Progress, size: int
    ) -> Iterator[list[Person | Refusal]]:
        task = bar.add_task("importing", total=size)
        while portion := list(islice(stream, batches.PORTION)):
            yield portion
            bar.update(task, completed=self.data.tell())

    def _rehearse(self, portions: Iterator[list[Person | Refusal]]) -> ImportReport:
        total = ImportReport()
        for portion in portions:
            with writing(self.services.engine) as session:
                report, _ = import_people(
                    session, portion, self.terms, fingerprints=self.services.fingerprints, now=self.now
                )
                session.rollback()
            total.add(report)
        return total

    def _take(
        self, portions: Iterator[list[Person | Refusal]], file: Survey, format_name: str
    ) -> ImportReport:
        """Each portion in a transaction of its own, which also notes how far the import came."""
        engine = self.services.engine
        with writing(engine) as session:
            batch = batches.begin(
                session, file, self.terms, file_name=self.file_name, format_name=format_name, now=self.now
            )
        if batch.done:
            err.print(f"going on after {batch.done:,} records", markup=False)
        done = 0
        for portion in portions:
            fresh = portion[max(batch.done - done, 0) :]
            done += len(portion)
            if fresh:
                self._advance(batch.id, fresh, done - len(fresh))
        self._advance(batch.id, [], done)
        with reading(engine) as session:
            return batches.report(session, batch.id)

    def _advance(self, batch_id: int, portion: Sequence[Person | Refusal], done: int) -> None:
        with writing(self.services.engine) as session:
            asked = batches.advance(
                session,
                batch_id,
                portion,
                self.terms,
                done=done,
                fingerprints=self.services.fingerprints,
                now=self.now,
            )
            for mail in asked:
                queue_confirmation(
                    session, subscriber_id=mail.subscriber_id, consent_id=mail.consent_id, now=self.now
                )


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
