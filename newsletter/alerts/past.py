"""The news of the last 30 days, and what one reader was told of it: for a look back, read once per page."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.alerts.leading import muted
from newsletter.alerts.led import Led, open_issues
from newsletter.alerts.looking import spread_of
from newsletter.alerts.matching import News
from newsletter.alerts.readers import digest_readers
from newsletter.alerts.sparing import Reader
from newsletter.ledger import TELLS_A_STORY
from newsletter.memory import Told
from newsletter.models import Correction, Delivery, EditionStory, Story, StoryRevision
from newsletter.models.delivery import TOLD, DeliveryKind
from newsletter.models.desk import CorrectionKind
from newsletter.rendering.pieces import is_line
from newsletter.store.contents import contents_of
from subscribers.alert_rule import AlertRule
from subscribers.lens import Lens
from subscribers.models import MutedStory, Subscriber
from subscribers.watching import choices_of

#: how much of the past is looked at
LATELY = timedelta(days=30)
_RETRACTED = select(Correction.story_id).where(
    Correction.kind == CorrectionKind.RETRACTION, Correction.confirmed_at.is_not(None)
)


@dataclass(frozen=True, slots=True)
class Past:
    """What there was, and what a reader was told of it."""

    #: every revision that came in, the oldest first
    news: Sequence[News]
    #: since when there were stories to be told
    since: datetime
    #: when a digest came to the reader, the first first
    digests: Sequence[datetime] = ()
    #: story id → what digests told of it, the first first
    told: Mapping[int, Sequence[Told]] = field(default_factory=dict)
    #: in words, why the reader wants to hear nothing of a story
    muted: Callable[[News], str | None] = lambda _: None
    #: whether a story would have led the reader's digest
    leads: Callable[[News], bool] = lambda _: False


def past_of(
    session: Session, subscriber: Subscriber | None, rules: Collection[AlertRule], *, now: datetime
) -> Past:
    """The last 30 days as they were to this subscriber, with what `rules` ask of the stories; to None, who
    chose nothing and reads nothing."""
    news, issues = news_of_late(session, rules, now=now), open_issues(session, since=now - LATELY)
    first = session.scalar(select(func.min(Story.first_seen_at))) or now
    since = max(now - LATELY, first)
    if subscriber is None:
        return Past(news, since, leads=Led(Lens(), news, issues))
    lens, (digests, told) = subscriber.lens, _digests(session, subscriber.id, now)
    stories = session.scalars(select(MutedStory.story_id).where(MutedStory.subscriber_id == subscriber.id))
    return Past(
        news, since, digests, told, partial(_muted, lens, frozenset(stories)), Led(lens, news, issues)
    )


def reader_of(session: Session, subscriber: Subscriber, *, now: datetime) -> Reader:
    """This subscriber, as `looking_back.look_back` asks for them."""
    return Reader(
        choices_of(session, [subscriber.id])[subscriber.id],
        subscriber.rhythm.zone,
        reads_digest=bool(digest_readers(session, [subscriber.id], now=now)),
        mails_today=0,
    )


def _muted(lens: Lens, stories: Collection[int], news: News) -> str | None:
    """Why a reader with this lens, who muted these stories, wants to hear nothing of it."""
    return "muted this story" if news.story_id in stories else muted(lens, news)


def news_of_late(session: Session, rules: Collection[AlertRule], *, now: datetime) -> list[News]:
    """The revisions of the last 30 days, the oldest first, with what the rules ask of them.

    Those of stories that were retracted since are none: nobody is told of them any more.
    """
    since = now - LATELY
    rows = session.execute(
        select(
            StoryRevision.story_id,
            StoryRevision.number,
            StoryRevision.fingerprint,
            Story.first_seen_at,
            StoryRevision.seen_at,
        )
        .join(Story, Story.id == StoryRevision.story_id)
        # by the story, since its index is on when it changed last
        .where(
            Story.changed_at > since,
            StoryRevision.seen_at > since,
            StoryRevision.seen_at <= now,
            Story.id.not_in(_RETRACTED),
        )
        .order_by(StoryRevision.seen_at, StoryRevision.story_id, StoryRevision.number)
    ).all()
    # of what came in at one moment, only the last was looked at
    rows = list({(row.story_id, row.seen_at): row for row in rows}.values())
    contents = contents_of(session, {row.fingerprint: (row.story_id, row.number) for row in rows})
    fewest = min((rule.fast_outlets for rule in rules if rule.fast_outlets), default=None)
    wide = {
        row.story_id
        for row in rows
        if fewest is not None and len(contents[row.fingerprint].outlets) >= fewest
    }
    spread = spread_of(session, wide)
    return [
        News(
            story_id,
            number,
            contents[fingerprint],
            first_seen_at,
            seen_at,
            tuple(at for at in spread.get(story_id, ()) if at <= seen_at),
        )
        for story_id, number, fingerprint, first_seen_at, seen_at in rows
    ]


def _digests(
    session: Session, subscriber_id: int, now: datetime
) -> tuple[list[datetime], dict[int, list[Told]]]:
    """When digests came to the reader, and by story what they told of it; the first first."""
    rows = session.execute(
        select(
            Delivery.due_at,
            EditionStory.story_id,
            StoryRevision.number,
            StoryRevision.fingerprint,
            EditionStory.piece,
        )
        .join(EditionStory, EditionStory.edition_id == Delivery.edition_id)
        .join(
            StoryRevision,
            (StoryRevision.story_id == EditionStory.story_id)
            & (StoryRevision.number == EditionStory.revision),
        )
        .where(
            Delivery.subscriber_id == subscriber_id,
            Delivery.kind == DeliveryKind.DIGEST,
            Delivery.state.in_(TOLD),
            Delivery.due_at > now - LATELY,
            TELLS_A_STORY,
        )
        .order_by(Delivery.due_at)
    ).all()
    contents = contents_of(session, {row.fingerprint: (row.story_id, row.number) for row in rows})
    told: defaultdict[int, list[Told]] = defaultdict(list)
    for at, story_id, number, fingerprint, piece in rows:
        if not is_line(piece):  # what is no more than a line came by an alert
            told[story_id].append(Told(number, contents[fingerprint], at))
    return sorted({row.due_at for row in rows}), dict(told)
