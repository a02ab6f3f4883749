"""The pages of the archive: past issues for everybody, and a mail as its readers view it in a browser.

No page knows who reads it, and none shows what could not be had by a reader yet.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.responses import Response

from newsletter.archive import Archive, NotForEverybody, Page, PastIssue, Told, audience_slug
from newsletter.rendering.dates import in_words
from newsletter.web.conditional import unless_known
from newsletter.web.pages import AtDoor, Door, PageRoute

router = APIRouter(route_class=PageRoute)

#: issues on one page
PAGE = 20
#: a mail brings its styles with it; nothing in it may run, load or send
MAIL_POLICY = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
}
UNLISTED = {"x-robots-tag": "noindex"}

Slug = Annotated[str, Path(max_length=40)]
Day = Annotated[str, Path(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
IssueId = Annotated[int, Path(ge=1, lt=2**63)]
Fingerprint = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


def _archive(request: Request) -> Archive:
    archive: Archive = request.app.state.archive
    return archive


InArchive = Annotated[Archive, Depends(_archive)]


@dataclass(frozen=True)
class Line:
    """An issue as a list shows it."""

    path: str
    newsletter: str
    date: str
    headlines: tuple[str, ...]
    changed_at: datetime


@router.get("/issues")
def show_all(request: Request, door: AtDoor, archive: InArchive, page: PageNumber = 1) -> Response:
    return _list(request, door, archive, page)


@router.get("/issues/{slug}")
def show_newsletter(
    request: Request, slug: Slug, door: AtDoor, archive: InArchive, page: PageNumber = 1
) -> Response:
    return _list(request, door, archive, page, slug)


@router.get("/issues/{slug}/{day}")
def show_issue(request: Request, slug: Slug, day: Day, door: AtDoor, archive: InArchive) -> Response:
    """What a reader got who chose nothing."""
    return _issue(request, door, archive, _find(archive, slug, day), None)


@router.get("/issues/{slug}/{day}/{audience}")
def show_issue_for(
    request: Request, slug: Slug, day: Day, audience: str, door: AtDoor, archive: InArchive
) -> Response:
    return _issue(request, door, archive, _find(archive, slug, day), audience_named(door, audience))


@router.get("/view/{issue_id}/{fingerprint}")
def view(
    request: Request, issue_id: IssueId, fingerprint: Fingerprint, door: AtDoor, archive: InArchive
) -> Response:
    """One edition: whoever has its address was mailed it, or was given it by somebody who was."""
    told = archive.edition(issue_id, fingerprint)
    if told is None:
        raise HTTPException(404)
    page = _page(archive, told)
    answer = door.pages.answer("archive_issue.html", page=page, date=_day(told.issue), listed=False)
    answer.headers.update(MAIL_POLICY | UNLISTED)
    return unless_known(request, answer, changed_at=_changed(page), shared=False)


def path_of(issue: PastIssue, audience: str | None = None) -> str:
    """Where an issue stands in the archive, as the readers of `audience` got it."""
    path = f"/issues/{issue.slug}/{issue.date}"
    return f"{path}/{audience_slug(audience)}" if audience else path


def audience_named(door: Door, slug: str) -> str:
    """The audience that is so called in an address; 404 without it."""
    for name in door.services.site.audiences:
        if audience_slug(name) == slug:
            return name
    raise HTTPException(404)


def newsletter_named(archive: Archive, slug: str) -> tuple[str, str]:
    """The name and the description of a newsletter; 404 without it."""
    found = archive.newsletter(slug)
    if found is None:
        raise HTTPException(404)
    return found


def _find(archive: Archive, slug: str, day: str) -> PastIssue:
    try:
        issue = archive.issue(slug, date.fromisoformat(day))
    except ValueError:  # no such day
        issue = None
    if issue is None:
        raise HTTPException(404)
    return issue


def _list(request: Request, door: Door, archive: Archive, page: int, slug: str | None = None) -> Response:
    name, description = newsletter_named(archive, slug) if slug else (None, None)
    issues = archive.issues(slug, limit=PAGE + 1, offset=(page - 1) * PAGE)
    if page > 1 and not issues:
        raise HTTPException(404)
    lines = [line for issue in issues[:PAGE] for line in _line(door, archive, issue)]
    answer = door.pages.answer(
        "archive.html",
        name=name,
        description=description,
        slug=slug,
        path=f"/issues/{slug}" if slug else "/issues",
        public_url=door.services.settings.public_url,
        page=page,
        more=len(issues) > PAGE,
        lines=lines,
    )
    return unless_known(request, answer, changed_at=max((line.changed_at for line in lines), default=None))


def _line(door: Door, archive: Archive, issue: PastIssue) -> list[Line]:
    """Under the first audience to which it told anything: for nearly all, everybody."""
    for audience in (None, *door.services.site.audiences):
        if told := archive.told(issue, audience):
            listed = archive.listed(told)
            path = path_of(issue, audience)
            return [Line(path, issue.newsletter, _day(issue), listed.headlines, listed.changed_at)]
    return []


def _issue(
    request: Request, door: Door, archive: Archive, issue: PastIssue, audience: str | None
) -> Response:
    told = archive.told(issue, audience)
    if told is None:
        raise HTTPException(404)
    page = _page(archive, told)
    before, after = archive.beside(issue)
    everybody = (None, *door.services.site.audiences)
    answer = door.pages.answer(
        "archive_issue.html",
        page=page,
        date=_day(issue),
        listed=True,
        public_url=door.services.settings.public_url,
        path=path_of(issue, audience),
        audience=audience,
        versions=[(one, path_of(issue, one)) for one in everybody if archive.told(issue, one)],
        before=before and (path_of(before), _day(before)),
        after=after and (path_of(after), _day(after)),
    )
    answer.headers.update(MAIL_POLICY)
    return unless_known(request, answer, changed_at=_changed(page, before, after))


def _page(archive: Archive, told: Told) -> Page:
    try:
        return archive.page(told)
    except NotForEverybody:
        raise HTTPException(404) from None


def _changed(page: Page, *beside: PastIssue | None) -> datetime:
    """When the page changed last: what is beside an issue stands in it, too."""
    issues = [page.told.issue, *filter(None, beside)]
    return max([one.published_at for one in issues] + [mark.at for mark, _ in page.corrected])


def _day(issue: PastIssue) -> str:
    return in_words(issue.date, weekday=True)
