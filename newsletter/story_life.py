"""The life of a story, for editors: how it grew, how it spread, which issues told it to how many readers."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from newsletter.content import StoryContent
from newsletter.ledger import MORE_THAN_A_LINE, TELLS_A_STORY
from newsletter.models import Alert, CoverageEntry, Edition, EditionStory, Issue, Newsletter, StoryRevision
from newsletter.newsletters import ALERT
from newsletter.rendering.pieces import alerted_by

#: revisions that are shown, the newest
REVISIONS = 25
#: how soon after the first report it is counted how many outlets there were
SPANS = (timedelta(hours=1), timedelta(hours=6), timedelta(days=1), timedelta(days=3))


@dataclass(frozen=True)
class Growth:
    """A revision, and what it brought."""

    number: int
    seen_at: datetime
    changes: tuple[str, ...]


@dataclass(frozen=True)
class ToldIn:
    """An issue or an alert that told the story, in one of its revisions."""

    #: None for an alert
    issue_id: int | None
    newsletter: str
    date: date
    state: str
    revision: int
    #: who share the editions that told it
    readers: int
    alert_id: int | None = None


@dataclass(frozen=True)
class Spread:
    """How many outlets had reported so soon after the first of them."""

    within: timedelta
    outlets: int


def growth(session: Session, story_id: int) -> Sequence[Growth]:
    """The last revisions, the newest first, each with what changed."""
    rows = session.scalars(
        select(StoryRevision)
        .where(StoryRevision.story_id == story_id)
        .order_by(StoryRevision.number.desc())
        .limit(REVISIONS + 1)
    ).all()
    contents = [row.content for row in rows]
    befores: list[StoryContent | None] = [*contents[1:], None]
    found = [
        Growth(row.number, row.seen_at, changes(before, after) if before else ("first seen",))
        for row, before, after in zip(rows, befores, contents, strict=True)
    ]
    return found[:REVISIONS]


def changes(before: StoryContent, after: StoryContent) -> tuple[str, ...]:
    """What one revision says that the one before did not, in words for editors. Pure."""
    told = []
    if before.title != after.title:
        told.append(f"title, which was “{before.title}”")
    if before.impact != after.impact:
        told.append(f"impact, {_effect(before)} → {_effect(after)}")
    texts = {"TL;DR": "tldr", "analysis": "analysis", "category": "category", "audiences": "audiences"}
    told += [name for name, field in texts.items() if getattr(before, field) != getattr(after, field)]
    told += _differences("company", before.company_terms, after.company_terms)
    told += _differences("outlet", set(before.outlets), set(after.outlets))
    return tuple(told) or ("details",)


def _effect(content: StoryContent) -> str:
    return content.impact.effect if content.impact else "none"


def _differences(what: str, before: Collection[str], after: Collection[str]) -> Iterable[str]:
    many = {"company": "companies"}.get(what, f"{what}s")
    for sign, number in (("+", len(set(after) - set(before))), ("−", len(set(before) - set(after)))):
        if number:
            yield f"{sign}{number} {what if number == 1 else many}"


def told_in(session: Session, story_id: int, *, up_to: int | None = None) -> Sequence[ToldIn]:
    """What told it, the newest first; with `up_to`, in that revision or an older one."""
    tells_it = (EditionStory.story_id == story_id, TELLS_A_STORY, MORE_THAN_A_LINE)
    old = () if up_to is None else (EditionStory.revision <= up_to,)
    issues = session.execute(
        select(
            Issue.id,
            Newsletter.name,
            Issue.date,
            Issue.state,
            EditionStory.revision,
            func.sum(Edition.readers),
        )
        .join(Edition, Edition.id == EditionStory.edition_id)
        .join(Issue, Issue.id == Edition.issue_id)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .where(*tells_it, *old)
        .group_by(Issue.id, Newsletter.name, Issue.date, Issue.state, EditionStory.revision)
    )
    told = [
        ToldIn(issue_id, name, day, state, revision, int(readers))
        for issue_id, name, day, state, revision, readers in issues
    ]
    told += [one for one in _alerts_of(session, story_id, tells_it) if up_to is None or one.revision <= up_to]
    return sorted(told, key=lambda one: (one.date, one.issue_id or 0, one.revision), reverse=True)


def _alerts_of(session: Session, story_id: int, tells_it: Sequence[ColumnElement[bool]]) -> Iterable[ToldIn]:
    """Each in the revision of its card, though newer facts may have been told beside it."""
    revisions = dict(
        session.execute(select(Alert.id, Alert.revision).where(Alert.story_id == story_id)).all()
    )
    name = session.scalar(select(Newsletter.name).where(Newsletter.cadence == ALERT))
    rows = session.execute(
        select(EditionStory.piece, func.min(Edition.alerted_at), func.sum(Edition.readers))
        .join(Edition, Edition.id == EditionStory.edition_id)
        .where(Edition.issue_id.is_(None), *tells_it)
        .group_by(EditionStory.piece)
    )
    found: dict[int, ToldIn] = {}
    for piece, at, readers in rows:
        alert_id = alerted_by(piece)
        assert at is not None
        assert alert_id is not None
        first = ToldIn(None, name or "", at.date(), "alert", revisions[alert_id], 0, alert_id)
        one = found.get(alert_id, first)
        found[alert_id] = replace(one, date=min(one.date, at.date()), readers=one.readers + int(readers))
    return found.values()


def first_seen(session: Session, story_id: int) -> dict[tuple[str, str], datetime]:
    """Outlet and link of each report → when it was first seen."""
    rows = session.execute(
        select(CoverageEntry.outlet_key, CoverageEntry.url, CoverageEntry.first_seen_at).where(
            CoverageEntry.story_id == story_id
        )
    )
    return {(outlet, url): at for outlet, url, at in rows}


def spread(seen: dict[tuple[str, str], datetime]) -> Sequence[Spread]:
    """How fast coverage spread: the outlets within each of SPANS, as long as that tells something. Pure."""
    outlets: dict[str, datetime] = {}
    for (outlet, _), at in seen.items():
        outlets[outlet] = min(at, outlets.get(outlet, at))
    if not outlets:
        return []
    first = min(outlets.values())
    return [Spread(span, sum(at <= first + span for at in outlets.values())) for span in SPANS]
