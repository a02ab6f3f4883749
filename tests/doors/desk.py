"""Editors at the open web door: added, signed in, each with a browser of their own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from newsletter.editors import people, sessions, signing_in
from newsletter.editors.rules import form_token
from newsletter.links import sign_in_url
from newsletter.models.editor import Role
from newsletter.store.engine import writing
from subscribers.address import parse
from tests.doors.conftest import Web

FROM_HERE = {"sec-fetch-site": "same-origin"}


@dataclass
class Desk:
    """An editor who is signed in."""

    web: Web
    editor_id: int
    client: httpx.Client

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def post(self, path: str, data: Mapping[str, Any] | None = None, files: Any = None) -> httpx.Response:
        """Send a form of ours, with the token that every page of this session carries."""
        sent = {"token": self.token(), **(data or {})}
        return self.client.post(path, data=sent, files=files, headers=FROM_HERE)

    def token(self) -> str:
        return form_token(self.client.cookies["desk"])


def an_editor(web: Web, role: Role, email: str | None = None) -> int:
    """Add an editor; returns their number."""
    with writing(web.services.engine) as session:
        return people.add(session, parse(email or f"{role}@desk.example"), role, now=web.now).id


def a_link(web: Web, email: str) -> str:
    """The link that this editor is mailed when they ask to sign in now."""
    with writing(web.services.engine) as session:
        asked = signing_in.ask(session, people.get(session, parse(email)), now=web.now)
    return sign_in_url(web.url, web.services.tokens, asked.id, at=web.now)


def a_session(web: Web, editor_id: int) -> str:
    """The secret of a session of this editor's, begun without the way by mail."""
    with writing(web.services.engine) as session:
        return sessions.begin(session, editor_id, now=web.now)


@contextmanager
def at_desk(web: Web, role: Role = Role.ADMIN, email: str | None = None) -> Iterator[Desk]:
    """A new editor, signed in."""
    email = email or f"{role}@desk.example"
    editor_id = an_editor(web, role, email)
    with browser_of(web, email) as client:
        yield Desk(web, editor_id, client)


@contextmanager
def browser_of(web: Web, email: str) -> Iterator[httpx.Client]:
    """A browser in which this editor signs in."""
    with httpx.Client(base_url=web.url) as client:
        answer = client.post(a_link(web, email), headers=FROM_HERE)
        assert answer.headers["location"] == "/desk"
        yield client
