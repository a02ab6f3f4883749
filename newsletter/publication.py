"""Publication: an approved issue that is due becomes editions and deliveries, in one transaction."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import insert, update
from sqlalchemy import select as select_rows
from sqlalchemy.orm import Session

from newsletter import schedule
from newsletter.desk.approval import frozen_pieces, void_if_changed
from newsletter.desk.planning import limits, pool, window
from newsletter.desk.states import step
from newsletter.editions import Composed, compose
from newsletter.ledger import editions_received, ledger
from newsletter.models import Delivery, Edition, EditionStory, Issue, Newsletter
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from newsletter.models.issue import IssueState
from newsletter.rendering.renderer import Renderer
from newsletter.selection import Selection, select
from newsletter.store.bulk import insert_many, stored
from subscribers.lens import Lens
from subscribers.rhythm import Rhythm
from subscribers.roster import lenses, muted_stories, readers


def publish(session: Session, issue: Issue, renderer: Renderer, *, now: datetime) -> bool:
    """Freeze who receives what; False when the approval turned out to be void.

    Readers who would receive the same share one edition, which is composed once.
    """
    _one_at_a_time(session)
    if void_if_changed(session, issue, renderer):
        return False
    freeze = _Freeze(session, issue, renderer)
    frozen = insert_many(session, Delivery, freeze.alike(now), _COLUMNS, freeze.deliveries(now), order=_ORDER)
    freeze.note_readers()
    step(issue, IssueState.PUBLISHED, freeze.summary())
    issue.published_at, issue.frozen = now, frozen
    session.flush()
    return True


def _one_at_a_time(session: Session) -> None:
    """Two issues published at once would not see what the other tells."""
    session.execute(select_rows(Newsletter.id).order_by(Newsletter.id).with_for_update())


class _Timing(NamedTuple):
    """When readers of one rhythm get their mail, as stored, and since when they have not read."""

    due_at: Any
    expires_at: Any
    days_back: int


class _Place(NamedTuple):
    """Where a group of readers goes."""

    edition_id: int
    skipped: bool


#: what readers who share an edition have in common: the number of their lens as far as it matters here,
#: the editions received that told any of these stories, the stories muted, the days since they last read
_Group = tuple[int, tuple[int, ...], frozenset[int], int]
_NONE: frozenset[int] = frozenset()
_COLUMNS = ("subscriber_id", "edition_id", "due_at", "expires_at")
#: in which they leave, so that a claim touches few pages of the database
_ORDER = ("due_at", "edition_id", "subscriber_id")


class _Freeze:
    """The work of one publication: memory of the groups met so far."""

    def __init__(self, session: Session, issue: Issue, renderer: Renderer) -> None:
        self.session = session
        self.issue = issue
        self.renderer = renderer
        self.pool = pool(session, issue)
        story_ids = [candidate.story_id for candidate in self.pool]
        self.known = ledger(session, story_ids, before=issue)
        self.muted = muted_stories(session, story_ids)
        self.shell, self.cards = frozen_pieces(session, issue.id)
        self.editions: dict[str, _Place] = {}
        self.readers = Counter[int]()
        self.another_day = 0
        self._lenses: list[Lens] = []
        self._by_group: dict[_Group, _Place] = {}
        self._by_rhythm: dict[tuple[str, int, int], _Timing | None] = {}

    def alike(self, now: datetime) -> dict[str, object]:
        """What all deliveries of this issue have in common."""
        return {
            "kind": DeliveryKind.DIGEST,
            "occasion_id": self.issue.id,
            "newsletter": self.issue.newsletter.slug,
            "priority": Priority.DIGEST,
            "state": DeliveryState.QUEUED,
            "attempt": 0,
            "queued_at": now,
        }

    def deliveries(self, now: datetime) -> Iterator[tuple[object, ...]]:
        """One row of _COLUMNS for each reader who gets a mail of this issue."""
        number_of = self._number_lenses()
        with closing(editions_received(self.session, self.known)) as stream:
            received = _Merge(stream)
            everybody = readers(self.session, self.issue.newsletter.slug, now=now)
            for subscriber_id, lens_id, timezone, hour, weekdays in everybody:
                timing = self._timing(timezone, hour, weekdays)
                if timing is None:
                    self.another_day += 1
                    continue
                due_at, expires_at, days_back = timing
                told, muted = received.of(subscriber_id), self.muted.get(subscriber_id, _NONE)
                edition_id, skipped = self._place((number_of[lens_id], told, muted, days_back))
                self.readers[edition_id] += 1
                if not skipped:
                    yield subscriber_id, edition_id, due_at, expires_at

    def _number_lenses(self) -> dict[int, int]:
        """Lens id → a number that those share which see the same of this pool: its place in _lenses."""
        numbers: dict[Lens, int] = {}
        found = {
            lens_id: numbers.setdefault(self.pool.project(lens), len(numbers))
            for lens_id, lens in lenses(self.session)
        }
        self._lenses = list(numbers)
        return found

    def note_readers(self) -> None:
        """Write down how many share each edition."""
        counts = [{"id": edition_id, "readers": number} for edition_id, number in self.readers.items()]
        if counts:
            self.session.execute(update(Edition), counts)

    def summary(self) -> str:
        """What was frozen, in a sentence for the desk."""
        sent = [place.edition_id for place in self.editions.values() if not place.skipped]
        mails = sum(self.readers[edition_id] for edition_id in sent)
        parts = [f"{mails} mails in {len(sent)} editions"]
        if self.another_day:
            parts.append(f"{self.another_day} readers read on other days")
        if skipped := self.readers.total() - mails:
            parts.append(f"{skipped} readers had too few new stories")
        return "; ".join(parts)

    def _timing(self, timezone: str, hour: int, weekdays: int) -> _Timing | None:
        rhythm = timezone, hour, weekdays
        if rhythm not in self._by_rhythm:
            found = reading(self.issue, Rhythm.of(*rhythm))
            self._by_rhythm[rhythm] = found and self._stored_timing(*found)
        return self._by_rhythm[rhythm]

    def _stored_timing(self, due_at: datetime, days_back: int) -> _Timing:
        expires_at = due_at + timedelta(hours=self.issue.newsletter.catch_up_hours)
        return _Timing(
            stored(self.session, Delivery.due_at, due_at),
            stored(self.session, Delivery.expires_at, expires_at),
            days_back,
        )

    def _place(self, group: _Group) -> _Place:
        if group not in self._by_group:
            number, received, muted, days_back = group
            selection = select(
                self.pool,
                self._lenses[number],
                self.known.told_by(received),
                muted,
                window=window(self.issue, days_back=days_back),
                limits=limits(self.issue.newsletter),
            )
            self._by_group[group] = self._store(selection)
        return self._by_group[group]

    def _store(self, selection: Selection) -> _Place:
        if selection.skipped is not None:
            return self._keep(f"skipped: {selection.skipped}", None, selection.skipped)
        composed = compose(self.issue, selection, self.shell, self.cards, self.renderer)
        return self._keep(composed.fingerprint(), composed, None)

    def _keep(self, fingerprint: str, composed: Composed | None, skipped: str | None) -> _Place:
        if fingerprint not in self.editions:
            edition_id = self._insert(fingerprint, composed, skipped)
            self.editions[fingerprint] = _Place(edition_id, skipped is not None)
        return self.editions[fingerprint]

    def _insert(self, fingerprint: str, composed: Composed | None, skipped: str | None) -> int:
        """Past the unit of work: there may be as many editions as readers, and it would remember them all."""
        inserting = insert(Edition).values(
            issue_id=self.issue.id,
            fingerprint=fingerprint,
            readers=0,
            skipped=skipped,
            subject=composed and composed.subject,
            size_bytes=composed and composed.size_bytes,
        )
        edition_id = self.session.scalars(inserting.returning(Edition.id)).one()
        stories = [
            {
                "edition_id": edition_id,
                "position": position,
                "story_id": telling.story_id,
                "revision": telling.revision,
                "piece": telling.piece,
                "because": list(telling.because),
                "changes": list(telling.changes),
            }
            for position, telling in enumerate(composed.tellings if composed else (), start=1)
        ]
        if stories:
            self.session.execute(insert(EditionStory), stories)
        return edition_id


def reading(issue: Issue, rhythm: Rhythm) -> tuple[datetime, int] | None:
    """`schedule.reading` for this issue."""
    return schedule.reading(rhythm, cadence=issue.newsletter.cadence, publish_at=issue.publish_at)


class _Merge:
    """Looks up subscribers, asked for in rising order, in a stream that is in that order too."""

    def __init__(self, stream: Iterator[tuple[int, tuple[int, ...]]]) -> None:
        self._stream = stream
        self._head = next(stream, None)

    def of(self, subscriber_id: int) -> tuple[int, ...]:
        while self._head is not None and self._head[0] < subscriber_id:
            self._head = next(self._stream, None)
        if self._head is not None and self._head[0] == subscriber_id:
            return self._head[1]
        return ()
