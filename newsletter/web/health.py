"""Whether this process lives, and whether it can do its work. No data in either answer."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from newsletter.store.migrate import is_current
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(route_class=PageRoute)


@router.get("/healthz")
def healthz() -> Response:
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz(door: AtDoor) -> Response:
    """200 when the database answers and its schema is the one that this code was written for."""
    try:
        if is_current(door.services.engine):
            return PlainTextResponse("ready\n")
        return PlainTextResponse("the database is not up to date: run `newsletter migrate`\n", 503)
    except SQLAlchemyError:
        return PlainTextResponse("the database does not answer\n", 503)
