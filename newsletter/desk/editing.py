"""What editors do to an issue: pin, drop, move, lead, rewrite, introduce, add. Each is one change."""

import re
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.desk.changes import CHANGEABLE, Closed, Hand, NotThere, apply, find_pick, touched
from newsletter.desk.looking import seen_by
from newsletter.models import Issue, IssueChange, Pick, Story, StoryRevision
from subscribers.lens import term

#: the texts of a pick that editors may write
TEXTS = ("headline", "tldr", "note")
#: characters: what a headline, a TL;DR, a note, an intro and the line of an alert may have
LONGEST = {"headline": 250, "tldr": 2_000, "note": 1_500, "intro": 1_500, "line": 300}
ONE_LINE = ("headline", "line")


class TooLong(ValueError):
    """A text has more characters than its place."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"the {field} may have {LONGEST[field]} characters: shorten it")


def pin(session: Session, issue: Issue, story_id: int, hand: Hand) -> IssueChange | None:
    """Tell this story to every reader of the issue, after those pinned before; None where it is so."""
    return _pin(session, issue, story_id, "pinned", hand)


def _pin(session: Session, issue: Issue, story_id: int, act: str, hand: Hand) -> IssueChange | None:
    pick = find_pick(issue, story_id)
    if pick.pin is not None:
        return None
    place = 1 + max((p.pin for p in issue.picks if p.pin is not None), default=0)
    values = {f"{story_id}.pin": place, f"{story_id}.rank": None, f"{story_id}.dropped": False}
    return apply(session, issue, values, f"{act} {_name(session, pick)}", hand)


def unpin(session: Session, issue: Issue, story_id: int, hand: Hand) -> IssueChange | None:
    """Let the story be told to those whom it concerns, where its score puts it."""
    values = {f"{story_id}.pin": None, f"{story_id}.rank": None}
    return apply(session, issue, values, f"freed {_name(session, find_pick(issue, story_id))}", hand)


def drop(session: Session, issue: Issue, story_id: int, hand: Hand) -> IssueChange | None:
    """Tell this story to nobody, in this issue and in those that follow."""
    values = {f"{story_id}.pin": None, f"{story_id}.rank": None, f"{story_id}.dropped": True}
    return apply(session, issue, values, f"dropped {_name(session, find_pick(issue, story_id))}", hand)


def restore(session: Session, issue: Issue, story_id: int, hand: Hand) -> IssueChange | None:
    """Let a story that was dropped be told again."""
    words = f"restored {_name(session, find_pick(issue, story_id))}"
    return apply(session, issue, {f"{story_id}.dropped": False}, words, hand)


def move(session: Session, issue: Issue, story_id: int, place: int, hand: Hand) -> IssueChange | None:
    """Bring the story to `place`, from 1, among those told to a reader without preferences.

    Pinned stories stay before the others: a pinned one moves among them, another one behind them.
    Whatever stands before a moved story keeps its place from then on.
    """
    moved = find_pick(issue, story_id)
    if moved.dropped:
        raise NotThere(f"story {story_id} is dropped from issue {issue.id}: restore it first")
    pinned = [pick for pick in issue.picks if pick.pin is not None and not pick.dropped]
    values: dict[str, object] = {}
    if moved.pin is not None:
        for number, pick in enumerate(_moved(pinned, moved, place), start=1):
            values[f"{pick.story_id}.pin"] = number
    else:
        moved_to = _moved(_following(session, issue), moved, place - len(pinned))
        last = max(n for n, pick in enumerate(moved_to) if pick is moved or pick.rank is not None)
        for number, pick in enumerate(moved_to[: last + 1], start=1):
            values[f"{pick.story_id}.rank"] = number
    return apply(session, issue, values, f"moved {_name(session, moved)} to place {place}", hand)


def _following(session: Session, issue: Issue) -> list[Pick]:
    """What is told behind the pinned stories, then what was placed there and is told no more."""
    seen = [decision.candidate.story_id for decision in seen_by(session, issue).picks]
    picks = {pick.story_id: pick for pick in issue.picks if pick.pin is None and not pick.dropped}
    told = [picks.pop(story_id) for story_id in seen if story_id in picks]
    return told + [pick for pick in picks.values() if pick.rank is not None]


def _moved(picks: Sequence[Pick], moved: Pick, place: int) -> list[Pick]:
    left = [pick for pick in picks if pick is not moved]
    left.insert(max(0, min(len(left), place - 1)), moved)
    return left


def lead(
    session: Session, issue: Issue, story_id: int, audiences: Sequence[str], hand: Hand
) -> IssueChange | None:
    """Make the story the first that readers of these audiences are told; each has one lead story."""
    terms = sorted(map(term, audiences))
    values: dict[str, object] = {f"{story_id}.lead_for": terms}
    for pick in issue.picks:
        if pick.story_id != story_id and (taken := set(pick.lead_for) & set(terms)):
            values[f"{pick.story_id}.lead_for"] = [each for each in pick.lead_for if each not in taken]
    name = _name(session, find_pick(issue, story_id))
    words = f"made {name} lead for {', '.join(audiences)}" if audiences else f"took the lead from {name}"
    return apply(session, issue, values, words, hand)


def rewrite(
    session: Session,
    issue: Issue,
    story_id: int,
    texts: Mapping[str, str],
    hand: Hand,
    *,
    revision: int | None = None,
) -> IssueChange | None:
    """Give the story another `headline`, `tldr` or `note` in this issue; an empty text takes it away.

    A text that is as it was when it was looked at is left to whoever changed it since, and one that the
    story itself says, in the `revision` shown or by now, is no rewriting. Raises TooLong.
    """
    pick = find_pick(issue, story_id)
    own = _own_texts(session, story_id, {pick.revision, revision})
    values = {
        f"{story_id}.{field}": None if (field, tidy(field, text)) in own else fit(field, text)
        for field, text in texts.items()
    }
    mine = touched(session, issue, values, hand)
    kinds = {"headline": "headline", "tldr": "TL;DR", "note": "note"}
    changed = [kind for field, kind in kinds.items() if f"{story_id}.{field}" in mine]
    words = f"rewrote the {' and '.join(changed)} of {_name(session, pick)}"
    return apply(session, issue, mine, words, hand)


def _own_texts(session: Session, story_id: int, revisions: Collection[int | None]) -> set[tuple[str, str]]:
    found = session.scalars(
        select(StoryRevision).where(
            StoryRevision.story_id == story_id, StoryRevision.number.in_(filter(None, revisions))
        )
    )
    own = set()
    for content in (revision.content for revision in found):
        own.add(("headline", tidy("headline", content.title)))
        if content.tldr:
            own.add(("tldr", tidy("tldr", content.tldr.text)))
    return own


def introduce(session: Session, issue: Issue, text: str, hand: Hand) -> IssueChange | None:
    """Put the editors' words above the stories; an empty text takes them away. Raises TooLong."""
    text_or_none = fit("intro", text)
    words = "rewrote the intro" if text_or_none else "took away the intro"
    return apply(session, issue, touched(session, issue, {"intro": text_or_none}, hand), words, hand)


