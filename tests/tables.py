"""Tables of people for tests: read from lines, from bytes or from a real export, and taken in."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy.orm import Session

from subscribers.address import Address
from subscribers.admission import Asked
from subscribers.rhythm import Rhythm
from subscribers.transfer.people import ImportReport, Person, Refusal, Status
from subscribers.transfer.reading import People
from subscribers.transfer.table import lines_of, survey
from subscribers.transfer.taking import Terms, import_people
from tests.people import FINGERPRINTS, NOW

AUDIENCES = ("Investors", "Researchers", "Policymakers")
DEFAULTS = Rhythm("Europe/Paris", 8)
EXPORTS = Path(__file__).parents[2] / "shared/data/subscriber-exports/ghost-migrate"


def people(*lines: str) -> People:
    return People([f"{line}\n" for line in lines], audiences=AUDIENCES, defaults=DEFAULTS)


def read(*lines: str) -> list[Person | Refusal]:
    return list(people(*lines))


def one(*lines: str) -> Person:
    [person] = read(*lines)
    assert isinstance(person, Person)
    return person


def refusal(*lines: str) -> Refusal:
    [refused] = read(*lines)
    assert isinstance(refused, Refusal)
    return refused


def opened(data: BinaryIO) -> People:
    return People(lines_of(data, survey(data).encoding), audiences=AUDIENCES, defaults=DEFAULTS)


def real(path: str) -> People:
    """A real export, as its service wrote it."""
    file = EXPORTS / path
    if not file.exists():
        pytest.skip("the shared folder with real exports is not here")
    return opened(io.BytesIO(file.read_bytes()))


def taken(found: People) -> dict[str, Person]:
    """The people of a file by their addresses; nobody in it may be refused."""
    persons = {}
    for record in found:
        assert isinstance(record, Person), record
        persons[record.address.mailbox] = record
    return persons


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def terms(source: str | None = "fair") -> Terms:
    return Terms(("daily",), source, wording="An operator entered this address: please confirm")


def take_records(
    session: Session, *records: Person | Refusal, source: str | None = "fair", now: timedelta = timedelta()
) -> tuple[ImportReport, list[Asked]]:
    return import_people(session, records, terms(source), fingerprints=FINGERPRINTS, now=NOW + now)


def take(
    session: Session, *lines: str, source: str | None = "fair", now: timedelta = timedelta()
) -> ImportReport:
    report, _ = take_records(session, *read(*lines), source=source, now=now)
    return report


def person(address: Address, status: Status = Status.SUBSCRIBED, left_at: datetime | None = None) -> Person:
    return Person(2, address, DEFAULTS, status=status, left_at=left_at)
