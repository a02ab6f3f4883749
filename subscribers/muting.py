"""Less of something, by one press in a mail: a story, or all about a company."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from subscribers.enrolment import locked, take
from subscribers.ledger import Channel, Evidence
from subscribers.lens import term
from subscribers.models import Act, MutedStory, Subscriber


def mute_story(
    session: Session,
    subscriber: Subscriber,
    story_id: int,
    *,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    now: datetime,
) -> bool:
    """Tell them nothing more of this story; True when that is new."""
    locked(session, Subscriber.id == subscriber.id)
    if session.get(MutedStory, (subscriber.id, story_id)):
        return False
    session.add(MutedStory(subscriber_id=subscriber.id, story_id=story_id, at=now))
    _write(session, subscriber, Evidence(channel, wording, ip, now))
    return True


def mute_company(
    session: Session,
    subscriber: Subscriber,
    company: str,
    *,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    now: datetime,
) -> bool:
    """Tell them of no story about the company, be it one that they follow; True when that is new."""
    locked(session, Subscriber.id == subscriber.id)
    lens, name = subscriber.lens, frozenset({term(company)})
    muted = replace(lens, companies=lens.companies - name, muted_companies=lens.muted_companies | name)
    changed = take(session, subscriber, muted, None, ...)
    if changed:
        _write(session, subscriber, Evidence(channel, wording, ip, now))
    return changed


def _write(session: Session, subscriber: Subscriber, evidence: Evidence) -> None:
    slugs = [held.newsletter for held in subscriber.subscriptions]
    evidence.write(session, Act.CHANGED, subscriber, slugs)
    session.flush()
