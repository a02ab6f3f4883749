"""The canary: one person goes through everything, in by every way and out again; then nothing of what
we keep, wrote or logged holds their address or name."""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import MetaData, select

from newsletter.cli.main import configure_logs
from newsletter.intake.take_in import take_in
from newsletter.links import preferences_url, unsubscribe_url
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
from tests.web_server import WebServer, web_server

MORNING = datetime(2026, 1, 8, 2, 0, tzinfo=UTC)
CANARY = "Tweety.Canary@yellowbird.example"
#: as they may stand anywhere, whatever the case
SECRET_WORDS = ("tweety", "yellowbird")
NAME = "Tweety von Yellowbird"
TOKEN = re.compile(r"/(?:confirm|unsubscribe|preferences|act|undo|data)/([\w.=-]{20,})")


@pytest.fixture(scope="module")
def stage() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


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
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """While they are with us no log line holds address, name or token; once erased, no table, log,
    mail or file of ours does, although they came by form, by import and by hand, and read a digest."""
    now = MORNING
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
        assert client.post(f"{data}/erase").status_code == 200
        client.post("/data", data={"email": CANARY})
        assert bring_in(services, now).kept_out == 1
        tick(services, now + timedelta(days=1))
    logged = logs(caplog, capsys)
    assert "issue" in logged
    assert found(logged) == []
    assert len(seen_tokens) >= 6
    assert not [token for token in seen_tokens if token in logged]
    assert found(dump(services)) == []
    assert found("\n".join(mails(services))) == []
    assert found("\n".join(path.name for path in Path(services.settings.mail_folder).iterdir())) == []


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
