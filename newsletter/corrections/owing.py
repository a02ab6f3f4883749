"""Owing: which readers are to hear of which corrections, read from the deliveries for all of them at once."""

from collections.abc import Collection, Generator, Sequence
from itertools import groupby
from operator import itemgetter

from sqlalchemy import BigInteger, Select, cast, literal, null, select, union_all
from sqlalchemy.orm import Session

from newsletter.corrections.rules import Owed, ToldOnce, Wrong, owed
from newsletter.models import Delivery, Edition, EditionStory, Issue, Pick, Story, StoryRevision
from newsletter.models.delivery import TOLD, DeliveryKind
from newsletter.rendering.dates import in_words
from newsletter.rendering.pieces import corrected_by
from newsletter.rendering.telling import TITLE
from newsletter.rendering.typesetting import clean, cut
from subscribers.among import among

#: of a reader: the editions received, then the corrections heard by a note
_Received = tuple[tuple[int | None, int], ...]


class Debts:
    """Who was told what is wrong by these corrections, and has not heard of them."""

    def __init__(self, session: Session, wrongs: Sequence[Wrong], *, before: Issue | None = None) -> None:
        """As of the publication of `before`, which counts for nothing itself; without it, as of now."""
        self._session = session
        self._wrongs = wrongs
        self._before = before
        self._told: dict[int, list[ToldOnce]] = {}
        self._heard: dict[int, set[int]] = {}
        self._issues = set[int]()
        self._known: dict[_Received, tuple[Owed, ...]] = {}
        self._words: dict[Owed, str] = {}
        for edition_id, told, correction_id in self._tellings() if wrongs else ():
            self._issues.add(told.issue_id)
            if correction_id is not None:
                self._heard.setdefault(edition_id, set()).add(correction_id)
            elif any(one.story_id == told.story_id and told.revision <= one.revision for one in wrongs):
                self._told.setdefault(edition_id, []).append(told)

    @property
    def editions(self) -> Collection[int]:
        """Those that told any of it."""
        return self._told.keys()

    @property
    def issues(self) -> Collection[int]:
        """Of which they are editions."""
        return {one.issue_id for told in self._told.values() for one in told}

    def readers(self, *, subscriber_id: int | None = None) -> Generator[tuple[int, tuple[Owed, ...]]]:
        """Subscriber id, and what they are to hear; in order of subscribers, as a stream.

        Whoever is to hear nothing is not in it.
        """
        if not self._told:
            return
        query = self._received()
        if subscriber_id is not None:
            query = query.where(query.selected_columns.subscriber_id == subscriber_id)
        self._session.flush()
        options = {"yield_per": 10_000}
        with self._session.connection().execute(query, execution_options=options) as rows:
            for subscriber, group in groupby(rows, key=itemgetter(0)):
                if found := self._owed(tuple((row[1], row[2]) for row in group)):
                    yield subscriber, found

    def of(self, subscriber_id: int) -> tuple[Owed, ...]:
        """What this reader is to hear."""
        return next((found for _, found in self.readers(subscriber_id=subscriber_id)), ())

    def words(self, one: Owed) -> str:
        """What they were told, and when: "We told you on Thursday, January 8, 2026: “…”"."""
        if one not in self._words:
            issue = self._session.get_one(Issue, one.issue_id)
            title = self._session.get_one(Story, one.story_id).title
            told = self._headline(one)
            words = f"We told you on {in_words(issue.date, weekday=True)}"
            self._words[one] = words if told == title else f"{words}: “{cut(clean(told), TITLE)}”"
        return self._words[one]

    def _headline(self, one: Owed) -> str:
        pick = self._session.get(Pick, (one.issue_id, one.story_id))
        if pick is not None and pick.headline:
            return pick.headline
        return self._session.get_one(StoryRevision, (one.story_id, one.revision)).content.title

    def _owed(self, received: _Received) -> tuple[Owed, ...]:
        if received not in self._known:
            editions = [edition_id for edition_id, _ in received if edition_id is not None]
            told = [one for edition_id in editions for one in self._told.get(edition_id, ())]
            heard = {note for edition_id, note in received if edition_id is None}
            heard = heard.union(*(self._heard.get(edition_id, ()) for edition_id in editions))
            self._known[received] = owed(self._wrongs, told, heard)
        return self._known[received]

    def _tellings(self) -> Generator[tuple[int, ToldOnce, int | None]]:
        """What each edition told of the stories, and of which of the corrections."""
        stories = {wrong.story_id for wrong in self._wrongs}
        query = (
            select(
                EditionStory.edition_id,
                EditionStory.story_id,
                EditionStory.revision,
                Issue.date,
                Issue.id,
                EditionStory.piece,
            )
            .join(Edition, Edition.id == EditionStory.edition_id)
            .join(Issue, Issue.id == Edition.issue_id)
            .where(EditionStory.story_id.in_(stories))
        )
        if self._before is not None:
            query = query.where(Issue.id != self._before.id)
            if self._before.published_at is not None:
                query = query.where(Issue.published_at < self._before.published_at)
        for edition_id, story_id, revision, day, issue_id, piece in self._session.execute(query):
            yield edition_id, ToldOnce(story_id, revision, day, issue_id), corrected_by(piece)

    def _received(self) -> Select[int, int | None, int]:
        """The mails that told any of it, and the notes, in the order of their readers."""
        editions = self._told.keys() | self._heard.keys()
        digests = select(Delivery.subscriber_id, Delivery.edition_id, literal(0).label("note")).where(
            Delivery.kind == DeliveryKind.DIGEST,
            among(Delivery.occasion_id, self._issues),
            among(Delivery.edition_id, editions),
            Delivery.state.in_(TOLD),
        )
        notes = select(Delivery.subscriber_id, cast(null(), BigInteger), Delivery.occasion_id).where(
            Delivery.kind == DeliveryKind.CORRECTION,
            Delivery.occasion_id.in_([wrong.correction_id for wrong in self._wrongs]),
            Delivery.state.in_(TOLD),
        )
        if self._before is not None and self._before.published_at is not None:
            notes = notes.where(Delivery.queued_at < self._before.published_at)
        both = union_all(digests, notes).subquery()
        columns = both.c.subscriber_id, both.c.edition_id, both.c.note
        return select(*columns).order_by(columns[0], columns[1])
