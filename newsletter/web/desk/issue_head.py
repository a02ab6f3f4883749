"""What all pages of one issue share: finding it, and the head with its state, its times and its tabs."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import HTTPException, Path
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.desk.changes import CHANGEABLE
from newsletter.editors.audit import names
from newsletter.models import Issue
from newsletter.web.desk.spans import span

IssueNumber = Annotated[int, Path(ge=1, lt=2**63)]


@dataclass(frozen=True)
class IssueHead:
    """An issue as every page of it shows it, with its times in the newsletter's home zone."""

    id: int
    newsletter: str
    slug: str
    date: date
    state: str
    reason: str | None
    version: int
    #: who changed it last; None where nobody did, or the command line
    edited_by: str | None
    cutoff_at: datetime
    publish_at: datetime
    #: how long it is until each of them; None for what is over
    to_cutoff: str | None
    to_publish: str | None
    changeable: bool


def find_issue(session: Session, issue_id: int, *, lock: bool = False) -> Issue:
    """The issue of that number, locked against other writers on demand; 404 without it."""
    query = select(Issue).where(Issue.id == issue_id)
    issue = session.scalar(query.with_for_update(of=Issue) if lock else query)
    if issue is None:
        raise HTTPException(404)
    return issue


def head_of(session: Session, issue: Issue, now: datetime) -> IssueHead:
    """The issue's head as of `now`."""
    zone = ZoneInfo(issue.newsletter.timezone)
    to_cutoff, to_publish = (
        f"in {span(at - now)}" if at > now else None for at in (issue.cutoff_at, issue.publish_at)
    )
    return IssueHead(
        id=issue.id,
        newsletter=issue.newsletter.name,
        slug=issue.newsletter.slug,
        date=issue.date,
        state=issue.state,
        reason=issue.reason,
        version=issue.version,
        edited_by=names(session)[issue.edited_by] if issue.edited_by else None,
        cutoff_at=issue.cutoff_at.astimezone(zone),
        publish_at=issue.publish_at.astimezone(zone),
        to_cutoff=to_cutoff,
        to_publish=to_publish,
        changeable=issue.state in CHANGEABLE,
    )
