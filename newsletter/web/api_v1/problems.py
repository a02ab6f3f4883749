"""What a program is told when something is not done: one shape for all of it (RFC 9457).

Each problem says what was asked and how to mend it, and repeats no secret.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from newsletter.desk.approval import NothingToApprove, NotWhatWasSeen
from newsletter.desk.changes import Closed, NotThere
from newsletter.desk.correcting import BadCorrection, Settled
from newsletter.desk.editing import TooLong
from newsletter.desk.states import IllegalStep
from newsletter.editors.people import AlreadyEditor, LastAdmin
from newsletter.faults import remedy
from newsletter.release import Barred, NotAsShown, SamePerson, TooLate
from newsletter.rendering.renderer import RenderError
from newsletter.web.api_v1.documents import Change, Finding
from subscribers.address import InvalidAddress, InvalidName

MEDIA_TYPE = "application/problem+json"
#: below it all the routes; what goes wrong there is told as a problem
PREFIX = "/api/v1"


class Kind(NamedTuple):
    """A kind of problem; its name is the fragment of its address, on the page of the API."""

    name: str
    status: int
    title: str


UNREADABLE = Kind("unreadable", 400, "The request cannot be read")
UNKNOWN_KEY = Kind("unknown-key", 401, "The key opens nothing")
ROLE = Kind("role", 403, "The role of the key does not suffice")
NOT_THERE = Kind("not-there", 404, "There is no such thing")
METHOD = Kind("method", 405, "This address is not asked that way")
NOT_POSSIBLE = Kind("not-possible", 409, "This cannot be done as things are")
BARRED = Kind("barred", 409, "Preflight bars the issue")
CHANGED = Kind("changed", 412, "It was changed meanwhile")
TOO_MUCH = Kind("too-much", 413, "That is too much at once")
INVALID = Kind("invalid", 422, "Something that was sent does not hold")
CONDITION = Kind("condition", 428, "Say what you saw")
TOO_OFTEN = Kind("too-often", 429, "That is too often")
BROKEN = Kind("broken", 500, "Something broke on our side")

KINDS = (
    UNREADABLE,
    UNKNOWN_KEY,
    ROLE,
    NOT_THERE,
    METHOD,
    NOT_POSSIBLE,
    BARRED,
    CHANGED,
    TOO_MUCH,
    INVALID,
    CONDITION,
    TOO_OFTEN,
    BROKEN,
)
_BY_STATUS = {kind.status: kind for kind in KINDS if kind is not BARRED}

#: what people can mend, and as which kind a program is told of it
REFUSALS: Mapping[type[Exception], Kind] = {
    AlreadyEditor: NOT_POSSIBLE,
    BadCorrection: INVALID,
    Barred: BARRED,
    Closed: NOT_POSSIBLE,
    IllegalStep: NOT_POSSIBLE,
    InvalidAddress: INVALID,
    InvalidName: INVALID,
    LastAdmin: NOT_POSSIBLE,
    NotAsShown: CHANGED,
    NotThere: NOT_THERE,
    NotWhatWasSeen: CHANGED,
    NothingToApprove: NOT_POSSIBLE,
    RenderError: NOT_POSSIBLE,
    SamePerson: NOT_POSSIBLE,
    Settled: NOT_POSSIBLE,
    TooLate: NOT_POSSIBLE,
    TooLong: INVALID,
}
#: these, and whatever else somebody looked for in vain
REFUSED: tuple[type[Exception], ...] = (LookupError, *REFUSALS)


class Fault(BaseModel):
    """One part of a request that does not hold."""

    where: str = Field(description="Where it stands.", examples=["body.text"])
    words: str = Field(description="What is wrong, and what is meant.")


class Problem(BaseModel):
    """Why something was not done, and how to mend it. Nothing is half done."""

    type: str = Field(description="Names the kind; it leads to the page that explains it.")
    title: str = Field(examples=[CHANGED.title])
    status: int = Field(examples=[CHANGED.status])
    detail: str = Field(description="What is wrong this time, and the remedy.")
    errors: list[Fault] | None = Field(None, description="For `invalid`: every part that does not hold.")
    changes: list[Change] | None = Field(None, description="For `changed`: who changed what, newest first.")
    findings: list[Finding] | None = Field(None, description="For `barred`: what bars the issue.")


class Refused(Exception):
    """Something is not done; the program is told why."""

    def __init__(self, kind: Kind, detail: str, **more: object) -> None:
        self.kind = kind
        self.detail = detail
        self.more = more
        super().__init__(detail)


def answer(base: str, kind: Kind, detail: str, **more: Any) -> JSONResponse:
    """The problem as it is sent; `base` is our own address, without the last slash."""
    problem = Problem(
        type=f"{base}{PREFIX}#{kind.name}", title=kind.title, status=kind.status, detail=detail, **more
    )
    headers = {"cache-control": "no-store"}
    if kind is UNKNOWN_KEY:
        headers["www-authenticate"] = "Bearer"
    if kind is TOO_OFTEN:
        headers["retry-after"] = "60"
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True), kind.status, headers, media_type=MEDIA_TYPE
    )


def answer_status(base: str, status: int, detail: str | None) -> JSONResponse:
    """The same for what the framework, or a page that we share work with, refuses by a status alone."""
    kind = _BY_STATUS.get(status, UNREADABLE if status < 500 else BROKEN)
    return answer(base, kind, detail or _REMEDIES.get(kind, kind.title))


_REMEDIES = {
    UNREADABLE: "Send one JSON document in UTF-8, with Content-Type: application/json.",
    NOT_THERE: f"Nothing is here: {PREFIX} lists what there is to ask for.",
    METHOD: f"The header Allow names the methods that this address knows; {PREFIX} says what they do.",
    BROKEN: "Nothing was changed. Try again in a few minutes; the log of the service says what happened.",
}


def answer_refusal(base: str, error: Exception) -> JSONResponse:
    """The same for what people can mend."""
    kind = next((kind for known, kind in REFUSALS.items() if isinstance(error, known)), NOT_THERE)
    more = {"findings": [Finding.of(each) for each in error.findings]} if isinstance(error, Barred) else {}
    return answer(base, kind, f"{str(error).removesuffix('.')}.", **more)


def answer_invalid(base: str, error: RequestValidationError) -> JSONResponse:
    """The same for parts of a request that are not as they are described."""
    faults: Sequence[Any] = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return answer(base, UNREADABLE, f"The body is no JSON. {_REMEDIES[UNREADABLE]}")
    if any(fault["loc"][0] == "path" for fault in faults):
        return answer(base, NOT_THERE, _REMEDIES[NOT_THERE])
    if any(isinstance(fault["input"], bytes) for fault in faults if fault["loc"] == ("body",)):
        return answer(base, UNREADABLE, _REMEDIES[UNREADABLE])
    told = [Fault(where=_where(fault), words=remedy(fault)) for fault in faults]
    words = "; ".join(f"{each.where}: {each.words}" for each in told)
    return answer(base, INVALID, f"{words}. Mend it and send it again.", errors=told)


def _where(fault: Mapping[str, Any]) -> str:
    text = ".".join(str(part) for part in fault["loc"])
    return text.encode(errors="replace").decode()
