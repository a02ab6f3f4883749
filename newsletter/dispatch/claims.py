"""Claim: take what is due, and read consent once more before anything leaves.

Letters go before alerts, alerts before digests. A digest is looked for issue by issue, so that the
mails of an issue that is paused cost nothing while they wait.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session

from newsletter.composition import Claimed
from newsletter.dispatch import gates
from newsletter.dispatch.places import Asking
from newsletter.models import Delivery, Editor, Issue, Newsletter
from newsletter.models.delivery import DeliveryState, Priority
from newsletter.models.issue import IssueState
from newsletter.store.clock import database_now
from newsletter.store.engine import UNSEEN
from subscribers import roster
from subscribers.among import among

#: editions in one claim, at most: the contents of all of them are in memory at one time
MOST_EDITIONS = 100


@dataclass(frozen=True, slots=True)
class Worker:
    """Who claims, and by which way the mail will leave."""

    #: no two dispatchers have the same
    owner: str
    #: the provider's name
    provider: str
    #: the keys of the ways that all its mail takes, see `gates`
    ways: tuple[str, ...]
    #: for how long a claim holds
    lease: timedelta


@dataclass
class Claim:
    """What one claim brought."""

    mails: list[Claimed] = field(default_factory=list)
    #: state → number of deliveries that were settled instead
    settled: Counter[str] = field(default_factory=Counter)
    #: what the ways let through, and why not more
    passage: gates.Passage = field(default_factory=gates.Passage)

    @cached_property
    def attempts(self) -> dict[int, int]:
        """Which attempt it is, by delivery id."""
        return {one.delivery_id: one.attempt for one in self.mails}


class _Due(NamedTuple):
    id: int
    kind: str
    priority: int
    occasion_id: int
    newsletter: str | None
    edition_id: int | None
    subscriber_id: int | None
    editor_id: int | None
    attempt: int
    expires_at: datetime


_COLUMNS = [getattr(Delivery, name) for name in _Due._fields]


def claim(session: Session, limit: int, worker: Worker, *, now: datetime) -> Claim:
    """Take up to `limit` deliveries that are due at `now`, as far as every way lets them through.

    Settled at once are those that came too late, and those whose readers may not be mailed any more.
    """
    found = Claim()
    due = _of_few_editions(_due(session, limit, now))
    if not due:
        return found
    expired = [row.id for row in due if row.expires_at <= now]
    _settle(session, expired, DeliveryState.EXPIRED, "could not leave in its time", now, found)
    ready, barred = _sort_out(session, [row for row in due if row.expires_at > now], now)
    for reason, ids in barred.items():
        _settle(session, ids, DeliveryState.WITHHELD, reason, now, found)
    asking = [Asking(one.delivery_id, one.address, one.letter, one.expires_at) for one in ready]
    found.passage = gates.admit(session, worker.ways, asking, owner=worker.owner, now=now)
    found.mails = [one for one in ready if one.delivery_id in found.passage.ids]
    _take(session, [one.delivery_id for one in found.mails], worker)
    return found


def _due(session: Session, limit: int, now: datetime) -> list[_Due]:
    """Up to `limit` deliveries that are due, locked; those that another worker holds are left out."""
    due: list[_Due] = []
    for lane in _lanes(session):
        due += _first(session, limit - len(due), lane, now)
        if len(due) >= limit:
            break
    return due


def _of_few_editions(due: list[_Due]) -> list[_Due]:
    """The first of them, up to where one edition too many would come in."""
    editions = set()
    for place, row in enumerate(due):
        editions.add(row.edition_id)
        if len(editions) > MOST_EDITIONS:
            return due[:place]
    return due


def _lanes(session: Session) -> Iterator[ColumnElement[bool]]:
    """What leaves before what: letters, alerts, and then the digests issue by issue."""
    yield Delivery.priority == Priority.LETTER
    yield and_(Delivery.priority == Priority.ALERT, Delivery.newsletter.not_in(_stopped(session)))
    for issue_id in _issues_on_their_way(session):
        yield and_(Delivery.priority == Priority.DIGEST, Delivery.occasion_id == issue_id)


def _first(session: Session, limit: int, lane: ColumnElement[bool], now: datetime) -> list[_Due]:
    # past the session, which would take longer over each row than the database
    session.flush()
    rows = session.connection().execute(
        select(*_COLUMNS)
        .where(Delivery.state == DeliveryState.QUEUED, lane, Delivery.due_at <= now)
        .order_by(Delivery.due_at, Delivery.edition_id, Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [*map(_Due._make, rows.all())]


def count_due(session: Session, limit: int, *, now: datetime) -> int:
    """How many deliveries are due at `now` and held by nobody, counted up to `limit`."""
    counted = 0
    for lane in _lanes(session):
        if counted >= limit:
            break
        due = (
            select(Delivery.id)
            .where(Delivery.state == DeliveryState.QUEUED, lane, Delivery.due_at <= now)
            .limit(limit - counted)
        )
        counted += session.scalars(select(func.count()).select_from(due.subquery())).one()
    return counted


def _stopped(session: Session) -> list[str]:
    """The newsletters of which nothing leaves now."""
    slugs = session.scalars(select(Newsletter.slug)).all()
    closed = gates.closed(session, {gates.newsletter_way(slug) for slug in slugs})
    return [slug for slug in slugs if gates.newsletter_way(slug) in closed]


def _issues_on_their_way(session: Session) -> list[int]:
    """Published and not paused, the oldest first; none of a newsletter that is stopped."""
    published = session.execute(
        select(Issue.id, Newsletter.slug)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .where(Issue.state == IssueState.PUBLISHED)
        .order_by(Issue.publish_at, Issue.id)
    ).all()
    closed = gates.closed(session, {gates.newsletter_way(slug) for _, slug in published})
    return [issue_id for issue_id, slug in published if gates.newsletter_way(slug) not in closed]


def _sort_out(
    session: Session, rows: Sequence[_Due], now: datetime
) -> tuple[list[Claimed], dict[str, list[int]]]:
    """Those that may leave, with where they go; and by the reason the ids of those that may not."""
    editors = _editors(session, {row.editor_id for row in rows if row.editor_id is not None})
    by_newsletter: dict[str | None, list[int]] = {}
    for row in rows:
        if row.subscriber_id is not None:
            by_newsletter.setdefault(row.newsletter, []).append(row.subscriber_id)
    standing = {
        newsletter: roster.recipients(session, ids, newsletter, now=now)
        for newsletter, ids in by_newsletter.items()
    }
    ready: list[Claimed] = []
    barred: dict[str, list[int]] = {}
    for row in rows:
        if row.subscriber_id is not None:
            mailbox = standing[row.newsletter][row.subscriber_id]
        else:
            mailbox = editors.get(row.editor_id or 0, "no longer an editor")
        if isinstance(mailbox, str):
            barred.setdefault(mailbox, []).append(row.id)
        else:
            ready.append(_claimed(row, mailbox))
    return ready, barred


def _claimed(row: _Due, mailbox: roster.Mailbox) -> Claimed:
    return Claimed(
        delivery_id=row.id,
        attempt=row.attempt + 1,
        expires_at=row.expires_at,
        kind=row.kind,
        letter=row.priority == Priority.LETTER,
        occasion_id=row.occasion_id,
        newsletter=row.newsletter,
        edition_id=row.edition_id,
        address=mailbox.address,
        public_id=mailbox.public_id,
        counted=mailbox.counted,
    )


def _editors(session: Session, ids: Iterable[int]) -> dict[int, roster.Mailbox]:
    wanted = list(ids)
    if not wanted:
        return {}
    rows = session.execute(
        select(Editor.id, Editor.email).where(Editor.id.in_(wanted), Editor.removed_at.is_(None))
    )
    return {editor_id: roster.Mailbox(email, f"editor-{editor_id}") for editor_id, email in rows}


def _settle(
    session: Session, ids: Sequence[int], state: DeliveryState, reason: str, now: datetime, found: Claim
) -> None:
    if not ids:
        return
    session.execute(
        update(Delivery).where(among(Delivery.id, ids)).values(state=state, reason=reason, settled_at=now),
        execution_options=UNSEEN,
    )
    found.settled[str(state)] += len(ids)


def _take(session: Session, ids: Sequence[int], worker: Worker) -> None:
    if not ids:
        return
    session.execute(
        update(Delivery)
        .where(among(Delivery.id, ids))
        .values(
            state=DeliveryState.CLAIMED,
            owner=worker.owner,
            provider=worker.provider,
            attempt=Delivery.attempt + 1,
            lease_until=database_now(session) + worker.lease,
        ),
        execution_options=UNSEEN,
    )
