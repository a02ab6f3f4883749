"""Whether this process lives, and whether it can do its work. No data in either answer."""

from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from newsletter.pulses import WRONG_CLOCK, clock_is_wrong, unseen
from newsletter.store.engine import reading
from newsletter.store.migrate import is_current
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(route_class=PageRoute)


@router.get("/healthz")
def healthz() -> Response:
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz(door: AtDoor) -> Response:
    """200 when this process can answer readers: database, schema and its own clock are right.

    Clock and worker are other processes, and the pages serve without them: a balancer that took the
    pages away as well would only make it worse. That they are missing is said, for whoever looks.
    """
    engine = door.services.engine
    try:
        if not is_current(engine):
            return PlainTextResponse("the database is not up to date: run `newsletter migrate`\n", 503)
        with reading(engine) as session:
            # the machine's clock, whatever time the pages are shown
            if clock_is_wrong(session, datetime.now(UTC)):
                return PlainTextResponse(f"{WRONG_CLOCK}\n", 503)
            missing = unseen(session)
    except SQLAlchemyError:
        return PlainTextResponse("the database does not answer\n", 503)
    warnings = [
        f"warning: no {role} was seen for a minute: start `newsletter {role}`, or mail will wait\n"
        for role in missing
    ]
    return PlainTextResponse("".join(["ready\n", *warnings]))
