"""Mailing: what waits for a reader and is due becomes one mail, or waits on, is folded, or dropped.

Everything is read and written for many readers at once. They are locked meanwhile, and whoever freezes
mails waits for the others, so that none misses what another one tells.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from newsletter.alerts.budget import lock_readers
from newsletter.alerts.gathering import Case, Gathered, Row
from newsletter.alerts.pieces import AlertMail, AlertTelling, compose
from newsletter.alerts.quiet import quiet_begins
from newsletter.alerts.setbacks import AGAIN_AFTER
from newsletter.alerts.sparing import Disposal, Limits, Waiting, comes_in_quiet, dispose
from newsletter.editions import hash_of
from newsletter.ledger import one_at_a_time
from newsletter.models import AlertReader, Delivery, Edition, EditionStory
from newsletter.models.alert import AlertReaderState as S
from newsletter.models.alert import of_state
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from newsletter.store.bulk import insert_many, stored
from newsletter.store.engine import UNSEEN
from subscribers.among import one_of

#: why an alert of the editors waits for somebody to look at it
NOT_APPROVED = "it is not what was approved: cancel it, and approve another one"
#: rows that are due, looked at in one transaction, and with them all else that waits for their readers
PORTION = 5_000


@dataclass(frozen=True)
class Mailed:
    """What one portion came to."""

    mails: int = 0
    #: state → number of `AlertReader`s that came into it, those that wait on among them
    became: Counter[str] = field(default_factory=Counter)

    @property
    def nothing(self) -> bool:
        """Whether nothing was decided: what is due, if anything, others see to."""
        return not self.became


def mail_due(session: Session, slug: str, limits: Limits, *, now: datetime, portion: int = PORTION) -> Mailed:
    """Decide what becomes of what is due, `portion` rows at most; its mails stand in the outbox then.

    `slug` names the alerts as a newsletter. An alert without pieces waits until it has some.
    """
    # first a look: nobody waits for the others where there is nothing to do
    due = select(AlertReader.subscriber_id).where(of_state(S.WAITING), AlertReader.due_at <= now)
    due = due.order_by(AlertReader.due_at, AlertReader.id).limit(portion)
    if session.scalar(due.limit(1)) is None:
        return Mailed()
    one_at_a_time(session)
    zones = lock_readers(session, set(session.scalars(due)))
    if not zones:
        return Mailed()
    gathered = Gathered(session, zones, slug, limits, now=now)
    portion_of = _Portion(session, slug, gathered, now)
    for case in gathered.cases():
        portion_of.decide(case, limits)
    return portion_of.write()


class _Letter(NamedTuple):
    """One reader's mail."""

    subscriber_id: int
    fingerprint: str
    expires_at: datetime


class _Change(NamedTuple):
    """What becomes of a row."""

    state: S
    reason: str | None
    due_at: datetime
    rule: str | None = None
    edition_id: int | None = None
    mailed_at: datetime | None = None


