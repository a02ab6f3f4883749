"""Test mails of an issue: to an editor's own mailbox, as an audience would get it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, Field

from newsletter.preview import NoPreview
from newsletter.store.engine import reading
from newsletter.testmail import recipients
from newsletter.web.api_v1 import problems
from newsletter.web.api_v1.callers import ApiRoute, ByEditor
from newsletter.web.api_v1.documents import Text, Told
from newsletter.web.api_v1.issues import check_audience
from newsletter.web.api_v1.problems import PREFIX, Refused
from newsletter.web.desk.issue_head import IssueNumber
from newsletter.web.desk.test_mail import Again, NotVerified, TooMany, Wanted, of_issue, send
from newsletter.web.pages import AtDoor
from subscribers.address import parse

router = APIRouter(prefix=PREFIX, route_class=ApiRoute, tags=["Send"])

Once = Annotated[
    Text,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        description="A word of yours for this mail: with the same word no second one leaves for a day.",
        examples=["morning-2026-11-24"],
    ),
]


class TestMail(Told):
    to: Text = Field(
        max_length=320,
        description="An editor who signed in by a link from this mailbox in the last 30 days.",
        examples=["ada@desk.example"],
    )
    audience: Text = Field("", description="Whose mail it is; without it, that of who chose nothing.")


class Became(BaseModel):
    verdict: Literal["accepted", "refused", "not taken", "unknown"] = Field(
        description="What came of the hand-over."
    )
    reason: str | None


@router.post("/issues/{issue_id}/send-test")
def send_test(caller: ByEditor, door: AtDoor, issue_id: IssueNumber, told: TestMail, once: Once) -> Became:
    """Hand a test mail over at once; it is marked [TEST], and nobody counts as told by it."""
    check_audience(door, told.audience, "body.audience")
    key = parse(told.to).key
    with reading(door.services.engine) as session:
        to = next((each.id for each in recipients(session) if each.email_key == key), 0)
    audience = told.audience or None
    wanted = Wanted(
        subject=f"issue {issue_id}",
        make=of_issue(door, issue_id, audience),
        audience=audience,
        to=str(to),
        once=f"{caller.key_id} {once}",
        editor_id=caller.editor_id,
        ip=caller.ip,
        key=caller.name,
    )
    try:
        outcome = send(door, wanted)
    except Again:
        words = "This Idempotency-Key was used before, and its mail was handed over: choose another word."
        raise Refused(problems.NOT_POSSIBLE, words) from None
    except TooMany as error:
        raise Refused(problems.TOO_OFTEN, str(error)) from None
    except (NoPreview, NotVerified) as error:
        raise Refused(problems.NOT_POSSIBLE, str(error)) from None
    return Became(verdict=outcome.verdict.value, reason=outcome.reason)
