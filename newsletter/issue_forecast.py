"""Forecast of an issue: who would get which edition, by the rules of publication, without any delivery.

It is counted over all readers, kept as a document, and only read by the pages.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from newsletter.desk.changes import CHANGEABLE
from newsletter.editions import Composed, Telling, compose
from newsletter.grouping import Group, Grouping
from newsletter.models import Issue, IssueForecast
from newsletter.preview import parts_of
from newsletter.rendering.renderer import Renderer
from newsletter.selection import Selection

#: editions that are listed, those with the most readers
LISTED = 100
#: of which an edition names at most so many kinds of readers
KINDS = 3
#: groups that are looked at, the largest: a second for about a thousand
MOST_GROUPS = 5_000
#: after which an open issue is counted anew
STALE = timedelta(minutes=15)


@dataclass(frozen=True)
class ForecastStory:
    telling: Telling
    #: as its card shows it
    headline: str


@dataclass(frozen=True)
class Kind:
    """Readers who chose alike, and were told alike before."""

    words: str
    readers: int


@dataclass(frozen=True)
class ForecastEdition:
    fingerprint: str
    readers: int
    subject: str
    #: of its html, with the longest possible links
    size_bytes: int
    stories: tuple[ForecastStory, ...]
    #: who gets it, the most frequent first
    kinds: tuple[Kind, ...]
    #: how many kinds there are besides
    more_kinds: int


@dataclass(frozen=True)
class Forecast:
    """What publication would freeze."""

    #: everybody who receives the newsletter
    readers: int
    mails: int
    #: how many different ones
    editions: int
    #: the LISTED with the most readers
    listed: tuple[ForecastEdition, ...]
    #: bytes of the largest edition, listed or not; 0 without any
    largest: int
    #: who gets no mail: why, and how many
    skipped: tuple[Kind, ...]
    #: readers who do not read on its day
    another_day: int
    #: readers in groups beyond MOST_GROUPS, of which nothing else is known
    not_looked_at: int

    def edition(self, fingerprint: str) -> ForecastEdition | None:
        """The listed edition of that fingerprint."""
        return next((one for one in self.listed if one.fingerprint == fingerprint), None)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(document: dict[str, Any]) -> "Forecast":
        return _forecast.validate_python(document)


@dataclass(frozen=True)
class Kept:
    """A forecast as it was kept."""

    version: int
    made_at: datetime
    forecast: Forecast


def forecast_issue(session: Session, issue: Issue, renderer: Renderer, *, now: datetime) -> Forecast:
    """Count who would get what, were the issue published at its time as it is now.

    Raises RenderError when a piece cannot be rendered. Writes nothing.
    """
    return _Count(session, issue, renderer).forecast(max(now, issue.publish_at))


def keep(session: Session, issue: Issue, version: int, forecast: Forecast, *, now: datetime) -> None:
    """Put the forecast of one version in the place of the one before, unless that is newer.

    The issue is locked by the caller.
    """
    held = session.get(IssueForecast, issue.id)
    if held is None:
        held = IssueForecast(issue_id=issue.id, version=version, made_at=now, document={})
        session.add(held)
    if held.made_at <= now:
        held.version, held.made_at, held.document = version, now, forecast.to_json()


def kept(session: Session, issue_id: int) -> Kept | None:
    """The last forecast; None where none was made."""
    held = session.get(IssueForecast, issue_id)
    return Kept(held.version, held.made_at, Forecast.from_json(held.document)) if held else None


def stale_issues(session: Session, *, now: datetime) -> Sequence[Issue]:
    """Open issues whose forecast is missing, too old, or of another version; the next to leave first."""
    of_now = (IssueForecast.version == Issue.version) & (IssueForecast.made_at > now - STALE)
    return session.scalars(
        select(Issue)
        .outerjoin(IssueForecast, IssueForecast.issue_id == Issue.id)
        .where(Issue.state.in_(CHANGEABLE), or_(IssueForecast.issue_id.is_(None), ~of_now))
        .order_by(Issue.publish_at, Issue.id)
    ).all()


class _Count:
    """The work of one forecast. Of an edition only numbers are kept until it is known to be listed."""

    def __init__(self, session: Session, issue: Issue, renderer: Renderer) -> None:
        self._issue = issue
        self._renderer = renderer
        self._grouping = Grouping(session, issue)
        self._shell, self._cards = parts_of(session, issue, renderer)
        self._readers = Counter[str]()
        self._skipped = Counter[str]()
        #: of each edition its groups, the largest first
        self._groups: dict[str, list[Group]] = {}
        self._largest = 0

    def forecast(self, now: datetime) -> Forecast:
        sizes = Counter(group for _, _, group in self._grouping.readers(now))
        for group, readers in sizes.most_common(MOST_GROUPS):
            self._count(group, readers)
        looked_at = self._readers.total() + self._skipped.total()
        return Forecast(
            readers=sizes.total() + self._grouping.another_day,
            mails=self._readers.total(),
            editions=len(self._readers),
            listed=tuple(
                self._described(fingerprint, readers, sizes)
                for fingerprint, readers in self._readers.most_common(LISTED)
            ),
            largest=self._largest,
            skipped=tuple(Kind(why, readers) for why, readers in self._skipped.most_common()),
            another_day=self._grouping.another_day,
            not_looked_at=sizes.total() - looked_at,
        )

    def _count(self, group: Group, readers: int) -> None:
        selection = self._grouping.selection(group)
        if selection.skipped is not None:
            self._skipped[selection.skipped] += readers
            return
        composed = self._composed(group, selection)
        fingerprint = composed.fingerprint()
        self._readers[fingerprint] += readers
        self._groups.setdefault(fingerprint, []).append(group)
        self._largest = max(self._largest, composed.size_bytes)

    def _composed(self, group: Group, selection: Selection) -> Composed:
        corrections = self._grouping.corrections(group)
        return compose(self._issue, selection, self._shell, self._cards, self._renderer, corrections)

    def _described(self, fingerprint: str, readers: int, sizes: Counter[Group]) -> ForecastEdition:
        groups = self._groups[fingerprint]
        composed = self._composed(groups[0], self._grouping.selection(groups[0]))
        kinds = Counter[str]()
        for group in groups:
            kinds[self._grouping.words(group)] += sizes[group]
        return ForecastEdition(
            fingerprint,
            readers,
            composed.subject,
            composed.size_bytes,
            tuple(ForecastStory(told, self._cards[told.piece].headline) for told in composed.tellings),
            tuple(Kind(words, number) for words, number in kinds.most_common(KINDS)),
            max(0, len(kinds) - KINDS),
        )


_forecast = TypeAdapter(Forecast)
