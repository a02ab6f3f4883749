"""The budget: how many mails a reader gets on one day of theirs, digests and alerts together.

Alerts use it first: one that is on its way counts already, a digest only once it leaves. But a digest is
put off once at most: a place is kept for the next, so that nobody's stories wait for ever. It is looked at
when alerts are made into mails, and once more when a mail is about to leave. Everything is found from the
readers' side by unique keys, however many mails there were.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, insert, or_, select
from sqlalchemy.orm import Session

from newsletter.alerts.quiet import day_of
from newsletter.ledger import TELLS_A_STORY
from newsletter.models import AlertReader, Delivery, EditionStory, Issue, Newsletter
from newsletter.models.alert import AlertReaderState, of_state
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.models.issue import LEAVING, IssueState
from newsletter.newsletters import ALERT
from newsletter.rendering.pieces import is_line
from newsletter.store.engine import UNSEEN
from subscribers.alert_choices import AlertChoices
from subscribers.alert_models import AlertChoicesRecord
from subscribers.among import among, one_of
from subscribers.models import Subscriber

#: why a mail is withheld that would be one too many
USED_UP = "the day's mails are used up"
#: the longest day of a reader, when clocks are put back
_LONGEST_DAY = timedelta(hours=25)
#: after which no mail of an alert leaves any more, see `site.AlertSpec.life_hours`
UNTIL_ALL_LEFT = timedelta(hours=72)
_LEAVING = (DeliveryState.CLAIMED, DeliveryState.SUBMITTING)
_LEFT = (DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)


class Mails(NamedTuple):
    """The mails of a reader's day."""

    #: those that left, or are leaving
    left: int = 0
    #: alerts that wait in the outbox
    waiting: int = 0
    #: 1 where no alert may take the last place: the digest before was put off for one
    kept: int = 0


def mails_of_the_day(session: Session, readers: Mapping[int, ZoneInfo], now: datetime) -> dict[int, Mails]:
    """The digests and alerts of each reader on the day that it is for them at `now`."""
    days = {zone: day_of(zone, now)[0] for zone in set(readers.values())}
    left, waiting = Counter[int](), Counter[int]()
    #: of the last digest that left or was to: when it was due, and whether it was put off
    last: dict[int, tuple[datetime, bool]] = {}
    for subscriber_id, kind, state, settled_at, due_at, reason, repeats in _recent(session, readers, now):
        put_off = state == DeliveryState.WITHHELD and reason == USED_UP
        if kind == DeliveryKind.DIGEST and (put_off or state in (*_LEAVING, *_LEFT)):
            last[subscriber_id] = max((due_at, put_off), last.get(subscriber_id, (due_at, put_off)))
        # one that was in doubt and repeated may have left before, whatever became of it then
        has_left = state in _LEFT or (repeats and settled_at is not None)
        if state in _LEAVING or (has_left and settled_at >= days[readers[subscriber_id]]):
            left[subscriber_id] += 1
        elif state == DeliveryState.QUEUED and kind == DeliveryKind.ALERT:
            waiting[subscriber_id] += 1
    return {
        reader: Mails(left[reader], waiting[reader], int(reader in last and last[reader][1]))
        for reader in readers
    }


def _recent(
    session: Session, readers: Collection[int], now: datetime
) -> Iterator[tuple[int, str, str, datetime, datetime, str | None, int]]:
    """Reader, kind, state, settling, due time, reason, and how often it was repeated, of all digests and
    alerts that may be of this day."""
    facts = (
        Delivery.subscriber_id,
        Delivery.kind,
        Delivery.state,
        Delivery.settled_at,
        Delivery.due_at,
        Delivery.reason,
        Delivery.repeats,
    )
    if issues := recent_issues(session, now):
        yield from session.execute(  # type: ignore[misc]
            select(*facts).where(
                Delivery.kind == DeliveryKind.DIGEST,
                Delivery.occasion_id.in_(issues),
                one_of(Delivery.subscriber_id, readers),
            )
        )
    mailed = (
        select(AlertReader.subscriber_id, AlertReader.edition_id)
        .where(*_alerted(readers, now), AlertReader.edition_id.is_not(None))
        .distinct()
        .subquery()
    )
    yield from session.execute(  # type: ignore[misc]
        select(*facts).join(
            mailed,
            (Delivery.kind == DeliveryKind.ALERT)
            & (Delivery.occasion_id == mailed.c.edition_id)
            & (Delivery.subscriber_id == mailed.c.subscriber_id),
        )
    )


def recent_issues(session: Session, now: datetime) -> Sequence[int]:
    """The ids of the issues of which mails may have left on a day that is not over yet somewhere."""
    lately = now - _LONGEST_DAY
    return session.scalars(
        select(Issue.id).where(
            or_(
                Issue.state.in_(LEAVING),
                Issue.finished_at > lately,
                and_(Issue.state == IssueState.CANCELLED, Issue.published_at > lately - UNTIL_ALL_LEFT),
            )
        )
    ).all()


