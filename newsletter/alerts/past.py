"""The news of the last 30 days, and what one reader was told of it: for a look back, read once per page."""

from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.alerts.gathering import digest_readers
from newsletter.alerts.leading import A_DAY, muted
from newsletter.alerts.looking import spread_of
from newsletter.alerts.matching import News
from newsletter.alerts.sparing import Reader
from newsletter.content import StoryContent
from newsletter.judging import Window
from newsletter.ledger import TELLS_A_STORY
from newsletter.memory import Told
from newsletter.models import Delivery, EditionStory, Story, StoryRevision
from newsletter.models.delivery import TOLD, DeliveryKind
from newsletter.pool import Candidate, Pool
from newsletter.selection import Decision, Limits
from newsletter.selection import select as select_stories
from subscribers.alert_rule import AlertRule
from subscribers.among import among
from subscribers.lens import Lens
from subscribers.models import MutedStory, Subscriber
from subscribers.watching import choices_of

#: how much of the past is looked at
LATELY = timedelta(days=30)
#: rivals that a story must beat before it is held against all others
STRONGEST = 3
FIRST = Limits(minimum=1, maximum=1)


@dataclass(frozen=True, slots=True)
class Past:
    """What there was, and what a reader was told of it."""

    #: every revision that came in, the oldest first
    news: Sequence[News]
    #: when a digest came to the reader, the first first
    digests: Sequence[datetime] = ()
    #: story id → what digests told of it, the first first
    told: Mapping[int, Sequence[Told]] = field(default_factory=dict)
    #: in words, why the reader wants to hear nothing of a story
    muted: Callable[[News], str | None] = lambda _: None
    #: whether a story would have led the reader's digest
    leads: Callable[[News], bool] = lambda _: False


def past_of(session: Session, subscriber: Subscriber, rules: Collection[AlertRule], *, now: datetime) -> Past:
    """The last 30 days as they were to this subscriber, with what `rules` ask of the stories."""
    news, lens = news_of_late(session, rules, now=now), subscriber.lens
    digests, told = _digests(session, subscriber.id, now)
    stories = session.scalars(select(MutedStory.story_id).where(MutedStory.subscriber_id == subscriber.id))
    return Past(news, digests, told, partial(_muted, lens, frozenset(stories)), _Leads(lens, news))


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


class _Leads:
    """Whether a story would have led the digest of the last day's stories, at the moment at which it came
    in: as `leading.would_lead`, for thousands of moments, by a look at the strongest first."""

    def __init__(self, lens: Lens, news: Sequence[News]) -> None:
        self._lens = lens
        self._news = news
        self._moments = [one.seen_at for one in news]
        self._scores: dict[tuple[int, int], int | None] = {}

    def __call__(self, news: News) -> bool:
        since = news.seen_at - A_DAY
        late = slice(bisect_right(self._moments, since), bisect_right(self._moments, news.seen_at))
        known = {one.story_id: one for one in self._news[late] if one.first_seen_at > since}
        known.pop(news.story_id, None)
        mine = self._score(news)
        if mine is None:
            return False
        # points only fall with the hours: who had less when it came in has less by now
        rivals = [one for one in known.values() if (self._score(one) or 0) >= mine]
        rivals.sort(key=lambda one: self._score(one) or 0, reverse=True)
        strongest, others = rivals[:STRONGEST], rivals[STRONGEST:]
        return self._wins(news, strongest) and self._wins(news, others)

    def _wins(self, news: News, rivals: Sequence[News]) -> bool:
        picks = self._picks((news, *rivals), news.seen_at)
        return bool(picks) and picks[0].candidate.story_id == news.story_id

    def _score(self, one: News) -> int | None:
        """Its points when it came in; None where the reader would not get it."""
        key = (one.story_id, one.revision)
        if key not in self._scores:
            picks = self._picks([one], one.seen_at)
            self._scores[key] = picks[0].score if picks else None
        return self._scores[key]

    def _picks(self, news: Iterable[News], at: datetime) -> Sequence[Decision]:
        since = at - A_DAY
        pool = Pool([Candidate(one.story_id, one.revision, one.content, one.first_seen_at) for one in news])
        window = Window(new_since=since, overflow_since=since, closes=at)
        return select_stories(pool, self._lens, {}, window=window, limits=FIRST).picks


def news_of_late(session: Session, rules: Collection[AlertRule], *, now: datetime) -> list[News]:
    """The revisions of the last 30 days, the oldest first, with what the rules ask of them."""
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
        .where(Story.changed_at > since, StoryRevision.seen_at > since, StoryRevision.seen_at <= now)
        .order_by(StoryRevision.seen_at, StoryRevision.story_id)
    ).all()
    contents = _contents(session, {row.fingerprint: row.story_id for row in rows})
    fewest = min((rule.fast_outlets for rule in rules if rule.fast_outlets), default=None)
    wide = {
        row.story_id
        for row in rows
        if fewest is not None and len(contents[row.fingerprint].outlets) >= fewest
    }
    spread = spread_of(session, wide)
    return [
        News(
            row.story_id,
            row.number,
            contents[row.fingerprint],
            row.first_seen_at,
            row.seen_at,
            tuple(at for at in spread.get(row.story_id, ()) if at <= row.seen_at),
        )
        for row in rows
    ]


#: contents that a process keeps at hand, some kilobytes each: revisions never change, and reading
#: thousands of them for every page takes longer than all that is done with them
KEPT = 8_192
_kept: OrderedDict[str, StoryContent] = OrderedDict()
_keeping = Lock()


def _contents(session: Session, revisions: Mapping[str, int]) -> dict[str, StoryContent]:
    """What the revisions say, by their fingerprints; each is of the story of that id."""
    with _keeping:
        found = {key: _kept[key] for key in revisions.keys() & _kept.keys()}
    missing = revisions.keys() - found.keys()
    rows = session.execute(
        select(StoryRevision.fingerprint, StoryRevision.document).where(
            among(StoryRevision.story_id, {revisions[key] for key in missing})
        )
    )
    read = {key: StoryContent.from_json(document) for key, document in rows if key in missing}
    with _keeping:
        _kept.update(read)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found | read


def _digests(
    session: Session, subscriber_id: int, now: datetime
) -> tuple[list[datetime], dict[int, list[Told]]]:
    """When digests came to the reader, and by story what they told of it; the first first."""
    rows = session.execute(
        select(Delivery.due_at, EditionStory.story_id, StoryRevision.number, StoryRevision.document)
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
    )
    told: defaultdict[int, list[Told]] = defaultdict(list)
    moments = []
    for at, story_id, number, document in rows:
        moments.append(at)
        told[story_id].append(Told(number, StoryContent.from_json(document), at))
    return sorted(set(moments)), dict(told)
