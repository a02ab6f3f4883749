"""The states of an issue and the steps between them. Every other step is refused."""

from datetime import datetime

from newsletter.models import Issue
from newsletter.models.issue import IssueState as S

STEPS: dict[S, frozenset[S]] = {
    S.DRAFT: frozenset({S.HELD, S.APPROVED, S.SKIPPED, S.CANCELLED, S.EXPIRED}),
    S.HELD: frozenset({S.DRAFT, S.APPROVED, S.CANCELLED, S.EXPIRED}),
    S.APPROVED: frozenset({S.DRAFT, S.HELD, S.PUBLISHED, S.CANCELLED, S.EXPIRED}),
    S.PUBLISHED: frozenset({S.PAUSED, S.FINISHED, S.CANCELLED}),
    S.PAUSED: frozenset({S.PUBLISHED, S.FINISHED, S.CANCELLED}),
    # when an unknown mail is handed over once more
    S.FINISHED: frozenset({S.PUBLISHED}),
    S.SKIPPED: frozenset(),
    S.CANCELLED: frozenset(),
    S.EXPIRED: frozenset(),
}


class IllegalStep(ValueError):
    """An issue cannot go from its state to the one asked for."""

    def __init__(self, issue: Issue, to: S) -> None:
        allowed = ", ".join(sorted(STEPS[S(issue.state)])) or "none: this state is final"
        super().__init__(
            f"issue {issue.id} is {issue.state}: it cannot become {to}. Steps from here: {allowed}"
        )


def unapprove(issue: Issue, reason: str, *, now: datetime) -> None:
    """End an approval: a draft again; after its cut-off held, since no policy approves it then."""
    step(issue, S.DRAFT if now < issue.cutoff_at else S.HELD, reason)


def step(issue: Issue, to: S, reason: str | None) -> None:
    """Bring the issue into the state `to`, with the reason that people will read."""
    if to not in STEPS[S(issue.state)]:
        raise IllegalStep(issue, to)
    issue.state = to
    issue.turn = (issue.turn or 0) + 1
    issue.reason = reason
    if to in (S.DRAFT, S.HELD):
        # an approval holds no longer than its state
        issue.approved_by = issue.approved_at = issue.release_at = None
        issue.content_hash = issue.rules_hash = None
