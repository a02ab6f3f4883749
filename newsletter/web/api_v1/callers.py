"""Which program asks: the key that it sends, what its role may, and how often it may ask.

No cookie opens anything here, so no page can ask in an editor's name.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import Message

from newsletter.editors import keys
from newsletter.editors.audit import by_key
from newsletter.editors.rules import may
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from newsletter.web.api_v1 import problems
from newsletter.web.api_v1.problems import REFUSED, Refused
from newsletter.web.pages import FORM_LIMIT, Door, PageRoute, ip_of
from subscribers import throttle
from subscribers.throttle import Limit

#: for one key
BY_KEY = Limit("api key", 600, timedelta(minutes=1))

_UNKNOWN = (
    "No key that lasts came with the request. Send the header Authorization: Bearer KEY;"
    " an admin makes a key at the desk, under Keys."
)

scheme = HTTPBearer(
    scheme_name="key",
    bearerFormat=f"{keys.PREFIX}…",
    description="A key that an admin makes at the desk, under Keys, or by `newsletter keys add`.",
    auto_error=False,
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A program's request."""

    key_id: int
    name: str
    role: Role
    #: whoever made the key: it acts in their name; None for the command line
    editor_id: int | None
    ip: str | None

    @contextmanager
    def writing(self, door: Door) -> Iterator[Session]:
        """A transaction, all of whose lines in the log name the key."""
        with writing(door.services.engine) as session:
            by_key(session, self.name)
            yield session


class KeyNeeds:
    """The dependency of a route: a key of at least `role`. `ApiRoute` has let it in by then."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, request: Request, _key: Annotated[object, Security(scheme)]) -> Caller:
        caller: Caller = request.state.caller
        return caller


ByViewer = Annotated[Caller, Depends(KeyNeeds(Role.VIEWER))]
ByEditor = Annotated[Caller, Depends(KeyNeeds(Role.EDITOR))]
ByApprover = Annotated[Caller, Depends(KeyNeeds(Role.APPROVER))]
ByAdmin = Annotated[Caller, Depends(KeyNeeds(Role.ADMIN))]


class ApiRoute(PageRoute):
    """A route of the API: nothing of a body is read before its sender may send it, and whatever is not
    done is told as a problem."""

    @property
    def needs(self) -> Role:
        """The role that it is for."""
        [found] = [each.call for each in self.dependant.dependencies if isinstance(each.call, KeyNeeds)]
        return found.role

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, needed = super().get_route_handler(), self.needs

        async def respond(request: Request) -> Response:
            door: Door = request.app.state.door
            base = door.services.settings.public_url.rstrip("/")
            try:
                request.state.caller = await run_in_threadpool(_admit, request, door, needed)
                response = await handle(await _within_limit(request))
            except Refused as refusal:
                return problems.answer(base, refusal.kind, refusal.detail, **refusal.more)
            except HTTPException as error:
                return problems.answer_status(base, error.status_code, None)
            except ClientDisconnect:  # nobody reads it
                return problems.answer_status(base, 400, None)
            except RequestValidationError as error:
                return problems.answer_invalid(base, error)
            except (KeyError, IndexError):  # nothing that a program has looked for: a fault of ours
                raise
            except REFUSED as error:
                return problems.answer_refusal(base, error)
            response.headers["cache-control"] = "no-store"
            return response

        return respond


async def _within_limit(request: Request) -> Request:
    """The same request with its body read; TOO_MUCH for a large one."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_LIMIT:
            raise Refused(problems.TOO_MUCH, f"A request may have {FORM_LIMIT // 1024} KiB: send less.")

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)


def _admit(request: Request, door: Door, needed: Role) -> Caller:
    """Whose request it is; counts it, and notes that the key is in use."""
    word, _, secret = request.headers.get("authorization", "").partition(" ")
    now, engine = door.clock(), door.services.engine
    with reading(engine) as session:
        key = keys.find(session, secret.strip()) if word.casefold() == "bearer" else None
        if key is None:
            raise Refused(problems.UNKNOWN_KEY, _UNKNOWN)
        caller = Caller(key.id, key.name, Role(key.role), key.made_by, ip_of(request))
    if not may(caller.role, needed):
        detail = f"The key “{caller.name}” is a key of {caller.role}: this takes {needed} or above."
        raise Refused(problems.ROLE, detail)
    with writing(engine) as session:
        throttle.purge(session, now=now)
        prints = door.services.fingerprints
        within = throttle.admitted(session, [(BY_KEY, str(caller.key_id))], fingerprints=prints, now=now)
        keys.note(session, caller.key_id, now=now)
    if not within:
        raise Refused(problems.TOO_OFTEN, f"A key may ask {BY_KEY.most} times a minute: wait a minute.")
    return caller
