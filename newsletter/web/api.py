"""The API: stories come in as JSON, in the schema of the files.

What is told twice changes nothing the second time, so a caller that lost the answer asks again.
"""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.responses import JSONResponse, Response

from newsletter.intake.take_in import Report, take_in
from newsletter.sources.record_json import read_record
from newsletter.store.engine import writing
from newsletter.web.json_body import read_json
from newsletter.web.pages import AtDoor, SentBody

router = APIRouter(prefix="/api")

STORIES_LIMIT = 5 * 1024 * 1024


def known_caller(door: AtDoor, authorization: Annotated[str, Header()] = "") -> None:
    """Whoever holds one of the keys (RFC 6750 §2.1)."""
    keys = door.services.settings.api_key
    if not keys:
        raise HTTPException(503, "the API is closed: set API_KEY to open it")
    scheme, _, given = authorization.partition(" ")
    # all are compared, so that the time taken tells nothing
    fits = [hmac.compare_digest(given.strip().encode(), key.get_secret_value().encode()) for key in keys]
    if scheme.casefold() != "bearer" or not any(fits):
        raise HTTPException(
            401, "unknown key: send Authorization: Bearer KEY", headers={"WWW-Authenticate": "Bearer"}
        )


@router.post("/stories", dependencies=[Depends(known_caller)], max_body_size=STORIES_LIMIT)
def take_stories(body: SentBody, door: AtDoor) -> Response:
    """Take in one record or an array of them: 201 with news, 200 without, 422 if all were refused."""
    records = _records(body)
    told = [read_record(record, file=f"record {number}") for number, record in enumerate(records, start=1)]
    with writing(door.services.engine) as session:
        report = take_in(session, told, now=door.clock())
        if report.added or report.changed:
            door.services.look_out(session)
    return JSONResponse(report.to_json(), _status(report))


def _status(report: Report) -> int:
    if report.added:
        return 201
    return 422 if report.refused and not report.changed + report.unchanged else 200


def _records(body: bytes) -> list[Any]:
    document = read_json(body)
    return document if isinstance(document, list) else [document]
