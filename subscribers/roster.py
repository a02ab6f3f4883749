"""Who is there: find, stream, count, and say who must not be mailed now. Changes nothing."""

from collections.abc import Collection, Generator, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from subscribers.address import parse
from subscribers.alert_choices import Afterwards
from subscribers.alert_models import AlertChoicesRecord
from subscribers.among import among
from subscribers.lens import Lens
from subscribers.models import (
    LensRecord,
    MutedStory,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)
from subscribers.suppression import CONFIRMATION_OPENS

#: rows fetched at a time while streaming
FETCH = 2_000


class Reader(NamedTuple):
    """What decides which edition a subscriber receives, and when."""

    subscriber_id: int
    lens_id: int
    timezone: str
    hour: int
    #: seven bits, Monday lowest
    weekdays: int


class Mailbox(NamedTuple):
    """Where mail for a subscriber goes, and the name that stands for them in its links."""

    address: str
    public_id: str
    #: whether they agreed to be counted
    counted: bool = False


def readers(session: Session, newsletter: str, *, now: datetime) -> Iterator[Reader]:
    """Everybody who receives `newsletter` at `now`, in the order of their ids, as a stream.

    Confirmed, not paused, and of an address that is not suppressed.
    """
    reader = Subscriber.__table__.c
    query = (
        select(reader.id, reader.lens_id, reader.timezone, reader.hour, reader.weekdays)
        .join(Subscription, Subscription.subscriber_id == reader.id)
        .where(Subscription.newsletter == newsletter, *receiving(now))
        .order_by(reader.id)
    )
    # past the session, which would take longer over each row than the database
    session.flush()
    rows = session.connection().execute(query, execution_options={"yield_per": FETCH})
    return map(Reader._make, rows)


def receiving(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What holds of a subscriber and their subscription where its mails go to them at `now`."""
    return (*_goes_on(now), _reachable())


def _goes_on(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Subscription.state == SubscriptionState.CONFIRMED,
        or_(Subscription.paused_until.is_(None), Subscription.paused_until <= now),
    )


def _reachable() -> ColumnElement[bool]:
    return ~exists().where(Suppression.email_key == Subscriber.email_key)


def receives(newsletters: Collection[str], *, now: datetime) -> ColumnElement[bool]:
    """Whether mails of one of the newsletters go to a subscriber at `now`.

    For some subscribers whose ids are known: it is looked up for each, whatever the database thinks of
    the number of subscriptions.
    """
    subscribed = select(Subscription.id).where(
        Subscription.subscriber_id == Subscriber.id,
        Subscription.newsletter.in_(newsletters),
        *_goes_on(now),
    )
    # without the offset PostgreSQL makes a join of it, and reads all subscriptions there are
    return and_(subscribed.offset(0).exists(), _reachable())


def recipients(
    session: Session, subscriber_ids: Sequence[int], newsletter: str | None, *, now: datetime
) -> dict[int, Mailbox | str]:
    """Where mail for each of them goes now, or in words why none may.

    Without a newsletter, for letters that answer what the owner of the address may have asked, only
    what no confirmation opens counts.
    """
    session.flush()
    rows = session.connection().execute(
        select(
            Subscriber.id,
            Subscriber.email,
            Subscriber.public_id,
            Subscriber.counted,
            Suppression.reason,
            Subscription.state,
            Subscription.paused_until,
        )
        .outerjoin(Suppression, Suppression.email_key == Subscriber.email_key)
        .outerjoin(
            Subscription,
            and_(Subscription.subscriber_id == Subscriber.id, Subscription.newsletter == newsletter),
        )
        .where(among(Subscriber.id, subscriber_ids))
    )
    found: dict[int, Mailbox | str] = dict.fromkeys(subscriber_ids, "no longer a subscriber")
    for subscriber_id, email, public_id, counted, suppressed, state, paused_until in rows.all():
        if suppressed and (newsletter or suppressed not in CONFIRMATION_OPENS):
            found[subscriber_id] = f"suppressed: {suppressed}"
        elif newsletter and (reason := _bar(state, paused_until, now)):
            found[subscriber_id] = reason
        else:
            found[subscriber_id] = Mailbox(email, public_id, counted)
    return found


def _bar(state: str | None, paused_until: datetime | None, now: datetime) -> str | None:
    if state == SubscriptionState.UNSUBSCRIBED:
        return "unsubscribed"
    if state != SubscriptionState.CONFIRMED:
        return "not confirmed"
    if paused_until and paused_until > now:
        return f"paused until {paused_until:%Y-%m-%d}"
    return None


def find(session: Session, email: str) -> Subscriber | None:
    """The subscriber of that address, in any of its spellings; InvalidAddress if it is none."""
    return session.scalars(select(Subscriber).where(Subscriber.email_key == parse(email).key)).one_or_none()


def by_public_id(session: Session, public_id: str) -> Subscriber | None:
    return session.scalars(select(Subscriber).where(Subscriber.public_id == public_id)).one_or_none()


def lenses(session: Session) -> Iterator[tuple[int, Lens]]:
    """Every stored lens after its id, as a stream."""
    rows = session.execute(
        select(LensRecord.id, LensRecord.definition), execution_options={"yield_per": FETCH}
    )
    for lens_id, definition in rows:
        yield lens_id, Lens.read(definition)


def muted_stories(
    session: Session, story_ids: Collection[int], *, subscriber_id: int | None = None
) -> dict[int, frozenset[int]]:
    """Subscriber id → those of the stories of which they want to hear nothing more."""
    query = select(MutedStory.subscriber_id, MutedStory.story_id).where(MutedStory.story_id.in_(story_ids))
    if subscriber_id is not None:
        query = query.where(MutedStory.subscriber_id == subscriber_id)
    found: dict[int, set[int]] = {}
    for subscriber, story in session.execute(query):
        found.setdefault(subscriber, set()).add(story)
    return {subscriber: frozenset(stories) for subscriber, stories in found.items()}


def without_lines(session: Session) -> Generator[tuple[int, tuple[bool, ...]]]:
    """The ids of those who want no line on what an alert told them, in their order, as a stream."""
    choices = AlertChoicesRecord
    query = (
        select(choices.subscriber_id)
        .where(choices.afterwards == Afterwards.NOTHING)
        .order_by(choices.subscriber_id)
    )
    with session.scalars(query, execution_options={"yield_per": FETCH}) as ids:
        for subscriber_id in ids:
            yield subscriber_id, (True,)


def count(session: Session) -> dict[str, dict[str, int]]:
    """Newsletter → state → number of subscriptions; every state is there, be it with 0."""
    counts: dict[str, dict[str, int]] = {}
    rows = session.execute(
        select(Subscription.newsletter, Subscription.state, func.count())
        .group_by(Subscription.newsletter, Subscription.state)
        .order_by(Subscription.newsletter)
    )
    for newsletter, state, number in rows:
        counts.setdefault(newsletter, dict.fromkeys(map(str, SubscriptionState), 0))[state] = number
    return counts
