"""Who would receive the same of an issue: its readers by lens, by what they were told, by what they muted.

Publication freezes these groups, a forecast only counts them.
"""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from newsletter import schedule
from newsletter.alerts.wording import MOST_TERMS
from newsletter.alerts.wording import words as in_words
from newsletter.corrections.book import as_wrong, carried_by
from newsletter.corrections.owing import Debts
from newsletter.corrections.rules import Owed
from newsletter.desk.planning import left_since, limits, pool, window
from newsletter.editions import Telling, of_corrections
from newsletter.folds import Fold, folds, rule_of
from newsletter.ledger import Lookup, Received, editions_received, ledger
from newsletter.memory import Told
from newsletter.models import Issue
from newsletter.pool import UNANSWERED
from newsletter.selection import Selection, select
from subscribers.lens import Lens, term
from subscribers.models import Subscriber
from subscribers.rhythm import Rhythm
from subscribers.roster import lenses, muted_stories, readers, without_lines

#: how an alert that was left to a digest is named where no rule of the reader is known
FROM_EDITORS, LEFT_OVER = "an alert of our editors", "one mail too many before"


class Group(NamedTuple):
    """What readers have in common who get the same."""

    #: the number of their lens as far as it matters here
    lens: int
    #: the number of what they were told of these stories
    told: int
    #: of the stories, those that they muted
    muted: frozenset[int]
    #: since they last read
    days_back: int
    #: the corrections that they are to hear
    owed: tuple[Owed, ...]
    #: alerts that were left to this issue
    folds: tuple[Fold, ...]
    #: whether they are told in a line what an alert told them; False where none did
    lines: bool


_NONE: frozenset[int] = frozenset()


