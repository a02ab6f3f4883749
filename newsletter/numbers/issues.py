"""Issues in numbers: what became of their mails, one beside the other, as it was counted last."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.models import DayCount, Issue, Newsletter
from newsletter.models.delivery import SETTLED
from newsletter.numbers.tally import ISSUE

#: what was counted of an issue, in the order in which it is shown
SHOWN = (
    "frozen",
    *(str(state) for state in SETTLED),
    "open",
    "delivered",
    "bounced",
    "complained",
    "left",
    "opened",
    "followed",
)


@dataclass(frozen=True, slots=True)
class IssueNumbers:
    id: int
    newsletter: str
    slug: str
    date: date
    state: str
    #: empty for an issue that nobody has counted yet; opened and followed only where that is counted
    counts: Mapping[str, int]

    def rate(self, what: str) -> float | None:
        """The part of the accepted mails of which `what` is true: 0.02 for 2 %."""
        accepted = self.counts.get("accepted", 0)
        return self.counts[what] / accepted if accepted and what in self.counts else None


def issues_in_numbers(
    session: Session, length: int, *, newsletter: str | None = None, now: datetime
) -> Sequence[IssueNumbers]:
    """The issues published in the last `length` days, the newest first."""
    first = now.date() - timedelta(days=length - 1)
    rows = session.execute(
        select(DayCount.day, DayCount.newsletter, DayCount.what, DayCount.number).where(
            DayCount.day >= first, DayCount.kind == ISSUE
        )
    )
    counts: defaultdict[tuple[date, str], dict[str, int]] = defaultdict(dict)
    for day, slug, what, number in rows:
        counts[day, slug][what] = number
    published = (
        select(Issue.id, Newsletter.name, Newsletter.slug, Issue.date, Issue.state)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .where(Issue.date >= first, Issue.published_at.is_not(None))
        .order_by(Issue.date.desc(), Issue.id.desc())
    )
    if newsletter:
        published = published.where(Newsletter.slug == newsletter)
    return [IssueNumbers(*row, counts.get((row.date, row.slug), {})) for row in session.execute(published)]
