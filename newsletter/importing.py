"""A file of subscribers on its way in: tried without changing anything, or taken, a portion a transaction.

How far it came is kept with what it did, so one that was interrupted goes on where it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from sqlalchemy import Engine

from newsletter.alerts.matching import anchors
from newsletter.outbox import queue_confirmation
from newsletter.site import Site
from newsletter.store.engine import reading, writing
from subscribers.fingerprints import Fingerprints
from subscribers.models import Batch
from subscribers.transfer import batches
from subscribers.transfer.people import ImportReport, Person, Refusal
from subscribers.transfer.reading import People
from subscribers.transfer.table import lines_of, survey
from subscribers.transfer.taking import Terms, import_people


@dataclass(frozen=True)
class Imported:
    """What was seen in the file, and what its import came to, or would come to."""

    format_name: str
    #: what the operator should know about the encoding
    note: str | None
    not_kept: Sequence[str]
    #: column → how many of its cells could not be read
    not_read: dict[str, int]
    report: ImportReport
    #: None where nothing was taken
    batch_id: int | None


class Import:
    """One file and the terms on which it is to be taken in. `data` can be read from any place in it."""

    def __init__(
        self,
        engine: Engine,
        site: Site,
        fingerprints: Fingerprints,
        data: BinaryIO,
        terms: Terms,
        *,
        progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Look over the file; `progress` is told after each portion how many bytes of it are read.

        Raises BadFile for one that is no table of people.
        """
        self._engine = engine
        self._fingerprints = fingerprints
        self._data = data
        self._terms = replace(terms, anchors=anchors)
        self._progress = progress
        self._file = survey(data)
        self._people = People(
            lines_of(data, self._file.encoding),
            audiences=site.audiences,
            defaults=site.usual_rhythm(terms.newsletters[0]),
        )

    @property
    def size(self) -> int:
        """Of the file, in bytes."""
        return self._file.size

    def rehearse(self, *, now: datetime) -> Imported:
        """What would happen; nothing is changed."""
        total = ImportReport()
        for portion in self._portions():
            with writing(self._engine) as session:
                report, _ = import_people(
                    session, portion, self._terms, fingerprints=self._fingerprints, now=now
                )
                session.rollback()
            total.add(report)
        return self._imported(total, None)

    def take(
        self, *, file_name: str, now: datetime, begun: Callable[[Batch], object] = lambda _: None
    ) -> Imported:
        """Take the people in, all at this `now`; `begun` is given the batch, as it stands.

        Raises Overtaken while another process does the same.
        """
        with writing(self._engine) as session:
            format_name = self._people.format.name
            batch = batches.begin(
                session, self._file, self._terms, file_name=file_name, format_name=format_name, now=now
            )
        begun(batch)
        done, seen = 0, ImportReport()
        for portion in self._portions():
            fresh = portion[max(batch.done - done, 0) :]
            done += len(portion)
            if fresh:
                seen.add(self._advance(batch.id, fresh, done - len(fresh), now))
        self._advance(batch.id, [], done, now)
        with reading(self._engine) as session:
            report = batches.report(session, batch.id)
        report.quote(seen.refused_lines)
        return self._imported(report, batch.id)

    def _portions(self) -> Iterator[list[Person | Refusal]]:
        stream = iter(self._people)
        while portion := list(islice(stream, batches.PORTION)):
            yield portion
            self._progress(self._data.tell())

    def _advance(
        self, batch_id: int, portion: Sequence[Person | Refusal], done: int, now: datetime
    ) -> ImportReport:
        with writing(self._engine) as session:
            report, asked = batches.advance(
                session,
                batch_id,
                portion,
                self._terms,
                done=done,
                fingerprints=self._fingerprints,
                now=now,
            )
            for mail in asked:
                queue_confirmation(
                    session, subscriber_id=mail.subscriber_id, consent_id=mail.consent_id, now=now
                )
        return report

    def _imported(self, report: ImportReport, batch_id: int | None) -> Imported:
        people = self._people
        return Imported(
            people.format.name, self._file.note, people.not_kept, dict(people.not_read), report, batch_id
        )
