"""To sign in and out: a link is asked for, comes by mail, is shown, and is used up by a button.

The page that answers is the same for every address, so nobody learns here who the editors are.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from newsletter.editors import people, sessions, signing_in
from newsletter.editors.audit import audit
from newsletter.links import SIGN_IN_LIFE
from newsletter.store.engine import writing
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Viewer, came_from_us, cookie_of, let_in, see_off
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, SentForm, ip_of
from subscribers import throttle
from subscribers.address import Address, InvalidAddress, parse
from subscribers.throttle import Limit
from subscribers.tokens import ExpiredToken, Purpose

router = APIRouter(route_class=PageRoute)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: from one network; then from it for one mailbox, so that nobody alone can use up what is left to its
#: owner; then for one mailbox in all
FROM_NETWORK = Limit("sign-in, network", 30, HOUR)
FROM_NETWORK_TO_MAILBOX = Limit("sign-in, network and mailbox", 10, DAY)
TO_MAILBOX = Limit("sign-in, mailbox", 60, DAY)

#: no answer comes earlier, so that its time does not tell whether there was a mail to queue
LEAST_TIME = timedelta(milliseconds=50)

MINUTES = SIGN_IN_LIFE.seconds // 60


@router.get("/sign-in")
def show_sign_in(door: AtDoor) -> Response:
    return answer(door, "sign_in.html", None, email="", fault=None)


@router.post("/sign-in", max_body_size=FORM_LIMIT)
def ask_for_link(request: Request, sent: SentForm, door: AtDoor) -> Response:
    """Mail the link to the address, if it is an editor's and was not asked for too often."""
    _refuse_strangers(request, door)
    email = str(sent.get("email", ""))
    try:
        address = parse(email)
    except InvalidAddress as error:
        fault = f"Please check the address: {error.reason}."
        return answer(door, "sign_in.html", None, status=422, email=email, fault=fault)
    now = door.clock()
    with _no_sooner(LEAST_TIME), writing(door.services.engine) as session:
        throttle.purge(session, now=now)
        limits = _limits(address, ip_of(request))
        if throttle.admitted(session, limits, fingerprints=door.services.fingerprints, now=now) and (
            editor := people.find(session, address)
        ):
            signing_in.ask(session, editor, now=now)
            door.services.wake(session)
    return answer(door, "sign_in_asked.html", None, minutes=MINUTES)


@contextmanager
def _no_sooner(least: timedelta) -> Iterator[None]:
    began = time.monotonic()
    yield
    time.sleep(max(0.0, began + least.total_seconds() - time.monotonic()))


def _limits(address: Address, ip: str | None) -> list[tuple[Limit, str]]:
    mailbox, network = throttle.mailbox_of(address), throttle.block_of(ip)
    return [
        (FROM_NETWORK, network),
        (FROM_NETWORK_TO_MAILBOX, f"{network} {mailbox}"),
        (TO_MAILBOX, mailbox),
    ]


@router.get("/sign-in/{token}")
def show_link(token: str, door: AtDoor) -> Response:
    """A button, so that nothing is used up by the scanners that open every link."""
    try:
        _read(door, token)
    except ExpiredToken:
        return _too_late(door)
    return answer(door, "sign_in_confirm.html", None)


@router.post("/sign-in/{token}", max_body_size=FORM_LIMIT)
def use_link(request: Request, token: str, door: AtDoor) -> Response:
    """Open a session of its own for this browser, whatever session it had before."""
    now = door.clock()
    try:
        sign_in_id = _read(door, token)
    except ExpiredToken:
        return _too_late(door)
    _refuse_strangers(request, door)
    with writing(door.services.engine) as session:
        secret = signing_in.sign_in(session, sign_in_id, now=now, ip=ip_of(request))
        before = cookie_of(request, door)
        if secret and before:
            sessions.end(session, before, now=now)
    if secret is None:
        return _too_late(door)
    response = RedirectResponse(f"{door.pages.base}/desk", 303)
    let_in(response, door, secret)
    return response


@router.post("/desk/sign-out", max_body_size=FORM_LIMIT)
def sign_out(visit: Viewer, door: AtDoor) -> Response:
    now = door.clock()
    with writing(door.services.engine) as session:
        sessions.end(session, visit.secret, now=now)
        editor = visit.editor_id
        audit(session, "signed out", f"editor {editor}", editor_id=editor, now=now, ip=visit.ip)
    response = RedirectResponse(f"{door.pages.base}/sign-in", 303)
    see_off(response, door)
    return response


def _read(door: Door, token: str) -> int:
    [sign_in_id] = door.services.tokens.read(Purpose.SIGN_IN, token, now=door.clock(), max_age=SIGN_IN_LIFE)
    return int(sign_in_id)


def _refuse_strangers(request: Request, door: Door) -> None:
    """Another site may not sign its visitors in here, as whomever it likes."""
    if came_from_us(request, door) is False:
        raise HTTPException(403)


def _too_late(door: Door) -> Response:
    return answer(door, "sign_in_late.html", None, status=410, minutes=MINUTES)
