"""Who would get an editors' alert, and who would not, before it is approved.

All its readers are counted; where they are many, the very rules that decide when it leaves are asked of a
sample.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from newsletter.alerts.aim import aimed_at
from newsletter.alerts.known import known
from newsletter.alerts.leading import muted
from newsletter.alerts.looking import news_of
from newsletter.alerts.newness import is_news
from newsletter.alerts.readers import as_they_are
from newsletter.alerts.sparing import Limits, Waiting, dispose
from newsletter.judging import Reason
from newsletter.models import Alert
from subscribers import roster
from subscribers.among import among
from subscribers.models import LensRecord, Subscriber

#: readers of whom the rules are asked
SAMPLE = 500
NOW = "get it at once"
HELD = "wait, by their choice"
FOLDED = "get it by their digest"
NOT_TOLD = "are not told"
#: in other words than readers read; what they were told, and by what, says its own reason
_WHY = {
    "quiet": "quiet hours or days",
    "rest": "an alert of the story, or of a company of it, came lately",
    "budget": "the mails of their day are used up",
    "gather": "another alert has just left",
    "mutes": "muted the story, a company or a topic of it",
    "fresh": "too old for a first alert",
}


@dataclass(frozen=True)
class Aimed:
    #: of its aim, who receive alerts now
    readers: int
    #: of so many of them the rules were asked
    looked_at: int
    #: fate → number of readers
    fates: Mapping[str, int]
    #: why not at once → number of readers, the most frequent first
    reasons: Mapping[str, int]

    @property
    def told(self) -> int:
        """Readers who hear of it, now or later."""
        return sum(number for fate, number in self.fates.items() if fate != NOT_TOLD)


def foresee(session: Session, alert: Alert, limits: Limits, *, now: datetime) -> Aimed:
    """What would become of it for the readers of its aim, if it left at `now`."""
    aimed = aimed_at(session, alert, now=now).order_by(None)
    readers = session.scalars(select(func.count()).select_from(aimed.subquery())).one()
    facts = aimed.add_columns(Subscriber.timezone, Subscriber.lens_id)
    rows = session.execute(facts.where(_one_of(readers // SAMPLE)) if readers > SAMPLE else facts)
    found = {id_: _Found(ZoneInfo(zone), lens_id) for id_, zone, lens_id in rows}
    fates: Counter[str] = Counter(dict.fromkeys((NOW, HELD, FOLDED, NOT_TOLD), 0))
    reasons: Counter[str] = Counter()
    for fate, why in _fates(session, alert, found, limits, now):
        fates[fate] += 1
        if why:
            reasons[_WHY.get(why.rule, why.text)] += 1
    scale = readers / max(1, len(found))
    by_number = dict(reasons.most_common())
    return Aimed(
        readers,
        len(found),
        {fate: round(number * scale) for fate, number in fates.items()},
        {why: round(number * scale) for why, number in by_number.items()},
    )


def _one_of(many: int) -> ColumnElement[bool]:
    """Whether a subscriber is in the sample, one of so `many`; the same ones each time.

    Their ids are multiplied first (Knuth's hashing, by the golden ratio), else whatever came to us in turns
    would come into the sample with every turn or with none.
    """
    return Subscriber.id * 2_654_435_769 % 2**32 < 2**32 // many


@dataclass(frozen=True, slots=True)
class _Found:
    """A reader of the sample."""

    zone: ZoneInfo
    lens_id: int


def _fates(
    session: Session, alert: Alert, readers: Mapping[int, _Found], limits: Limits, now: datetime
) -> Iterator[tuple[str, Reason | None]]:
    """What becomes of it for each of them, and why."""
    news = news_of(session, {alert.story_id: alert.revision})[alert.story_id]
    waiting = Waiting(
        alert.id,
        alert.story_id,
        frozenset(alert.companies),
        news.content.impact,
        len(news.content.outlets),
        now,
        now + limits.life,
    )
    knew = known(session, alert.story_id, readers)
    lens_ids = {found.lens_id for found in readers.values()}
    lenses = session.scalars(select(LensRecord).where(among(LensRecord.id, lens_ids)))
    silent = {record.id: muted(record.lens, news) for record in lenses}
    silenced = roster.muted_stories(session, [alert.story_id])
    zones = {id_: found.zone for id_, found in readers.items()}
    as_of_now = as_they_are(session, zones, limits, now=now)
    for id_, found in readers.items():
        why_not = "muted this story" if id_ in silenced else silent[found.lens_id]
        verdict = is_news(news, knew.get(id_), limits, muted=why_not)
        if not verdict.passed:
            yield NOT_TOLD, next(reason for reason in verdict.reasons if not reason.passed)
            continue
        disposal = dispose([waiting], as_of_now[id_], limits, now=now)
        if disposal.held:
            yield HELD, disposal.held[alert.id][1]
        elif disposal.folded:
            yield FOLDED, disposal.folded[alert.id]
        elif disposal.dropped:
            yield NOT_TOLD, disposal.dropped[alert.id]
        else:
            yield NOW, None
