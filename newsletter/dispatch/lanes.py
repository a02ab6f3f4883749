"""Lanes: in which order mails leave the outbox, letters before alerts, and alerts before digests.

A digest is looked for issue by issue, so that the mails of an issue that is paused cost nothing while
they wait.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from newsletter.dispatch import gates
from newsletter.models import Delivery, Issue, Newsletter
from newsletter.models.delivery import DeliveryKind, Priority
from newsletter.models.issue import IssueState

#: keys of ways, see `gates`
Ways = tuple[str, ...]


class Lane(NamedTuple):
    """Mails that leave before those of the next lane."""

    #: they may have a sender of their own
    of_alerts: bool
    #: which deliveries those are
    holds: ColumnElement[bool]


def lanes(session: Session) -> Iterator[Lane]:
    """What leaves before what: letters, alerts, and then the digests issue by issue."""
    yield Lane(False, Delivery.priority == Priority.LETTER)
    open_still = and_(Delivery.priority == Priority.ALERT, Delivery.newsletter.not_in(_stopped(session)))
    # notes of corrections have the sender of what they correct
    yield Lane(False, and_(open_still, Delivery.kind != DeliveryKind.ALERT))
    yield Lane(True, and_(open_still, Delivery.kind == DeliveryKind.ALERT))
    for issue_id in _issues_on_their_way(session):
        yield Lane(False, and_(Delivery.priority == Priority.DIGEST, Delivery.occasion_id == issue_id))


def routes(
    session: Session, ways: Ways, alert_ways: Ways | None = None
) -> Iterator[tuple[Ways, Iterator[Lane]]]:
    """The lanes, those together whose mails take the same ways; none is looked up before it is asked for.

    Alerts take the `alert_ways`, where they have any of their own.
    """
    of_alerts = ways if alert_ways is None else alert_ways
    yield from groupby(lanes(session), key=lambda lane: of_alerts if lane.of_alerts else ways)


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
