"""Everything that is known of a person: what `subscribers` keeps, and what the newsletter told them.

Plain values, ready for JSON (GDPR art. 15 and 20).
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.models import AlertReader, Delivery, Edition, Link, ReaderHit, Story
from subscribers import dossier as people
from subscribers.fingerprints import Fingerprints
from subscribers.models import MutedStory, Subscriber


def dossier(session: Session, subscriber: Subscriber, fingerprints: Fingerprints) -> dict[str, Any]:
    """All of it; `alerts`, `deliveries` and `visits` begin with the oldest."""
    return people.dossier(session, subscriber, fingerprints) | {
        "muted_stories": _muted_stories(session, subscriber),
        "alerts": _alerts(session, subscriber),
        "deliveries": _deliveries(session, subscriber),
        "visits": _visits(session, subscriber),
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


def _alerts(session: Session, subscriber: Subscriber) -> list[dict[str, Any]]:
    """What was to be told to them at once, and what became of it."""
    rows = session.execute(
        select(AlertReader, Story.title)
        .join(Story, Story.id == AlertReader.story_id)
        .where(AlertReader.subscriber_id == subscriber.id)
        .order_by(AlertReader.decided_at, AlertReader.id)
    )
    return [
        {
            "title": title,
            "changes": alert.changes,
            "state": alert.state,
            "reason": alert.reason,
            "at": alert.decided_at.isoformat(),
            "mailed_at": alert.mailed_at and alert.mailed_at.isoformat(),
        }
        for alert, title in rows
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


def _visits(session: Session, subscriber: Subscriber) -> list[dict[str, Any]]:
    """Mails opened and links followed, where they agreed that it is counted; no link is the mail itself."""
    rows = session.execute(
        select(Edition.subject, Link.url, ReaderHit.visitor, ReaderHit.at)
        .select_from(ReaderHit)
        .join(Delivery, Delivery.id == ReaderHit.delivery_id)
        .outerjoin(Edition, Edition.id == Delivery.edition_id)
        .outerjoin(Link, Link.id == ReaderHit.link_id)
        .where(Delivery.subscriber_id == subscriber.id)
        .order_by(ReaderHit.at, ReaderHit.id)
    )
    return [
        {"subject": subject, "link": url, "visitor": visitor, "at": at.isoformat()}
        for subject, url, visitor, at in rows
    ]
