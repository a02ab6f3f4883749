"""What readers were told, read from the deliveries: the rows are the only truth about it."""

from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, TypeVar

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from newsletter.memory import Told
from newsletter.models import Delivery, Edition, EditionStory, Issue, Newsletter, StoryRevision
from newsletter.models.delivery import TOLD, DeliveryKind
from newsletter.rendering.pieces import CORRECTION

Of = TypeVar("Of")
#: and not of a correction
TELLS_A_STORY = ~EditionStory.piece.startswith(CORRECTION)


@dataclass(frozen=True)
class Ledger:
    """The editions that told any of some stories, and what each of them told."""

    editions: Mapping[int, Mapping[int, Told]]
    #: of which they are editions
    issues: frozenset[int]

    def told_by(self, edition_ids: Collection[int]) -> dict[int, Told]:
        """Story id → what was told of it last, to somebody who received these editions."""
        told: dict[int, Told] = {}
        for edition_id in edition_ids:
            for story_id, telling in self.editions[edition_id].items():
                if story_id not in told or told[story_id].at < telling.at:
                    told[story_id] = telling
        return told


def ledger(session: Session, story_ids: Collection[int], *, before: Issue) -> Ledger:
    """Which editions told the stories, of issues published before `before` was, or is."""
    query = (
        select(EditionStory.edition_id, Edition.issue_id, Issue.publish_at, StoryRevision)
        .join(Edition, Edition.id == EditionStory.edition_id)
        .join(Issue, Issue.id == Edition.issue_id)
        .join(
            StoryRevision,
            (StoryRevision.story_id == EditionStory.story_id)
            & (StoryRevision.number == EditionStory.revision),
        )
        .where(EditionStory.story_id.in_(story_ids), TELLS_A_STORY, Edition.issue_id != before.id)
    )
    if before.published_at is not None:
        query = query.where(Issue.published_at < before.published_at)
    editions: dict[int, dict[int, Told]] = {}
    issues = set()
    for edition_id, issue_id, at, revision in session.execute(query):
        told = Told(revision.number, revision.content, at)
        editions.setdefault(edition_id, {})[revision.story_id] = told
        issues.add(issue_id)
    return Ledger(editions, frozenset(filter(None, issues)))


def one_at_a_time(session: Session) -> None:
    """Whoever freezes mails waits here: two at once would not see what the other tells."""
    session.execute(select(Newsletter.id).order_by(Newsletter.id).with_for_update())


def was_told(session: Session, subscriber_id: int, story_id: int) -> bool:
    """Whether the subscriber received, or may yet have received, a mail that told the story."""
    told = exists().where(
        Delivery.subscriber_id == subscriber_id,
        Delivery.edition_id == EditionStory.edition_id,
        Delivery.state.in_(TOLD),
        EditionStory.story_id == story_id,
        TELLS_A_STORY,
    )
    return bool(session.scalar(select(told)))


def editions_received(
    session: Session, known: Ledger, *, subscriber_id: int | None = None
) -> Generator[tuple[int, tuple[int, ...]]]:
    """Subscriber id, and which of the known editions they received; in order of subscribers."""
    if not known.editions:
        return
    query = (
        select(Delivery.subscriber_id, Delivery.edition_id)
        .where(
            Delivery.kind == DeliveryKind.DIGEST,
            Delivery.occasion_id.in_(known.issues),
            Delivery.edition_id.in_(known.editions),
            Delivery.state.in_(TOLD),
        )
        .order_by(Delivery.subscriber_id, Delivery.edition_id)
    )
    if subscriber_id is not None:
        query = query.where(Delivery.subscriber_id == subscriber_id)
    with session.execute(query.execution_options(yield_per=10_000)) as rows:
        for subscriber, group in groupby(rows, key=lambda row: row[0]):
            yield subscriber, tuple(edition for _, edition in group if edition is not None)


class Lookup(Generic[Of]):
    """Looks up subscribers, asked for in rising order, in a stream that is in that order too."""

    def __init__(self, stream: Iterator[tuple[int, tuple[Of, ...]]]) -> None:
        self._stream = stream
        self._head = next(stream, None)

    def of(self, subscriber_id: int) -> tuple[Of, ...]:
        """What the stream has of the subscriber; nothing where they are not in it."""
        while self._head is not None and self._head[0] < subscriber_id:
            self._head = next(self._stream, None)
        if self._head is not None and self._head[0] == subscriber_id:
            return self._head[1]
        return ()
