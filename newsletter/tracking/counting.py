"""Count a visit: an issue opened, or a link followed.

Of most visits only a number by issue, link, day and kind of visitor is kept. Of readers who agreed to
it, and of nobody else, also that they opened this mail or followed this link, for KEPT.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.models import Delivery, Hit, Issue, Newsletter, ReaderHit
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.models.tracking import Visitor
from newsletter.store.engine import UNSEEN
from newsletter.tracking.visitors import AT_ONCE, SEVERAL, visitor
from subscribers.engagement import engaged
from subscribers.models import Subscriber
from subscribers.unique import count_up

#: stands for the picture, where a link has its number
OPENED = 0
#: how long it is known who opened and followed what; the numbers stay
KEPT = timedelta(days=90)
#: rows looked at in one go
PORTION = 1_000

_KEY = ("issue_id", "link_id", "day", "visitor")


@dataclass(frozen=True, slots=True)
class Visit:
    issue_id: int
    #: OPENED for the picture
    link_id: int
    #: whose mail it was, as its links say; None in those of readers who did not agree
    delivery_id: int | None
    #: as the visitor calls itself; never kept
    agent: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Mail:
    """The mail of a reader who agrees to be counted."""

    delivery_id: int
    subscriber_id: int
    #: None while it is not known to be accepted
    accepted_at: datetime | None


#: what is added to the rows of `Hit`, by their key
_Sums = Counter[tuple[int, int, date, str]]


def count(session: Session, visits: Iterable[Visit]) -> None:
    """Count the visits; nothing is kept of those to a newsletter that does not count any more.

    The rows are written last and in order, so that two who count at once wait for each other and no more.
    """
    visits = list(visits)
    modes = _modes(session, {visit.issue_id for visit in visits})
    sums: _Sums = Counter()
    for visit in visits:
        mode = modes.get(visit.issue_id, "off")
        if mode != "off":
            mail = _mail(session, visit) if mode == "readers" and visit.delivery_id is not None else None
            who = visitor(visit.agent) if mail is None else _of_reader(session, visit, mail, sums)
            sums[_key(visit.issue_id, visit.link_id, visit.at, who)] += 1
    for key, number in sorted(sums.items()):
        if number:
            count_up(session, Hit, dict(zip(_KEY, key, strict=True)), by=number)


def _modes(session: Session, issue_ids: set[int]) -> dict[int, str]:
    rows = session.execute(
        select(Issue.id, Newsletter.tracking)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .where(Issue.id.in_(issue_ids))
    )
    return dict(rows.all())


def _mail(session: Session, visit: Visit) -> _Mail | None:
    """Locked, so that of many links followed at once each sees those before it."""
    row = session.execute(
        select(Delivery.id, Delivery.subscriber_id, Delivery.state, Delivery.settled_at)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(
            Delivery.id == visit.delivery_id,
            Delivery.kind == DeliveryKind.DIGEST,
            Delivery.occasion_id == visit.issue_id,
            Subscriber.counted,
        )
        .with_for_update(of=Delivery)
    ).one_or_none()
    if row is None:
        return None
    return _Mail(row.id, row.subscriber_id, row.settled_at if row.state == DeliveryState.ACCEPTED else None)


def _of_reader(session: Session, visit: Visit, mail: _Mail, sums: _Sums) -> Visitor:
    """Who came, with what is known of this mail; the reader's own rows are written."""
    before = session.scalars(select(ReaderHit).where(ReaderHit.delivery_id == mail.delivery_id)).all()
    at_once = [hit for hit in before if hit.link_id != OPENED and visit.at - hit.at <= AT_ONCE]
    links = {hit.link_id for hit in at_once} | {visit.link_id} - {OPENED}
    since = visit.at - mail.accepted_at if mail.accepted_at else None
    who = visitor(visit.agent, since_accepted=since, links_at_once=len(links))
    if len(links) >= SEVERAL:
        _take_back(visit.issue_id, [hit for hit in at_once if hit.visitor == Visitor.READER], sums)
    if not any((hit.link_id, hit.visitor) == (visit.link_id, who) for hit in before):
        session.add(ReaderHit(delivery_id=mail.delivery_id, link_id=visit.link_id, visitor=who, at=visit.at))
    if who is Visitor.READER and visit.link_id != OPENED:
        engaged(session, mail.subscriber_id, now=visit.at)
    return who


def _take_back(issue_id: int, hits: list[ReaderHit], sums: _Sums) -> None:
    """What seemed a reader's turned out to be the first steps of a machine."""
    for hit in hits:
        sums[_key(issue_id, hit.link_id, hit.at, Visitor.READER)] -= 1
        sums[_key(issue_id, hit.link_id, hit.at, Visitor.MACHINE)] += 1
        hit.visitor = Visitor.MACHINE


def _key(issue_id: int, link_id: int, at: datetime, who: Visitor) -> tuple[int, int, date, str]:
    return issue_id, link_id, at.astimezone(UTC).date(), who.value


def forget_reader(session: Session, subscriber_id: int) -> None:
    """Forget what this reader opened and followed; the numbers stay."""
    own = select(Delivery.id).where(Delivery.subscriber_id == subscriber_id)
    session.execute(delete(ReaderHit).where(ReaderHit.delivery_id.in_(own)))


def forget_old(session: Session, *, now: datetime) -> int:
    """Forget who opened and followed what longer ago than KEPT, the oldest first, a portion at a time.

    Returns how many visits that were.
    """
    oldest = select(ReaderHit.id).order_by(ReaderHit.id).limit(PORTION)
    gone = session.scalars(
        delete(ReaderHit).where(ReaderHit.id.in_(oldest), ReaderHit.at < now - KEPT).returning(ReaderHit.id),
        execution_options=UNSEEN,
    )
    return len(gone.all())
