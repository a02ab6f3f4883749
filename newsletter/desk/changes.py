"""Changes to an issue: each is a version, can be taken back, and never runs over another editor's.

What may be changed has a name: `intro`, or `<story id>.<field of its pick>`. Whoever changes something
says which version they saw; if somebody else changed the same since, they are shown that instead.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.desk.planning import order
from newsletter.desk.states import unapprove
from newsletter.models import Issue, IssueChange, Pick
from newsletter.models.issue import IssueState

#: states in which an issue may still be changed
CHANGEABLE = (IssueState.DRAFT, IssueState.HELD, IssueState.APPROVED)
#: the fields of a pick that editors set
FIELDS = ("pin", "rank", "dropped", "lead_for", "headline", "tldr", "note")

#: what was changed → its value, as JSON has it
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Hand:
    """Who changes an issue, at which version they saw it, and when."""

    now: datetime
    #: None for the command line
    editor_id: int | None = None
    #: None for whoever looks at nothing: then nothing counts as overlooked. What the same editor did
    #: in another window counts: nothing is written over unseen
    seen: int | None = None


class Closed(LookupError):
    """The issue is too far on its way to be changed."""

    def __init__(self, issue: Issue) -> None:
        super().__init__(f"issue {issue.id} is {issue.state}: its picks can no longer be changed")


class NotThere(LookupError):
    """The issue has not, or has no longer, what was to be changed."""


class Overtaken(ValueError):
    """The same was changed since it was looked at; nothing was overwritten."""

    def __init__(self, changes: Sequence[IssueChange], mine: Values, words: str) -> None:
        #: those that came between, the newest first
        self.versions = tuple(change.version for change in changes)
        #: what would have been set now, under the names of `Values`; empty where one would be taken back
        self.mine = mine
        #: what would have been done now: "pinned “…”"
        self.words = words
        theirs = "; ".join(f"version {change.version}: {change.words}" for change in changes)
        super().__init__(f"changed meanwhile ({theirs}): look at it anew")


def apply(
    session: Session, issue: Issue, values: Values, words: str, hand: Hand, *, undoes: int | None = None
) -> IssueChange | None:
    """Set `values`, as one version of the issue, which is locked by the caller; voids an approval.

    None where everything was so already. Raises Closed and Overtaken.
    """
    if issue.state not in CHANGEABLE:
        raise Closed(issue)
    before = {name: value_of(issue, name) for name in values}
    after = {name: value for name, value in values.items() if value != before[name]}
    if not after:
        return None
    if overlooked := _overlooked(session, issue, after, hand):
        raise Overtaken(overlooked, after, words)
    for name, value in after.items():
        _set(issue, name, value)
    issue.version += 1
    issue.edited_by = hand.editor_id
    change = IssueChange(
        issue_id=issue.id,
        version=issue.version,
        at=hand.now,
        editor_id=hand.editor_id,
        words=words,
        before={name: before[name] for name in after},
        after=after,
        undoes=undoes,
    )
    session.add(change)
    void(issue, hand.now)
    session.flush()
    order(session, issue)
    return change


def take_back(session: Session, issue: Issue, version: int, hand: Hand) -> IssueChange | None:
    """Undo one change, whichever came after it; undoing that once more brings it back.

    Raises NotThere for a version that the issue has not, and Overtaken where the same was changed
    again since.
    """
    change = session.get(IssueChange, (issue.id, version))
    if change is None:
        raise NotThere(f"issue {issue.id} has no version {version}")
    words = _turned(change.words)
    changed = [name for name, value in change.after.items() if value_of(issue, name) != value]
    if changed:
        raise Overtaken(since(session, issue, version, changed), {}, words)
    return apply(session, issue, change.before, words, hand, undoes=version)


def _turned(words: str) -> str:
    """What taking back something is called: "took back: …", and of that, "brought back: …"."""
    taken, brought = "took back: ", "brought back: "
    if words.startswith(taken):
        return brought + words.removeprefix(taken)
    return taken + words.removeprefix(brought)


def to_take_back(session: Session, issue: Issue, editor_id: int | None) -> IssueChange | None:
    """The last change of this editor that still stands; None when all are taken back."""
    changes = history(session, issue, limit=200)
    gone = taken_back(changes)
    standing = (change for change in changes if change.undoes is None and change.version not in gone)
    return next((change for change in standing if change.editor_id == editor_id), None)


def taken_back(changes: Iterable[IssueChange]) -> set[int]:
    """The versions that others of `changes`, which come the newest first, took back for good."""
    gone: set[int] = set()
    for change in changes:
        if change.undoes is not None and change.version not in gone:
            gone.add(change.undoes)
    return gone


def history(session: Session, issue: Issue, *, limit: int = 50) -> Sequence[IssueChange]:
    """The changes, the newest first."""
    return session.scalars(
        select(IssueChange)
        .where(IssueChange.issue_id == issue.id)
        .order_by(IssueChange.version.desc())
        .limit(limit)
    ).all()


def touched(session: Session, issue: Issue, values: Values, hand: Hand) -> dict[str, object]:
    """Those of `values` that are neither what stands now nor what stood at the version that was seen.

    A form sends back all its fields: those left alone say nothing against what came between.
    """
    now = {name: value_of(issue, name) for name in values}
    seen = dict(now)
    if hand.seen is not None:
        for change in since(session, issue, hand.seen, values):
            seen |= {name: value for name, value in change.before.items() if name in values}
    return {name: value for name, value in values.items() if value not in (now[name], seen[name])}


def value_of(issue: Issue, name: str) -> object:
    """What stands under a name now."""
    if name == "intro":
        return issue.intro
    pick, field = _pick(issue, name)
    return getattr(pick, field)


def _set(issue: Issue, name: str, value: object) -> None:
    if name == "intro":
        issue.intro = value if value is None else str(value)
    else:
        pick, field = _pick(issue, name)
        setattr(pick, field, value)


def _pick(issue: Issue, name: str) -> tuple[Pick, str]:
    story_id, _, field = name.partition(".")
    assert field in FIELDS
    return find_pick(issue, int(story_id)), field


def find_pick(issue: Issue, story_id: int) -> Pick:
    """The story's place in the issue; NotThere where it has none."""
    for pick in issue.picks:
        if pick.story_id == story_id:
            return pick
    raise NotThere(f"issue {issue.id} has no story {story_id}, or has it no more: look at it anew")


def _overlooked(session: Session, issue: Issue, after: Values, hand: Hand) -> Sequence[IssueChange]:
    if hand.seen in (None, issue.version):
        return ()
    # one that the issue never had, or has no more since a backup was restored, was not seen
    seen = hand.seen if hand.seen < issue.version else 0
    return since(session, issue, seen, after)


def since(
    session: Session, issue: Issue, version: int, names: Iterable[str] | None = None
) -> list[IssueChange]:
    """The changes after `version`, of `names` or of anything, the newest first."""
    later = session.scalars(
        select(IssueChange)
        .where(IssueChange.issue_id == issue.id, IssueChange.version > version)
        .order_by(IssueChange.version.desc())
    ).all()
    wanted = None if names is None else set(names)
    return [change for change in later if wanted is None or not wanted.isdisjoint(change.after)]


def void(issue: Issue, now: datetime, why: str = "changed") -> None:
    """A change voids the approval: what was approved is not what would leave."""
    if issue.state == IssueState.APPROVED:
        unapprove(issue, f"{why} after its approval: approve it anew", now=now)
