"""The web door, open: an application over a database of the test's own, behind a real socket."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from newsletter.links import confirm_url, unsubscribe_url
from newsletter.store.engine import reading
from newsletter.web.app import create_app
from newsletter.wiring import Services
from subscribers import roster
from subscribers.models import Subscriber
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
