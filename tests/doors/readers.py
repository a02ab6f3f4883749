"""Readers at the open web door: subscribed by the pages, and what is stored and shown of them."""

import re
from datetime import datetime

import httpx
from sqlalchemy import select

from newsletter.models import Delivery
from newsletter.store.engine import reading
from subscribers.models import Consent, Subscriber
from tests.doors.conftest import Web

ANN = "ann@reader.example"
BOB = "bob@reader.example"
DAILY, WEEKLY = "Race to AGI Daily", "Race to AGI Weekly"


def subscribed(web: Web, email: str = ANN, *newsletters: str) -> None:
    """Make `email` a confirmed subscriber, all by the pages."""
    assert web.ask(email, *newsletters).status_code == 200
    assert web.client.post(web.confirm_link(email, *newsletters)).status_code == 200


def held(web: Web, email: str = ANN) -> dict[str, tuple[str, datetime | None, datetime | None]]:
    """What stands in the row of each subscription."""
    ann = web.subscriber(email)
    assert ann is not None
    return {s.newsletter: (s.state, s.confirmed_at, s.paused_until) for s in ann.subscriptions}


def ledger(web: Web) -> list[Consent]:
    with reading(web.services.engine) as session:
        lines = session.scalars(select(Consent).order_by(Consent.id)).all()
        session.expunge_all()
        return list(lines)


def last_line(web: Web) -> tuple[str, str, list[str]]:
    with reading(web.services.engine) as session:
        line = session.scalars(select(Consent).order_by(Consent.id.desc())).first()
        assert line is not None
        return line.act, line.wording, line.newsletters


def mails(web: Web, email: str) -> list[str]:
    """The kinds of the mails to this address, in the order in which they were queued."""
    with reading(web.services.engine) as session:
        query = select(Delivery.kind).join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        return list(session.scalars(query.where(Subscriber.email == email).order_by(Delivery.id)))


def forms(page: httpx.Response) -> dict[str, str]:
    """The button of each form → where it posts to."""
    found = re.findall(r'<form[^>]*action="([^"]*)".*?</form>', page.text, re.S)
    bodies = re.findall(r'<form[^>]*action="[^"]*".*?</form>', page.text, re.S)
    buttons = {}
    for action, body in zip(found, bodies, strict=True):
        for words in re.findall(r"<button[^>]*>(.*?)</button>", body, re.S):
            buttons[words] = action
    return buttons


def undo_link(page: httpx.Response) -> str:
    return forms(page)["Undo"]
