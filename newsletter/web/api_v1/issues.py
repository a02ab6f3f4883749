"""Issues: which there are, what each tells and why, and what editors did to it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from newsletter.editors.audit import names
from newsletter.models import Issue, IssueChange, Newsletter
from newsletter.models.issue import IssueState
from newsletter.newsletters import ever_with_issues
from newsletter.proof import proof
from newsletter.store.engine import reading
from newsletter.web.api_v1 import problems
from newsletter.web.api_v1.callers import ApiRoute, ByViewer
from newsletter.web.api_v1.conditions import etag
from newsletter.web.api_v1.documents import (
    Change,
    IssueDocument,
    NewsletterDocument,
    PickDocument,
    Text,
    WholeIssue,
)
from newsletter.web.api_v1.problems import PREFIX, Fault, Refused
from newsletter.web.desk.issue_head import IssueNumber, find_issue
from newsletter.web.desk.issue_view import SHOWN, stories_of
from newsletter.web.pages import AtDoor, Door

router = APIRouter(prefix=PREFIX, route_class=ApiRoute, tags=["Issues"])

Cursor = Annotated[
    int | None, Query(ge=1, lt=2**63, description="The `next` of the page before; the first page without.")
]
#: of a list that is counted from its beginning
Skipped = Annotated[int, Query(ge=0, lt=2**31, description="The `next` of the page before.")]
OfNewsletter = Annotated[Text | None, Query(description="Of this slug; of all together without.")]
Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Audience = Annotated[
    Text, Query(alias="as", description="Whose readers' view; without it, of who chose nothing.")
]


class Newsletters(BaseModel):
    newsletters: list[NewsletterDocument]


class Issues(BaseModel):
    issues: list[IssueDocument] = Field(description="Those planned last first.")
    next: int | None = Field(description="The `cursor` of the next page; null on the last.")


class Changes(BaseModel):
    changes: list[Change] = Field(description="The newest first.")
    next: int | None = Field(description="The `cursor` of the next page; null on the last.")


@router.get("/newsletters")
def list_newsletters(_caller: ByViewer, door: AtDoor) -> Newsletters:
    """List the newsletters that have issues, with their timetables and rules."""
    with reading(door.services.engine) as session:
        found = sorted(session.scalars(ever_with_issues()), key=lambda each: each.slug)
        return Newsletters(newsletters=[NewsletterDocument.of(each) for each in found])


@router.get("/issues")
def list_issues(
    _caller: ByViewer,
    door: AtDoor,
    newsletter: OfNewsletter = None,
    state: Annotated[IssueState | None, Query(description="Only issues in this state.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Issues:
    """List issues, those planned last first."""
    query = select(Issue).order_by(Issue.id.desc()).limit(limit + 1)
    if newsletter is not None:
        query = query.join(Newsletter, Newsletter.id == Issue.newsletter_id)
        query = query.where(Newsletter.slug == newsletter)
    if state is not None:
        query = query.where(Issue.state == state)
    if cursor is not None:
        query = query.where(Issue.id < cursor)
    with reading(door.services.engine) as session:
        found = session.scalars(query).all()
        known = names(session)
        page = found[:limit]
        return Issues(
            issues=[IssueDocument.of(issue, known) for issue in page],
            next=page[-1].id if len(found) > limit else None,
        )


@router.get("/issues/{issue_id}")
def get_issue(
    _caller: ByViewer,
    door: AtDoor,
    response: Response,
    issue_id: IssueNumber,
    audience: Audience = "",
    shown: Annotated[int, Query(ge=0, le=1000, description="How many of those not told.")] = SHOWN,
) -> WholeIssue:
    """Get an issue: what it tells, in which order, what not, and why.

    Its ETag is what a change of it asks for as If-Match.
    """
    check_audience(door, audience)
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        stories = stories_of(session, issue, audience or None, shown=shown)
        response.headers["etag"] = etag(issue)
        return WholeIssue(
            **IssueDocument.of(issue, names(session)).model_dump(),
            told=[PickDocument.of(row) for row in stories.told],
            not_told=[PickDocument.of(row) for row in stories.left],
            not_told_count=stories.left_count,
            dropped=[PickDocument.of(row) for row in stories.dropped],
        )


def check_audience(door: Door, audience: str, where: str = "query.as") -> None:
    """INVALID for an audience that the site has not."""
    known = door.services.site.audiences
    if audience and audience not in known:
        words = f"there is no such audience; there are {', '.join(known)}"
        raise Refused(problems.INVALID, f"{where}: {words}.", errors=[Fault(where=where, words=words)])


@router.get("/issues/{issue_id}/changes")
def list_changes(
    _caller: ByViewer, door: AtDoor, issue_id: IssueNumber, cursor: Cursor = None, limit: Limit = 50
) -> Changes:
    """List what editors did to an issue; each change is a version."""
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        query = select(IssueChange).where(IssueChange.issue_id == issue.id)
        if cursor is not None:
            query = query.where(IssueChange.version < cursor)
        found = session.scalars(query.order_by(IssueChange.version.desc()).limit(limit + 1)).all()
        page = found[:limit]
        return Changes(
            changes=Change.all_of(page, names(session)),
            next=page[-1].version if len(found) > limit else None,
        )


class ReasonCount(BaseModel):
    state: str
    reason: str
    count: int


class ProofDocument(BaseModel):
    """What became of an issue's mails. `frozen` is the sum of `counts`, or some are missing."""

    frozen: int
    counts: dict[str, int] = Field(description="State of a mail → how many there are.")
    reasons: list[ReasonCount] = Field(description="Why mails were not accepted.")
    mailboxes: dict[str, int] = Field(description="What the mailboxes said → how many of them.")
    adds_up: bool
    open: int = Field(description="How many are still on their way.")


@router.get("/issues/{issue_id}/proof")
def get_proof(_caller: ByViewer, door: AtDoor, issue_id: IssueNumber) -> ProofDocument:
    """Count what became of an issue's mails, now."""
    with reading(door.services.engine) as session:
        return ProofDocument.model_validate(proof(session, find_issue(session, issue_id)).to_json())
