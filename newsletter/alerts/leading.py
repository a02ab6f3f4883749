"""What a story that breaks is to a reader's lens: whether it would lead their digest, whether it is muted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from newsletter.alerts.matching import News
from newsletter.desk import planning
from newsletter.judging import Window, mutes
from newsletter.models import Issue, Newsletter, Story, StoryRevision
from newsletter.models.issue import IssueState
from newsletter.pool import Candidate, Pool
from newsletter.selection import comes_first
from newsletter.store.contents import contents_of
from subscribers.lens import Lens
from subscribers.models import LensRecord

#: of how far back the stories are that it must stand before, while no issue is open
A_DAY = timedelta(days=1)
_OPEN = (IssueState.DRAFT, IssueState.HELD, IssueState.APPROVED)


def would_lead(session: Session, news: News, *, now: datetime) -> Callable[[Lens], bool]:
    """Whether the story would come first in the digest of readers of a lens who were told nothing before.

    That is the next issue of the daily, as its editors have it by now, while that takes stories in; else
    a digest of the last day's stories. Lenses that see the same are judged once.
    """
    candidates, window = _open_issue(session, now) or _last_day(session, now)
    pool = _pool_of(candidates)
    picked = next((one for one in candidates if one.story_id == news.story_id), _candidate(news))
    mine = replace(picked, revision=news.revision, content=news.content)
    alone = Pool([mine])
    judged: dict[tuple[Lens, Lens], bool] = {}

    def leads(lens: Lens) -> bool:
        seen = alone.project(lens), pool.project(lens)
        if seen not in judged:
            judged[seen] = comes_first(mine, pool, lens, window=window)
        return judged[seen]

    return leads


@dataclass(frozen=True, slots=True)
class _Pooled:
    candidates: Sequence[Candidate]
    pool: Pool


#: made last: in a flood, a thousand stories are held against the same others
_last = _Pooled((), Pool(()))


def _pool_of(candidates: Sequence[Candidate]) -> Pool:
    """Those with the most outlets first, since what goes before a story stands near the front."""
    global _last
    last = _last
    if last.candidates != candidates:
        in_front = sorted(candidates, key=lambda one: -len(one.content.outlets))
        last = _last = _Pooled(candidates, Pool(in_front))
    return last.pool


def any_mute() -> ColumnElement[bool]:
    """What holds of a `LensRecord` whose readers muted a company or a topic."""
    names = ("muted_companies", "muted_topics")
    return or_(*(LensRecord.definition[name].as_string().is_not(None) for name in names))


def muted(lens: Lens, news: News) -> str | None:
    """In words, why readers of the lens want to hear nothing of the story; None where they may. Pure."""
    if not lens.muted_companies and not lens.muted_topics:
        return None
    candidate = _candidate(news)
    return next((reason.text for reason in mutes(candidate, Pool([candidate]), lens)), None)


def _candidate(news: News) -> Candidate:
    return Candidate(news.story_id, news.revision, news.content, news.first_seen_at)


def _open_issue(session: Session, now: datetime) -> tuple[Sequence[Candidate], Window] | None:
    issue = session.scalars(
        select(Issue)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .where(Newsletter.cadence == "daily", Issue.state.in_(_OPEN), Issue.cutoff_at > now)
        .order_by(Issue.cutoff_at, Issue.id)
        .limit(1)
    ).one_or_none()
    if issue is None:
        return None
    return planning.candidates(session, issue), planning.window(issue)


def _last_day(session: Session, now: datetime) -> tuple[Sequence[Candidate], Window]:
    since = now - A_DAY
    rows = session.execute(
        select(Story.id, Story.revision, StoryRevision.fingerprint, Story.first_seen_at)
        .join(StoryRevision, (StoryRevision.story_id == Story.id) & (StoryRevision.number == Story.revision))
        .where(Story.first_seen_at > since, Story.first_seen_at <= now)
        .order_by(Story.id)
    ).all()
    contents = contents_of(session, {row.fingerprint: (row.id, row.revision) for row in rows})
    candidates = [
        Candidate(story_id, revision, contents[fingerprint], first_seen_at)
        for story_id, revision, fingerprint, first_seen_at in rows
    ]
    return candidates, Window(new_since=since, overflow_since=since, closes=now)
