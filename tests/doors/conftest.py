"""The doors, open: the command line, and the web behind a real socket, over a database of the test's own."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from newsletter.cli.main import main
from newsletter.links import alerts_url, confirm_url, preferences_url, unsubscribe_url
from newsletter.models import Edition
from newsletter.store.engine import reading
from newsletter.web.app import create_app
from newsletter.wiring import Services
from subscribers import roster
from subscribers.models import Subscriber
from subscribers.tokens import Purpose
from tests.command_line import Cli, Run
from tests.conftest import SETTINGS
from tests.web_server import WebServer, web_server

NOW = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
API_KEYS = ("new-" + "n" * 32, "old-" + "o" * 32)

#: for promises that no database has a part in
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass
class Web:
    """An open web door: what is behind it, a client before it, and the time that it reads."""

    services: Services
    client: httpx.Client
    url: str
    now: datetime = NOW

    def subscriber(self, email: str) -> Subscriber | None:
        with reading(self.services.engine) as session:
            found = roster.find(session, email)
            if found:
                session.refresh(found, ["subscriptions", "lens_record"])
                session.expunge_all()
            return found

    def state(self, email: str, newsletter: str = "daily") -> str | None:
        found = self.subscriber(email)
        return found.state(newsletter) if found else None

    def ask(self, email: str, *newsletters: str) -> httpx.Response:
        """Send the subscribe form as a person would."""
        fields = {"newsletters": newsletters or ("daily",), "timezone": "Europe/Paris", "hour": "7"}
        return self.client.post("/subscribe", data={"email": email, **fields})

    def confirm_link(self, email: str, *newsletters: str) -> str:
        tokens, public_id = self.services.tokens, self._public_id(email)
        return confirm_url(self.url, tokens, public_id, newsletters or ("daily",), at=self.now)

    def unsubscribe_link(self, email: str, newsletter: str = "daily") -> str:
        return unsubscribe_url(self.url, self.services.tokens, self._public_id(email), newsletter)

    def act_link(self, email: str, newsletter: str = "daily") -> str:
        act = self.services.tokens.make(Purpose.ACT, self._public_id(email), newsletter)
        return f"{self.url}/act/{act}"

    def preferences_link(self, email: str) -> str:
        return preferences_url(self.url, self.services.tokens, self._public_id(email))

    def alerts_link(self, email: str) -> str:
        return alerts_url(self.url, self.services.tokens, self._public_id(email))

    def tokens(self, email: str) -> dict[Purpose, str]:
        """A token of this reader's for every purpose that is theirs; its door is named like the purpose."""
        public_id, make = self._public_id(email), self.services.tokens.make
        return {
            Purpose.CONFIRM: make(Purpose.CONFIRM, public_id, "daily", "weekly", at=self.now),
            Purpose.PREFERENCES: make(Purpose.PREFERENCES, public_id),
            Purpose.ALERTS: make(Purpose.ALERTS, public_id),
            Purpose.UNSUBSCRIBE: make(Purpose.UNSUBSCRIBE, public_id, "daily"),
            Purpose.ACT: make(Purpose.ACT, public_id, "daily"),
            Purpose.UNDO: make(Purpose.UNDO, public_id, "{}", "0", at=self.now),
            Purpose.DATA: make(Purpose.DATA, public_id, at=self.now),
            Purpose.SIGN_IN: make(Purpose.SIGN_IN, "1", at=self.now),
        }

    def fill_in(self, path: str, email: str) -> str:
        """A path of the application as a link of this reader's, with a token that opens its door."""
        path = re.sub(r"{\w+_id}", "1", path)
        blanks = {"{name}": "delivery-1.eml", "{key}": "k" * 22}
        blanks |= {"{slug}": "daily", "{day}": "2026-01-08", "{audience}": "investors", "{version}": "1"}
        blanks["{fingerprint}"] = self._fingerprint()
        make = self.services.tokens.make
        if "{token}" in path:
            door = path.split("/")[1]
            tokens = {str(purpose): token for purpose, token in self.tokens(email).items()}
            tokens |= {"l": make(Purpose.LINK, "1"), "o": make(Purpose.OPENED, "1")}
            blanks["{token}"] = tokens[door]
            blanks["{reader}"] = make(Purpose.READER, "1")
        for blank, value in blanks.items():
            path = path.replace(blank, value)
        assert "{" not in path, f"{path}: tell this function how to fill it in"
        return path

    def _fingerprint(self) -> str:
        """Of the first edition there is, or one that none has."""
        with reading(self.services.engine) as session:
            first = select(Edition.fingerprint).where(Edition.id == 1)
            return session.scalar(first) or "0" * 32

    def _public_id(self, email: str) -> str:
        found = self.subscriber(email)
        assert found is not None
        return found.public_id


@pytest.fixture(scope="session")
def web_stage() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def web(web_stage: WebServer, services: Services) -> Iterator[Web]:
    settings = {"public_url": web_stage.url, "api_key": tuple(map(SecretStr, API_KEYS))}
    services = replace(services, settings=services.settings.model_copy(update=settings))
    with httpx.Client(base_url=web_stage.url) as client:
        opened = Web(services, client, web_stage.url)
        web_stage.app = create_app(services, clock=lambda: opened.now)
        yield opened
    web_stage.rest()


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database_url: str,
    tmp_path: Path,
) -> Cli:
    """Runs a command on a fresh instance, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name, value in {**SETTINGS, "DATABASE_URL": database_url, "MAIL_FOLDER": "mail"}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Run:
        monkeypatch.setattr(sys, "argv", ["newsletter", *arguments])
        capsys.readouterr()
        code: int | str | None = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return Run(int(code or 0), captured.out, captured.err)

    run("migrate")
    return run
