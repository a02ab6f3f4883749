"""A pause: no mail until a date, without leaving. It ends by itself, and nothing else changes."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from subscribers.enrolment import locked
from subscribers.ledger import Channel, Evidence
from subscribers.models import Act, Subscriber, Subscription, SubscriptionState


def pause(
    session: Session,
    subscriber: Subscriber,
    newsletter: str | None,
    until: datetime,
    *,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    now: datetime,
) -> bool:
    """Keep `newsletter`, or with None all of them, back until `until`; True when that changed something.

    Holds from the next mail that is claimed on. Only what is confirmed can be paused. Raises
    ValueError for a date that is not ahead.
    """
    if until <= now:
        raise ValueError(f"a pause until {until:%Y-%m-%d %H:%M}, which is not ahead: name a later date")
    paused = [held for held in _confirmed(session, subscriber, newsletter) if held.paused_until != until]
    return _set(session, subscriber, paused, until, Evidence(channel, wording, ip, now))


def resume(
    session: Session,
    subscriber: Subscriber,
    newsletter: str | None,
    *,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    now: datetime,
) -> bool:
    """End the pause of `newsletter`, or with None all pauses; True when there was one to end."""
    held = _confirmed(session, subscriber, newsletter)
    paused = [each for each in held if each.paused_until and each.paused_until > now]
    return _set(session, subscriber, paused, None, Evidence(channel, wording, ip, now))


def _confirmed(session: Session, subscriber: Subscriber, newsletter: str | None) -> list[Subscription]:
    """Read anew and locked: acts on one person wait for each other."""
    locked(session, Subscriber.id == subscriber.id)
    return [
        held
        for held in subscriber.subscriptions
        if newsletter in (None, held.newsletter) and held.state == SubscriptionState.CONFIRMED
    ]


def _set(
    session: Session,
    subscriber: Subscriber,
    subscriptions: Sequence[Subscription],
    until: datetime | None,
    evidence: Evidence,
) -> bool:
    for held in subscriptions:
        held.paused_until = until
    if subscriptions:
        evidence.write(session, Act.PAUSED, subscriber, [held.newsletter for held in subscriptions])
        session.flush()
    return bool(subscriptions)
