"""What is known of a person on our side: for the page that shows it and the file that they may take.

Plain values, ready for JSON; the newsletter adds what it delivered. GDPR art. 15 and 20.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers import suppression
from subscribers.address import parse
from subscribers.alert_choices import AlertChoices
from subscribers.fingerprints import Fingerprints
from subscribers.models import Consent, Subscriber, Tag
from subscribers.rhythm import DAYS
from subscribers.watching import choices_of, watches_of


@dataclass(frozen=True, slots=True)
class Receipt:
    """One line of the consent ledger, as its owner may read it (GDPR art. 7(1))."""

    at: datetime
    act: str
    newsletters: Sequence[str]
    channel: str
    #: the words that were shown, and their version
    wording: str
    version: str | None
    ip: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "act": self.act,
            "newsletters": list(self.newsletters),
            "channel": self.channel,
            "wording": self.wording,
            "wording_version": self.version,
            "ip": self.ip,
        }


def receipts(session: Session, subscriber: Subscriber) -> list[Receipt]:
    """Every line of the ledger about the person, the oldest first."""
    lines = session.scalars(
        select(Consent).where(Consent.subscriber_id == subscriber.id).order_by(Consent.at, Consent.id)
    )
    return [
        Receipt(
            line.at, line.act, line.newsletters, line.channel, line.wording, line.wording_version, line.ip
        )
        for line in lines
    ]


def dossier(session: Session, subscriber: Subscriber, fingerprints: Fingerprints) -> dict[str, Any]:
    """Everything that is kept about the person on this side."""
    rhythm = subscriber.rhythm
    closed = suppression.why(session, parse(subscriber.email), fingerprints)
    return {
        "email": subscriber.email,
        "name": subscriber.name,
        "country": subscriber.country,
        "since": subscriber.created_at.isoformat(),
        "engaged_at": _moment(subscriber.engaged_at),
        "counted": subscriber.counted,
        "rhythm": {
            "timezone": rhythm.timezone,
            "hour": rhythm.hour,
            "weekdays": [DAYS[day] for day in sorted(rhythm.weekdays)],
        },
        "lens": subscriber.lens.definition(),
        "alert_rules": [
            {
                "rule": watch.rule_record.definition,
                "since": watch.made_at.isoformat(),
                "paused_until": _moment(watch.paused_until),
            }
            for watch in watches_of(session, subscriber.id)
        ],
        "alert_choices": _choices(choices_of(session, [subscriber.id])[subscriber.id]),
        "tags": sorted(session.scalars(select(Tag.name).where(Tag.subscriber_id == subscriber.id))),
        "subscriptions": [
            {
                "newsletter": held.newsletter,
                "state": held.state,
                "requested_at": _moment(held.requested_at),
                "confirmed_at": _moment(held.confirmed_at),
                "unsubscribed_at": _moment(held.unsubscribed_at),
                "paused_until": _moment(held.paused_until),
            }
            for held in subscriber.subscriptions
        ],
        "suppression": closed
        and {"reason": closed.reason, "note": closed.note, "since": _moment(closed.since)},
        "consent": [receipt.to_json() for receipt in receipts(session, subscriber)],
    }


def _choices(choices: AlertChoices) -> dict[str, Any]:
    days = [DAYS[day] for day in sorted(choices.quiet_days)]
    return asdict(choices) | {"quiet_days": days}


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
