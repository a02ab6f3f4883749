"""Look: a story has news; which alert rules does it meet? And: what readers were alerted of was wrong."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from newsletter.alerts.matching import News, judge, meets, terms
from newsletter.alerts.sparing import Limits
from newsletter.content import StoryContent
from newsletter.corrections.book import LIFE, corrections_of
from newsletter.ledger import one_at_a_time
from newsletter.models import Alert, AlertReader, Correction, CoverageEntry, Story, StoryRevision
from newsletter.models.alert import AlertKind, AlertReaderState, AlertState, of_state
from newsletter.models.desk import CorrectionKind
from newsletter.store.engine import UNSEEN
from subscribers.alert_models import AlertRuleRecord, AlertTerm, Watch
from subscribers.alert_rule import AlertRule
from subscribers.among import among

#: stories that are looked at in one transaction
PORTION = 100


def look(session: Session, limits: Limits, *, now: datetime, portion: int = PORTION) -> list[int]:
    """Look at the stories that have news, `portion` of them at most; returns their ids, so that nothing is
    left to look at when there are none.

    A story that meets rules becomes an alert, which takes the place of an older one that has not reached
    all its readers yet. What is retracted, or known to be wrong, alerts nobody.
    """
    found = session.execute(
        select(Story.id, Story.revision)
        .where(Story.watched < Story.revision)
        .order_by(Story.id)
        .limit(portion)
        # not against those who give readers the story just now: they hold the alerts that make way
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    revisions: dict[int, int] = dict(found)
    if not revisions:
        return []
    _make_way(session, revisions)
    wrong = wrong_up_to(session, revisions)
    rules: dict[int, AlertRule] = {}
    for news in news_of(session, revisions).values():
        expires_at = news.seen_at + limits.life
        if news.revision <= wrong.get(news.story_id, 0) or expires_at <= now:
            continue
        if met := _met(session, news, rules):
            session.add(
                Alert(
                    kind=AlertKind.RULES,
                    story_id=news.story_id,
                    revision=news.revision,
                    state=AlertState.SPREADING,
                    made_at=now,
                    expires_at=expires_at,
                    companies=sorted(news.content.company_terms),
                    rules=met,
                    audiences=[],
                    pieces={},
                )
            )
    watched = update(Story).where(among(Story.id, revisions)).values(watched=Story.revision)
    session.execute(watched, execution_options=UNSEEN)
    session.flush()
    return list(revisions)


def news_of_alerts(session: Session, alerts: Iterable[Alert]) -> dict[int, News]:
    """What each of the alerts tells, by its id."""
    found: dict[int, News] = {}
    while left := {alert.story_id: alert for alert in alerts if alert.id not in found}:
        news = news_of(session, {story_id: alert.revision for story_id, alert in left.items()})
        found |= {alert.id: news[story_id] for story_id, alert in left.items()}
    return found


def news_of(session: Session, revisions: Mapping[int, int]) -> dict[int, News]:
    """The stories, by their ids, each at the revision of that number."""
    spread = spread_of(session, revisions)
    rows = session.execute(
        select(
            Story.id, Story.first_seen_at, StoryRevision.number, StoryRevision.seen_at, StoryRevision.document
        )
        .join(StoryRevision, StoryRevision.story_id == Story.id)
        .where(
            among(Story.id, revisions),
            # of stories with a hundred revisions no more is read than this
            among(StoryRevision.number, set(revisions.values())),
        )
        .order_by(Story.id)
    )
    return {
        story_id: News(
            story_id,
            number,
            StoryContent.from_json(document),
            first_seen_at,
            seen_at,
            tuple(at for at in spread.get(story_id, ()) if at <= seen_at),
        )
        for story_id, first_seen_at, number, seen_at, document in rows
        if revisions[story_id] == number
    }


def wrong_up_to(session: Session, story_ids: Collection[int]) -> dict[int, int]:
    """Story id → its last revision that a confirmed correction says was wrong; of a story that is
    retracted, every revision that it will ever have."""
    return {
        story_id: max(map(_reach, corrections))
        for story_id, corrections in corrections_of(session, story_ids).items()
    }


def look_for_corrections(session: Session, limits: Limits, *, now: datetime) -> list[int]:
    """Make an alert of each confirmed correction of a story that alerts told, or were to tell; their ids.

    What waits to tell what is wrong does not leave any more; what is being made into a mail just now is
    told, and corrected.
    """
    one_at_a_time(session)
    corrections = session.scalars(
        select(Correction).where(*uncorrected(now)).order_by(Correction.id).with_for_update(skip_locked=True)
    ).all()
    made = [_corrects(session, correction, limits, now) for correction in corrections]
    session.add_all(made)
    session.flush()
    return [alert.id for alert in made]


def uncorrected(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What holds of a confirmed correction of which an alert is to be made."""
    of_story = (Alert.story_id == Correction.story_id, Alert.revision <= Correction.revision)
    return (
        Correction.confirmed_at > now - LIFE,
        exists().where(*of_story, Alert.kind != AlertKind.CORRECTION),
        ~exists().where(Alert.story_id == Correction.story_id, Alert.correction_id == Correction.id),
    )


