"""Publication: an approved issue that is due becomes editions and deliveries, in one transaction."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from newsletter.desk.approval import frozen_pieces, void_if_changed
from newsletter.desk.states import step
from newsletter.editions import Composed, Telling, compose, hash_of
from newsletter.grouping import Group, Grouping
from newsletter.ledger import one_at_a_time
from newsletter.models import Delivery, Edition, EditionStory, Issue
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from newsletter.models.issue import IssueState
from newsletter.rendering.renderer import Renderer
from newsletter.selection import Selection
from newsletter.store.bulk import insert_many, stored


def publish(session: Session, issue: Issue, renderer: Renderer, *, now: datetime) -> bool:
    """Freeze who receives what; False when the approval turned out to be void.

    Readers who would receive the same share one edition, which is composed once.
    """
    one_at_a_time(session)
    if void_if_changed(session, issue, renderer):
        return False
    freeze = _Freeze(session, issue, renderer)
    frozen = insert_many(session, Delivery, freeze.alike(now), _COLUMNS, freeze.deliveries(now), order=_ORDER)
    freeze.note_readers()
    step(issue, IssueState.PUBLISHED, freeze.summary())
    issue.published_at, issue.frozen = now, frozen
    session.flush()
    return True


class _Place(NamedTuple):
    """Where a group of readers goes."""

    edition_id: int
    skipped: bool


_COLUMNS = ("subscriber_id", "edition_id", "due_at", "expires_at")
#: in which they leave, so that a claim touches few pages of the database
_ORDER = ("due_at", "edition_id", "subscriber_id")


class _Freeze:
    """The work of one publication: memory of the groups met so far."""

    def __init__(self, session: Session, issue: Issue, renderer: Renderer) -> None:
        self.session = session
        self.issue = issue
        self.renderer = renderer
        self.grouping = Grouping(session, issue)
        self.shell, self.cards = frozen_pieces(session, issue.id)
        self.editions: dict[str, _Place] = {}
        self.readers = Counter[int]()
        self._by_group: dict[Group, _Place] = {}
        self._times: dict[datetime, tuple[Any, Any]] = {}

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
        for subscriber_id, due_at, group in self.grouping.readers(now):
            edition_id, skipped = self._by_group.get(group) or self._place(group)
            self.readers[edition_id] += 1
            if not skipped:
                due, expires = self._times.get(due_at) or self._stored_times(due_at)
                yield subscriber_id, edition_id, due, expires

    def note_readers(self) -> None:
        """Write down how many share each edition."""
        counts = [{"id": edition_id, "readers": number} for edition_id, number in self.readers.items()]
        if counts:
            self.session.execute(update(Edition), counts)

    def summary(self) -> str:
        """What was frozen, in a sentence for the desk."""
        sent = [place.edition_id for place in self.editions.values() if not place.skipped]
        mails = sum(self.readers[edition_id] for edition_id in sent)
        parts = [f"{mails} mail{'s' * (mails != 1)} in {len(sent)} edition{'s' * (len(sent) != 1)}"]
        if self.grouping.another_day:
            parts.append(f"{self.grouping.another_day} readers read on other days")
        if skipped := self.readers.total() - mails:
            parts.append(f"{skipped} readers had too few new stories")
        return "; ".join(parts)

    def _stored_times(self, due_at: datetime) -> tuple[Any, Any]:
        """When a mail is due and when it expires, as the database stores them."""
        expires_at = due_at + timedelta(hours=self.issue.newsletter.catch_up_hours)
        times = (
            stored(self.session, Delivery.due_at, due_at),
            stored(self.session, Delivery.expires_at, expires_at),
        )
        self._times[due_at] = times
        return times

    def _place(self, group: Group) -> _Place:
        selection, corrections = self.grouping.selection(group), self.grouping.corrections(group)
        place = self._by_group[group] = self._store(selection, corrections)
        return place

    def _store(self, selection: Selection, corrections: Sequence[Telling]) -> _Place:
        if selection.skipped is not None:
            return self._keep(f"skipped: {selection.skipped}", None, selection.skipped)
        composed = compose(self.issue, selection, self.shell, self.cards, self.renderer, corrections)
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
            content_hash=composed and hash_of(composed.content),
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
