"""Why a story reached a reader, or did not: every rule passed and failed, by issues and by alerts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.alerts.explaining import explain
from newsletter.alerts.explanation import AlertExplanation, as_json
from newsletter.grouping import reading
from newsletter.models import Delivery, Issue, Newsletter, Pick, Story
from newsletter.models.delivery import DeliveryKind
from newsletter.outbox import fate
from newsletter.preview import selection_for
from newsletter.selection import Decision
from newsletter.site import Site
from subscribers import roster
from subscribers.models import Subscriber, SubscriptionState


@dataclass(frozen=True)
class Explanation:
    """One issue that had the story among its candidates, as this reader saw it."""

    newsletter: str
    date: str
    issue_state: str
    decision: Decision
    #: what the reader gets of the issue at all, in words
    mail: str

    def to_json(self) -> dict[str, object]:
        return {
            "newsletter": self.newsletter,
            "date": self.date,
            "issue_state": self.issue_state,
            "picked": self.decision.place is not None,
            "place": self.decision.place,
            "score": self.decision.score,
            "reasons": as_json(self.decision.reasons),
            "changes": list(self.decision.changes),
            "mail": self.mail,
        }


@dataclass(frozen=True)
class Ways:
    """All ways by which a story may have come to a reader."""

    #: the newest issue first; none where no issue of theirs ever had it to tell
    digests: list[Explanation]
    #: the newest first; none for a reader who has nothing to do with alerts
    alerts: list[AlertExplanation]

    def to_json(self) -> list[dict[str, Any]]:
        return [
            *(digest.to_json() for digest in self.digests),
            *(alert.to_json() for alert in self.alerts),
        ]


def ways(session: Session, subscriber: Subscriber, story: Story, site: Site, *, now: datetime) -> Ways:
    """The story's ways to this reader, by digests and by alerts."""
    return Ways(why(session, subscriber, story), explain(session, subscriber, story, site, now=now))


def why(session: Session, subscriber: Subscriber, story: Story) -> list[Explanation]:
    """The story's way to this reader, newest issue first; empty if no issue ever had it to tell."""
    issues = session.scalars(
        select(Issue)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .join(Pick, Pick.issue_id == Issue.id)
        .where(
            Pick.story_id == story.id,
            Newsletter.slug.in_([one.newsletter for one in subscriber.subscriptions]),
        )
        .order_by(Issue.publish_at.desc())
    ).all()
    return [_explain(session, issue, subscriber, story) for issue in issues]


def _explain(session: Session, issue: Issue, subscriber: Subscriber, story: Story) -> Explanation:
    selection = selection_for(session, issue, subscriber)
    decision = next(d for d in selection.decisions if d.candidate.story_id == story.id)
    return Explanation(
        newsletter=issue.newsletter.slug,
        date=issue.date.isoformat(),
        issue_state=issue.state,
        decision=decision,
        mail=mail_of(session, issue, subscriber)
        or f"none: {selection.skipped or 'not a reader when it went out'}",
    )


def mail_of(session: Session, issue: Issue, subscriber: Subscriber) -> str | None:
    """What became of the reader's mail of the issue, or what keeps it back; None where that is not the
    reader's own doing."""
    delivery = session.scalar(
        select(Delivery).where(
            Delivery.kind == DeliveryKind.DIGEST,
            Delivery.occasion_id == issue.id,
            Delivery.subscriber_id == subscriber.id,
        )
    )
    if delivery is not None:
        return fate(delivery)
    state = subscriber.state(issue.newsletter.slug)
    if state is None:
        return "none: they never subscribed to this newsletter"
    if state != SubscriptionState.CONFIRMED:
        return f"none: the subscription is {state}"
    timing = reading(issue, subscriber.rhythm)
    if timing is None:
        return "none: the reader chose other days of the week"
    standing = roster.recipients(session, [subscriber.id], issue.newsletter.slug, now=timing[0])
    if isinstance(barred := standing[subscriber.id], str):
        return f"none: {barred}"
    if issue.published_at is None:
        return f"not yet published; would be due {timing[0]:%Y-%m-%d %H:%M} UTC"
    return None
