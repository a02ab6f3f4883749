"""Publication: an approved issue that is due becomes editions and deliveries, in one transaction."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import insert
from sqlalchemy import select as select_rows
from sqlalchemy.orm import Session

from newsletter import schedule
from newsletter.desk.approval import frozen_pieces, void_if_changed
from newsletter.desk.planning import limits, pool, window
from newsletter.desk.states import step
from newsletter.editions import Composed, compose
from newsletter.ledger import editions_received, ledger
from newsletter.models import Delivery, Edition, EditionStory, Issue, Newsletter
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.models.issue import IssueState
from newsletter.rendering.renderer import Renderer
from newsletter.selection import Selection, select
from subscribers.lens import Lens
from subscribers.rhythm import Rhythm
from subscribers.roster import Reader, lenses, muted_stories, readers

#: rows in one insert statement
CHUNK = 5_000


def publish(session: Session, issue: Issue, renderer: Renderer, *, now: datetime) -> bool:
    """Freeze who receives what; False when the approval turned out to be void.

    Readers who would receive the same share one edition, which is composed once.
    """
    _one_at_a_time(session)
    if void_if_changed(session, issue, renderer):
        return False
    freeze = _Freeze(session, issue, renderer)
    frozen = 0
    for rows in batched(freeze.deliveries(now), CHUNK):
        session.execute(insert(Delivery), rows)
        frozen += len(rows)
    for edition in freeze.editions.values():
        edition.readers = freeze.readers[edition.id]
    step(issue, IssueState.PUBLISHED, freeze.summary())
    issue.published_at, issue.frozen = now, frozen
    session.flush()
    return True


def _one_at_a_time(session: Session) -> None:
    """Two issues published at once would not see what the other tells."""
    session.execute(select_rows(Newsletter.id).order_by(Newsletter.id).with_for_update())


@dataclass(frozen=True, slots=True)
class _Group:
    """Readers who share an edition: what they look through, know and mute, since when they read."""

    lens: Lens
    received: tuple[int, ...]
    muted: frozenset[int]
    days_back: int


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
        self.editions: dict[str, Edition] = {}
        self.readers = Counter[int]()
        self.another_day = 0
        self._by_group: dict[_Group, Edition] = {}
        self._by_lens_id: dict[int, Lens] = {}
        self._by_rhythm: dict[tuple[str, int, int], tuple[datetime, int] | None] = {}

    def deliveries(self, now: datetime) -> Iterator[dict[str, object]]:
        """One row for each reader who gets a mail of this issue."""
        slug = self.issue.newsletter.slug
        stored = lenses(self.session)
        self._by_lens_id = {lens_id: self.pool.project(lens) for lens_id, lens in stored.items()}
        with closing(editions_received(self.session, self.known)) as stream:
            received = _Merge(stream)
            for reader in readers(self.session, slug, now=now):
                timing = self._timing(reader)
                if timing is None:
                    self.another_day += 1
                    continue
                due_at, days_back = timing
                lens = self._by_lens_id[reader.lens_id]
                muted = self.muted.get(reader.subscriber_id, frozenset())
                group = _Group(lens, received.of(reader.subscriber_id), muted, days_back)
                edition = self._edition(group)
                self.readers[edition.id] += 1
                if edition.skipped is None:
                    yield self._row(reader.subscriber_id, edition.id, due_at, now)

    def _row(self, subscriber_id: int, edition_id: int, due_at: datetime, now: datetime) -> dict[str, object]:
        newsletter = self.issue.newsletter
        return {
            "kind": DeliveryKind.DIGEST,
            "occasion_id": self.issue.id,
            "subscriber_id": subscriber_id,
            "newsletter": newsletter.slug,
            "edition_id": edition_id,
            "state": DeliveryState.QUEUED,
            "due_at": due_at,
            "expires_at": due_at + timedelta(hours=newsletter.catch_up_hours),
            "attempt": 0,
            "queued_at": now,
        }

    def summary(self) -> str:
        """What was frozen, in a sentence for the desk."""
        sent = [edition for edition in self.editions.values() if edition.skipped is None]
        mails = sum(self.readers[edition.id] for edition in sent)
        parts = [f"{mails} mails in {len(sent)} editions"]
        if self.another_day:
            parts.append(f"{self.another_day} readers read on other days")
        if skipped := self.readers.total() - mails:
            parts.append(f"{skipped} readers had too few new stories")
        return "; ".join(parts)

    def _timing(self, reader: Reader) -> tuple[datetime, int] | None:
        key = (reader.timezone, reader.hour, reader.weekdays)
        if key not in self._by_rhythm:
            self._by_rhythm[key] = reading(self.issue, Rhythm.of(*key))
        return self._by_rhythm[key]

    def _edition(self, group: _Group) -> Edition:
        if group not in self._by_group:
            selection = select(
                self.pool,
                group.lens,
                self.known.told_by(group.received),
                group.muted,
                window=window(self.issue, days_back=group.days_back),
                limits=limits(self.issue.newsletter),
            )
            self._by_group[group] = self._store(selection)
        return self._by_group[group]

    def _store(self, selection: Selection) -> Edition:
        if selection.skipped is not None:
            return self._keep(f"skipped: {selection.skipped}", None, selection.skipped)
        composed = compose(self.issue, selection, self.shell, self.cards, self.renderer)
        return self._keep(composed.fingerprint(), composed, None)

    def _keep(self, fingerprint: str, composed: Composed | None, skipped: str | None) -> Edition:
        if fingerprint not in self.editions:
            edition = Edition(
                issue_id=self.issue.id,
                fingerprint=fingerprint,
                readers=0,
                skipped=skipped,
                subject=composed and composed.subject,
                size_bytes=composed and composed.size_bytes,
            )
            tellings = composed.tellings if composed else ()
            edition.stories = [
                EditionStory(
                    position=position,
                    story_id=telling.story_id,
                    revision=telling.revision,
                    piece=telling.piece,
                    because=list(telling.because),
                    changes=list(telling.changes),
                )
                for position, telling in enumerate(tellings, start=1)
            ]
            self.session.add(edition)
            self.session.flush()
            self.editions[fingerprint] = edition
        return self.editions[fingerprint]


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


def batched(rows: Iterator[dict[str, object]], size: int) -> Iterator[list[dict[str, object]]]:
    """The rows in lists of `size`; the last may be shorter."""
    while batch := list(islice(rows, size)):
        yield batch
