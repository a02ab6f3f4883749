"""An issue as its page shows it: each story with its place and its reasons, and what was changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.content import StoryContent
from newsletter.desk.looking import seen_by
from newsletter.editors.audit import names
from newsletter.judging import Reason
from newsletter.models import Issue, IssueChange, Pick
from newsletter.selection import Decision
from newsletter.web.desk.spans import span
from subscribers.lens import term

#: of the stories that are not told, so many are shown, and so many more at each asking
SHOWN = 25


@dataclass(frozen=True)
class ShownStory:
    """A story of the issue, as some readers are told it, or are not."""

    decision: Decision
    pick: Pick
    #: where it comes to stand one step up and down; None where it cannot go there
    up: int | None = None
    down: int | None = None

    @property
    def id(self) -> int:
        return self.pick.story_id

    @property
    def content(self) -> StoryContent:
        return self.decision.candidate.content

    @property
    def headline(self) -> str:
        return self.pick.headline or self.content.title

    @property
    def tldr(self) -> str:
        """As the story itself has it."""
        return self.content.tldr.text if self.content.tldr else ""

    @property
    def edited(self) -> str | None:
        """Which of its texts the editors wrote."""
        texts = {"headline": self.pick.headline, "TL;DR": self.pick.tldr}
        return " and ".join(name for name, text in texts.items() if text) or None

    def leads(self, audience: str) -> bool:
        """Whether it is the lead story of that audience."""
        return term(audience) in self.pick.lead_for

    @property
    def passed(self) -> tuple[Reason, ...]:
        return tuple(reason for reason in self.decision.reasons if reason.passed)

    @property
    def failed(self) -> tuple[Reason, ...]:
        return tuple(reason for reason in self.decision.reasons if not reason.passed)

    @property
    def is_crowded_out(self) -> bool:
        """Only its place keeps it out: moved up, it is told."""
        return {reason.rule for reason in self.failed} <= {"place", "spread"}


@dataclass(frozen=True)
class Stories:
    """The stories of an issue as readers of one audience see them."""

    told: Sequence[ShownStory]
    #: the first of those not told, the best first, and how many there are
    left: Sequence[ShownStory]
    left_count: int
    dropped: Sequence[ShownStory]


def stories_of(session: Session, issue: Issue, audience: str | None, *, shown: int) -> Stories:
    """The issue's stories; of those that are not told the first `shown`."""
    decisions = seen_by(session, issue, audience).decisions
    told = [each for each in decisions if each.place is not None]
    dropped = [each for each in decisions if each.candidate.dropped]
    left = [each for each in decisions if each.place is None and not each.candidate.dropped]
    wanted = [each.candidate.story_id for each in (*told, *dropped, *left[:shown])]
    mine = select(Pick).where(Pick.issue_id == issue.id, Pick.story_id.in_(wanted))
    picks = {pick.story_id: pick for pick in session.scalars(mine)}

    def rows(decisions: Sequence[Decision]) -> list[ShownStory]:
        return [ShownStory(each, picks[each.candidate.story_id]) for each in decisions]

    return Stories(list(_with_steps(rows(told))), rows(left[:shown]), len(left), rows(dropped))


def _with_steps(told: Sequence[ShownStory]) -> Iterable[ShownStory]:
    """Pinned stories stay before the others, so neither can step over to where the others are."""
    pins = [row.pick.pin is not None for row in told]
    for place, row in enumerate(told, start=1):
        up = place - 1 if place > 1 and pins[place - 2] == pins[place - 1] else None
        down = place + 1 if place < len(told) and pins[place] == pins[place - 1] else None
        yield ShownStory(row.decision, row.pick, up, down)


@dataclass(frozen=True)
class ShownChange:
    """A line of the issue's history, with its time in the newsletter's home zone."""

    version: int
    who: str
    words: str
    at: datetime
    ago: str
    #: the version that it took back, or brought back
    undoes: int | None

    @property
    def sentence(self) -> str:
        return f"{self.who} {self.words}, {self.ago}"


def shown_changes(
    session: Session, issue: Issue, changes: Sequence[IssueChange], *, editor_id: int, now: datetime
) -> list[ShownChange]:
    """The changes as lines, for the editor who reads them."""
    zone = ZoneInfo(issue.newsletter.timezone)
    known = names(session) | {editor_id: "You"}
    return [
        ShownChange(
            change.version,
            "The command line" if change.editor_id is None else known[change.editor_id],
            change.words,
            change.at.astimezone(zone),
            f"{span(now - change.at)} ago",
            change.undoes,
        )
        for change in changes
    ]
