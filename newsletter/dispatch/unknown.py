"""Mails of which nobody knows whether they were taken: what becomes of them, by whose decision.

Evidence settles them first (`feedback`). Without any, after its wait, a letter is repeated once, and
the mails of a newsletter by its own policy: kept as they are, or repeated once. An alert is repeated
while it is news, and never in its reader's quiet. An operator may decide at any time.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, exists, or_, select, update
from sqlalchemy.orm import Session

from newsletter.desk.planning import missed, plan, timetable
from newsletter.desk.states import step
from newsletter.dispatch.settling import reopen_issues
from newsletter.models import Alert, AlertReader, Correction, Delivery, Issue, Newsletter
from newsletter.models.alert import AlertKind, AlertState
from newsletter.models.delivery import OPEN, DeliveryKind, DeliveryState, Priority
from newsletter.models.desk import CorrectionKind
from newsletter.models.issue import IssueState
from newsletter.newsletters import ALERT, with_issues
from newsletter.providers.words import keep
from newsletter.schedule import due
from newsletter.store.engine import UNSEEN

#: whoever waits for a letter asks for another one soon
LETTER_WAIT = timedelta(minutes=15)
#: an alert is news for a short while
ALERT_WAIT = timedelta(minutes=15)
#: set before mails that a backup brought back: no policy repeats them
AFTER_RESTORE = "restored from a backup: it may have left since"
#: how long after its wait a mail is still repeated: nobody wants old numbers again
NOT_FOR_LONG = timedelta(days=1)
#: how long a repeated mail may take to leave
REPEAT_LIFE = timedelta(hours=12)
#: mails repeated in one transaction
BATCH = 1_000


class Decision(StrEnum):
    """What an operator makes of an unknown mail."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPEAT = "repeat"


class NotUnknown(ValueError):
    """Only unknown mails are settled by hand; what was cancelled or is wrong, or comes too late, is not
    repeated."""


def repeat_by_policy(session: Session, *, now: datetime) -> int:
    """Put back what may be repeated once, its wait being over; returns how many mails that were."""
    waits = _waits(session, now)
    ids = session.scalars(
        select(Delivery.id)
        .where(
            Delivery.state == DeliveryState.UNKNOWN,
            # what the parts below say together, for the index
            Delivery.settled_at >= now - max(wait for _, wait in waits) - NOT_FOR_LONG,
            or_(
                *(
                    and_(which, Delivery.settled_at.between(now - wait - NOT_FOR_LONG, now - wait))
                    for which, wait in waits
                )
            ),
            Delivery.repeats == 0,
            Delivery.reason.is_distinct_from(AFTER_RESTORE),
            _wanted_still(now),
        )
        .order_by(Delivery.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    _put_back(session, ids, "nobody knew whether it was taken: it is handed over once more", now)
    return len(ids)


def _waits(session: Session, now: datetime) -> list[tuple[ColumnElement[bool], timedelta]]:
    """Which mails are repeated at all, and after how long."""
    letters = and_(Delivery.priority == Priority.LETTER, Delivery.expires_at > now)
    repeating = session.execute(
        select(Newsletter.slug, Newsletter.cadence, Newsletter.unknown_wait_hours).where(
            Newsletter.unknown == "repeat"
        )
    )
    by_policy = [
        (Delivery.newsletter == slug, ALERT_WAIT if cadence == ALERT else timedelta(hours=hours))
        for slug, cadence, hours in repeating
    ]
    return [
        (letters, LETTER_WAIT),
        *((and_(which, Delivery.priority != Priority.LETTER), wait) for which, wait in by_policy),
    ]


def _wanted_still(now: datetime) -> ColumnElement[bool]:
    """No mail of a cancelled issue, and no alert that was cancelled or is wrong or no news any more."""
    cancelled = select(Issue.id).where(Issue.state == IssueState.CANCELLED)
    return ~or_(
        and_(Delivery.priority == Priority.DIGEST, Delivery.occasion_id.in_(cancelled)),
        and_(Delivery.kind == DeliveryKind.ALERT, or_(Delivery.expires_at <= now, _taken_back())),
    )


def _taken_back() -> ColumnElement[bool]:
    """Whether the alert tells a story that its editors stopped, or of which it is known that it was wrong."""
    wrong = exists().where(
        Alert.kind != AlertKind.CORRECTION,
        Correction.story_id == Alert.story_id,
        Correction.confirmed_at.is_not(None),
        or_(Correction.revision >= Alert.revision, Correction.kind == CorrectionKind.RETRACTION),
    )
    return exists().where(
        AlertReader.edition_id == Delivery.occasion_id,
        AlertReader.subscriber_id == Delivery.subscriber_id,
        Alert.id == AlertReader.alert_id,
        or_(Alert.state == AlertState.CANCELLED, wrong),
    )


def settle(
    session: Session, delivery_ids: Collection[int], decision: Decision, *, reason: str, now: datetime
) -> None:
    """An operator's decision on unknown mails, all of them or none; the reason is kept with each.

    Raises NotUnknown with the ids that cannot be settled so.
    """
    fits = select(Delivery.id).where(Delivery.id.in_(delivery_ids), Delivery.state == DeliveryState.UNKNOWN)
    if decision is Decision.REPEAT:
        fits = fits.where(_wanted_still(now))
    ids = session.scalars(fits.order_by(Delivery.id).with_for_update()).all()
    if others := sorted(set(delivery_ids) - set(ids)):
        which = ", ".join(map(str, others))
        raise NotUnknown(
            f"nothing was changed, since these are not unknown, of a cancelled issue, or alerts "
            f"that were cancelled or corrected, or came too late: {which}. "
            "`newsletter deliveries show ID` says how one stands"
        )
    if decision is Decision.REPEAT:
        _put_back(session, ids, keep(reason), now)
        return
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids))
        .values(state=DeliveryState(decision), reason=keep(reason), settled_at=now, owner=None),
        execution_options=UNSEEN,
    )


