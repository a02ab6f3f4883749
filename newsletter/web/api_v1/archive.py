"""The archive: past issues, and where everybody may read them."""

from datetime import date, datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from newsletter.web.api_v1.callers import ApiRoute, ByViewer
from newsletter.web.api_v1.issues import Limit, OfNewsletter, Skipped
from newsletter.web.api_v1.problems import PREFIX
from newsletter.web.archive import InArchive
from newsletter.web.pages import AtDoor

router = APIRouter(prefix=PREFIX, route_class=ApiRoute, tags=["Archive"])


class PastIssueDocument(BaseModel):
    issue: int
    newsletter: str = Field(description="Slug.", examples=["daily"])
    date: date
    published_at: datetime
    url: str = Field(description="Its public page, as a reader got it who chose nothing.")


class PastIssues(BaseModel):
    issues: list[PastIssueDocument] = Field(description="The newest first.")
    next: int | None = Field(description="The `cursor` of the next page; null on the last.")


@router.get("/archive")
def list_archive(
    _caller: ByViewer,
    door: AtDoor,
    archive: InArchive,
    newsletter: OfNewsletter = None,
    cursor: Skipped = 0,
    limit: Limit = 50,
) -> PastIssues:
    """List the issues that are out, with the addresses of their public pages."""
    found = archive.issues(newsletter, limit=limit + 1, offset=cursor)
    public_url = door.services.settings.public_url.rstrip("/")
    return PastIssues(
        issues=[
            PastIssueDocument(
                issue=past.id,
                newsletter=past.slug,
                date=past.date,
                published_at=past.published_at,
                url=f"{public_url}/issues/{past.slug}/{past.date}",
            )
            for past in found[:limit]
        ],
        next=cursor + limit if len(found) > limit else None,
    )
