"""What providers tell us: SendGrid's event webhook.

Only what it signed is read, and 2xx is answered only after the commit: it asks again for 24 hours
otherwise, so nothing is lost, and what was told twice counts once.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, HTTPException
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError

from newsletter.feedback.applying import apply_events
from newsletter.feedback.sendgrid import read_events
from newsletter.feedback.told import store
from newsletter.signatures import public_key, signed_by_one_of
from newsletter.store.engine import writing
from newsletter.web.pages import AtDoor, Door, SentBody

router = APIRouter(prefix="/hooks")
log = structlog.get_logger()

#: bytes of one batch of events, several times of what SendGrid posts at once
EVENTS_LIMIT = 5 * 1024 * 1024
#: it repeats what we did not take for 24 hours, maybe with the first signature
NEWEST, OLDEST = timedelta(minutes=5), timedelta(hours=26)
_SECONDS = re.compile("[0-9]{10}")


@router.post("/sendgrid", max_body_size=EVENTS_LIMIT)
def take_events(
    body: SentBody,
    door: AtDoor,
    signature: Annotated[str, Header(alias="x-twilio-email-event-webhook-signature")] = "",
    timestamp: Annotated[str, Header(alias="x-twilio-email-event-webhook-timestamp")] = "",
    content_encoding: Annotated[str, Header()] = "identity",
) -> Response:
    """Keep a batch of events: 204 once it is kept; 404 while SENDGRID_WEBHOOK_KEY is not set."""
    if not door.services.settings.sendgrid_webhook_key:
        raise HTTPException(404)
    if content_encoding != "identity":
        raise HTTPException(415)
    if not _is_sendgrids(door, signature, timestamp, body):
        raise HTTPException(403)
    now = door.clock()
    try:
        told = read_events(body, now=now)
    except ValueError as error:
        log.warning("events_cannot_be_read", reason=type(error).__name__)
        raise HTTPException(400) from None
    with writing(door.services.engine) as session:
        new = store(session, told, now)
    log.info("events_told", provider="sendgrid", told=len(told), new=new)
    _work_in(door, now)
    return Response(status_code=204)


def _is_sendgrids(door: Door, signature: str, timestamp: str, body: bytes) -> bool:
    """Whether it is signed, and neither stale nor of the future.

    What is signed has no mark between timestamp and body, so that a digit could change sides: hence
    exactly ten digits, and a body that begins as an array does.
    """
    if not (_SECONDS.fullmatch(timestamp) and body.startswith(b"[")):
        return False
    age = door.clock() - datetime.fromtimestamp(int(timestamp), UTC)
    if not -NEWEST <= age <= OLDEST:
        return False
    keys = map(public_key, door.services.settings.sendgrid_webhook_key)
    return signed_by_one_of(keys, signature, timestamp.encode() + body)


def _work_in(door: Door, now: datetime) -> None:
    """At once, so that a complaint is heeded by the next claim; what fails is left to the clock."""
    try:
        with writing(door.services.engine) as session:
            apply_events(session, door.services.fingerprints, now=now)
    except SQLAlchemyError as error:
        log.warning("events_wait_for_the_clock", reason=type(error).__name__)