def _put_back(session: Session, ids: Sequence[int], reason: str, now: datetime) -> None:
    """Into the outbox once more; a worker that was only slow can write nothing over it any more."""
    if not ids:
        return
    until = now + REPEAT_LIFE
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids))
        .values(
            state=DeliveryState.QUEUED,
            reason=reason,
            due_at=now,
            # an alert is given no longer life: it ends where its reader's quiet begins
            expires_at=case(
                (and_(Delivery.kind != DeliveryKind.ALERT, Delivery.expires_at < until), until),
                else_=Delivery.expires_at,
            ),
            settled_at=None,
            owner=None,
            repeats=Delivery.repeats + 1,
        ),
        execution_options=UNSEEN,
    )
    reopen_issues(session, ids)


def after_restore(session: Session, *, now: datetime) -> Counter[str]:
    """Make sure that a database from a backup hands nothing over a second time.

    Every mail not settled becomes unknown, and no issue whose time has come is published any more:
    both may have happened since the backup was made. To be called before anything else runs on it.
    Returns how many `mails` and `issues` that were.
    """
    marked = session.scalars(
        update(Delivery)
        .where(Delivery.state.in_(OPEN))
        .values(
            state=DeliveryState.UNKNOWN,
            reason=AFTER_RESTORE,
            settled_at=now,
            owner=None,
            lease_until=None,
            # as if tried: what its mailbox tells may settle it
            attempt=case((Delivery.attempt == 0, 1), else_=Delivery.attempt),
        )
        .returning(Delivery.id),
        execution_options=UNSEEN,
    )
    done = Counter(mails=len(marked.all()))
    for newsletter in session.scalars(with_issues()):
        for occurrence in (*missed(session, newsletter, now=now), *due(timetable(newsletter), now=now)):
            plan(session, newsletter, occurrence)
    waiting = (IssueState.DRAFT, IssueState.HELD, IssueState.APPROVED)
    for issue in session.scalars(
        select(Issue).where(Issue.state.in_(waiting), Issue.publish_at <= now).order_by(Issue.id)
    ):
        step(issue, IssueState.EXPIRED, "restored from a backup: it may have been published since")
        done["issues"] += 1
    return done
