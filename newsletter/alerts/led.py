"""Which stories of the past would have led a reader's digest, each at the moment at which it came in.

As `leading.would_lead`, for thousands of moments: what the editors did to an issue meanwhile is not known
any more, all else is.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
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
        self._line: _Line | None = None
        #: while which issue was open the line stands, or in which half of a day, and who steps in next
        self._standing: object = None
        self._next = 0
        self._answers: dict[int, bool] = {}

    def __call__(self, news: News) -> bool:
        place = self._places[news.story_id, news.revision]
        if place not in self._answers:
            self._answers[place] = self._line_at(place).is_first(place, self._window(place))
        return self._answers[place]

    @cached_property
    def _places(self) -> dict[tuple[int, int], int]:
        return {(one.story_id, one.revision): place for place, one in enumerate(self._news)}

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

    def _line_at(self, place: int) -> "_Line":
        """As it was when that one had come in; begun anew for each issue, lest it grows too long."""
        stretch = self._stretch(place)
        if self._line is None or stretch != self._standing or place < self._next:
            self._line, self._standing = _Line(self._candidates, self._points), stretch
            self._next = bisect_right(self._moments, self._window(place).overflow_since)
        for coming in range(self._next, place + 1):
            self._line.step_in(coming, self._news[coming].story_id)
        self._next = place + 1
        return self._line

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
