"""The canary: one person goes through everything, in by every way and out again; then nothing of what
we keep, wrote or logged holds their address or name."""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import MetaData, select

from newsletter.cli.logs import configure_logs
from newsletter.hooks import registry
from newsletter.intake.take_in import take_in
from newsletter.links import preferences_url, unsubscribe_url
from newsletter.models import Delivery
from newsletter.models.delivery import DeliveryKind
from newsletter.sources.records import Incoming
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.web.app import create_app
from newsletter.wiring import Services
from subscribers import roster
from subscribers.address import parse
from subscribers.rhythm import Rhythm
from subscribers.transfer.people import ImportReport, Person
from subscribers.transfer.taking import Terms, import_people
from tests.builders import a_story
from tests.conftest import SETTINGS
from tests.hook_receiver import Receiver, hook_receiver
from tests.sendgrid_signing import PUBLIC_KEY, headers
from tests.web_server import WebServer, web_server

MORNING = datetime(2026, 1, 8, 2, 0, tzinfo=UTC)
CANARY = "Tweety.Canary@yellowbird.example"
#: as they may stand anywhere, whatever the case
SECRET_WORDS = ("tweety", "yellowbird")
NAME = "Tweety von Yellowbird"
HOOK_TOKEN = "hook-token-of-the-canary"
TOKEN = re.compile(r"/(?:confirm|unsubscribe|preferences|alerts|act|undo|data)/([\w.=-]{20,})")


@pytest.fixture(scope="module")
def stage() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with hook_receiver() as receiver:
        yield receiver


def dump(services: Services) -> str:
    """Every row of every table there is, be it one of ours or not."""
    tables = MetaData()
    tables.reflect(services.engine)
    with reading(services.engine) as session:
        return "\n".join(
            f"{table.name}: {tuple(row)}"
            for table in tables.sorted_tables
            for row in session.execute(select(table))
        )


def mails(services: Services) -> list[str]:
    """What the folder holds, as its readers decode it."""
    return [
        path.read_text().replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
        for path in services.settings.mail_folder.glob("*.eml")
    ]


def found(text: str) -> list[str]:
    return [word for word in SECRET_WORDS if word in text.casefold()]


