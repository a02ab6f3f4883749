"""Past issues told once more under other limits: who would have got how much. Pure.

Readers are groups with one lens and the same days of the week; what a group was told is what the
simulated issues told it, day by day, so nobody is told twice. The reader's zone and hour are left out:
an issue is taken to be read on its own date.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from newsletter.judging import Window
from newsletter.memory import Told
from newsletter.pool import Candidate, Pool
from newsletter.schedule import days_since_last_reading
from newsletter.selection import Limits, Selection, select
from subscribers.lens import Lens


@dataclass(frozen=True, slots=True)
class PastIssue:
    """An issue as it closed."""

    date: date
    publish_at: datetime
    #: by the day of the week, or not, as for a weekly, which all read
    by_weekday: bool
    candidates: Sequence[Candidate]
    #: of readers who last read so many days before, for 1 to 7
    windows: Mapping[int, Window]


@dataclass(frozen=True, slots=True)
class Readers:
    """Readers who would get the same of every issue."""

    lens: Lens
    #: seven bits, Monday lowest
    weekdays: int
    number: int


@dataclass
class Outcome:
    """What one rule came to. All numbers are weighted by readers."""

    #: by issue date
    mails: Counter[date] = field(default_factory=Counter)
    skipped: Counter[date] = field(default_factory=Counter)
    told: Counter[date] = field(default_factory=Counter)
    #: number of stories in a mail → mails
    lengths: Counter[int] = field(default_factory=Counter)
    #: story → readers who were told it
    stories: Counter[int] = field(default_factory=Counter)
    #: audience → mails, and stories in them; a reader counts for each of theirs
    audience_mails: Counter[str] = field(default_factory=Counter)
    audience_told: Counter[str] = field(default_factory=Counter)
    #: readers who got no mail at all
    without: int = 0

    @property
    def all_mails(self) -> int:
        return self.mails.total()

    @property
    def all_told(self) -> int:
        """How many stories stood in all mails together."""
        return self.told.total()

    @property
    def per_mail(self) -> float:
        """Stories in a mail on average; 0 without mails."""
        return self.all_told / self.all_mails if self.all_mails else 0.0

    def per_mail_of(self, day: date) -> float | None:
        """The same on one day; None where there was no mail."""
        return self.told[day] / self.mails[day] if self.mails[day] else None

    def add(self, day: date, readers: Readers, selection: Selection) -> None:
        """Count what one group got of one issue."""
        if selection.skipped is not None:
            self.skipped[day] += readers.number
            return
        length = len(selection.picks)
        self.mails[day] += readers.number
        self.told[day] += length * readers.number
        self.lengths[length] += readers.number
        for decision in selection.picks:
            self.stories[decision.candidate.story_id] += readers.number
        for audience in readers.lens.audiences or ("",):
            self.audience_mails[audience] += readers.number
            self.audience_told[audience] += length * readers.number


@dataclass(frozen=True)
class Comparison:
    """The same days under the limits as they are, and under others."""

    now: Outcome
    changed: Outcome
    #: dates of the issues, in order
    days: tuple[date, ...]
    #: stories that were new in these days
    candidates: frozenset[int]

    @property
    def never(self) -> tuple[frozenset[int], frozenset[int]]:
        """The stories that nobody was told, now and changed."""
        return self.candidates - self.now.stories.keys(), self.candidates - self.changed.stories.keys()

    def moved(self, most: int) -> list[tuple[int, int, int]]:
        """Story, its readers now and its readers changed, where the two differ most."""
        stories = self.now.stories.keys() | self.changed.stories.keys()
        rows = [(story, self.now.stories[story], self.changed.stories[story]) for story in stories]
        rows.sort(key=lambda row: (-abs(row[2] - row[1]), row[0]))
        return [row for row in rows if row[1] != row[2]][:most]


def compare(
    earlier: Sequence[PastIssue],
    issues: Sequence[PastIssue],
    groups: Iterable[Readers],
    now: Limits,
    changed: Limits,
) -> Comparison:
    """Tell `issues`, the oldest first, to all groups under either limits.

    `earlier` were told before them, as the limits are now: they are remembered, and not counted.
    """
    outcomes = Outcome(), Outcome()
    renewed = _renewed([*earlier, *issues])
    past = [_Telling(issue, renewed) for issue in [*earlier, *issues]]
    for readers in groups:
        before: dict[int, Told] = {}
        for telling in past[: len(earlier)]:
            telling.tell(readers, before, now)
        for outcome, limits in zip(outcomes, (now, changed), strict=True):
            _tell_all(past[len(earlier) :], readers, dict(before), limits, outcome)
    fresh = {c.story_id for telling in past[len(earlier) :] for c in telling.new()}
    return Comparison(*outcomes, tuple(issue.date for issue in issues), frozenset(fresh))


def _tell_all(
    past: Sequence["_Telling"], readers: Readers, told: dict[int, Told], limits: Limits, outcome: Outcome
) -> None:
    mails = outcome.all_mails
    for telling in past:
        selection = telling.tell(readers, told, limits)
        if selection is not None:
            outcome.add(telling.issue.date, readers, selection)
    if outcome.all_mails == mails:
        outcome.without += readers.number


def _renewed(issues: Sequence[PastIssue]) -> frozenset[int]:
    """Stories of which some issue knew a later revision than another: they may be told as updates."""
    revisions: dict[int, int] = {}
    found = set()
    for issue in issues:
        for one in issue.candidates:
            if revisions.setdefault(one.story_id, one.revision) != one.revision:
                found.add(one.story_id)
    return frozenset(found)


class _Telling:
    """One issue, and its pools by when readers read last."""

    def __init__(self, issue: PastIssue, renewed: frozenset[int]) -> None:
        self.issue = issue
        self._renewed = renewed
        self._pools: dict[int, Pool] = {}

    def tell(self, readers: Readers, told: dict[int, Told], limits: Limits) -> Selection | None:
        """What they get of it, which is added to `told`; None on a day on which they do not read."""
        days_back = 1
        if self.issue.by_weekday:
            weekday = self.issue.date.weekday()
            if not readers.weekdays >> weekday & 1:
                return None
            days_back = days_since_last_reading(readers.weekdays, weekday)
        window = self.issue.windows[days_back]
        selection = select(self._pool(days_back), readers.lens, told, window=window, limits=limits)
        for decision in selection.picks:
            one = decision.candidate
            told[one.story_id] = Told(one.revision, one.content, self.issue.publish_at)
        return selection

    def new(self) -> Iterable[Candidate]:
        """What was new in it, for who reads every day."""
        window = self.issue.windows[1]
        return (c for c in self.issue.candidates if c.first_seen_at > window.new_since and not c.dropped)

    def _pool(self, days_back: int) -> Pool:
        """Without what is too old for everybody: most of an issue's candidates, at no difference to picks."""
        if days_back not in self._pools:
            floor = self.issue.windows[days_back].overflow_since
            self._pools[days_back] = Pool(
                [one for one in self.issue.candidates if self._may_pass(one, floor)]
            )
        return self._pools[days_back]

    def _may_pass(self, one: Candidate, floor: datetime) -> bool:
        exempt = one.pin is not None or one.added or one.lead_for or one.story_id in self._renewed
        return bool(one.first_seen_at > floor or exempt)
