"""Everything that is known of a person: what `subscribers` keeps, and what the newsletter told them.

Plain values, ready for JSON (GDPR art. 15 and 20).
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.models import Delivery, Edition, Story
from subscribers import dossier as people
from subscribers.models import MutedStory, Subscriber


def dossier(session: Session, subscriber: Subscriber) -> dict[str, Any]:
    """All of it; `deliveries` begin with the oldest."""
    return people.dossier(session, subscriber) | {
        "muted_stories": _muted_stories(session, subscriber),
        "deliveries": _deliveries(session, subscriber),
    }


def _muted_stories(session: Session, subscriber: Subscriber) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Story.title, Story.date, MutedStory.at)
        .join(Story, Story.id == MutedStory.story_id)
        .where(MutedStory.subscriber_id == subscriber.id)
        .order_by(MutedStory.at, Story.id)
    )
    return [
        {"title": title, "date": date.isoformat(), "muted_at": at.isoformat()} for title, date, at in rows
    ]


def _deliveries(session: Session, subscriber: Subscriber) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Delivery, Edition.subject)
        .outerjoin(Edition, Edition.id == Delivery.edition_id)
        .where(Delivery.subscriber_id == subscriber.id)
        .order_by(Delivery.queued_at, Delivery.id)
    )
    return [
        {
            "kind": mail.kind,
            "newsletter": mail.newsletter,
            "subject": subject,
            "state": mail.state,
            "reason": mail.reason,
            "queued_at": mail.queued_at.isoformat(),
            "settled_at": mail.settled_at and mail.settled_at.isoformat(),
        }
        for mail, subject in rows
    ]