class Grouping:
    """The readers of one issue in groups that would get the same."""

    def __init__(self, session: Session, issue: Issue, *, only: Subscriber | None = None) -> None:
        """Of all readers, or of that one."""
        self._session = session
        self._issue = issue
        self._only = only.id if only else None
        self._pool = pool(session, issue)
        self._story_ids = [candidate.story_id for candidate in self._pool]
        self._known = ledger(session, self._story_ids, before=issue)
        self._debts = Debts(session, [as_wrong(one) for one in carried_by(session, issue)], before=issue)
        self._muted = muted_stories(session, self._story_ids, subscriber_id=self._only)
        self._audiences = {term(name): name for one in self._pool for name in one.content.audiences}
        self._lenses: list[Lens] = []
        self._told: list[dict[int, Told]] = []
        self._numbers: dict[tuple[tuple[int, int, datetime, bool], ...], int] = {}
        self._by_digests: dict[tuple[Received, ...], int] = {}
        self._readings: dict[tuple[str, int, int], tuple[datetime, int] | None] = {}
        self._accounts: dict[tuple[int | None, bool], str] = {}
        #: how many were met who do not read on its day
        self.another_day = 0

    def readers(self, now: datetime) -> Iterator[tuple[int, datetime, Group]]:
        """Subscriber id, when their mail is due, and their group, for all who read the issue.

        In the order of their ids, as a stream.
        """
        number_of = self._number_lenses()
        with self._streams() as streams:
            everybody = readers(self._session, self._issue.newsletter.slug, now=now)
            for subscriber_id, lens_id, timezone, hour, weekdays in everybody:
                read = self._reading(timezone, hour, weekdays)
                if read is None:
                    self.another_day += 1
                    continue
                due_at, days_back = read
                yield (
                    subscriber_id,
                    due_at,
                    self._group(subscriber_id, number_of[lens_id], timezone, days_back, streams),
                )

    def of(self, reader: Subscriber) -> Group:
        """The group in which a reader is, or would be if they read on its day."""
        self._lenses.append(self._pool.project(reader.lens))
        read = reading(self._issue, reader.rhythm)
        with self._streams() as streams:
            lens = len(self._lenses) - 1
            return self._group(reader.id, lens, reader.timezone, read[1] if read else 1, streams)

    def _group(
        self, subscriber_id: int, lens: int, timezone: str, days_back: int, streams: "_Streams"
    ) -> Group:
        received = streams.received.of(subscriber_id)
        told, alerted = self._number(received, timezone) if received else (self._nothing, False)
        return Group(
            lens,
            told,
            self._muted.get(subscriber_id, _NONE),
            days_back,
            streams.owed.of(subscriber_id),
            streams.folds.of(subscriber_id),
            alerted and not streams.without_lines.of(subscriber_id),
        )

    @cached_property
    def _nothing(self) -> int:
        return self._number_of({})

    def _number(self, received: tuple[Received, ...], timezone: str) -> tuple[int, bool]:
        """The number of what somebody was told who received these, and whether an alert told it."""
        if received not in self._by_digests:
            told = self._known.told_by(received, ZoneInfo(timezone))
            number = self._number_of(told)
            if any(one.alerted for one in told.values()):
                return number, True
            self._by_digests[received] = number
        return self._by_digests[received], False

    def _number_of(self, told: dict[int, Told]) -> int:
        key = tuple(sorted((story, one.revision, one.at, one.alerted) for story, one in told.items()))
        number = self._numbers.setdefault(key, len(self._told))
        if number == len(self._told):
            self._told.append(told)
        return number

    @contextmanager
    def _streams(self) -> Iterator["_Streams"]:
        session, only = self._session, self._only
        cutoff = self._issue.cutoff_at
        since = left_since(session, self._issue)
        with (
            closing(editions_received(session, self._known, subscriber_id=only)) as received,
            closing(self._debts.readers(of=None if only is None else (only,))) as owed,
            closing(folds(session, self._story_ids, since=since, until=cutoff, subscriber_id=only)) as folded,
            closing(without_lines(session) if self._known.alerts else _empty()) as silent,
        ):
            yield _Streams(Lookup(received), Lookup(owed), Lookup(folded), Lookup(silent))

    def selection(self, group: Group) -> Selection:
        """What the readers of the group get, and why."""
        return select(
            self._pool,
            self.lens(group),
            self._told[group.told],
            group.muted,
            window=window(self._issue, days_back=group.days_back),
            limits=limits(self._issue.newsletter),
            folded={fold.story_id: self._account(fold) for fold in group.folds},
            lines=group.lines,
        )

    def _account(self, fold: Fold) -> str:
        """Why the readers are told what was left to this issue; one rule is many readers'."""
        account = fold.rule_id, fold.by_editors
        if account not in self._accounts:
            self._accounts[account] = self._account_of(fold)
        return self._accounts[account]

    def _account_of(self, fold: Fold) -> str:
        if rule := rule_of(self._session, fold):
            names = {key: name for key in rule.rule.companies if (name := self._pool.name(key)) != key}
            return f"your alert: {in_words(rule.rule, names | self._audiences, most=MOST_TERMS)}"
        return FROM_EDITORS if fold.by_editors else LEFT_OVER

    def corrections(self, group: Group) -> tuple[Telling, ...]:
        """What the readers of the group are to hear that was told them wrong."""
        return of_corrections(self._debts, group.owed)

    def lens(self, group: Group) -> Lens:
        """That of the group's readers, as far as it matters for this issue; see `Pool.project`."""
        return self._lenses[group.lens]

    def words(self, group: Group) -> str:
        """Its readers as editors would call them: "Investors · follow Sample Lab · short form"."""
        lens = self.lens(group)
        chosen = [
            *self._named("", lens.audiences),
            *self._named("follow ", lens.companies),
            *self._named("topics ", lens.topics),
            *self._named("without ", lens.muted_companies | lens.muted_topics),
            *self._named("read ", lens.languages),
            f"from {lens.min_outlets} outlets on" if lens.min_outlets > 1 else "",
            "short form" if lens.short else "",
        ]
        before = [
            "told some of it before" if self._told[group.told] else "",
            "muted a story" if group.muted else "",
            "are to hear of a correction" if group.owed else "",
            "an alert was left to it" if group.folds else "",
            f"last read {group.days_back} days before" if group.days_back > 1 else "",
        ]
        return " · ".join(filter(None, ["" if any(chosen) else "chose nothing", *chosen, *before]))

    def _named(self, what: str, terms: frozenset[str]) -> Iterator[str]:
        """The terms as the stories write them."""
        if terms:
            names = (self._audiences.get(key) or self._pool.name(key) for key in sorted(terms))
            yield what + ", ".join("others" if name == UNANSWERED else name for name in names)

    def _number_lenses(self) -> dict[int, int]:
        """Lens id → a number that those share which see the same of this pool: its place in _lenses."""
        numbers: dict[Lens, int] = {}
        found = {
            lens_id: numbers.setdefault(self._pool.project(lens), len(numbers))
            for lens_id, lens in lenses(self._session)
        }
        self._lenses = list(numbers)
        return found

    def _reading(self, timezone: str, hour: int, weekdays: int) -> tuple[datetime, int] | None:
        rhythm = timezone, hour, weekdays
        if rhythm not in self._readings:
            self._readings[rhythm] = reading(self._issue, Rhythm.of(*rhythm))
        return self._readings[rhythm]


@dataclass(frozen=True)
class _Streams:
    """What differs from reader to reader, each in the order of their ids."""

    received: Lookup[Received]
    owed: Lookup[Owed]
    folds: Lookup[Fold]
    #: those who want no lines
    without_lines: Lookup[bool]


def _empty() -> Generator[tuple[int, tuple[bool, ...]]]:
    yield from ()


def reading(issue: Issue, rhythm: Rhythm) -> tuple[datetime, int] | None:
    """`schedule.reading` for this issue."""
    return schedule.reading(rhythm, cadence=issue.newsletter.cadence, publish_at=issue.publish_at)
