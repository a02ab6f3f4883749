"""How a person becomes a row, once: by the key of the address, whoever asks and however often.

Works on many people at a time, in a fixed number of statements. Nothing here is consent; a
subscriber without a subscription gets no mail.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import EllipsisType
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, selectinload

from subscribers.address import Address
from subscribers.lens import Lens
from subscribers.models import LensRecord, Subscriber
from subscribers.rhythm import Rhythm
from subscribers.unique import insert_new


@dataclass(frozen=True, slots=True)
class Origin:
    """What a file tells of how a person came to whoever wrote it."""

    batch_id: int | None = None
    country: str | None = None
    created_at: datetime | None = None
    #: when and from where they agreed
    agreed_at: datetime | None = None
    agreed_ip: str | None = None


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who is, or may become, a subscriber, with the preferences that came along.

    None: nothing was said, so what is known stays, and a new subscriber gets the default.
    """

    address: Address
    lens: Lens | None = None
    rhythm: Rhythm | None = None
    name: str | None = None
    origin: Origin = Origin()


def enrol(session: Session, applicants: Sequence[Applicant], *, now: datetime) -> dict[str, Subscriber]:
    """The subscriber of each applicant by address key, locked until the transaction ends.

    Creates those who are missing; the others stay as they are.
    """
    by_key = {applicant.address.key: applicant for applicant in applicants}
    known = session.scalars(select(Subscriber.email_key).where(Subscriber.email_key.in_(by_key)))
    missing = sorted(by_key.keys() - set(known))
    if missing:
        records = intern(session, {by_key[key].lens or Lens() for key in missing})
        insert_new(session, Subscriber, [new_row(by_key[key], records, now) for key in missing])
    found = locked(session, Subscriber.email_key.in_(by_key))
    return {subscriber.email_key: subscriber for subscriber in found}


def locked(session: Session, condition: ColumnElement[bool]) -> Sequence[Subscriber]:
    """The subscribers and their subscriptions as they are now, held until the transaction ends."""
    return session.scalars(
        select(Subscriber)
        .where(condition)
        .order_by(Subscriber.id)
        .options(selectinload(Subscriber.subscriptions))
        .with_for_update(of=Subscriber)
        .execution_options(populate_existing=True)
    ).all()


def take(
    session: Session,
    subscriber: Subscriber,
    lens: Lens | None,
    rhythm: Rhythm | None,
    name: str | EllipsisType | None,
) -> bool:
    """Set the preferences that are given; True when one of them is another than before."""
    changed = False
    if lens is not None and lens != subscriber.lens:
        subscriber.lens_record = intern(session, [lens])[lens]
        changed = True
    if rhythm is not None and rhythm != subscriber.rhythm:
        subscriber.rhythm = rhythm
        changed = True
    if name is not ... and name != subscriber.name:
        subscriber.name = name
        changed = True
    return changed


def intern(session: Session, lenses: Collection[Lens]) -> dict[Lens, LensRecord]:
    """The one record of each lens."""
    by_fingerprint = {lens.fingerprint(): lens for lens in lenses}
    query = select(LensRecord).where(LensRecord.fingerprint.in_(by_fingerprint))
    records = {record.fingerprint: record for record in session.scalars(query)}
    if missing := sorted(by_fingerprint.keys() - records.keys()):
        rows = [{"fingerprint": key, "definition": by_fingerprint[key].definition()} for key in missing]
        insert_new(session, LensRecord, rows)
        records = {record.fingerprint: record for record in session.scalars(query)}
    return {lens: records[fingerprint] for fingerprint, lens in by_fingerprint.items()}


def new_row(applicant: Applicant, records: Mapping[Lens, LensRecord], now: datetime) -> dict[str, Any]:
    """The columns of a new subscriber, with a public id that nobody has yet."""
    rhythm = applicant.rhythm or Rhythm()
    return {
        "public_id": secrets.token_urlsafe(16),
        "email": applicant.address.mailbox,
        "email_key": applicant.address.key,
        "name": applicant.name,
        "lens_id": records[applicant.lens or Lens()].id,
        "timezone": rhythm.timezone,
        "hour": rhythm.hour,
        "weekdays": rhythm.mask,
        "created_at": min(applicant.origin.created_at or now, now),
        "country": applicant.origin.country,
        "batch_id": applicant.origin.batch_id,
        "engaged_at": None,
        "counted": False,
    }
