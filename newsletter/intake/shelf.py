"""The stories that some records touch: fetched together, changed in memory, written together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any, Self

from sqlalchemy import delete, insert, select, union, update
from sqlalchemy.orm import Session

from newsletter.content import StoryContent
from newsletter.intake.merging import event_key, merge
from newsletter.models import CoverageEntry, Mention, Story, StoryRecord, StoryRevision
from newsletter.sources.records import Incoming


class Outcome(Enum):
    """What a record did to its story."""

    ADDED = auto()
    CHANGED = auto()
    UNCHANGED = auto()


@dataclass(slots=True)
class _Record:
    """What one source told last. The document is parsed only where it is needed."""

    external_id: str
    fingerprint: str
    seen_at: datetime
    #: None until it is written
    id: int | None
    document: dict[str, Any]
    changed: bool = False

    @property
    def age(self) -> tuple[datetime, float]:
        return self.seen_at, float("inf") if self.id is None else self.id


@dataclass(slots=True)
class _Story:
    event_key: str
    #: None until it is written
    id: int | None = None
    revision: int = 0
    fingerprint: str | None = None
    records: dict[str, _Record] = field(default_factory=dict)
    #: the revisions to write
    revisions: list[tuple[int, StoryContent]] = field(default_factory=list)

    def tell(self, record: _Record) -> bool:
        """Take in what a source tells now; true if the story became another by it."""
        self.records[record.external_id] = record
        oldest_first = sorted(self.records.values(), key=lambda one: one.age)
        content = merge([StoryContent.from_json(one.document) for one in oldest_first])
        fingerprint = content.fingerprint()
        if fingerprint == self.fingerprint:
            return False
        self.revision += 1
        self.fingerprint = fingerprint
        self.revisions.append((self.revision, content))
        return True


class Shelf:
    """Good for one fetch, any number of `put`, and one `write`; nobody else may write meanwhile."""

    def __init__(self) -> None:
        self._by_external_id: dict[str, _Story] = {}
        self._by_event: dict[str, _Story] = {}

    @classmethod
    def fetch(cls, session: Session, incoming: Sequence[Incoming]) -> Self:
        """The shelf with every story that these records may belong to."""
        events = {event_key(one.content.date, one.content.title) for one in incoming}
        touched = union(
            select(StoryRecord.story_id).where(
                StoryRecord.external_id.in_({one.external_id for one in incoming})
            ),
            select(Story.id).where(Story.event_key.in_(events)),
        )
        ids = session.scalars(touched).all()
        stories = (
            select(Story.event_key, Story.id, Story.revision, StoryRevision.fingerprint)
            .join(
                StoryRevision, (StoryRevision.story_id == Story.id) & (StoryRevision.number == Story.revision)
            )
            .where(Story.id.in_(ids))
        )
        records = select(
            StoryRecord.story_id,
            StoryRecord.external_id,
            StoryRecord.fingerprint,
            StoryRecord.seen_at,
            StoryRecord.id,
            StoryRecord.document,
        ).where(StoryRecord.story_id.in_(ids))
        shelf = cls()
        rows = session.execute(stories)
        by_id = {key: _Story(event, key, number, known) for event, key, number, known in rows}
        shelf._by_event = {story.event_key: story for story in by_id.values()}
        for story_id, *columns in session.execute(records):
            record = _Record(*columns)
            by_id[story_id].records[record.external_id] = record
            shelf._by_external_id[record.external_id] = by_id[story_id]
        return shelf

    def put(self, incoming: Incoming, *, now: datetime) -> Outcome:
        """The record goes to the story that has its id, else to the story of its event, else to a new one."""
        content = incoming.content
        event = event_key(content.date, content.title)
        story = self._by_external_id.get(incoming.external_id) or self._by_event.get(event) or _Story(event)
        before = story.records.get(incoming.external_id)
        fingerprint = content.fingerprint()
        if before and before.fingerprint == fingerprint:
            return Outcome.UNCHANGED
        record = _Record(
            incoming.external_id,
            fingerprint,
            now,
            before.id if before else None,
            content.to_json(),
            changed=True,
        )
        became_another = story.tell(record)
        self._by_external_id[incoming.external_id] = story
        self._name(story, event)
        if not became_another:
            return Outcome.UNCHANGED
        return Outcome.ADDED if story.revision == 1 else Outcome.CHANGED

    def _name(self, story: _Story, event: str) -> None:
        """A story goes by the day and title told last, unless they already mean another story."""
        if event not in self._by_event:
            self._by_event.pop(story.event_key, None)
            story.event_key = event
            self._by_event[event] = story

    def write(self, session: Session, *, now: datetime) -> None:
        """All changes at once, with a handful of statements."""
        stories = list({id(story): story for story in self._by_external_id.values()}.values())
        changed = [story for story in stories if story.revisions]
        if changed:
            _write_stories(session, changed, now)
            _write_coverage(session, changed, now)
            _write_mentions(session, changed)
        _write_records(session, stories)


def _write_stories(session: Session, stories: Iterable[_Story], now: datetime) -> None:
    known = [_row(story, now) | {"id": story.id} for story in stories if story.id is not None]
    if known:
        session.execute(update(Story), known)
    new = [story for story in stories if story.id is None]
    if new:
        rows = [_row(story, now) | {"first_seen_at": now} for story in new]
        ids = session.scalars(insert(Story).returning(Story.id, sort_by_parameter_order=True), rows)
        for story, story_id in zip(new, ids, strict=True):
            story.id = story_id
    revisions = [
        {
            "story_id": story.id,
            "number": number,
            "seen_at": now,
            "fingerprint": content.fingerprint(),
            "document": content.to_json(),
        }
        for story in stories
        for number, content in story.revisions
    ]
    if revisions:
        session.execute(insert(StoryRevision), revisions)


def _row(story: _Story, now: datetime) -> dict[str, Any]:
    _, content = story.revisions[-1]
    return {
        "event_key": story.event_key,
        "title": content.title,
        "category": content.category,
        "impact": content.impact,
        "date": content.date,
        "revision": story.revision,
        "changed_at": now,
    }


def _write_records(session: Session, stories: Iterable[_Story]) -> None:
    known, new = [], []
    for story in stories:
        for record in story.records.values():
            if not record.changed:
                continue
            row = {
                "story_id": story.id,
                "external_id": record.external_id,
                "fingerprint": record.fingerprint,
                "document": record.document,
                "seen_at": record.seen_at,
            }
            if record.id is None:
                new.append(row)
            else:
                known.append(row | {"id": record.id})
    if known:
        session.execute(update(StoryRecord), known)
    if new:
        session.execute(insert(StoryRecord), new)


def _write_coverage(session: Session, stories: Sequence[_Story], now: datetime) -> None:
    """Each report keeps the moment at which it was first seen, also when its link comes later."""
    seen = select(CoverageEntry.story_id, CoverageEntry.outlet_key, CoverageEntry.url, CoverageEntry.id)
    known: dict[tuple[int | None, str, str], int] = {
        (story_id, outlet, url): id_
        for story_id, outlet, url, id_ in session.execute(
            seen.where(CoverageEntry.story_id.in_([story.id for story in stories]))
        )
    }
    new, linked = [], []
    for story in stories:
        _, content = story.revisions[-1]
        for article in content.coverage:
            outlet, url = article.key
            if (story.id, outlet, url or "") in known:
                continue
            if unlinked := known.pop((story.id, outlet, ""), None):
                linked.append({"id": unlinked, "url": url})
                continue
            new.append(
                {
                    "story_id": story.id,
                    "outlet_key": outlet,
                    "url": url or "",
                    "language": article.language or content.language,
                    "first_seen_at": now,
                }
            )
    if linked:
        session.execute(update(CoverageEntry), linked)
    if new:
        session.execute(insert(CoverageEntry), new)


def _write_mentions(session: Session, stories: Sequence[_Story]) -> None:
    session.execute(delete(Mention).where(Mention.story_id.in_([story.id for story in stories])))
    rows = [
        {"story_id": story.id, "company_key": company.key, "name": company.name}
        for story in stories
        for company in story.revisions[-1][1].companies
    ]
    if rows:
        session.execute(insert(Mention), rows)