def _corrects(session: Session, correction: Correction, limits: Limits, now: datetime) -> Alert:
    story = session.get_one(Story, correction.story_id)
    wrong = and_(
        Alert.story_id == story.id, Alert.revision <= _reach(correction), Alert.kind != AlertKind.CORRECTION
    )
    reason = f"it needed a {correction.kind}"
    ended = {"state": AlertState.CANCELLED, "reason": reason}
    spreading = update(Alert).where(wrong, Alert.state == AlertState.SPREADING)
    session.execute(spreading.values(ended), execution_options=UNSEEN)
    waiting = update(AlertReader).where(
        AlertReader.alert_id.in_(select(Alert.id).where(wrong)),
        of_state(AlertReaderState.WAITING),
    )
    dropped = {"state": AlertReaderState.DROPPED, "reason": reason, "rule": None}
    session.execute(waiting.values(dropped), execution_options=UNSEEN)
    known = session.get_one(StoryRevision, (story.id, story.revision)).content
    return Alert(
        kind=AlertKind.CORRECTION,
        story_id=story.id,
        revision=story.revision,
        correction_id=correction.id,
        state=AlertState.SPREADING,
        made_at=now,
        expires_at=now + limits.life,
        companies=sorted(known.company_terms),
        rules=[],
        audiences=[],
        pieces={},
    )


#: beyond every revision
_EVERY = 2**31 - 1


def _reach(correction: Correction) -> int:
    return _EVERY if correction.kind == CorrectionKind.RETRACTION else correction.revision


def _make_way(session: Session, story_ids: Collection[int]) -> None:
    """What is still spreading of these stories tells no further reader older facts."""
    older = update(Alert).where(
        among(Alert.story_id, story_ids),
        Alert.kind == AlertKind.RULES,
        Alert.state == AlertState.SPREADING,
    )
    ended = {"state": AlertState.SPREAD, "reason": "newer facts came in"}
    session.execute(older.values(ended), execution_options=UNSEEN)


def _met(session: Session, news: News, known: dict[int, AlertRule]) -> list[int]:
    """The ids of the rules that the story meets and somebody watches, the most specific first.

    Whether it would lead a digest depends on the reader, and is left open. `known` keeps the rules that
    were read for the next story.
    """
    content = news.content
    candidates = session.execute(
        select(AlertRuleRecord.id, AlertRuleRecord.definition).where(
            AlertRuleRecord.id.in_(select(AlertTerm.rule_id).where(_one_of(terms(content)))),
            AlertRuleRecord.min_outlets <= max(1, len(content.outlets)),
            AlertRuleRecord.min_languages <= max(1, len(content.languages)),
            exists().where(Watch.rule_id == AlertRuleRecord.id),
        )
    )
    met = []
    for rule_id, definition in candidates:
        if rule_id not in known:
            known[rule_id] = AlertRule.read(definition)
        if meets(judge(known[rule_id], news, leads=lambda: True)):
            met.append((-len(definition), rule_id))
    return [rule_id for _, rule_id in sorted(met)]


def _one_of(found: Iterable[tuple[str, str]]) -> ColumnElement[bool]:
    by_kind = groupby(sorted(found), key=itemgetter(0))
    return or_(
        *(
            and_(AlertTerm.kind == kind, AlertTerm.term.in_([term for _, term in group]))
            for kind, group in by_kind
        )
    )


def spread_of(session: Session, story_ids: Collection[int]) -> dict[int, Sequence[datetime]]:
    """When each outlet was first seen to report the story, the earliest first."""
    first = func.min(CoverageEntry.first_seen_at)
    rows = session.execute(
        select(CoverageEntry.story_id, first)
        .where(among(CoverageEntry.story_id, story_ids))
        .group_by(CoverageEntry.story_id, CoverageEntry.outlet_key)
        .order_by(CoverageEntry.story_id, first)
    )
    return {story_id: [at for _, at in group] for story_id, group in groupby(rows, key=itemgetter(0))}
