"""Count a span of days anew, from the rows that are the only truth about it: ledger, suppressions, mails.

Counts hold no identity, so they stay when a reader is erased.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.models import Issue
from newsletter.models.delivery import OPEN, SETTLED, MailboxState
from newsletter.models.tracking import Visitor
from newsletter.proof import proof
from newsletter.tracking.numbers import numbers as numbers_of
from subscribers.among import among
from subscribers.comings import Line, Step, steps
from subscribers.models import (
    Act,
    Consent,
    LensRecord,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)

#: kinds of a count: all of it, or a part
ALL = ""
AUDIENCE = "audience:"
CHANNEL = "by:"
ISSUE = "issue"

SUPPRESSED = "suppressed"
#: how many subscriptions were confirmed at the end of a day, and of how many a pause lasted
READERS, RESTING = "readers", "resting"

#: acts that may be a step; and those that must be known to tell
_STEPPING = (
    Act.REQUESTED,
    Act.CONFIRMED,
    Act.ATTESTED,
    Act.UNSUBSCRIBED,
    Act.PAUSED,
    Act.RESTORED,
    Act.ERASED,
)
_KNOWN = (*_STEPPING, Act.CHANGED)
FETCH = 5_000


class Key(NamedTuple):
    """What a number counts; the columns of `DayCount`."""

    day: date
    #: slug; empty for what concerns no newsletter
    newsletter: str
    what: str
    kind: str


def midnight(day: date) -> datetime:
    """At which the day begins, in UTC."""
    return datetime.combine(day, time(), UTC)


def tally(session: Session, first: date, end: date) -> Counter[Key]:
    """What happened from `first` to the day before `end`: steps of subscribers, and suppressions."""
    counts = _steps(session, midnight(first), midnight(end))
    counts.update(_suppressed(session, midnight(first), midnight(end)))
    return counts


def _steps(session: Session, first: datetime, end: datetime) -> Counter[Key]:
    found: Counter[tuple[int, str, Key]] = Counter()
    for lens_id, lines in _people(session, first, end):
        for one in steps(lines):
            if one.at >= first:
                found[lens_id, one.channel, Key(one.at.date(), one.newsletter, one.step, ALL)] += one.number
    lenses = select(LensRecord.id, LensRecord.definition).where(
        among(LensRecord.id, {lens_id for lens_id, _, _ in found})
    )
    chosen = {lens_id: lens.get("audiences") or [""] for lens_id, lens in session.execute(lenses)}
    counts: Counter[Key] = Counter()
    for (lens_id, channel, key), number in found.items():
        for kind in (ALL, CHANNEL + channel, *(AUDIENCE + name for name in chosen[lens_id])):
            counts[key._replace(kind=kind)] += number
    return counts


def _people(session: Session, first: datetime, end: datetime) -> Iterator[tuple[int, Iterator[Line]]]:
    """Lens id and lines up to `end`, of each person for whom something may have changed in between."""
    concerned = select(Consent.subscriber_id).where(
        Consent.at >= first, Consent.at < end, Consent.act.in_(_STEPPING)
    )
    rows = session.connection().execute(
        select(
            Consent.subscriber_id,
            Subscriber.lens_id,
            Consent.at,
            Consent.act,
            Consent.newsletters,
            Consent.channel,
        )
        .join(Subscriber, Subscriber.id == Consent.subscriber_id)
        .where(Consent.subscriber_id.in_(concerned), Consent.at < end, Consent.act.in_(_KNOWN))
        .order_by(Consent.subscriber_id, Consent.at, Consent.id),
        execution_options={"yield_per": FETCH},
    )
    for (_, lens_id), own in groupby(rows, key=lambda row: (row[0], row[1])):
        yield lens_id, (Line(*row[2:]) for row in own)


def _suppressed(session: Session, first: datetime, end: datetime) -> Counter[Key]:
    counts: Counter[Key] = Counter()
    # a few thousand rows at most, without an index of their times
    for reason, since in session.execute(
        select(Suppression.reason, Suppression.since).where(
            Suppression.since >= first, Suppression.since < end
        )
    ):
        for kind in (ALL, CHANNEL + reason):
            counts[Key(since.date(), "", SUPPRESSED, kind)] += 1
    return counts


def standing(session: Session, today: date, *, now: datetime) -> Counter[Key]:
    """How many subscriptions were confirmed at the end of the day before, and how many are paused now.

    That is those of now, less what came and more what went today.
    """
    yesterday = today - timedelta(days=1)
    counts: Counter[Key] = Counter()
    resting = func.count().filter(Subscription.paused_until > now)
    for slug, number, paused in session.execute(
        select(Subscription.newsletter, func.count(), resting)
        .where(Subscription.state == SubscriptionState.CONFIRMED)
        .group_by(Subscription.newsletter)
    ):
        counts[Key(yesterday, slug, READERS, ALL)] = number
        counts[Key(yesterday, slug, RESTING, ALL)] = paused
    for key, number in tally(session, today, today + timedelta(days=1)).items():
        if key.kind == ALL and key.what in (Step.CONFIRMED, Step.LEFT):
            change = number if key.what == Step.CONFIRMED else -number
            counts[Key(yesterday, key.newsletter, READERS, ALL)] -= change
    return counts


#: what a mailbox said, as it is shown: a complaint came from a mailbox that took the mail
_SAID = {
    "delivered": (MailboxState.DELIVERED, MailboxState.COMPLAINED),
    "bounced": (
        MailboxState.HARD_BOUNCED,
        MailboxState.SOFT_BOUNCED,
        MailboxState.BLOCKED,
        MailboxState.DROPPED,
    ),
    "complained": (MailboxState.COMPLAINED,),
}


def of_issue(session: Session, issue: Issue) -> Counter[Key]:
    """What became of the mails of an issue, who left after it, what readers opened and followed."""
    fates, counted = proof(session, issue), numbers_of(session, issue)
    found = {
        "frozen": fates.frozen,
        **{str(state): fates.counts[state] for state in SETTLED},
        "open": sum(fates.counts[state] for state in OPEN),
        **{what: sum(fates.said.get(one, 0) for one in said) for what, said in _SAID.items()},
        Step.LEFT.value: counted.unsubscribed,
    }
    if counted.tracking != "off":
        found |= {"opened": counted.opens[Visitor.READER], "followed": counted.clicks[Visitor.READER]}
    slug = issue.newsletter.slug
    return Counter({Key(issue.date, slug, what, ISSUE): number for what, number in found.items()})


def days(first: date, end: date) -> list[date]:
    """From `first` to the day before `end`."""
    return [first + timedelta(days=n) for n in range((end - first).days)]
