"""What Prometheus scrapes."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from newsletter.metrics import Metrics
from newsletter.web.api import known_caller
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(route_class=PageRoute)


@router.get("/metrics")
def scrape(door: AtDoor, request: Request, authorization: Annotated[str, Header()] = "") -> Response:
    """The metrics, for whoever holds API_KEY; 503 while that is not set.

    Where mail goes into a folder the pages are for this machine alone, and no key is needed until one is
    set. A database that does not answer is 503 too: to Prometheus, the service is then not up.
    """
    settings = door.services.settings
    if settings.api_key or settings.mail_provider != "folder":
        known_caller(door, authorization)
    metrics: Metrics = request.app.state.metrics
    try:
        return Response(metrics.text(door.clock()), media_type=CONTENT_TYPE_LATEST)
    except SQLAlchemyError:
        return PlainTextResponse("the database does not answer\n", 503)