def add(session: Session, issue: Issue, story: Story, hand: Hand) -> IssueChange | None:
    """Put any story into the issue, however old it is, pinned behind those pinned before.

    None where it is pinned already. Taking it back drops the story.
    """
    if issue.state not in CHANGEABLE:
        raise Closed(issue)
    if all(pick.story_id != story.id for pick in issue.picks):
        pick = Pick(issue_id=issue.id, story_id=story.id, revision=story.revision, position=0, lead_for=[])
        pick.added, pick.dropped = True, True
        issue.picks.append(pick)
        session.flush()
    return _pin(session, issue, story.id, "added", hand)


def fit(field: str, text: str) -> str | None:
    """The text as it is kept, without what nobody sees; None for an empty one. Raises TooLong."""
    text = tidy(field, text)
    if len(text) > LONGEST[field]:
        raise TooLong(field)
    return text or None


def tidy(field: str, text: str) -> str:
    """Without what nobody sees: spaces around lines, control characters, line breaks where there are none."""
    lines = [re.sub(r"[\x00-\x1f\x7f]+", " ", line).strip() for line in text.strip().splitlines()]
    return (" " if field in ONE_LINE else "\n").join(lines).strip()


def _name(session: Session, pick: Pick) -> str:
    title = pick.headline or session.get_one(Story, pick.story_id).title
    return f"“{_short(title)}”"


def _short(title: str) -> str:
    return title if len(title) <= 80 else f"{title[:79]}…"
