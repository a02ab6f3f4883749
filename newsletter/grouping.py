"""Who would receive the same of an issue: its readers by lens, by what they were told, by what they muted.

Publication freezes these groups, a forecast only counts them.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter import schedule
from newsletter.corrections.book import as_wrong, carried_by
from newsletter.corrections.owing import Debts
from newsletter.corrections.rules import Owed
from newsletter.desk.planning import limits, pool, window
from newsletter.editions import Telling, of_corrections
from newsletter.ledger import Lookup, editions_received, ledger
from newsletter.models import Issue
from newsletter.pool import UNANSWERED
from newsletter.selection import Selection, select
from subscribers.lens import Lens, term
from subscribers.rhythm import Rhythm
from subscribers.roster import lenses, muted_stories, readers

#: what readers have in common who get the same: the number of their lens as far as it matters here,
#: the editions received that told any of these stories, the stories muted, the days since they last read,
#: the corrections that they are to hear
Group = tuple[int, tuple[int, ...], frozenset[int], int, tuple[Owed, ...]]
_NONE: frozenset[int] = frozenset()


class Grouping:
    """The readers of one issue in groups that would get the same."""

    def __init__(self, session: Session, issue: Issue) -> None:
        self._session = session
        self._issue = issue
        self._pool = pool(session, issue)
        story_ids = [candidate.story_id for candidate in self._pool]
        self._known = ledger(session, story_ids, before=issue)
        self._debts = Debts(session, [as_wrong(one) for one in carried_by(session, issue)], before=issue)
        self._muted = muted_stories(session, story_ids)
        self._audiences = {term(name): name for one in self._pool for name in one.content.audiences}
        self._lenses: list[Lens] = []
        self._readings: dict[tuple[str, int, int], tuple[datetime, int] | None] = {}
        #: how many were met who do not read on its day
        self.another_day = 0

    def readers(self, now: datetime) -> Iterator[tuple[int, datetime, Group]]:
        """Subscriber id, when their mail is due, and their group, for all who read the issue.

        In the order of their ids, as a stream.
        """
        number_of = self._number_lenses()
        with (
            closing(editions_received(self._session, self._known)) as stream,
            closing(self._debts.readers()) as owing,
        ):
            received, owed = Lookup(stream), Lookup(owing)
            everybody = readers(self._session, self._issue.newsletter.slug, now=now)
            for subscriber_id, lens_id, timezone, hour, weekdays in everybody:
                read = self._reading(timezone, hour, weekdays)
                if read is None:
                    self.another_day += 1
                    continue
                due_at, days_back = read
                told, muted = received.of(subscriber_id), self._muted.get(subscriber_id, _NONE)
                group = number_of[lens_id], told, muted, days_back, owed.of(subscriber_id)
                yield subscriber_id, due_at, group

    def selection(self, group: Group) -> Selection:
        """What the readers of the group get, and why."""
        _, received, muted, days_back, _ = group
        return select(
            self._pool,
            self.lens(group),
            self._known.told_by(received),
            muted,
            window=window(self._issue, days_back=days_back),
            limits=limits(self._issue.newsletter),
        )

    def corrections(self, group: Group) -> tuple[Telling, ...]:
        """What the readers of the group are to hear that was told them wrong."""
        return of_corrections(self._debts, group[-1])

    def lens(self, group: Group) -> Lens:
        """That of the group's readers, as far as it matters for this issue; see `Pool.project`."""
        return self._lenses[group[0]]

    def words(self, group: Group) -> str:
        """Its readers as editors would call them: "Investors · follow Sample Lab · short form"."""
        _, received, muted, days_back, owed = group
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
            "told some of it before" if received else "",
            "muted a story" if muted else "",
            "are to hear of a correction" if owed else "",
            f"last read {days_back} days before" if days_back > 1 else "",
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


def reading(issue: Issue, rhythm: Rhythm) -> tuple[datetime, int] | None:
    """`schedule.reading` for this issue."""
    return schedule.reading(rhythm, cadence=issue.newsletter.cadence, publish_at=issue.publish_at)
