"""Spread: the readers whom an alert concerns and to whom it is news get it, a chunk of them at a time.

What becomes of it then is decided by `mailing`. Readers to whom it is no news get no row at all.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter.alerts.aim import aimed_at, slug
from newsletter.alerts.known import known, waits
from newsletter.alerts.leading import muted, would_lead
from newsletter.alerts.looking import news_of, wrong_up_to
from newsletter.alerts.matching import News
from newsletter.alerts.newness import Newsworthy, is_news
from newsletter.alerts.sparing import Limits
from newsletter.ledger import one_at_a_time
from newsletter.memory import news_since
from newsletter.models import Alert, AlertReader, Correction, Delivery, EditionStory
from newsletter.models.alert import AlertKind, AlertReaderState, AlertState, of_state
from newsletter.models.delivery import TOLD, DeliveryKind
from newsletter.rendering.pieces import correction_piece
from newsletter.store.bulk import insert_many, stored
from subscribers.alert_models import AlertRuleRecord, Watch
from subscribers.among import among, one_of
from subscribers.lens import Lens
from subscribers.models import LensRecord, MutedStory, Subscriber, Subscription
from subscribers.roster import receives, receiving
from subscribers.watching import MOST_RULES

#: readers, or rules that readers hold, that are decided on in one transaction
CHUNK = 20_000
#: of an alert that begins, so that its first mail does not wait for its last reader
FIRST = 2_000


def spread(session: Session, alert: Alert, limits: Limits, *, now: datetime, chunk: int = CHUNK) -> bool:
    """Decide on the next `chunk` of the alert's readers, by their ids; False when no reader is left.

    Waits for whoever is about to tell readers something, so that nobody is told it twice.
    """
    one_at_a_time(session)
    alert = session.get_one(Alert, alert.id, with_for_update={"of": Alert}, populate_existing=True)
    if alert.state != AlertState.SPREADING:
        return False
    if stopped := _why_not(session, alert, now):
        alert.state, alert.reason = stopped
        return False
    given, reached = concerned(session, alert, limits, now=now, after=alert.reached, chunk=chunk)
    _give(session, alert, given, now)
    if reached is not None:
        alert.reached = reached
        return True
    alert.state, alert.reason = AlertState.SPREAD, _summary(session, alert)
    return False


class Given(NamedTuple):
    """A reader whom an alert concerns, and to whom it is news."""

    subscriber_id: int
    #: ids of the rules of theirs that it meets, the most specific first
    rules: tuple[int, ...]
    #: what is new to them
    changes: tuple[str, ...]


def concerned(
    session: Session, alert: Alert, limits: Limits, *, now: datetime, after: int, chunk: int
) -> tuple[list[Given], int | None]:
    """Of the next `chunk` of the alert's readers, those to whom it is news, in the order of their ids; and
    how far they reach, or None when there are no more behind them. They begin behind the id `after`.
    """
    # more than one reader can hold, so that it gets on
    found, reached = _next(session, alert, now, after, max(chunk, MOST_RULES + 1))
    if not found:
        return [], reached
    if alert.kind == AlertKind.CORRECTION:
        # it is news to whoever was told what is wrong
        return [Given(one.subscriber_id, (), ()) for one in found], reached
    news = news_of(session, {alert.story_id: alert.revision})[alert.story_id]
    led = _led(session, alert, news, found, now)
    return list(_worth_it(session, news, limits, led)), reached


class _Found(NamedTuple):
    """A reader whom the alert concerns."""

    subscriber_id: int
    lens_id: int
    #: ids of the rules of theirs that it meets, the most specific first
    rules: tuple[int, ...] = ()


def _why_not(session: Session, alert: Alert, now: datetime) -> tuple[AlertState, str] | None:
    """Why it concerns nobody any more, and what it is then."""
    if alert.expires_at <= now:
        return AlertState.EXPIRED, "too old to be news before it had reached all its readers"
    wrong = alert.kind != AlertKind.CORRECTION and wrong_up_to(session, [alert.story_id])
    if wrong and alert.revision <= wrong.get(alert.story_id, 0):
        return AlertState.CANCELLED, "what it tells was corrected"
    return None


def _next(
    session: Session, alert: Alert, now: datetime, after: int, chunk: int
) -> tuple[list[_Found], int | None]:
    """The next readers, and how far they reach; None when there are no more behind them."""
    if alert.kind == AlertKind.RULES:
        return _holders(session, alert, now, after, chunk)
    ids = (
        aimed_at(session, alert, now=now)
        if alert.kind == AlertKind.EDITORS
        else _told_wrong(session, alert, now)
    )
    rows = session.execute(
        ids.add_columns(Subscriber.lens_id)
        .where(Subscriber.id > after)
        .order_by(None)
        .order_by(Subscriber.id)
        .limit(chunk)
    ).all()
    found = [_Found(subscriber_id, lens_id) for subscriber_id, lens_id in rows]
    return found, found[-1].subscriber_id if len(found) == chunk else None


def _holders(
    session: Session, alert: Alert, now: datetime, after: int, chunk: int
) -> tuple[list[_Found], int | None]:
    """Those who hold rules that it meets, and receive alerts."""
    seen_at = news_of(session, {alert.story_id: alert.revision})[alert.story_id].seen_at
    # past the session, which would take longer over each row than the database
    connection = session.connection()
    watches: Sequence[tuple[int, int]] = connection.execute(
        select(Watch.subscriber_id, Watch.rule_id)
        .where(
            one_of(Watch.rule_id, alert.rules),
            Watch.subscriber_id > after,
            Watch.made_at <= seen_at,
            or_(Watch.paused_until.is_(None), Watch.paused_until <= now),
        )
        .order_by(Watch.subscriber_id)
        .limit(chunk)
    ).all()
    reached = None
    if len(watches) == chunk:
        # the last of them may hold more of the rules
        last = watches[-1][0]
        watches = [watch for watch in watches if watch[0] != last]
        reached = watches[-1][0]
    place = {rule_id: place for place, rule_id in enumerate(alert.rules)}
    held = {
        subscriber_id: tuple(sorted((rule_id for _, rule_id in group), key=place.__getitem__))
        for subscriber_id, group in groupby(watches, key=itemgetter(0))
    }
    rows = connection.execute(
        select(Subscriber.id, Subscriber.lens_id)
        .where(among(Subscriber.id, held), receives([slug(session)], now=now))
        .order_by(Subscriber.id)
    )
    return [_Found(subscriber_id, lens_id, held[subscriber_id]) for subscriber_id, lens_id in rows], reached


def _told_wrong(session: Session, alert: Alert, now: datetime) -> Select[int]:
    """Those whom alerts told what its correction is about, who receive alerts and have not heard of it."""
    correction = session.get_one(Correction, alert.correction_id)
    told = exists().where(
        AlertReader.subscriber_id == Subscriber.id,
        AlertReader.story_id == correction.story_id,
        of_state(AlertReaderState.MAILED),
        Alert.id == AlertReader.alert_id,
        Alert.kind != AlertKind.CORRECTION,
        Alert.revision <= correction.revision,
        Delivery.kind == DeliveryKind.ALERT,
        Delivery.occasion_id == AlertReader.edition_id,
        Delivery.subscriber_id == Subscriber.id,
        Delivery.state.in_(TOLD),
    )
    by_note = exists().where(
        Delivery.kind == DeliveryKind.CORRECTION,
        Delivery.occasion_id == correction.id,
        Delivery.subscriber_id == Subscriber.id,
        Delivery.state.in_(TOLD),
    )
    by_digest = exists().where(
        EditionStory.story_id == correction.story_id,
        EditionStory.piece == correction_piece(correction.id),
        Delivery.subscriber_id == Subscriber.id,
        Delivery.edition_id == EditionStory.edition_id,
        Delivery.state.in_(TOLD),
    )
    return (
        select(Subscriber.id)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(Subscription.newsletter == slug(session), *receiving(now), told, ~by_note, ~by_digest)
    )


def _give(session: Session, alert: Alert, given: Collection[Given], now: datetime) -> None:
    """Let it wait for these readers."""
    if not given:
        return

    @cache
    def as_stored(values: tuple[object, ...]) -> object:
        return stored(session, AlertReader.rules, list(values))

    insert_many(
        session,
        AlertReader,
        {
            "alert_id": alert.id,
            "story_id": alert.story_id,
            "state": AlertReaderState.WAITING,
            "decided_at": now,
            "due_at": now,
        },
        ("subscriber_id", "rules", "changes"),
        ((reader, as_stored(rules), as_stored(changes)) for reader, rules, changes in given),
        order=("subscriber_id",),
    )


def _led(
    session: Session, alert: Alert, news: News, found: Sequence[_Found], now: datetime
) -> Sequence[_Found]:
    """The readers, without rules that ask for a story that would lead their digest, where it would not."""
    asking = set(
        session.scalars(
            select(AlertRuleRecord.id).where(
                among(AlertRuleRecord.id, alert.rules),
                AlertRuleRecord.definition["leads"].as_string().is_not(None),
            )
        )
    )
    if not asking:
        return found
    in_question = {one.lens_id for one in found if asking.intersection(one.rules)}
    leads = would_lead(session, news, now=now)
    led = {lens_id for lens_id, lens in _lenses(session, in_question) if leads(lens)}
    kept = (
        one if one.lens_id in led else one._replace(rules=tuple(r for r in one.rules if r not in asking))
        for one in found
    )
    return [one for one in kept if one.rules]


def _worth_it(session: Session, news: News, limits: Limits, found: Sequence[_Found]) -> Iterator[Given]:
    """Those to whom it is news."""
    readers = [one.subscriber_id for one in found]
    knew, waiting = known(session, news.story_id, readers), waits(session, news.story_id, readers)
    mutes = _mutes(session, news, {one.lens_id for one in found})
    silenced = set(
        session.scalars(
            select(MutedStory.subscriber_id).where(
                MutedStory.story_id == news.story_id, among(MutedStory.subscriber_id, readers)
            )
        )
    )
    decided: dict[tuple[object, ...], Newsworthy] = {}
    for reader, lens_id, rules in found:
        told, awaited = knew.get(reader), waiting.get(reader)
        if rules and awaited and not news_since(awaited, news.content, now=news.seen_at):
            continue  # what waits for them says as much, but for a line of the editors
        mute = "muted this story" if reader in silenced else mutes.get(lens_id)
        case = told and (told.told.revision, told.told.at), mute
        if case not in decided:
            decided[case] = is_news(news, told, limits, muted=mute)
        if decided[case].passed:
            yield Given(reader, rules, decided[case].changes)


def _mutes(session: Session, news: News, lens_ids: Collection[int]) -> dict[int, str]:
    """Lens id → why its readers want to hear nothing of the story; others are not there."""
    names = ("muted_companies", "muted_topics")
    any_mute = or_(*(LensRecord.definition[name].as_string().is_not(None) for name in names))
    judged = ((lens_id, muted(lens, news)) for lens_id, lens in _lenses(session, lens_ids, any_mute))
    return {lens_id: why for lens_id, why in judged if why}


def _lenses(
    session: Session, lens_ids: Collection[int], *those: ColumnElement[bool]
) -> Iterator[tuple[int, Lens]]:
    rows = session.execute(
        select(LensRecord.id, LensRecord.definition).where(among(LensRecord.id, lens_ids), *those)
    )
    return ((lens_id, Lens.read(definition)) for lens_id, definition in rows)


def _summary(session: Session, alert: Alert) -> str:
    readers = session.scalar(
        select(func.count()).select_from(AlertReader).where(AlertReader.alert_id == alert.id)
    )
    return f"news to {readers or 0:,} reader{'' if readers == 1 else 's'}"
