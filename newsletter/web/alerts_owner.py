"""What the pages about a reader's own alerts share: whose link it is, and the line in the ledger."""

from fastapi import Request
from sqlalchemy.orm import Session

from newsletter.alerts.names import names_of
from newsletter.web.pages import Door, alerts_of, ip_of
from newsletter.web.preferences_view import in_a_sentence
from subscribers.alert_rule import AlertRule
from subscribers.ledger import Channel, Evidence
from subscribers.models import Act, Subscriber
from subscribers.tokens import Purpose


def owner(door: Door, token: str) -> str:
    """The public id of the reader whose alerts the link opens. Raises BadToken."""
    [public_id] = door.services.tokens.read(Purpose.ALERTS, token, now=door.clock())
    return public_id


def link(door: Door, token: str) -> str:
    """To all of their alerts."""
    return f"{door.pages.base}/alerts/{token}"


def sign(
    door: Door,
    request: Request,
    session: Session,
    subscriber: Subscriber,
    wording: str,
    rule: AlertRule | None = None,
) -> None:
    """The line in the ledger: what the button said, and for which rule."""
    if rule:
        wording = f"{wording}: {in_a_sentence(rule, names_of(session, door.services.site, [rule]))}"
    evidence = Evidence(Channel.LINK, wording, ip_of(request), door.clock())
    evidence.write(session, Act.CHANGED, subscriber, [alerts_of(door).slug])
    session.flush()
