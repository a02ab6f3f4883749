"""Everybody and all that is known of them, as a stream: for a move, a backup, or a spreadsheet.

Complete: even the links in mails of the past work after a move, where the keys move along. Muted
stories are numbers here, so they mean something only where the same stories are. Who was erased is in
no export.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TextIO

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from subscribers.models import (
    Consent,
    LensRecord,
    MutedStory,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
    Tag,
)
from subscribers.rhythm import DAYS
from subscribers.transfer import alerts
from subscribers.transfer.ours import COLUMNS, CONSENT_TEXTS, SUBSCRIPTION_TIMES, guarded

#: subscribers read at a time
PORTION = 1_000


def records(session: Session, *, newsletter: str | None = None) -> Iterator[dict[str, Any]]:
    """One plain document for each subscriber, in the order of their addresses; see `ours.COLUMNS`.

    With a newsletter, those who ever asked for it; else all, and after them the suppressed
    addresses of nobody whom we know.
    """
    wanted: list[ColumnElement[bool]] = [Subscriber.erased_at.is_(None)]
    if newsletter:
        wanted.append(
            exists().where(Subscription.subscriber_id == Subscriber.id, Subscription.newsletter == newsletter)
        )
    last = ""
    while people := _people(session, last, wanted):
        yield from _documents(session, people)
        last = people[-1].email_key
    if not newsletter:
        yield from _strangers(session)


def write_csv(documents: Iterator[dict[str, Any]], out: TextIO) -> None:
    """As CSV (RFC 4180), in which no cell is taken for a formula; `reading` reads it.

    `out` must be open with `newline=""`.
    """
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for document in documents:
        writer.writerow([guarded(_cell(document[column])) for column in COLUMNS])


def write_jsonl(documents: Iterator[dict[str, Any]], out: TextIO) -> None:
    """One JSON object a line."""
    for document in documents:
        out.write(json.dumps(document, ensure_ascii=False) + "\n")


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case [str(), *_]:
            return _joined(value)
        case dict() | list():
            return json.dumps(value, ensure_ascii=False) if value else ""
        case _:
            return str(value)


def _joined(words: Sequence[str]) -> str:
    """As a line of CSV within the cell."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(words)
    return line.getvalue()


def _people(session: Session, after: str, wanted: Sequence[ColumnElement[bool]]) -> Sequence[Any]:
    columns = (
        Subscriber.id,
        Subscriber.email,
        Subscriber.email_key,
        Subscriber.public_id,
        Subscriber.name,
        Subscriber.country,
        Subscriber.timezone,
        Subscriber.hour,
        Subscriber.weekdays,
        Subscriber.created_at,
        Subscriber.engaged_at,
        Subscriber.counted,
        LensRecord.definition,
        Suppression.reason,
        Suppression.since,
        Suppression.note,
    )
    return session.execute(
        select(*columns)
        .join(LensRecord, LensRecord.id == Subscriber.lens_id)
        .outerjoin(Suppression, Suppression.email_key == Subscriber.email_key)
        .where(Subscriber.email_key > after, *wanted)
        .order_by(Subscriber.email_key)
        .limit(PORTION)
    ).all()


def _documents(session: Session, people: Sequence[Any]) -> Iterator[dict[str, Any]]:
    ids = [person.id for person in people]
    tags = _tags(session, ids)
    muted = _muted(session, ids)
    subscriptions = _subscriptions(session, ids)
    consent = _consent(session, ids)
    rules, choices = alerts.rules_of(session, ids), alerts.choices_of(session, ids)
    for person in people:
        yield {
            "email": person.email,
            "public_id": person.public_id,
            "name": person.name,
            "country": person.country,
            "timezone": person.timezone,
            "hour": person.hour,
            "weekdays": [day for number, day in enumerate(DAYS) if person.weekdays >> number & 1],
            "tags": tags[person.id],
            "created_at": _time(person.created_at),
            "engaged_at": _time(person.engaged_at),
            "counted": person.counted,
            "suppressed": person.reason,
            "suppressed_since": _time(person.since),
            "suppressed_note": person.note,
            "lens": person.definition,
            "muted_stories": muted[person.id],
            "alert_rules": rules.get(person.id, []),
            "alert_choices": choices.get(person.id, {}),
            "subscriptions": subscriptions[person.id],
            "consent": consent[person.id],
        }


def _tags(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    query = select(Tag.__table__).where(Tag.subscriber_id.in_(ids)).order_by(Tag.name)
    for tag in session.execute(query):
        found[tag.subscriber_id].append(tag.name)
    return found


def _muted(session: Session, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    query = select(MutedStory.__table__).where(MutedStory.subscriber_id.in_(ids))
    for row in session.execute(query.order_by(MutedStory.story_id)):
        found[row.subscriber_id].append({"story": row.story_id, "at": _time(row.at)})
    return found


def _subscriptions(session: Session, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    query = select(Subscription.__table__).where(Subscription.subscriber_id.in_(ids))
    for row in session.execute(query.order_by(Subscription.newsletter)):
        times = {name: _time(getattr(row, name)) for name in SUBSCRIPTION_TIMES}
        found[row.subscriber_id].append({"newsletter": row.newsletter, "state": row.state, **_filled(times)})
    return found


def _consent(session: Session, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    query = select(Consent.__table__).where(Consent.subscriber_id.in_(ids)).order_by(Consent.id)
    for row in session.execute(query):
        texts = {name: getattr(row, name) for name in CONSENT_TEXTS}
        line = {"at": _time(row.at), "act": row.act, "newsletters": row.newsletters, **_filled(texts)}
        found[row.subscriber_id].append(line)
    return found


def _strangers(session: Session) -> Iterator[dict[str, Any]]:
    query = (
        select(Suppression)
        .where(
            Suppression.email_key.is_not(None),
            Suppression.reason != SuppressionReason.ERASED,
            ~exists().where(Subscriber.email_key == Suppression.email_key),
        )
        .order_by(Suppression.email_key)
        .execution_options(yield_per=PORTION)
    )
    for record in session.scalars(query):
        yield dict.fromkeys(COLUMNS) | {
            "email": record.email_key,
            "suppressed": record.reason,
            "suppressed_since": _time(record.since),
            "suppressed_note": record.note,
        }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _filled(texts: dict[str, str | None]) -> dict[str, str]:
    """Without what says nothing."""
    return {name: text for name, text in texts.items() if text is not None}