def test_a_person_goes_without_a_trace(
    services: Services,
    stage: WebServer,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """While they are with us no log line, metric or error page holds address, name or token; once
    erased, no table, mail or file of ours does either, although they came by form, by import and by
    hand, read a digest that a mailbox told of, and a hook was told of them."""
    now = MORNING
    services = open_hooks(services, receiver, now)
    stage.app = create_app(services, clock=lambda: now)
    seen_tokens: set[str] = set()
    capsys.readouterr()
    configure_logs(logging.INFO)
    with caplog.at_level(logging.INFO), httpx.Client(base_url=stage.url) as client:
        fields = {"email": CANARY, "newsletters": ["daily", "weekly"], "timezone": "UTC", "hour": "6"}
        client.post("/subscribe", data=fields)
        client.post("/api/subscribe", json={"email": CANARY, "newsletters": ["daily"]})
        tick(services, now)
        seen_tokens |= follow(client, services, "confirm")
        assert bring_in(services, now).changed == 1
        with writing(services.engine) as session:
            take_in(session, [Incoming("one", a_story(), "test")], now=now)
        now += timedelta(hours=3)
        tick(services, now)
        now += timedelta(hours=3)
        tick(services, now)
        assert any("List-Id" in mail for mail in mails(services))
        seen_tokens |= press_all(client, services)
        hear_of_it(client, services, now)
        client.post("/data", data={"email": CANARY})
        tick(services, now)
        seen_tokens |= {token for mail in mails(services) for token in TOKEN.findall(mail)}
        [data] = {
            f"/data/{token}"
            for mail in mails(services)
            for token in re.findall(r"/data/([\w.=-]{20,})", mail)
        }
        export = client.post(f"{data}/export").text
        assert found(export) == list(SECRET_WORDS)
        assert found(dump(services)) == list(SECRET_WORDS)
        assert found(troubles_and_numbers(client)) == []
        assert client.post(f"{data}/erase").status_code == 200
        client.post("/data", data={"email": CANARY})
        assert bring_in(services, now).kept_out == 1
        tick(services, now + timedelta(days=1))
        assert found(troubles_and_numbers(client)) == []
    kinds = set(receiver.kinds())
    assert {"subscriber.asked", "delivery.blocked", "issue.published", "subscriber.erased"} <= kinds
    assert found(receiver.told[0].body.decode()) == list(SECRET_WORDS)
    assert found(receiver.told[-1].body.decode()) == []
    logged = logs(caplog, capsys)
    assert "issue" in logged
    assert found(logged) == []
    assert len(seen_tokens) >= 6
    assert not [token for token in {*seen_tokens, HOOK_TOKEN} if token in logged]
    assert found(dump(services)) == []
    assert found("\n".join(mails(services))) == []
    assert found("\n".join(path.name for path in Path(services.settings.mail_folder).iterdir())) == []


def open_hooks(services: Services, receiver: Receiver, now: datetime) -> Services:
    """The services with SendGrid's door open, and a hook that is told everything."""
    with writing(services.engine) as session:
        registry.add(session, f"{receiver.url}/?token={HOOK_TOKEN}", (), now=now)
    settings = services.settings.model_copy(update={"sendgrid_webhook_key": (PUBLIC_KEY,)})
    return replace(services, settings=settings)


def hear_of_it(client: httpx.Client, services: Services, now: datetime) -> None:
    """SendGrid tells of their digest in the words of a mailbox that repeats the address; and garbage."""
    with reading(services.engine) as session:
        digest = session.scalars(select(Delivery.id).where(Delivery.kind == DeliveryKind.DIGEST)).first()
    events = [
        {
            "event": event,
            "type": "blocked",
            "sg_event_id": f"event-{number}",
            "timestamp": int(now.timestamp()),
            "email": CANARY,
            "delivery_id": str(digest),
            "reason": f"550 5.7.1 <{CANARY}>: not wanted here",
        }
        for number, event in enumerate(("processed", "deferred", "bounce", "unheard of"))
    ]
    for body in (json.dumps(events).encode(), f"[{CANARY}".encode()):
        client.post("/hooks/sendgrid", content=body, headers=headers(body, now))
    tick(services, now)


def troubles_and_numbers(client: httpx.Client) -> str:
    """What a scrape reads, and what is answered to requests that go wrong and hold the address."""
    metrics = client.get("/metrics", headers={"authorization": f"Bearer {SETTINGS['API_KEY']}"})
    assert "newsletter_subscriptions" in metrics.text
    wrong = [
        client.get(f"/{CANARY}"),
        client.get(f"/confirm/{CANARY}"),
        client.post("/manage", content=CANARY),
        client.post("/api/stories", json=[CANARY]),
        client.post("/api/subscribe", json={"email": f"{CANARY}@", "newsletters": [CANARY]}),
        client.get("/metrics", headers={"authorization": f"Bearer {CANARY}"}),
    ]
    assert all(answer.status_code >= 400 for answer in wrong), [answer.status_code for answer in wrong]
    return "\n".join([metrics.text, *(answer.text + str(answer.headers) for answer in wrong)])


def follow(client: httpx.Client, services: Services, door: str) -> set[str]:
    """Open and press every link of that door in the folder; returns their tokens."""
    tokens = {token for mail in mails(services) for token in re.findall(rf"/{door}/([\w.=-]{{20,}})", mail)}
    assert tokens
    for token in tokens:
        client.get(f"/{door}/{token}")
        assert client.post(f"/{door}/{token}").status_code == 200
    return tokens


def press_all(client: httpx.Client, services: Services) -> set[str]:
    """Use the preferences, an act from the mail, the way out and the way back; returns the tokens."""
    with reading(services.engine) as session:
        person = roster.find(session, CANARY)
        assert person is not None
        public_id = person.public_id
    preferences = preferences_url("", services.tokens, public_id)
    leave = unsubscribe_url("", services.tokens, public_id, "weekly")
    for path in (preferences, leave, f"{preferences}x"):
        client.get(path)
    client.post(leave, data={"List-Unsubscribe": "One-Click"})
    client.post("/manage", data={"email": CANARY})
    return {path.rpartition("/")[2] for path in (preferences, leave)}


def bring_in(services: Services, now: datetime) -> ImportReport:
    """As a file brings somebody in, with a name, a country and a tag."""
    person = Person(2, parse(CANARY), Rhythm(), name=NAME, country="CA", tags=frozenset({"yellowbird fan"}))
    terms = Terms(("daily",), f"{NAME} signed a paper form", "")
    with writing(services.engine) as session:
        report, _ = import_people(session, [person], terms, fingerprints=services.fingerprints, now=now)
        return report


def logs(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> str:
    """All that was logged but by the client, and by the access log that real servers do not keep."""
    foreign = ("http", "uvicorn.access")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(foreign)]
    captured = capsys.readouterr()
    return "\n".join((*ours, captured.out, captured.err))