class _Portion:
    """The work of one portion: what was decided, to be written all at once."""

    def __init__(self, session: Session, slug: str, gathered: Gathered, now: datetime) -> None:
        self._session, self._slug, self._gathered, self._now = session, slug, gathered, now
        self._mails: dict[str, AlertMail] = {}
        self._composed: dict[tuple[tuple[AlertTelling, ...], int], str] = {}
        self._letters: list[_Letter] = []
        #: what becomes of rows → which rows those are
        self._changes: dict[_Change, list[int]] = {}
        #: mail → the rows that it tells
        self._told: dict[str, list[int]] = {}

    def decide(self, case: Case, limits: Limits) -> None:
        """What becomes of all that waits for the case's readers."""
        fates = dispose(case.waiting, case.reader, limits, now=self._now)
        for row_id, why in case.barred.items():
            self._note(case.like(row_id), _Change(S.DROPPED, why, self._now))
        for row_id in case.untrue:
            self._note(case.like(row_id), _Change(S.WAITING, NOT_APPROVED, self._now + AGAIN_AFTER))
        for row_id, reason in fates.dropped.items():
            self._note(case.like(row_id), _Change(S.DROPPED, reason.text, self._now, reason.rule))
        for row_id, reason in fates.folded.items():
            self._note(case.like(row_id), _Change(S.FOLDED, reason.text, self._now, reason.rule))
        for row_id, (until, reason) in fates.held.items():
            self._note(case.like(row_id), _Change(S.WAITING, reason.text, until, reason.rule))
        if fates.mail:
            self._tell(case, fates, limits)

    def _note(self, rows: Iterable[Row], change: _Change) -> None:
        self._changes.setdefault(change, []).extend(row.id for row in rows)

    def _tell(self, case: Case, fates: Disposal, limits: Limits) -> None:
        """One mail for each of the case's readers."""
        newer = {lead: case.rows[row_id] for row_id, lead in fates.beside.items()}
        tellings = tuple(
            self._gathered.telling(case.rows[row_id], newer.get(row_id)) for row_id in fates.mail
        )
        fingerprint = self._compose(tellings, limits.whole)
        told_ids = (*fates.mail, *fates.beside)
        expires_at = _expiry(case, [one for one in case.waiting if one.id in told_ids], self._now)
        self._letters += (_Letter(rows[0].subscriber_id, fingerprint, expires_at) for rows in case.alike)
        told = self._told.setdefault(fingerprint, [])
        for row_id in told_ids:
            told += (row.id for row in case.like(row_id))

    def _compose(self, tellings: tuple[AlertTelling, ...], whole: int) -> str:
        """The fingerprint of their mail; composed once, however many readers share it."""
        if (tellings, whole) not in self._composed:
            mail = compose(tellings, self._gathered.pieces(tellings), whole=whole)
            self._mails[mail.fingerprint()] = mail
            self._composed[tellings, whole] = mail.fingerprint()
        return self._composed[tellings, whole]

    def write(self) -> Mailed:
        """The editions, the deliveries, and what became of the rows."""
        editions = self._editions()
        for fingerprint, row_ids in self._told.items():
            self._changes[_Change(S.MAILED, None, self._now, None, editions[fingerprint], self._now)] = (
                row_ids
            )
        self._queue(editions)
        became = Counter[str]()
        # past the session, which holds none of them
        connection = self._session.connection()
        for change, row_ids in self._changes.items():
            became[str(change.state)] += len(row_ids)
            connection.execute(
                update(AlertReader).where(one_of(AlertReader.id, row_ids)).values(change._asdict())
            )
        return Mailed(len(self._letters), became)

    def _editions(self) -> dict[str, int]:
        """Fingerprint → id: found where readers got the same before, else made."""
        if not self._mails:
            return {}
        found = select(Edition.fingerprint, Edition.id).where(
            Edition.issue_id.is_(None), Edition.fingerprint.in_(self._mails)
        )
        ids: dict[str, int] = dict(self._session.execute(found).all())
        readers = Counter(one.fingerprint for one in self._letters)
        for fingerprint, edition_id in ids.items():
            self._session.execute(
                update(Edition)
                .where(Edition.id == edition_id)
                .values(readers=Edition.readers + readers[fingerprint]),
                execution_options=UNSEEN,
            )
        return ids | self._insert(self._mails.keys() - ids.keys(), readers)

    def _insert(self, fingerprints: Set[str], readers: Mapping[str, int]) -> dict[str, int]:
        if not fingerprints:
            return {}
        editions = [
            {
                "alerted_at": self._now,
                "fingerprint": fingerprint,
                "readers": readers[fingerprint],
                "subject": mail.subject,
                "size_bytes": mail.size_bytes,
                "content_hash": hash_of(mail.content),
            }
            for fingerprint, mail in self._mails.items()
            if fingerprint in fingerprints
        ]
        inserting = insert(Edition).returning(Edition.fingerprint, Edition.id)
        ids: dict[str, int] = dict(self._session.execute(inserting, editions).all())
        stories = [
            {
                "edition_id": edition_id,
                "position": position,
                "story_id": one.story_id,
                "revision": one.revision,
                "piece": one.piece,
                "because": list(one.because),
                "changes": list(one.changes),
                "rules": [[fired.by, fired.words, list(fired.facts)] for fired in one.fired],
            }
            for fingerprint, edition_id in ids.items()
            for position, one in enumerate(self._mails[fingerprint].tellings, start=1)
        ]
        self._session.execute(insert(EditionStory), stories)
        return ids

    def _queue(self, editions: Mapping[str, int]) -> None:
        """Into the outbox."""
        alike = {
            "kind": DeliveryKind.ALERT,
            "newsletter": self._slug,
            "priority": Priority.ALERT,
            "state": DeliveryState.QUEUED,
            "due_at": self._now,
            "attempt": 0,
            "queued_at": self._now,
        }
        columns = ("subscriber_id", "occasion_id", "edition_id", "expires_at")
        ends = {one.expires_at for one in self._letters}
        times = {at: stored(self._session, Delivery.expires_at, at) for at in ends}
        rows = (
            (one.subscriber_id, editions[one.fingerprint], editions[one.fingerprint], times[one.expires_at])
            for one in self._letters
        )
        insert_many(self._session, Delivery, alike, columns, rows, order=("edition_id", "subscriber_id"))


def _expiry(case: Case, told: list[Waiting], now: datetime) -> datetime:
    """It leaves while all of it is news, and not in a quiet that begins while it waits in the outbox."""
    choices, zone = case.reader.choices, case.reader.zone
    expires_at = min(one.expires_at for one in told)
    if all(comes_in_quiet(one.impact, choices, corrects=one.corrects) for one in told):
        return expires_at
    return min(expires_at, quiet_begins(choices, zone, now) or expires_at)
