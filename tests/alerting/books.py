"""What the database and the postbox hold when the month is over, side by side."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from newsletter.content import StoryContent
from newsletter.models import (
    Alert,
    AlertReader,
    CoverageEntry,
    Delivery,
    EditionStory,
    Issue,
    Story,
    StoryRevision,
)
from newsletter.models.delivery import TOLD
from newsletter.store.engine import reading
from subscribers.alert_models import AlertRuleRecord
from subscribers.alert_rule import AlertRule
from tests.alerting.acts import Wrong
from tests.alerting.month import HandedOverMail, Look, Month
from tests.alerting.readers import Wishes

#: what is promised to all, see `[alerts]` in publication.toml
LIFE, FRESH = timedelta(hours=24), timedelta(hours=72)
STORY_REST, COMPANY_REST = timedelta(hours=12), timedelta(hours=3)
GATHER = timedelta(minutes=15)


@dataclass(frozen=True)
class Telling:
    """What one mail says of one story."""

    story_id: int
    revision: int
    piece: str
    #: of an alert: the rules that it says fired, each with its number, its words and its facts
    fired: tuple[tuple[int, str, tuple[str, ...]], ...] = ()

    @property
    def form(self) -> str:
        """full, update, line, alert, also, …; correction."""
        return "correction" if self.piece.startswith("correction/") else self.piece.rpartition("/")[2]

    @property
    def is_line(self) -> bool:
        return self.form == "line"

    @property
    def tells(self) -> bool:
        """Whether it tells the story itself."""
        return self.form not in ("line", "correction")


@dataclass(frozen=True)
class Letter:
    """A digest or an alert for one reader: its row, what it says, and when it was handed over."""

    row: Delivery
    tellings: Sequence[Telling]
    left: Sequence[HandedOverMail]

    @property
    def is_alert(self) -> bool:
        return self.row.kind == "alert"

    @property
    def queued_at(self) -> datetime:
        return self.row.queued_at

    @property
    def is_told(self) -> bool:
        """Whether its reader has it, or may have it."""
        return self.row.state in TOLD

    def waits(self, at: datetime) -> bool:
        """Whether it is in the outbox then, be it until just then."""
        return self.queued_at <= at and (self.row.settled_at is None or at <= self.row.settled_at)

    def about(self, story_id: int) -> Sequence[Telling]:
        return [one for one in self.tellings if one.story_id == story_id]


#: what a reader wanted, and from when on; the earliest first
Lived = Sequence[tuple[datetime, Wishes]]


class Person:
    """A reader, what came to them, and what became of each alert that came up for them."""

    def __init__(self, lived: Lived, letters: Iterable[Letter], rows: Iterable[AlertReader]) -> None:
        self.lived = lived
        #: in the order in which they were frozen
        self.letters = sorted(letters, key=lambda letter: (letter.queued_at, letter.row.id))
        self.rows = sorted(rows, key=lambda row: (row.decided_at, row.id))

    @property
    def alerts(self) -> list[Letter]:
        return [letter for letter in self.letters if letter.is_alert]

    @property
    def digests(self) -> list[Letter]:
        return [letter for letter in self.letters if not letter.is_alert]

    @property
    def every_mail(self) -> Iterator[tuple[datetime, "Letter"]]:
        """Every mail that left for them, those that were repeated too."""
        return ((mail.at, letter) for letter in self.letters for mail in letter.left)

    @cached_property
    def handed(self) -> list[tuple[datetime, Letter]]:
        """Every mail that left for them, and when it did first; the first first."""
        found = [(letter.left[0].at, letter) for letter in self.letters if letter.left]
        return sorted(found, key=lambda one: (one[0], one[1].row.id))

    def at(self, moment: datetime) -> Wishes:
        """What they wanted then."""
        return next(wishes for since, wishes in reversed(self.lived) if since <= moment)

    def between(self, begin: datetime, end: datetime) -> list[Wishes]:
        """All that they wanted from then until then."""
        return [self.at(begin), *(wishes for since, wishes in self.lived if begin < since <= end)]

    def wall(self, at: datetime, as_of: datetime | None = None) -> datetime:
        """What the clock on their wall shows; of a moment before, on the wall that they have by now."""
        return at.astimezone(ZoneInfo(self.at(as_of or at).rhythm.timezone))


class Books:
    """All of it, by the numbers of the rows."""

    def __init__(self, month: Month) -> None:
        self.month = month
        with reading(month.engine) as session:
            deliveries = session.scalars(select(Delivery).where(Delivery.kind.in_(("digest", "alert")))).all()
            rows = session.scalars(select(AlertReader)).all()
            self.alerts = {alert.id: alert for alert in session.scalars(select(Alert))}
            self.first_seen = dict(session.execute(select(Story.id, Story.first_seen_at)).all())
            #: when the digests of an issue took in no more stories
            self.closed_at = dict(session.execute(select(Issue.id, Issue.cutoff_at)).all())
            self.contents: dict[tuple[int, int], StoryContent] = {
                (one.story_id, one.number): one.content for one in session.scalars(select(StoryRevision))
            }
            self.rules: dict[int, AlertRule] = {
                one.id: one.rule for one in session.scalars(select(AlertRuleRecord))
            }
            told: defaultdict[int, list[Telling]] = defaultdict(list)
            for one in session.scalars(select(EditionStory).order_by(EditionStory.position)):
                fired = tuple((number, words, tuple(facts)) for number, words, facts in one.rules)
                told[one.edition_id].append(Telling(one.story_id, one.revision, one.piece, fired))
            self._spread: defaultdict[int, list[datetime]] = defaultdict(list)
            seen = select(CoverageEntry.story_id, func.min(CoverageEntry.first_seen_at))
            for story_id, at in session.execute(
                seen.group_by(CoverageEntry.story_id, CoverageEntry.outlet_key)
            ):
                self._spread[story_id].append(at)
            session.expunge_all()
        left: defaultdict[int, list[HandedOverMail]] = defaultdict(list)
        for mail in month.postbox.mails:
            left[mail.delivery_id].append(mail)
        self.letters = [Letter(row, told[row.edition_id or 0], left.pop(row.id, ())) for row in deliveries]
        #: handed over without a row of a digest or an alert
        self.strays: Mapping[int, Sequence[HandedOverMail]] = left
        letters, mine = _by_reader(self.letters), _by_reader(rows)
        self.people = {
            number: Person(lived, letters[number], mine[number]) for number, lived in month.lived.items()
        }
        #: with an alert
        self.rows: Sequence[AlertReader] = [row for row in rows if row.alert_id is not None]
        #: left to the next digest by one that was one mail too many
        self.spared: Sequence[AlertReader] = [row for row in rows if row.alert_id is None]

    @property
    def wrongs(self) -> Sequence[Wrong]:
        return self.month.newsroom.wrongs

    @property
    def looks(self) -> Sequence[Look]:
        return self.month.looks

    def spread(self, story_id: int, at: datetime) -> list[datetime]:
        """When each outlet was first seen to report it, as far as that was known then."""
        return [moment for moment in self._spread[story_id] if moment <= at]

    def revision_at(self, story_id: int, at: datetime) -> int:
        """The newest revision of the story that was known then."""
        return max(look.revision for look in self.looks if look.story_id == story_id and look.at <= at)

    def is_wrong(self, story_id: int, revision: int, at: datetime) -> bool:
        """Whether that was known to be wrong then, by a correction that editors confirmed."""
        return any(wrong.at <= at and wrong.covers(story_id, revision) for wrong in self.wrongs)

    def became(self, row: AlertReader, *states: str) -> datetime | None:
        """When the alert came into one of these states for its reader, if it did."""
        return next((at for at, state in self.month.seen.get(row.id, ()) if state in states), None)

    def alert(self, row: AlertReader) -> Alert:
        assert row.alert_id is not None
        return self.alerts[row.alert_id]

    def letter(self, row: AlertReader) -> Letter | None:
        """The mail of an alert for its reader."""
        found = (
            letter
            for letter in self.people[row.subscriber_id].alerts
            if letter.row.edition_id == row.edition_id
        )
        return next(found, None) if row.edition_id else None

    def rows_of(self, letter: Letter) -> Iterator[AlertReader]:
        """Which alerts a mail tells its reader."""
        assert letter.row.subscriber_id is not None
        for row in self.people[letter.row.subscriber_id].rows:
            if row.edition_id == letter.row.edition_id:
                yield row


def _by_reader(things: Iterable[Letter] | Iterable[AlertReader]) -> defaultdict[int, list]:  # type: ignore[type-arg]
    found: defaultdict[int, list] = defaultdict(list)  # type: ignore[type-arg]
    for thing in things:
        row = thing.row if isinstance(thing, Letter) else thing
        found[row.subscriber_id or 0].append(thing)
    return found
