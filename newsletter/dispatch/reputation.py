"""Reputation: what readers and mailboxes make of our mail decides whether more of it may leave.

Mailbox providers block a sender of whose mails 0.3 % are complained of, and take offence from 0.1 %
on (Gmail's sender guidelines), so a newsletter stops by itself before it harms all the others.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from newsletter.dispatch import ways
from newsletter.dispatch.gates import locked_row, newsletter_way
from newsletter.dispatch.steering import stop
from newsletter.models import Delivery, Pace
from newsletter.models.delivery import DeliveryKind, DeliveryState, MailboxState
from newsletter.store.clock import database_now

log = structlog.get_logger()

#: the time over which a newsletter's complaints are counted, and those of a sender that warms up
WINDOW, WARM_UP_WINDOW = timedelta(days=7), timedelta(days=3)
#: shares of complaints: from the first on somebody is told, from the second on the newsletter stops
ALARMING, TOO_MANY = 0.001, 0.003
#: the share of bounces and refusals from which on a warm-up does not grow
BOUNCING = 0.05
#: mails below which a share says nothing
ENOUGH, ENOUGH_FOR_WARM_UP = 1_000, 100

_REACHED = or_(
    Delivery.mailbox.is_(None),
    Delivery.mailbox.in_((MailboxState.DEFERRED, MailboxState.DELIVERED, MailboxState.COMPLAINED)),
)
_BOUNCED = or_(
    Delivery.state == DeliveryState.REFUSED,
    Delivery.mailbox.in_((MailboxState.BLOCKED, MailboxState.HARD_BOUNCED)),
)
_COMPLAINED = Delivery.mailbox == MailboxState.COMPLAINED


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of the mails of some days."""

    #: handed over, whatever became of them
    left: int
    #: taken by the mailbox, as far as we know
    reached: int
    bounced: int
    complained: int

    @property
    def complaints(self) -> float:
        """The share of those that were complained of."""
        return self.complained / self.reached if self.reached else 0.0

    @property
    def bounces(self) -> float:
        """The share of those that no mailbox took."""
        return self.bounced / self.left if self.left else 0.0

    def harms_a_warm_up(self) -> bool:
        """Whether a sender that is still unknown had better not send more tomorrow."""
        return self.left >= ENOUGH_FOR_WARM_UP and (self.bounces >= BOUNCING or self.complaints >= ALARMING)


def watch_reputation(session: Session, now: datetime) -> list[str]:
    """Stop newsletters of which too many complain, and hold warm-ups that do harm; what was done, in words.

    Cheap enough for once a minute. What a person opened again is counted anew from then on.
    """
    return [*_watch_newsletters(session, now), *_watch_warm_ups(session, now)]


def _watch_newsletters(session: Session, now: datetime) -> list[str]:
    complained_of = session.scalars(
        select(Delivery.newsletter)
        .where(_COMPLAINED, Delivery.settled_at > now - WINDOW, Delivery.newsletter.is_not(None))
        .distinct()
    )
    news = []
    for slug in sorted(filter(None, complained_of)):
        row = session.get(Pace, newsletter_way(slug))
        if row and row.stopped:
            continue
        since = max(now - WINDOW, (row and row.closed_until) or now - WINDOW)
        found = standing(session, since, Delivery.newsletter == slug)
        if found.reached >= ENOUGH and found.complaints >= ALARMING:
            news += _answer_complaints(session, slug, found, since, now)
    return news


def _answer_complaints(
    session: Session, slug: str, found: Standing, since: datetime, now: datetime
) -> list[str]:
    """Stop the newsletter, or tell of it, once a day."""
    row = locked_row(session, newsletter_way(slug))
    share = f"{found.complaints:.2%}"
    words = (
        f"readers complained of {found.complained:,} of {found.reached:,} mails since "
        f"{since:%Y-%m-%d %H:%M} UTC ({share})"
    )
    if row.stopped:
        return []
    if found.complaints >= TOO_MANY:
        stop(session, row.key, words)
        log.error("newsletter_stopped", newsletter=slug, complaints=share)
        return [f"{slug} is stopped: {words}; `newsletter pace open {row.key}` lets it go on"]
    if row.day == now.date():
        return []
    row.day = now.date()
    session.flush()
    log.warning("complaints", newsletter=slug, complaints=share)
    return [f"{slug}: {words}; from {TOO_MANY:.1%} on it is stopped"]


def _watch_warm_ups(session: Session, now: datetime) -> list[str]:
    """Begin each warm-up that does harm anew tomorrow, with what today allows: so it does not grow."""
    clock = database_now(session)
    tomorrow = clock.date() + timedelta(days=1)
    growing = [row.key for row in session.scalars(select(Pace).order_by(Pace.key)) if _grows(row, clock)]
    found = standing(session, now - WARM_UP_WINDOW) if growing else Standing(0, 0, 0, 0)
    if not found.harms_a_warm_up():
        return []
    news = []
    words = f"{found.bounces:.1%} bounced and {found.complaints:.2%} were complained of"
    for key in growing:
        row = locked_row(session, key)
        today = ways.ceiling(row, clock)
        if today is not None and _grows(row, clock):
            row.warm_up_first, row.warm_up_from = today, tomorrow
            log.warning("warm_up_held", way=key, ceiling=today, reason=words)
            news.append(f"{key} stays at {today:,} mails a day tomorrow: of the last {found.left:,}, {words}")
    session.flush()
    return news


def _grows(row: Pace, clock: datetime) -> bool:
    """Whether tomorrow more may leave by it than today."""
    begun = row.warm_up_from is not None and row.warm_up_from <= clock.date()
    return begun and ways.ceiling(row, clock) is not None


def standing(session: Session, since: datetime, *which: ColumnElement[bool]) -> Standing:
    """What became of the digests that left since then."""
    row = session.execute(
        select(
            func.count(),
            func.count().filter(Delivery.state == DeliveryState.ACCEPTED, _REACHED),
            func.count().filter(_BOUNCED),
            func.count().filter(_COMPLAINED),
        ).where(
            Delivery.kind == DeliveryKind.DIGEST,
            Delivery.state.in_((DeliveryState.ACCEPTED, DeliveryState.REFUSED)),
            Delivery.settled_at > since,
            *which,
        )
    ).one()
    return Standing(*row)
