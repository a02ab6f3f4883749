"""The API described: as OpenAPI 3.1 for programs, and as a page for people. Neither takes a key."""

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from newsletter.web.api_v1 import (
    archive,
    corrections,
    issues,
    numbers,
    people,
    picks,
    preview,
    problems,
    sending,
    stories,
    test_mails,
)
from newsletter.web.api_v1.callers import BY_KEY, ApiRoute
from newsletter.web.api_v1.problems import KINDS, MEDIA_TYPE, PREFIX, Kind, Problem
from newsletter.web.desk.pages import answer
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(route_class=PageRoute)

ROOMS = (issues, picks, preview, sending, test_mails, stories, corrections, numbers, archive, people)
TAGS = {
    "Issues": "Which there are, what each tells and why, and what became of its mails.",
    "Curate": "Each request is one change and one version; it can be taken back.",
    "Preview": "As readers would get it, and how many of them get which edition.",
    "Send": "Let go, keep back, stop. What is approved is what was looked at.",
    "Stories": "Found by their titles, and whole.",
    "Corrections": "Told to exactly those who were told what was wrong.",
    "Numbers": "How the readers became more or fewer, and what other limits would do.",
    "Archive": "Past issues, as everybody may read them.",
    "People": "Editors, and the log of what was done at the desk.",
    "Readers": "The one door that takes no key.",
}
ABOUT = (
    "What the pages of the desk show and do. Every request carries a key; a change of an issue carries the"
    " ETag of the issue as it was read, and is refused where somebody changed it since."
)


class Subscribing(BaseModel):
    """Who wishes to subscribe to what. The owner of the address is asked by mail."""

    email: str = Field(examples=["ann@reader.example"])
    newsletters: list[str] = Field(description="Slugs, at least one.", examples=[["daily"]])
    audiences: list[str] = Field([], examples=[["Investors"]])
    timezone: str | None = Field(None, description="IANA name.", examples=["Europe/Paris"])
    hour: int | None = Field(None, ge=0, le=23, description="Local hour at which mail may come.")


@router.get(f"{PREFIX}/openapi.json")
def get_document(door: AtDoor) -> Response:
    return JSONResponse(document(door.services.settings.public_url.rstrip("/")))


@router.get(PREFIX)
def show_routes(door: AtDoor) -> Response:
    """The routes for people, made on the server from the same document."""
    public_url = door.services.settings.public_url.rstrip("/")
    return answer(
        door,
        "api.html",
        None,
        about=ABOUT,
        tags=TAGS,
        rooms={tag: list(found) for tag, found in groupby(_lines(document(public_url)), lambda one: one.tag)},
        kinds=KINDS,
        most=BY_KEY.most,
        public_url=public_url,
        prefix=PREFIX,
    )


class Line(NamedTuple):
    """A route, as the page lists it."""

    tag: str
    method: str
    path: str
    role: str | None
    summary: str


def _lines(described: Mapping[str, Any]) -> list[Line]:
    found = [
        Line(operation["tags"][0], method.upper(), path, _role(operation), operation["summary"])
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    return sorted(found, key=lambda line: list(TAGS).index(line.tag))


def _role(operation: Mapping[str, Any]) -> str | None:
    return next((role for needed in operation["security"] for role in needed["key"]), None)


@cache
def document(public_url: str) -> dict[str, Any]:
    """The OpenAPI document of the service at `public_url`."""
    found = get_openapi(
        title="Race to AGI desk",
        version="1",
        description=ABOUT,
        routes=list(_routes()),
        servers=[{"url": public_url}],
        tags=[{"name": name, "description": words} for name, words in TAGS.items()],
    )
    schemas = found["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in (Problem, Subscribing):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        for name, part in schema.pop("$defs", {}).items():
            schemas.setdefault(name, part)
        schemas[model.__name__] = schema
    roles = {route.operation_id: str(route.needs) for route in _routes()}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            _complete(operation, path, method)
            role = roles[operation["operationId"]]
            operation["security"] = [{"key": [role]}]  # roles may stand there since OpenAPI 3.1
            words = operation.get("description", "")
            operation["description"] = f"{words}\n\nFor keys of the role {role} or above.".strip()
    found["paths"]["/api/subscribe"] = {"post": _SUBSCRIBE}
    return found


def _routes() -> Iterator[ApiRoute]:
    """Every route with its first sentence as its summary, without the HEAD that goes with GET."""
    for room in ROOMS:
        for route in room.router.routes:
            assert isinstance(route, ApiRoute)
            assert route.methods
            shown = copy.copy(route)
            shown.methods = route.methods - {"HEAD"}
            summary, _, rest = route.description.partition("\n\n")
            shown.summary, shown.description = summary.removesuffix("."), rest
            shown.operation_id = route.name
            shown.response_description = "What was asked for" if "GET" in route.methods else "It is done"
            yield shown


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    """Say which problems an operation may answer with, and which of its answers have an ETag."""
    responses = operation["responses"]
    conditional = any(one["name"] == "if-match" for one in operation.get("parameters", ()))
    for kind in _problems(path, method, conditional, "requestBody" in operation):
        responses[str(kind.status)] = {
            "description": kind.title,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    if conditional or operation["operationId"] in ("get_issue", "get_preflight"):
        words = "The issue as it is now: to be sent back as If-Match."
        responses["200"]["headers"] = {"ETag": {"description": words, "schema": {"type": "string"}}}


def _problems(path: str, method: str, conditional: bool, has_body: bool) -> Iterator[Kind]:
    yield from (problems.UNKNOWN_KEY, problems.ROLE, problems.INVALID, problems.TOO_OFTEN, problems.BROKEN)
    if "{" in path:
        yield problems.NOT_THERE
    if method != "get" or path.endswith(("/preview", "/preflight")):
        yield problems.NOT_POSSIBLE
    if conditional:
        yield from (problems.CHANGED, problems.CONDITION)
    if has_body:
        yield from (problems.UNREADABLE, problems.TOO_MUCH)


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


_SUBSCRIBE = {
    "tags": ["Readers"],
    "operationId": "subscribe",
    "summary": "Ask to subscribe somebody",
    "description": "The owner of the address is asked by mail, and the answer is the same for every address.",
    "security": [],
    "requestBody": {"required": True, "content": _json({"$ref": "#/components/schemas/Subscribing"})},
    "responses": {
        "202": {"description": "They are asked", "content": _json({"type": "object"})},
        "400": {"description": "The body is no JSON", "content": _json({"type": "object"})},
        "413": {"description": "That is too much at once", "content": _json({"type": "object"})},
        "422": {
            "description": "Some fields do not hold: field → remedy",
            "content": _json(
                {
                    "type": "object",
                    "properties": {"errors": {"type": "object", "additionalProperties": {"type": "string"}}},
                }
            ),
        },
    },
}
