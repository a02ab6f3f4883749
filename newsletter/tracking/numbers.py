"""The numbers of an issue: how its mails fared, who left after it, what was opened and followed.

Visitors are always told apart: an open means that a picture was loaded, mostly by no person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import Session, aliased

from newsletter.models import Delivery, Hit, Issue, Link
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.models.tracking import Visitor
from newsletter.proof import proof
from newsletter.tracking.counting import OPENED
from subscribers.models import Subscription, SubscriptionState

#: visitor → number; every kind is there, be it with 0
ByVisitor = Mapping[str, int]


@dataclass(frozen=True)
class LinkNumbers:
    url: str
    clicks: ByVisitor


@dataclass(frozen=True)
class Numbers:
    #: taken by the provider
    accepted: int
    #: what the mailbox said → number of mails, as in the proof
    said: Mapping[str, int]
    #: who got it, then left the newsletter, and got no other issue of it in between
    unsubscribed: int
    #: off, links or readers; as the newsletter stands now
    tracking: str
    opens: ByVisitor
    clicks: ByVisitor
    #: the most followed by readers first
    links: Sequence[LinkNumbers]

    def to_json(self) -> dict[str, object]:
        return {
            "accepted": self.accepted,
            "mailboxes": dict(self.said),
            "unsubscribed": self.unsubscribed,
            "tracking": self.tracking,
            "opens": dict(self.opens),
            "clicks": dict(self.clicks),
            "links": [{"url": link.url, "clicks": dict(link.clicks)} for link in self.links],
        }


def numbers(session: Session, issue: Issue) -> Numbers:
    """All of it, counted now."""
    fates = proof(session, issue)
    hits = session.execute(
        select(Hit.link_id, Link.url, Hit.visitor, func.sum(Hit.count))
        .outerjoin(Link, Link.id == Hit.link_id)
        .where(Hit.issue_id == issue.id)
        .group_by(Hit.link_id, Link.url, Hit.visitor)
    )
    opens, clicks, by_url = _none(), _none(), dict[str, dict[str, int]]()
    for link_id, url, visitor, number in hits:
        if link_id == OPENED:
            opens[visitor] += int(number)
        else:
            clicks[visitor] += int(number)
            by_url.setdefault(url, _none())[visitor] += int(number)
    links = [LinkNumbers(url, counts) for url, counts in by_url.items()]
    links.sort(key=lambda link: (-link.clicks[Visitor.READER], -sum(link.clicks.values()), link.url))
    return Numbers(
        accepted=fates.counts[DeliveryState.ACCEPTED],
        said=fates.said,
        unsubscribed=_left_after(session, issue),
        tracking=issue.newsletter.tracking,
        opens=opens,
        clicks=clicks,
        links=links,
    )


def _none() -> dict[str, int]:
    return dict.fromkeys(map(str, Visitor), 0)


def _left_after(session: Session, issue: Issue) -> int:
    """How many left with this issue as the last that they got."""
    later = aliased(Delivery)
    got = and_(
        Delivery.kind == DeliveryKind.DIGEST,
        Delivery.occasion_id == issue.id,
        Delivery.state == DeliveryState.ACCEPTED,
    )
    another = exists().where(
        later.subscriber_id == Delivery.subscriber_id,
        later.kind == DeliveryKind.DIGEST,
        later.newsletter == Delivery.newsletter,
        later.state == DeliveryState.ACCEPTED,
        later.settled_at > Delivery.settled_at,
        later.settled_at <= Subscription.unsubscribed_at,
    )
    left = and_(
        Subscription.subscriber_id == Delivery.subscriber_id,
        Subscription.newsletter == Delivery.newsletter,
        Subscription.state == SubscriptionState.UNSUBSCRIBED,
        Subscription.unsubscribed_at >= Delivery.settled_at,
    )
    return session.scalars(
        select(func.count()).select_from(Delivery).join(Subscription, left).where(got, ~another)
    ).one()
