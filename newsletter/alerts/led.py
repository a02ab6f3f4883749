"""Which stories of the past would have led a reader's digest, each at the moment at which it came in.

As `leading.would_lead`, for thousands of moments: what the editors did to an issue meanwhile is not known
any more, all else is.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.alerts.leading import A_DAY
from newsletter.alerts.matching import News
from newsletter.desk import planning
from newsletter.judging import Window, gates
from newsletter.models import Issue, Newsletter
from newsletter.models.issue import IssueState
from newsletter.pool import Candidate, Pool
from newsletter.selection import MOST_RECENT, points, recency
from subscribers.lens import Lens

_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Open(NamedTuple):
    """An issue of a daily that took in stories."""

    planned_at: datetime
    window: Window


def open_issues(session: Session, *, since: datetime) -> list[Open]:
    """The dailies that took in stories after `since`, those first that closed first."""
    issues = session.scalars(
        select(Issue)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .where(Newsletter.cadence == "daily", Issue.cutoff_at > since, Issue.state != IssueState.CANCELLED)
        .order_by(Issue.cutoff_at, Issue.id)
    )
    return [
        Open(issue.cutoff_at - timedelta(hours=issue.newsletter.lead_hours), planning.window(issue))
        for issue in issues
    ]


class Led:
    """Asked of the news that it was made of, which are in the order in which they came in."""

    def __init__(self, lens: Lens, news: Sequence[News], issues: Sequence[Open]) -> None:
        self._lens = lens
        self._news = news
        self._moments = [one.seen_at for one in news]
        self._issues = issues
        self._closing = [issue.window.closes for issue in issues]
        # one story stands there once for each of its revisions, so they are numbered anew
        self._candidates = [
            Candidate(place, one.revision, one.content, one.first_seen_at) for place, one in enumerate(news)
        ]

    def __call__(self, news: News) -> bool:
        return (news.story_id, news.revision) in self._found

    @cached_property
    def _found(self) -> frozenset[tuple[int, int]]:
        """All that led, found in one go: story and revision."""
        return frozenset(
            (self._news[place].story_id, self._news[place].revision)
            for _, stretch in groupby(range(len(self._news)), self._stretch)
            for place in self._firsts(list(stretch))
        )

    @cached_property
    def _points(self) -> list[int | None]:
        """Those that depend on no day; None for what readers of the lens would not get."""
        pool = Pool(self._candidates)
        lens, ever = pool.project(self._lens), Window(_EARLIEST, _EARLIEST, _LATEST)
        return [
            points(one, pool, lens)
            if all(gate.passed for gate in gates(one, pool, lens, None, (), ever, alert=None))
            else None
            for one in self._candidates
        ]

    def _firsts(self, stretch: Sequence[int]) -> Iterator[int]:
        """Those of the places that led, while one issue was open, or none."""
        line = _Line(self._candidates, self._points)
        known_since = self._window(stretch[0]).overflow_since
        for place in range(bisect_right(self._moments, known_since), stretch[0]):
            line.step_in(place, self._news[place].story_id)
        for place in stretch:
            line.step_in(place, self._news[place].story_id)
            if line.is_first(place, self._window(place)):
                yield place

    def _stretch(self, place: int) -> object:
        """The issue that was open, or the half of a day in which none was."""
        return self._open(place) or (self._moments[place] - _EARLIEST) // (A_DAY / 2)

    def _window(self, place: int) -> Window:
        if issue := self._open(place):
            return issue.window
        now = self._moments[place]
        return Window(now - A_DAY, now - A_DAY, now)

    def _open(self, place: int) -> Open | None:
        now = self._moments[place]
        following = bisect_right(self._closing, now)
        if following == len(self._issues) or self._issues[following].planned_at > now:
            return None
        return self._issues[following]


class _Line:
    """The stories at their newest revisions, those with the most points first."""

    def __init__(self, candidates: Sequence[Candidate], points: Sequence[int | None]) -> None:
        self._candidates = candidates
        self._points = points
        self._order: list[tuple[int, int]] = []
        self._newest: dict[int, tuple[int, int]] = {}

    def step_in(self, place: int, story_id: int) -> None:
        """In the place of what was known of the story before."""
        if former := self._newest.pop(story_id, None):
            del self._order[bisect_left(self._order, former)]
        if (mine := self._points[place]) is not None:
            self._newest[story_id] = -mine, place
            insort(self._order, (-mine, place))

    def is_first(self, place: int, window: Window) -> bool:
        if self._points[place] is None or not self._is_told(place, window):
            return False
        mine = self._rank(place, window)
        for missing, other in self._order:
            if missing - MOST_RECENT > mine[0]:
                break  # nobody behind has as many points, however new
            if other != place and self._is_told(other, window) and self._rank(other, window) < mine:
                return False
        return True

    def _is_told(self, place: int, window: Window) -> bool:
        return self._candidates[place].first_seen_at > window.overflow_since

    def _rank(self, place: int, window: Window) -> tuple[int, float, int]:
        one = self._candidates[place]
        score = (self._points[place] or 0) + recency(one, window)
        return -score, -one.first_seen_at.timestamp(), place
