"""Mails' way out by SendGrid and back: what its webhook tells of those very mails, and what follows."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from newsletter.models import Delivery
from newsletter.models.delivery import MailboxState
from newsletter.providers.sendgrid import SendGridProvider
from newsletter.store.engine import reading
from newsletter.tick import tick
from newsletter.web.app import create_app
from newsletter.wiring import Services
from subscribers import suppression
from subscribers.models import Subscriber, SuppressionReason
from tests.dispatching import NOW, queue
from tests.sendgrid_signing import PUBLIC_KEY, headers
from tests.sendgrid_stand_in import KEY, SendGridStandIn, sendgrid_api
from tests.web_server import WebServer, web_server

#: by reader: what SendGrid tells in turn, what is then known of the mailbox, and why it gets no more mail
FATES: list[tuple[list[dict[str, str]], MailboxState | None, SuppressionReason | None]] = [
    ([{"event": "processed"}, {"event": "delivered", "response": "250 ok"}], MailboxState.DELIVERED, None),
    (
        [{"event": "deferred", "response": "451 4.3.2 later", "attempt": "1"}, {"event": "delivered"}],
        MailboxState.DELIVERED,
        None,
    ),
    (
        [{"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user"}],
        MailboxState.HARD_BOUNCED,
        SuppressionReason.BOUNCED,
    ),
    (
        [{"event": "bounce", "type": "blocked", "status": "5.7.1", "reason": "550 5.7.1 not from you"}],
        MailboxState.BLOCKED,
        None,
    ),
    ([{"event": "bounce", "type": "bounce", "status": "5.2.2"}], MailboxState.SOFT_BOUNCED, None),
    (
        [{"event": "delivered"}, {"event": "spamreport"}],
        MailboxState.COMPLAINED,
        SuppressionReason.COMPLAINED,
    ),
    ([{"event": "dropped", "reason": "Bounced Address"}], MailboxState.DROPPED, SuppressionReason.BOUNCED),
    ([{"event": "processed"}], None, None),
]


@pytest.fixture(scope="module")
def stage() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def sendgrid() -> Iterator[SendGridStandIn]:
    with sendgrid_api() as stand_in:
        yield stand_in


def events(stand_in: SendGridStandIn) -> list[dict[str, Any]]:
    """What SendGrid would tell of each mail that it took: its own words, and our arguments beside them."""
    said = []
    for body in stand_in.taken:
        for one in body["personalizations"]:
            reader = int(one["to"][0]["email"].removeprefix("reader").partition("@")[0])
            for minutes, event in enumerate(FATES[reader][0], start=1):
                known = {
                    "email": one["to"][0]["email"],
                    "timestamp": int((NOW + timedelta(minutes=minutes)).timestamp()),
                    "sg_event_id": f"event-{reader}-{minutes}",
                    "sg_message_id": f"message-{reader}.recvd-1",
                }
                said.append({**one["custom_args"], **known, **event})
    return said


def test_out_and_back(services: Services, sendgrid: SendGridStandIn, stage: WebServer) -> None:
    """Told in any order and in triplicate, each mail ends in the state of its mailbox, and the addresses
    of those who bounced or complained are closed, and no others."""
    settings = services.settings.model_copy(update={"sendgrid_webhook_key": (PUBLIC_KEY,)})
    services = replace(services, settings=settings, provider=SendGridProvider(KEY, host=sendgrid.url))
    queue(services, len(FATES))
    tick(services, NOW)
    later = NOW + timedelta(hours=1)
    stage.app = create_app(services, clock=lambda: later)
    told = events(sendgrid)
    assert len({event["delivery_id"] for event in told}) == len(FATES)
    with httpx.Client(base_url=stage.url) as client:
        for batch in (told[::-1], told[::2], told):
            body = b"[" + b",\r\n".join(json.dumps(event).encode() for event in batch) + b"]\r\n"
            assert client.post("/hooks/sendgrid", content=body, headers=headers(body, later)).is_success
    tick(services, later)
    with reading(services.engine) as session:
        rows = session.execute(select(Subscriber.email, Delivery).join(Delivery)).all()
        closed = suppression.reasons(session, [email for email, _ in rows], services.fingerprints)
        found = {email: (row.mailbox, closed.get(email)) for email, row in rows}
        assert {row.state for _, row in rows} == {"accepted"}
    assert found == {f"reader{n}@inbox.example": fate[1:] for n, fate in enumerate(FATES)}
