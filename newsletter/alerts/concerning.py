"""Concerning: whom an alert concerns, before it is asked whether it is news to them.

One of rules concerns those who hold one that it meets; one of the editors, those of its aim; a correction,
whoever was told what was wrong. They come in the order of their ids, a chunk of them at a time.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter.alerts.aim import aimed_at, slug
from newsletter.alerts.leading import would_lead
from newsletter.alerts.matching import News
from newsletter.models import Alert, AlertReader, Correction, Delivery, EditionStory
from newsletter.models.alert import AlertKind, AlertReaderState, of_state
from newsletter.models.delivery import TOLD, DeliveryKind
from newsletter.rendering.pieces import correction_piece
from subscribers.alert_models import AlertRuleRecord, Watch
from subscribers.among import among, one_of
from subscribers.lens import Lens
from subscribers.models import LensRecord, Subscriber, Subscription
from subscribers.roster import receives, receiving
from subscribers.watching import MOST_RULES


class Concerned(NamedTuple):
    """A reader whom the alert concerns."""

    subscriber_id: int
    lens_id: int
    #: ids of the rules of theirs that it meets, the most specific first
    rules: tuple[int, ...] = ()


def next_concerned(
    session: Session, alert: Alert, news: News, *, now: datetime, after: int, chunk: int
) -> tuple[Sequence[Concerned], int | None]:
    """The next readers behind the id `after`, of about `chunk` rules that they hold, and how far that
    reaches; None when there are no more behind them.
    """
    if alert.kind != AlertKind.RULES:
        return _of_all(session, alert, now, after, chunk)
    watches, reached = _watches(session, alert, news, now, after, chunk)
    held = _held(watches, alert.rules)
    # past the session, which would take longer over each row than the database
    rows = session.connection().execute(
        select(Subscriber.id, Subscriber.lens_id)
        .where(one_of(Subscriber.id, held), receives([slug(session)], now=now))
        .order_by(Subscriber.id)
    )
    found = [Concerned(subscriber_id, lens_id, held[subscriber_id]) for subscriber_id, lens_id in rows.all()]
    return _led(session, alert, news, found, now), reached


def lenses_of(
    session: Session, lens_ids: Collection[int], *those: ColumnElement[bool]
) -> Iterator[tuple[int, Lens]]:
    """Id and lens, of those of which that holds."""
    rows = session.execute(
        select(LensRecord.id, LensRecord.definition).where(among(LensRecord.id, lens_ids), *those)
    )
    return ((lens_id, Lens.read(definition)) for lens_id, definition in rows)


def _watches(
    session: Session, alert: Alert, news: News, now: datetime, after: int, chunk: int
) -> tuple[list[tuple[int, int]], int | None]:
    """(reader, rule) for the next of those who hold one that it meets, whether they receive alerts or not.

    They are looked for among so many ids, and further on where those are too few: for the first of all
    that are left, the database would sort them all for each chunk.
    """
    query = select(Watch.subscriber_id, Watch.rule_id).where(
        one_of(Watch.rule_id, alert.rules),
        Watch.made_at <= news.seen_at,
        or_(Watch.paused_until.is_(None), Watch.paused_until <= now),
    )
    # more than one reader can hold, so that it gets on
    most = max(chunk, MOST_RULES + 1)
    last = session.scalar(select(func.max(Watch.subscriber_id))) or 0
    watches: list[tuple[int, int]] = []
    width = most
    while after < last and len(watches) <= chunk // 2:
        among_those = Watch.subscriber_id.between(after + 1, after + width)
        rows: Sequence[tuple[int, int]] = (
            session.connection()
            .execute(query.where(among_those).order_by(Watch.subscriber_id).limit(most))
            .all()
        )
        after += width
        if len(rows) == most:
            # the last of them may hold more of the rules
            after = rows[-1][0] - 1
            rows = [row for row in rows if row[0] <= after]
        watches += rows
        # as dense as here, they fill the chunk
        width = min(8 * width, 1 + width * (chunk - len(watches)) // max(1, len(rows)))
    return watches, after if after < last else None


def _held(watches: Iterable[tuple[int, int]], rules: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Reader → the rules that they hold, in the order of `rules`."""
    held: dict[int, tuple[int, ...]] = {}
    one = {rule_id: (rule_id,) for rule_id in rules}
    several = set()
    for reader, rule_id in watches:
        if reader in held:
            held[reader] += one[rule_id]
            several.add(reader)
        else:
            held[reader] = one[rule_id]
    place = {rule_id: place for place, rule_id in enumerate(rules)}
    return held | {reader: tuple(sorted(held[reader], key=place.__getitem__)) for reader in several}


def _led(
    session: Session, alert: Alert, news: News, found: Sequence[Concerned], now: datetime
) -> Sequence[Concerned]:
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
    led = {lens_id for lens_id, lens in lenses_of(session, in_question) if leads(lens)}
    kept = (
        one if one.lens_id in led else one._replace(rules=tuple(r for r in one.rules if r not in asking))
        for one in found
    )
    return [one for one in kept if one.rules]


def _of_all(
    session: Session, alert: Alert, now: datetime, after: int, chunk: int
) -> tuple[Sequence[Concerned], int | None]:
    """Readers whom it concerns whatever rules they hold."""
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
    found = [Concerned(subscriber_id, lens_id) for subscriber_id, lens_id in rows]
    return found, found[-1].subscriber_id if len(found) == chunk else None


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
