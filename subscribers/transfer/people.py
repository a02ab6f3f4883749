"""People whom a file describes, whatever its format, and how they come in.

A reader (`csv_file`) yields a `Person` or a `Refusal` for each record; `import_people` takes both,
so that one bad record stops no other.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.address import Address
from subscribers.admission import Asked, Attested, ask, vouch
from subscribers.enrolment import Applicant
from subscribers.ledger import Channel, Evidence
from subscribers.lens import Lens
from subscribers.models import Subscriber
from subscribers.rhythm import Rhythm

#: people admitted in one go
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Person:
    """What a record says. None: nothing, so what is known of a subscriber stays."""

    address: Address
    name: str | None
    #: as terms, see `lens.term`
    audiences: frozenset[str] | None
    timezone: str | None
    hour: int | None
    #: fills the gaps for a new subscriber
    defaults: Rhythm

    def applicant(self, known: Subscriber | None) -> Applicant:
        """With what the record says laid over what is known."""
        lens = known.lens if known else Lens()
        rhythm = known.rhythm if known else self.defaults
        if self.audiences is not None:
            lens = replace(lens, audiences=self.audiences)
        if self.timezone is not None:
            rhythm = replace(rhythm, timezone=self.timezone)
        if self.hour is not None:
            rhythm = replace(rhythm, hour=self.hour)
        return Applicant(self.address, lens, rhythm, self.name)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that cannot be taken, where it stands, why, and what to do about it."""

    line: int
    reason: str
    remedy: str


@dataclass(frozen=True)
class ImportReport:
    """What became of every record."""

    added: int
    changed: int
    unchanged: int
    #: unsubscribed or suppressed: no import brings them back
    kept_out: int
    refused: tuple[Refusal, ...]
    #: the confirmations that must now be mailed
    asked: tuple[Asked, ...]

    def to_json(self) -> dict[str, Any]:
        """Counts, and each refusal with its line, reason and remedy."""
        return asdict(self) | {
            "refused": [asdict(refusal) for refusal in self.refused],
            "asked": len(self.asked),
        }


def import_people(
    session: Session,
    people: Iterable[Person | Refusal],
    *,
    newsletters: Sequence[str],
    source: str | None,
    channel: Channel,
    wording: str,
    now: datetime,
) -> ImportReport:
    """Bring people in; with a `source`, an operator vouches for their consent (`consent.attest`).

    Without one they are pending and asked to confirm, as `consent.request` would; `wording` is then
    kept as the words that asked. Doing it again changes nothing. Raises ValueError without a
    newsletter.
    """
    evidence = Evidence(channel, source or wording, None, now)
    outcomes: Counter[Attested] = Counter()
    refused: list[Refusal] = []
    asked: list[Asked] = []
    for chunk in _chunks(people):
        refused += (record for record in chunk if isinstance(record, Refusal))
        applicants = _applicants(session, [record for record in chunk if isinstance(record, Person)])
        if source:
            outcomes.update(vouch(session, applicants, newsletters, evidence))
        else:
            for outcome, mail in ask(session, applicants, newsletters, evidence):
                outcomes[outcome] += 1
                asked += [mail] if mail else []
    return ImportReport(
        added=outcomes[Attested.ADDED],
        changed=outcomes[Attested.UPDATED],
        unchanged=outcomes[Attested.UNCHANGED],
        kept_out=outcomes[Attested.KEPT_OUT],
        refused=tuple(refused),
        asked=tuple(asked),
    )


def _applicants(session: Session, people: Sequence[Person]) -> list[Applicant]:
    keys = [person.address.key for person in people]
    subscribers = session.scalars(select(Subscriber).where(Subscriber.email_key.in_(keys)))
    known = {subscriber.email_key: subscriber for subscriber in subscribers}
    return [person.applicant(known.get(person.address.key)) for person in people]


def _chunks(people: Iterable[Person | Refusal]) -> Iterator[list[Person | Refusal]]:
    stream = iter(people)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk
