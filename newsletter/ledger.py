"""What readers were told, read from the deliveries: the rows are the only truth about it."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, tzinfo
from itertools import groupby
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, cast, exists, func, null, or_, select, union_all
from sqlalchemy.orm import Session

from newsletter.content import StoryContent
from newsletter.memory import Told
from newsletter.models import Delivery, Edition, EditionStory, Issue, Newsletter, StoryRevision
from newsletter.models.delivery import TOLD, DeliveryKind
from newsletter.rendering.pieces import CORRECTION, Form, is_line
from subscribers.among import among

Of = TypeVar("Of")
#: and not of a correction, be it by an issue or by an alert
TELLS_A_STORY = ~or_(
    EditionStory.piece.startswith(CORRECTION), EditionStory.piece.endswith(f"/{Form.CORRECTION}")
)
#: more than that its readers heard of it
MORE_THAN_A_LINE = ~EditionStory.piece.endswith(f"/{Form.LINE}")
#: an edition that a reader received, and when it was made for them where it is an alert
Received = tuple[int, datetime | None]


@dataclass(frozen=True)
class Ledger:
    """The editions that told any of some stories, and what each of them told."""

    editions: Mapping[int, Mapping[int, Told]]
    #: of which they are editions
    issues: frozenset[int]
    #: those that are alerts
    alerts: frozenset[int]
    #: edition → the stories of which it says in a line that its readers heard of them
    lines: Mapping[int, Collection[int]]
    #: alerts made from then on are not known; None where all are
    until: datetime | None

    def told_by(self, received: Iterable[Received], zone: tzinfo = UTC) -> dict[int, Told]:
        """Story id → what was told of it last, to somebody who received these editions.

        An alert counts as told at noon (UTC) of the day that it was in the reader's zone: its day is all
        that is said of it, and so it is the same for many.
        """
        tellings = [
            (alerted_at or telling.at, edition_id, story_id, telling)
            for edition_id, alerted_at in received
            for story_id, telling in self.editions[edition_id].items()
        ]
        told: dict[int, Told] = {}
        for at, edition_id, story_id, telling in sorted(tellings, key=lambda one: one[:3]):
            if story_id in self.lines.get(edition_id, ()) and story_id in told:
                # they were told no more than that they heard of it, and need not be told that again
                told[story_id] = replace(_on_its_day(told[story_id], zone), alerted=False)
            else:
                told[story_id] = replace(telling, at=at)
        return {story_id: _on_its_day(one, zone) for story_id, one in told.items()}


def _on_its_day(told: Told, zone: tzinfo) -> Told:
    if not told.alerted:
        return told
    return replace(told, at=datetime.combine(told.at.astimezone(zone), time(12), UTC))


def ledger(session: Session, story_ids: Collection[int], *, before: Issue) -> Ledger:
    """Which editions told the stories, of alerts and issues, before `before` was published, or is."""
    query = (
        select(
            EditionStory.edition_id,
            EditionStory.story_id,
            EditionStory.revision,
            Edition.issue_id,
            func.coalesce(Issue.published_at, Edition.alerted_at, type_=Issue.publish_at.type),
            EditionStory.piece,
        )
        .join(Edition, Edition.id == EditionStory.edition_id)
        .outerjoin(Issue, Issue.id == Edition.issue_id)
        .where(
            EditionStory.story_id.in_(story_ids),
            TELLS_A_STORY,
            Edition.issue_id.is_distinct_from(before.id),
        )
    )
    if before.published_at is not None:
        query = query.where(
            or_(Issue.published_at < before.published_at, Edition.alerted_at < before.published_at)
        )
    rows = session.execute(query).all()
    contents = _contents(session, {(row[1], row[2]) for row in rows})
    editions: dict[int, dict[int, Told]] = {}
    lines: dict[int, set[int]] = {}
    for edition_id, story_id, revision, issue_id, at, piece in rows:
        told = Told(revision, contents[story_id, revision], at, alerted=issue_id is None)
        editions.setdefault(edition_id, {})[story_id] = told
        if is_line(piece):
            lines.setdefault(edition_id, set()).add(story_id)
    return Ledger(
        editions,
        frozenset(row[3] for row in rows if row[3] is not None),
        frozenset(row[0] for row in rows if row[3] is None),
        lines,
        before.published_at,
    )


def _contents(
    session: Session, revisions: Collection[tuple[int, int]]
) -> dict[tuple[int, int], StoryContent]:
    """Story id and revision → what it says; few, however many editions told it."""
    query = select(StoryRevision.story_id, StoryRevision.number, StoryRevision.document).where(
        among(StoryRevision.story_id, {story_id for story_id, _ in revisions})
    )
    return {
        (story_id, number): StoryContent.from_json(document)
        for story_id, number, document in session.execute(query)
        if (story_id, number) in revisions
    }


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
) -> Generator[tuple[int, tuple[Received, ...]]]:
    """Subscriber id, and which of the known editions they received; in order of subscribers."""
    if not known.editions:
        return
    of_whom = [] if subscriber_id is None else [Delivery.subscriber_id == subscriber_id]
    digests = select(
        Delivery.subscriber_id, Delivery.edition_id, cast(null(), Delivery.queued_at.type).label("alerted_at")
    ).where(*mails_of_issues(known.issues), among(Delivery.edition_id, known.editions), *of_whom)
    alerts = select(Delivery.subscriber_id, Delivery.edition_id, Delivery.queued_at).where(
        *mails_of_alerts(known.alerts, until=known.until), *of_whom
    )
    query = (union_all(digests, alerts) if known.alerts else digests).order_by("subscriber_id", "edition_id")
    with session.execute(query.execution_options(yield_per=10_000)) as rows:
        for subscriber, group in groupby(rows, key=lambda row: row[0]):
            yield subscriber, tuple((edition, alerted_at) for _, edition, alerted_at in group)


def mails_of_issues(issues: Collection[int]) -> tuple[ColumnElement[bool], ...]:
    """What holds of a delivery by which an issue was told, or may yet be."""
    return (
        Delivery.kind == DeliveryKind.DIGEST,
        among(Delivery.occasion_id, issues),
        Delivery.state.in_(TOLD),
    )


def mails_of_alerts(
    editions: Collection[int], *, until: datetime | None = None
) -> tuple[ColumnElement[bool], ...]:
    """The same of alerts, as far as they were made before `until`."""
    made = () if until is None else (Delivery.queued_at < until,)
    return (
        Delivery.kind == DeliveryKind.ALERT,
        among(Delivery.occasion_id, editions),
        Delivery.state.in_(TOLD),
        *made,
    )


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
