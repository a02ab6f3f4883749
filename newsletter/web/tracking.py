"""The doors through which links and opens are counted, where a newsletter counts them.

A link leads where its row says, never where its address does. Nothing waits for the counting: it is
done after the answer, and a machine that dies in between loses some counts. HEAD never counts.
"""

import base64
from collections import deque
from threading import Lock

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask

from newsletter.models import Link
from newsletter.store.engine import reading, writing
from newsletter.tracking.counting import OPENED, Visit, count
from newsletter.tracking.visitors import LONGEST_AGENT
from newsletter.web.pages import AtDoor, Door, PageRoute
from subscribers.tokens import BadToken, Purpose

router = APIRouter(route_class=PageRoute)
log = structlog.get_logger()

#: one transparent pixel, 43 bytes
PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")

#: visits that may wait to be counted; the oldest of more are given up
MOST_WAITING = 100_000


class Visits:
    """Counts visits in one thread at a time, however many come at once.

    The others leave theirs to it, so that a rush of machines upon a new issue keeps no page from
    being served, and the more there are, the more of them share a transaction.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: deque[Visit] = deque(maxlen=MOST_WAITING)
        self._turn = Lock()

    def count(self, visit: Visit) -> None:
        self._waiting.append(visit)
        while self._waiting and self._turn.acquire(blocking=False):
            try:
                self._count_waiting()
            finally:
                self._turn.release()

    def _count_waiting(self) -> None:
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        # those of known readers lock their mails: one by one, so that nobody waits crosswise
        portions = [[visit] for visit in waiting if visit.delivery_id is not None]
        if nameless := [visit for visit in waiting if visit.delivery_id is None]:
            portions.append(nameless)
        for portion in portions:
            try:
                with writing(self._engine) as session:
                    count(session, portion)
            except SQLAlchemyError as error:
                log.warning("visits_not_counted", visits=len(portion), reason=type(error).__name__)


@router.get("/l/{token}")
def follow(request: Request, token: str, door: AtDoor) -> Response:
    """To where the link leads; 404 for one that is none of ours."""
    return _follow(door, request, token, None)


@router.get("/l/{token}/{reader}")
def follow_as_reader(request: Request, token: str, reader: str, door: AtDoor) -> Response:
    return _follow(door, request, token, reader)


@router.get("/o/{token:path}")
def opened(request: Request, token: str, door: AtDoor) -> Response:
    """The picture, always: a mail with a broken one would look broken."""
    issue_token, marked, reader = token.partition("/")
    try:
        issue_id = _number(door, Purpose.OPENED, issue_token)
    except BadToken:
        counting = None
    else:
        counting = _counting(door, request, issue_id, OPENED, reader if marked else None)
    return Response(PICTURE, media_type="image/gif", background=counting)


def _follow(door: Door, request: Request, token: str, reader: str | None) -> Response:
    link_id = _number(door, Purpose.LINK, token)
    with reading(door.services.engine) as session:
        link = session.execute(select(Link.url, Link.issue_id).where(Link.id == link_id)).one_or_none()
    if link is None:
        raise BadToken(BadToken.__doc__)
    counting = _counting(door, request, link.issue_id, link_id, reader)
    return RedirectResponse(link.url, 302, background=counting)


def _counting(
    door: Door, request: Request, issue_id: int, link_id: int, reader: str | None
) -> BackgroundTask | None:
    """What is to be done after the answer.

    Nothing for HEAD, and nothing where the mark of a reader is none of ours: so a preview counts for
    nobody.
    """
    if request.method == "HEAD":
        return None
    try:
        delivery_id = None if reader is None else _number(door, Purpose.READER, reader)
    except BadToken:
        return None
    agent = request.headers.get("user-agent", "")[:LONGEST_AGENT]
    visits: Visits = request.app.state.visits
    return BackgroundTask(visits.count, Visit(issue_id, link_id, delivery_id, agent, door.clock()))


def _number(door: Door, purpose: Purpose, token: str) -> int:
    [number] = door.services.tokens.read(purpose, token, now=door.clock())
    return int(number)
