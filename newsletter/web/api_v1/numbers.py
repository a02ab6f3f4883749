"""Numbers: how readers became more or fewer, what became of issues, and what other limits would do."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from newsletter.numbers.issues import issues_in_numbers
from newsletter.numbers.over_time import over_time
from newsletter.selection import Limits
from newsletter.store.engine import reading
from newsletter.web.api_v1.callers import ApiRoute, ByViewer
from newsletter.web.api_v1.documents import Text, Told
from newsletter.web.api_v1.issues import OfNewsletter
from newsletter.web.api_v1.problems import PREFIX
from newsletter.web.pages import AtDoor
from newsletter.what_if.looking_back import MOST_DAYS, NAMED, look_back
from newsletter.what_if.simulation import Outcome

router = APIRouter(prefix=PREFIX, route_class=ApiRoute, tags=["Numbers"])

Days = Annotated[int, Query(ge=1, le=365, description="The last days, with today (UTC).")]


class FromAttributes(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class MovesDocument(FromAttributes):
    joined: int
    confirmed: int
    paused: int
    left: int


class DayDocument(FromAttributes):
    day: date
    moves: MovesDocument
    suppressed: int
    readers: int | None = Field(description="Confirmed subscriptions at its end; null where not known yet.")


class PartDocument(FromAttributes):
    name: str = Field(description="Empty for who chose none.")
    moves: MovesDocument


class SubscribersInNumbers(FromAttributes):
    days: list[DayDocument]
    total: MovesDocument
    suppressed: dict[str, int] = Field(description="Reason → addresses closed.")
    resting: int = Field(description="Paused subscriptions, as they were counted last.")
    readers: dict[str, list[int | None]] = Field(
        description="Slug → confirmed subscriptions at the end of each day."
    )
    by_newsletter: list[PartDocument]
    by_audience: list[PartDocument]
    by_channel: list[PartDocument]
    missing: int = Field(description="Days that are over, and that nobody has counted yet.")
    is_live: bool = Field(description="Whether today is in it.")


class IssueInNumbers(FromAttributes):
    id: int
    newsletter: str = Field(description="Slug of its newsletter.", validation_alias="slug")
    date: date
    state: str
    counts: dict[str, int] = Field(description="What → how many; empty for an issue not counted yet.")


class IssuesInNumbers(BaseModel):
    issues: list[IssueInNumbers] = Field(description="The newest first.")


@router.get("/numbers/subscribers")
def count_subscribers(
    _caller: ByViewer, door: AtDoor, days: Days = 30, newsletter: OfNewsletter = None
) -> SubscribersInNumbers:
    """Count how many came and went, day by day and by newsletter, audience and way."""
    with reading(door.services.engine) as session:
        found = over_time(session, days, newsletter=newsletter, now=door.clock())
    return SubscribersInNumbers.model_validate(found)


@router.get("/numbers/issues")
def count_issues(
    _caller: ByViewer, door: AtDoor, days: Days = 30, newsletter: OfNewsletter = None
) -> IssuesInNumbers:
    """Tell what became of the mails of the issues published in the last days, as it was counted last."""
    with reading(door.services.engine) as session:
        found = issues_in_numbers(session, days, newsletter=newsletter, now=door.clock())
    return IssuesInNumbers(issues=[IssueInNumbers.model_validate(one) for one in found])


_USUAL = Limits(minimum=1, maximum=1)


class OtherLimits(Told):
    newsletter: Text = Field(description="Slug.", examples=["daily"])
    days: int = Field(14, ge=1, le=MOST_DAYS, description="Past days to run it over.")
    minimum: int = Field(ge=0, le=50, description="Stories that it takes at least.")
    maximum: int = Field(ge=1, le=50)
    per_company: int = Field(_USUAL.per_company, ge=1, le=50)
    per_category: int = Field(_USUAL.per_category, ge=1, le=50)

    @model_validator(mode="after")
    def _in_order(self) -> "OtherLimits":
        if self.minimum > self.maximum:
            raise ValueError("ask for no more stories at least than at most")
        return self


class OutcomeDocument(BaseModel):
    mails: int
    stories: int = Field(description="In all mails together.")
    readers_without: int = Field(description="Readers who would have got no mail at all.")
    lengths: dict[int, int] = Field(description="Number of stories in a mail → mails.")
    never: int = Field(description="Stories that nobody would have been told.")

    @classmethod
    def of(cls, outcome: Outcome, never: frozenset[int]) -> "OutcomeDocument":
        return cls(
            mails=outcome.all_mails,
            stories=outcome.all_told,
            readers_without=outcome.without,
            lengths=dict(sorted(outcome.lengths.items())),
            never=len(never),
        )


class Moved(BaseModel):
    story: int
    title: str | None
    now: int = Field(description="Readers who are told it by the limits as they are.")
    changed: int


class WhatIf(BaseModel):
    issues: int = Field(description="How many were run once more.")
    readers: int
    covered: int = Field(description="How many of them were looked at: those in the largest groups.")
    now: OutcomeDocument
    changed: OutcomeDocument
    moved: list[Moved] = Field(description="Stories whose readers differ most.")


@router.post("/what-if")
def what_if(_caller: ByViewer, door: AtDoor, told: OtherLimits) -> WhatIf:
    """Run other limits over past days, and compare; nothing is written. It takes seconds."""
    changed = Limits(told.minimum, told.maximum, told.per_company, told.per_category)
    with reading(door.services.engine) as session:
        found = look_back(session, told.newsletter, told.days, changed, now=door.clock())
    both = found.comparison
    never_now, never_changed = both.never
    return WhatIf(
        issues=found.issues,
        readers=found.readers,
        covered=found.covered,
        now=OutcomeDocument.of(both.now, never_now),
        changed=OutcomeDocument.of(both.changed, never_changed),
        moved=[
            Moved(story=story, title=found.titles.get(story), now=now, changed=later)
            for story, now, later in both.moved(NAMED)
        ],
    )
