"""Imports as they go on: how far each came is in its `Batch`, in the transaction of what it did."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.admission import Asked
from subscribers.fingerprints import Fingerprints
from subscribers.models import Batch
from subscribers.transfer.people import ImportReport, Person, Refusal
from subscribers.transfer.table import Survey
from subscribers.transfer.taking import Terms, import_people
from subscribers.unique import insert_new

#: records taken in one transaction: many, since each writes to pages all over the indexes, and few
#: enough for SQLite's 32,766 parameters and for those who wait to write meanwhile
PORTION = 4_000


class Overtaken(RuntimeError):
    """Another process imports this file just now: let it finish."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def begin(
    session: Session, file: Survey, terms: Terms, *, file_name: str, format_name: str, now: datetime
) -> Batch:
    """The batch of this file on these terms: a new one, or the one that was interrupted.

    One that was finished begins anew; what it did is done, so it will find all unchanged.
    """
    said = json.dumps([file.digest, terms.newsletters, terms.source])
    row = {
        "fingerprint": hashlib.blake2b(said.encode(), digest_size=16).hexdigest(),
        "file_name": file_name,
        "format": format_name,
        "done": 0,
        "report": {},
        "started_at": now,
    }
    insert_new(session, Batch, [row])
    batch = session.scalars(
        select(Batch).where(Batch.fingerprint == row["fingerprint"]).with_for_update()
    ).one()
    if batch.finished_at:
        batch.done, batch.report, batch.started_at, batch.finished_at = 0, {}, now, None
    return batch


def advance(
    session: Session,
    batch_id: int,
    records: Sequence[Person | Refusal],
    terms: Terms,
    *,
    done: int,
    fingerprints: Fingerprints,
    now: datetime,
) -> tuple[ImportReport, list[Asked]]:
    """Take the next records in; what became of them, and the confirmations now to be mailed.

    Raises Overtaken where another process took them.

    `done`: how many came before them. None at all: the file is finished.
    """
    batch = session.get_one(Batch, batch_id, with_for_update=True)
    if batch.done != done:
        raise Overtaken
    if not records:
        batch.finished_at = now
        return ImportReport(), []
    news, asked = import_people(
        session, records, terms, fingerprints=fingerprints, now=now, batch_id=batch_id
    )
    total = ImportReport.read(batch.report)
    total.add(news)
    batch.report = total.to_store()
    batch.done += len(records)
    return news, asked


def report(session: Session, batch_id: int) -> ImportReport:
    """What the import came to so far, in all its runs, without a word of the file."""
    return ImportReport.read(session.get_one(Batch, batch_id).report)
