"""An editors' alert is approved, taken back, released at its time, or stopped.

An approval freezes its pieces and a hash over them and its aim: what leaves is what was approved.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CursorResult, and_, exists, select, update
from sqlalchemy.orm import Session

from newsletter.alert_desk.editing import Act, IllegalStep, check, content_of, note, renew, step
from newsletter.alerts.pieces import compile_pieces, hash_of_approved, is_as_approved, to_json
from newsletter.corrections.book import corrections_of
from newsletter.ledger import one_at_a_time
from newsletter.models import Alert, AlertReader, Delivery
from newsletter.models.alert import AlertReaderState
from newsletter.models.alert import AlertState as S
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.models.desk import CorrectionKind
from newsletter.newsletters import of_alerts
from newsletter.preflight.findings import Finding, blocking
from newsletter.release import Actor
from newsletter.rendering.renderer import Renderer
from newsletter.store.engine import UNSEEN
from subscribers.among import among

#: what is found in an alert as of an instant
Preflight = Callable[[Session, Alert, datetime], Sequence[Finding]]
#: an alert for a later time than that is no alert
MOST_AHEAD = timedelta(days=7)


class NotWhatWasSeen(ValueError):
    """The alert says something else by now than what its approver looked at."""

    def __init__(self, alert: Alert) -> None:
        super().__init__(
            f"alert {alert.id} says something else since you looked: look again, then approve it"
        )


class Barred(ValueError):
    """Preflight found what no alert may leave with."""

    def __init__(self, alert: Alert, findings: Sequence[Finding]) -> None:
        faults = "; ".join(f"{each.where}: {each.words} ({each.remedy})" for each in findings)
        super().__init__(f"preflight bars alert {alert.id}: {faults}")


class SamePerson(ValueError):
    """Whoever changed the alert last may not approve it: that is for another approver."""

    def __init__(self, alert: Alert) -> None:
        super().__init__(f"you changed alert {alert.id} last, and it takes two persons: ask another approver")


class BadTime(ValueError):
    """The alert cannot leave at the time that was chosen; the message says when it can."""


def approve(
    session: Session,
    alert: Alert,
    renderer: Renderer,
    preflight: Preflight,
    actor: Actor,
    *,
    seen: str,
    life: timedelta,
    at: datetime | None = None,
) -> None:
    """Freeze what it says and let it go: `at` a time, or as soon as it cannot be taken back any more.

    `seen` is the `draft_hash` of what its approver looked at; from its release on it is news for its
    `life`. Raises Overtaken, SamePerson, BadTime, Barred, NotWhatWasSeen, IllegalStep, and RenderError.
    """
    check(session, alert, actor)
    if needs_another(session, alert, actor.editor_id):
        raise SamePerson(alert)
    release_at = _release_at(actor.now, at, undo_window(session))
    if faults := blocking(preflight(session, alert, actor.now)):
        raise Barred(alert, faults)
    renew(alert, content_of(session, alert.story))
    pieces = to_json(compile_pieces(session, alert, renderer))
    if seen != hash_of_approved(alert, pieces):
        raise NotWhatWasSeen(alert)
    step(alert, S.APPROVED, f"approved by {actor.name}")
    alert.approved_by, alert.approved_at = actor.name, actor.now
    alert.release_at, alert.expires_at = release_at, release_at + life
    alert.pieces, alert.content_hash = pieces, seen
    note(session, Act.APPROVE, alert, actor, hash=seen, release_at=release_at.isoformat())


def needs_another(session: Session, alert: Alert, editor_id: int | None) -> bool:
    """Whether the two-person rule keeps this editor from approving the alert."""
    return of_alerts(session).two_persons and alert.edited_by == editor_id


def undo_window(session: Session) -> timedelta:
    """How long an approval can be taken back at least."""
    return timedelta(minutes=of_alerts(session).undo_minutes)


def _release_at(now: datetime, at: datetime | None, undo: timedelta) -> datetime:
    if at is None:
        return now + undo
    if at < now + undo:
        soon = f", or less than {undo // timedelta(minutes=1)} min ahead" if undo else ""
        raise BadTime(f"that is over{soon}: choose a later time, or send it now")
    if at > now + MOST_AHEAD:
        raise BadTime(
            f"that is more than {MOST_AHEAD.days} days ahead, and it is no news by then: choose a sooner time"
        )
    return at


def draft_hash(session: Session, alert: Alert, renderer: Renderer) -> str:
    """What an approver sees and approves: over the alert as it would be frozen now. Raises RenderError.

    The alert tells its story as it is known now from here on.
    """
    renew(alert, content_of(session, alert.story))
    return hash_of_approved(alert, to_json(compile_pieces(session, alert, renderer)))


def take_back(session: Session, alert: Alert, actor: Actor) -> None:
    """Undo an approval, as long as nothing is released. Raises Overtaken and IllegalStep."""
    check(session, alert, actor)
    if alert.state != S.APPROVED:
        raise IllegalStep(alert, S.DRAFT)
    step(alert, S.DRAFT, f"approval taken back by {actor.name}")
    note(session, Act.TAKE_BACK, alert, actor)


def release_due(session: Session, *, now: datetime) -> list[str]:
    """Let go what is approved and due, and void or end what must not leave any more; in words.

    Another clock's alerts are passed over.
    """
    approved = (
        select(Alert)
        .where(Alert.state == S.APPROVED)
        .order_by(Alert.release_at, Alert.id)
        .with_for_update(of=Alert, skip_locked=True)
    )
    news = []
    for alert in session.scalars(approved).all():
        assert alert.release_at is not None
        if now >= alert.expires_at:
            step(alert, S.EXPIRED, "not released within its life: it is no news any more")
        elif changed := _changed(session, alert):
            step(alert, S.DRAFT, f"its approval is void, since {changed}: look at it, then approve it anew")
        elif now >= alert.release_at:
            step(alert, S.SPREADING, alert.reason)
        else:
            continue
        news.append(f"alert {alert.id}: {alert.state}: {alert.reason}")
    session.flush()
    return news


def _changed(session: Session, alert: Alert) -> str | None:
    """Why what was approved is not what would leave, if it is not."""
    known = corrections_of(session, [alert.story_id]).get(alert.story_id, ())
    if any(one.kind == CorrectionKind.RETRACTION for one in known):
        return "its story was retracted"
    if alert.story.revision != alert.revision:
        return "its story changed"
    if not is_as_approved(alert):
        return "its aim or its content changed"
    return None


def cancel(session: Session, alert: Alert, actor: Actor) -> int:
    """End it for good; returns how many of its mails that stopped. Raises Overtaken and IllegalStep.

    What waits for a reader is dropped. A mail that has not left is cancelled; what else it tells is
    told by another one.
    """
    # else whoever makes mails of it just now would wait for us, and we for them
    one_at_a_time(session)
    check(session, alert, actor)
    step(alert, S.CANCELLED, f"cancelled by {actor.name}")
    session.flush()
    why = f"alert cancelled by {actor.name}"
    dropped = {"state": AlertReaderState.DROPPED, "reason": why, "rule": None, "due_at": actor.now}
    mine = AlertReader.alert_id == alert.id
    session.execute(
        update(AlertReader).where(mine, AlertReader.state == AlertReaderState.WAITING).values(dropped),
        execution_options=UNSEEN,
    )
    editions = _editions(session, alert)
    stopped = session.execute(
        update(Delivery)
        .where(
            Delivery.kind == DeliveryKind.ALERT,
            among(Delivery.occasion_id, editions),
            Delivery.state.in_((DeliveryState.QUEUED, DeliveryState.CLAIMED)),
        )
        .values(
            state=DeliveryState.CANCELLED, reason=why, settled_at=actor.now, owner=None, lease_until=None
        ),
        execution_options=UNSEEN,
    )
    assert isinstance(stopped, CursorResult)
    if stopped.rowcount:
        unsent = _unsent(editions)
        session.execute(update(AlertReader).where(mine, unsent).values(dropped), execution_options=UNSEEN)
        again = {"state": AlertReaderState.WAITING, "reason": None, "due_at": actor.now}
        again |= {"edition_id": None, "mailed_at": None}
        session.execute(update(AlertReader).where(unsent).values(again), execution_options=UNSEEN)
    note(session, Act.CANCEL, alert, actor, mails=stopped.rowcount)
    return stopped.rowcount


def _editions(session: Session, alert: Alert) -> Sequence[int]:
    """The mails that tell it, each to several readers."""
    query = select(AlertReader.edition_id).where(AlertReader.alert_id == alert.id).distinct()
    return [edition_id for edition_id in session.scalars(query) if edition_id is not None]


def _unsent(editions: Sequence[int]) -> ColumnElement[bool]:
    """Of what was told by these mails: where the reader's was stopped."""
    stopped = exists().where(
        Delivery.kind == DeliveryKind.ALERT,
        Delivery.occasion_id == AlertReader.edition_id,
        Delivery.subscriber_id == AlertReader.subscriber_id,
        Delivery.state == DeliveryState.CANCELLED,
    )
    return and_(
        AlertReader.state == AlertReaderState.MAILED, among(AlertReader.edition_id, editions), stopped
    )
