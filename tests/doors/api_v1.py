"""A program at the open web door, with a key of its own."""

from dataclasses import dataclass
from typing import Any

import httpx

from newsletter.editors import keys
from newsletter.models.editor import Role
from newsletter.store.engine import writing
from tests.doors.conftest import Web

API = "/api/v1"


@dataclass
class Program:
    """Sends its key with every request."""

    web: Web
    secret: str

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.ask("GET", path, params=query)

    def ask(self, method: str, path: str, *, seen: str | None = None, **options: Any) -> httpx.Response:
        """`seen`: the ETag of the issue as it was read."""
        headers = {"authorization": f"Bearer {self.secret}"} | ({"if-match": seen} if seen else {})
        return self.web.client.request(method, API + path, headers=headers, **options)

    def seen(self, issue_id: int) -> str:
        """The ETag of the issue as it is now."""
        return self.get(f"/issues/{issue_id}").headers["etag"]

    def change(self, method: str, path: str, issue_id: int, **options: Any) -> httpx.Response:
        """Read the issue, then change it."""
        return self.ask(method, f"/issues/{issue_id}{path}", seen=self.seen(issue_id), **options)


def a_program(
    web: Web, role: Role = Role.ADMIN, *, name: str | None = None, by: int | None = None
) -> Program:
    """A program with a new key."""
    with writing(web.services.engine) as session:
        _, secret = keys.make(session, name or f"the {role}'s", role, by=by, now=web.now)
    return Program(web, secret)