def _alerted(readers: Collection[int], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        one_of(AlertReader.subscriber_id, readers),
        of_state(AlertReaderState.MAILED),
        AlertReader.mailed_at > now - _LONGEST_DAY - UNTIL_ALL_LEFT,
    )


class Asking(NamedTuple):
    """A digest or an alert that would leave now."""

    delivery_id: int
    subscriber_id: int
    kind: str
    edition_id: int | None


@dataclass
class Answer:
    """What the budget says of the mails that would leave."""

    #: one too many
    beyond: list[Asking] = field(default_factory=list)
    #: somebody else sees to their readers just now: ask again
    busy: list[Asking] = field(default_factory=list)


def ask(session: Session, asking: Sequence[Asking], *, now: datetime) -> Answer:
    """Which of them would be one too many for their readers; the first of a reader's go before the others.

    The readers for whom that may be are locked, so that no two mails take the same last place.
    """
    found = Answer()
    if not asking or not _has_alerts(session):
        return found
    caps = _in_question(session, {one.subscriber_id for one in asking}, now)
    if not caps:
        return found
    zones = lock_readers(session, caps)
    mails = mails_of_the_day(session, zones, now)
    # alerts use the budget first
    for one in sorted(asking, key=lambda one: one.kind != DeliveryKind.ALERT):
        reader = one.subscriber_id
        if reader not in caps:
            continue
        if reader not in zones:
            found.busy.append(one)
            continue
        left, waiting, kept = mails[reader]
        is_alert = one.kind == DeliveryKind.ALERT
        if (left if is_alert else left + waiting) >= caps[reader]:
            found.beyond.append(one)
            left -= 1
        mails[reader] = Mails(left + 1, waiting - is_alert, kept)
    return found


def lock_readers(session: Session, readers: Collection[int]) -> dict[int, ZoneInfo]:
    """The zones of those of the readers whom nobody else sees to; they are locked for this transaction."""
    rows = session.execute(
        select(Subscriber.id, Subscriber.timezone)
        .where(one_of(Subscriber.id, readers))
        .order_by(Subscriber.id)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return {subscriber_id: ZoneInfo(timezone) for subscriber_id, timezone in rows}


def _has_alerts(session: Session) -> bool:
    return session.scalar(select(Newsletter.id).where(Newsletter.cadence == ALERT).limit(1)) is not None


def _in_question(session: Session, readers: Collection[int], now: datetime) -> dict[int, int]:
    """How many mails a day those want for whom there could be as many, if all of late were of today and
    one more came up meanwhile."""
    alerts: dict[int, int] = dict(
        session.execute(
            select(AlertReader.subscriber_id, func.count(AlertReader.edition_id.distinct()))
            .where(*_alerted(readers, now))
            .group_by(AlertReader.subscriber_id)
        ).all()
    )
    wanted: dict[int, int] = dict(
        session.execute(
            select(AlertChoicesRecord.subscriber_id, AlertChoicesRecord.mails_a_day).where(
                one_of(AlertChoicesRecord.subscriber_id, readers)
            )
        ).all()
    )
    digests, usual = len(recent_issues(session, now)), AlertChoices().mails_a_day
    some = readers if digests >= usual else alerts.keys() | wanted.keys()
    caps = {reader: wanted.get(reader, usual) for reader in some}
    return {reader: cap for reader, cap in caps.items() if alerts.get(reader, 0) + digests >= cap}


def fold_withheld(session: Session, withheld: Sequence[Asking], *, now: datetime) -> None:
    """The stories of these digests are for their readers' next one."""
    digests = [one for one in withheld if one.kind == DeliveryKind.DIGEST]
    if not digests:
        return
    stories: dict[int | None, list[int]] = {}
    rows = session.execute(
        select(EditionStory.edition_id, EditionStory.story_id, EditionStory.piece).where(
            among(EditionStory.edition_id, {one.edition_id for one in digests if one.edition_id}),
            TELLS_A_STORY,
        )
    )
    for edition_id, story_id, piece in rows:
        if not is_line(piece):
            stories.setdefault(edition_id, []).append(story_id)
    alike = {"rules": [], "changes": [], "state": AlertReaderState.FOLDED, "reason": USED_UP}
    folded = [
        {
            **alike,
            "subscriber_id": one.subscriber_id,
            "story_id": story_id,
            "decided_at": now,
            "due_at": now,
        }
        for one in digests
        for story_id in stories.get(one.edition_id, ())
    ]
    if folded:
        session.execute(insert(AlertReader), folded, execution_options=UNSEEN)
