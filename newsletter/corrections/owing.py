"""Owing: which readers are to hear of which corrections, read from the deliveries for all of them at once."""

from collections.abc import Collection, Generator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from newsletter.corrections.rules import Owed, ToldOnce, Wrong, owed
from newsletter.ledger import MORE_THAN_A_LINE, mails_of_alerts, mails_of_issues
from newsletter.models import Alert, Delivery, Edition, EditionStory, Issue, Pick, Story, StoryRevision
from newsletter.models.delivery import TOLD, DeliveryKind
from newsletter.rendering.dates import in_words
from newsletter.rendering.pieces import alerted_by, corrected_by
from newsletter.rendering.telling import TITLE
from newsletter.rendering.typesetting import clean, cut
from subscribers.among import among, one_of

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
        self._alerts = set[int]()
        self._known: dict[_Received, tuple[Owed, ...]] = {}
        self._words: dict[Owed, str] = {}
        for edition_id, told, correction_id in self._tellings() if wrongs else ():
            if told.issue_id is None:
                self._alerts.add(edition_id)
            else:
                self._issues.add(told.issue_id)
            if correction_id is not None:
                self._heard.setdefault(edition_id, set()).add(correction_id)
            elif any(one.story_id == told.story_id and told.revision <= one.revision for one in wrongs):
                self._told.setdefault(edition_id, []).append(told)

    @property
    def told_by(self) -> ColumnElement[bool]:
        """What holds of a delivery that told any of it."""
        return and_(self._mails(), among(Delivery.edition_id, self._told))

    def _mails(self) -> ColumnElement[bool]:
        digests = and_(*mails_of_issues(self._issues))
        if not self._alerts:
            return digests
        return or_(digests, and_(*mails_of_alerts(self._alerts, until=self._until)))

    @property
    def _until(self) -> datetime | None:
        return self._before.published_at if self._before is not None else None

    def readers(self, *, of: Collection[int] | None = None) -> Generator[tuple[int, tuple[Owed, ...]]]:
        """Subscriber id, and what they are to hear; in order of subscribers, as a stream.

        Whoever is to hear nothing is not in it. With `of`, only these subscribers are asked about.
        """
        if not self._told:
            return
        query = self._received(of)
        self._session.flush()
        options = {"yield_per": 10_000}
        with self._session.connection().execute(query, execution_options=options) as rows:
            for subscriber, group in groupby(rows, key=itemgetter(0)):
                if found := self._owed(tuple((row[1], row[2]) for row in group)):
                    yield subscriber, found

    def of(self, subscriber_id: int) -> tuple[Owed, ...]:
        """What this reader is to hear."""
        return next((found for _, found in self.readers(of=(subscriber_id,))), ())

    def words(self, one: Owed) -> str:
        """What they were told, and when: "We told you on Thursday, January 8, 2026: “…”"."""
        if one not in self._words:
            day = one.day or self._session.get_one(Issue, one.issue_id).date
            title = self._session.get_one(Story, one.story_id).title
            told = self._headline(one)
            words = f"We told you on {in_words(day, weekday=True)}"
            self._words[one] = words if told == title else f"{words}: “{cut(clean(told), TITLE)}”"
        return self._words[one]

    def _headline(self, one: Owed) -> str:
        written: Pick | Alert | None
        if one.alert_id is not None:
            written = self._session.get(Alert, one.alert_id)
        else:
            written = self._session.get(Pick, (one.issue_id, one.story_id))
        if written is not None and written.headline:
            return written.headline
        revision = written.revision if isinstance(written, Alert) else one.revision
        return self._session.get_one(StoryRevision, (one.story_id, revision)).content.title

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
                EditionStory.piece,
                Edition.issue_id,
                func.coalesce(Issue.publish_at, Edition.alerted_at, type_=Issue.publish_at.type),
            )
            .join(Edition, Edition.id == EditionStory.edition_id)
            .outerjoin(Issue, Issue.id == Edition.issue_id)
            # whoever got a line got the alert that it is on
            .where(EditionStory.story_id.in_(stories), MORE_THAN_A_LINE)
        )
        if self._before is not None:
            query = query.where(Edition.issue_id.is_distinct_from(self._before.id))
        if self._until is not None:
            query = query.where(or_(Issue.published_at < self._until, Edition.alerted_at < self._until))
        alerts = {
            alert_id: (revision, correction_id)
            for alert_id, revision, correction_id in self._session.execute(
                select(Alert.id, Alert.revision, Alert.correction_id).where(Alert.story_id.in_(stories))
            )
        }
        for edition_id, story_id, revision, piece, issue_id, at in self._session.execute(query):
            alert_id, correction_id = alerted_by(piece), corrected_by(piece)
            if alert_id is not None:
                # that of its card, though newer facts may have been told beside it
                revision, correction_id = alerts.get(alert_id, (revision, None))
            yield edition_id, ToldOnce(story_id, revision, at, issue_id, alert_id), correction_id

    def _received(self, of: Collection[int] | None) -> Select[int, int | None, int]:
        """The mails that told any of it, and the notes, in the order of their readers."""
        editions = self._told.keys() | self._heard.keys()
        theirs = () if of is None else (one_of(Delivery.subscriber_id, of),)
        mails = select(Delivery.subscriber_id, Delivery.edition_id, literal(0).label("note")).where(*theirs)
        mine = among(Delivery.edition_id, editions)
        parts = [mails.where(*mails_of_issues(self._issues), mine)]
        if self._alerts:
            parts.append(mails.where(*mails_of_alerts(self._alerts, until=self._until)))
        notes = select(Delivery.subscriber_id, cast(null(), BigInteger), Delivery.occasion_id).where(
            Delivery.kind == DeliveryKind.CORRECTION,
            Delivery.occasion_id.in_([wrong.correction_id for wrong in self._wrongs]),
            Delivery.state.in_(TOLD),
            *theirs,
        )
        if self._until is not None:
            notes = notes.where(Delivery.queued_at < self._until)
        both = union_all(*parts, notes).subquery()
        columns = both.c.subscriber_id, both.c.edition_id, both.c.note
        return select(*columns).order_by(columns[0], columns[1])
