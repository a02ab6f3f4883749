"""Who is there: find, stream, count, and say who must not be mailed now. Changes nothing."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from subscribers.address import parse
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


@dataclass(frozen=True, slots=True)
class Reader:
    """What decides which edition a subscriber receives, and when."""

    subscriber_id: int
    lens_id: int
    timezone: str
    hour: int
    #: seven bits, Monday lowest
    weekdays: int


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where mail for a subscriber goes, and the name that stands for them in its links."""

    address: str
    public_id: str


def readers(session: Session, newsletter: str, *, now: datetime) -> Iterator[Reader]:
    """Everybody who receives `newsletter` at `now`, in the order of their ids, as a stream.

    Confirmed, not paused, and of an address that is not suppressed.
    """
    rows = session.execute(
        select(Subscriber.id, Subscriber.lens_id, Subscriber.timezone, Subscriber.hour, Subscriber.weekdays)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(
            Subscription.newsletter == newsletter,
            Subscription.state == SubscriptionState.CONFIRMED,
            or_(Subscription.paused_until.is_(None), Subscription.paused_until <= now),
            ~exists().where(Suppression.email_key == Subscriber.email_key),
        )
        .order_by(Subscriber.id),
        execution_options={"yield_per": FETCH},
    )
    for row in rows:
        yield Reader(*row)


def barred(
    session: Session, subscriber_ids: Sequence[int], newsletter: str | None, *, now: datetime
) -> dict[int, str]:
    """Those who must not be mailed now, each with the reason in words. Up to 1,000 ids at a time.

    Without a newsletter, for letters that answer what the owner of the address may have asked, only
    what no confirmation opens counts.
    """
    rows = session.execute(
        select(Subscriber.id, Suppression.reason, Subscription.state, Subscription.paused_until)
        .outerjoin(Suppression, Suppression.email_key == Subscriber.email_key)
        .outerjoin(
            Subscription,
            and_(Subscription.subscriber_id == Subscriber.id, Subscription.newsletter == newsletter),
        )
        .where(Subscriber.id.in_(subscriber_ids))
    )
    found: dict[int, str | None] = dict.fromkeys(subscriber_ids, "no longer a subscriber")
    for subscriber_id, suppressed, state, paused_until in rows:
        if suppressed and (newsletter or suppressed not in CONFIRMATION_OPENS):
            found[subscriber_id] = f"suppressed: {suppressed}"
        elif newsletter is None:
            found[subscriber_id] = None
        else:
            found[subscriber_id] = _bar(state, paused_until, now)
    return {subscriber_id: reason for subscriber_id, reason in found.items() if reason}


def _bar(state: str | None, paused_until: datetime | None, now: datetime) -> str | None:
    if state == SubscriptionState.UNSUBSCRIBED:
        return "unsubscribed"
    if state != SubscriptionState.CONFIRMED:
        return "not confirmed"
    if paused_until and paused_until > now:
        return f"paused until {paused_until:%Y-%m-%d}"
    return None


def mailboxes(session: Session, subscriber_ids: Sequence[int]) -> dict[int, Mailbox]:
    """Where their mail goes, by id. Up to 1,000 ids at a time; unknown ids are left out."""
    rows = session.execute(
        select(Subscriber.id, Subscriber.email, Subscriber.public_id).where(Subscriber.id.in_(subscriber_ids))
    )
    return {subscriber_id: Mailbox(email, public_id) for subscriber_id, email, public_id in rows}


def find(session: Session, email: str) -> Subscriber | None:
    """The subscriber of that address, in any of its spellings; InvalidAddress if it is none."""
    return session.scalars(select(Subscriber).where(Subscriber.email_key == parse(email).key)).one_or_none()


def by_public_id(session: Session, public_id: str) -> Subscriber | None:
    return session.scalars(select(Subscriber).where(Subscriber.public_id == public_id)).one_or_none()


def lenses(session: Session) -> dict[int, Lens]:
    """Every stored lens by its id."""
    return {record.id: record.lens for record in session.scalars(select(LensRecord))}


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
