"""All editions of an issue in one grid, with the number of readers of each.

Of an issue that is to come they are read from its forecast, of one that went out from its rows.
"""

from dataclasses import dataclass
from typing import Self
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from newsletter.desk.approval import SHELL
from newsletter.desk.changes import CHANGEABLE
from newsletter.editions import Telling
from newsletter.editors.audit import audit
from newsletter.issue_forecast import LISTED, ForecastEdition, Kept, Kind, forecast_issue, keep, kept
from newsletter.models import Edition, EditionStory, Issue, Piece
from newsletter.models.editor import Role
from newsletter.rendering.joining import LIMIT
from newsletter.rendering.pieces import Form, corrected_by, is_fold, is_line
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import reading, writing
from newsletter.web.desk.issue_head import IssueNumber, find_issue, head_of
from newsletter.web.desk.pages import answer
from newsletter.web.desk.sights import query_string
from newsletter.web.desk.visits import Curator, Viewer, Visit
from newsletter.web.pages import AtDoor, Door, PageRoute

router = APIRouter(prefix="/desk", route_class=PageRoute)


@dataclass(frozen=True)
class Line:
    """A story in an edition."""

    headline: str
    #: why its readers see it, and what is new to them
    reasons: tuple[str, ...]
    #: how it is told, if not in full: short, update, correction, in brief, line
    form: str

    @classmethod
    def of(cls, told: Telling | EditionStory, headline: str) -> Self:
        form = "short" if told.piece.endswith(f"/{Form.COMPACT}") else ""
        if corrected_by(told.piece) is not None:
            form = "correction"
        elif is_fold(told.piece):
            form = "in brief"
        elif is_line(told.piece):
            form = "line"
        elif told.changes:
            form = "update"
        return cls(headline, (*told.changes, *told.because), form)


@dataclass(frozen=True)
class Listed:
    """An edition in the grid."""

    #: where it is shown, below the desk
    path: str
    readers: int
    subject: str
    size_bytes: int
    stories: tuple[Line, ...]
    #: who gets it; nothing where only the rows are known
    kinds: tuple[Kind, ...] = ()
    more_kinds: int = 0


@dataclass(frozen=True)
class Grid:
    mails: int
    editions: int
    listed: tuple[Listed, ...]
    #: bytes of the largest, listed or not
    largest: int
    #: who gets no mail: why, and how many
    skipped: tuple[Kind, ...]
    another_day: int = 0
    not_looked_at: int = 0


@router.get("/issues/{issue_id}/editions")
def show_editions(visit: Viewer, issue_id: IssueNumber, door: AtDoor) -> Response:
    return _page(door, visit, issue_id)


@router.post("/issues/{issue_id}/editions/count")
def count_anew(visit: Curator, issue_id: IssueNumber, door: AtDoor) -> Response:
    """Count who would get what as it is now, and show it."""
    now = door.clock()
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        if issue.state not in CHANGEABLE:
            return _page(door, visit, issue_id, fault="It went out: its editions are counted for good.")
        try:
            version, forecast = issue.version, forecast_issue(session, issue, door.services.renderer, now=now)
        except RenderError as error:
            return _page(door, visit, issue_id, fault=f"It cannot be rendered. {error}. Mend the template.")
    with writing(door.services.engine) as session:
        keep(session, find_issue(session, issue_id, lock=True), version, forecast, now=now)
        audit(
            session,
            "editions counted",
            f"issue {issue_id}",
            editor_id=visit.editor_id,
            now=now,
            detail={"version": version, "mails": forecast.mails},
            ip=visit.ip,
        )
    return RedirectResponse(f"{door.pages.base}/desk/issues/{issue_id}/editions", 303)


def _page(door: Door, visit: Visit, issue_id: int, *, fault: str | None = None) -> Response:
    now = door.clock()
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        is_open = issue.state in CHANGEABLE
        counted = kept(session, issue_id) if is_open else None
        return answer(
            door,
            "editions.html",
            visit,
            status=422 if fault else 200,
            head=head_of(session, issue, now),
            here=f"{door.pages.base}/desk/issues/{issue_id}",
            is_open=is_open,
            counted=counted,
            counted_at=counted and counted.made_at.astimezone(ZoneInfo(issue.newsletter.timezone)),
            minutes=counted and int((now - counted.made_at).total_seconds() // 60),
            grid=(foretold(issue, counted) if counted else None) if is_open else frozen(session, issue),
            limit=LIMIT,
            curates=visit.may(Role.EDITOR),
            fault=fault,
        )


def foretold(issue: Issue, counted: Kept) -> Grid:
    """From what was counted before it is out."""
    forecast = counted.forecast
    return Grid(
        forecast.mails,
        forecast.editions,
        tuple(_listed(issue, one) for one in forecast.listed),
        forecast.largest,
        forecast.skipped,
        forecast.another_day,
        forecast.not_looked_at,
    )


def _listed(issue: Issue, one: ForecastEdition) -> Listed:
    return Listed(
        f"/issues/{issue.id}/preview{query_string({'edition': one.fingerprint})}",
        one.readers,
        one.subject,
        one.size_bytes,
        tuple(Line.of(story.telling, story.headline) for story in one.stories),
        one.kinds,
        one.more_kinds,
    )


def frozen(session: Session, issue: Issue) -> Grid:
    """From the rows; the most read editions are listed."""
    mailed = (Edition.issue_id == issue.id, Edition.skipped.is_(None), Edition.readers > 0)
    editions, mails, largest = session.execute(
        select(func.count(), func.sum(Edition.readers), func.max(Edition.size_bytes)).where(*mailed)
    ).one()
    skipped = session.execute(
        select(Edition.skipped, Edition.readers)
        .where(Edition.issue_id == issue.id, Edition.skipped.is_not(None))
        .order_by(Edition.readers.desc())
    )
    most_read = session.scalars(
        select(Edition)
        .where(*mailed)
        .order_by(Edition.readers.desc(), Edition.id)
        .limit(LISTED)
        .options(selectinload(Edition.stories))
    )
    headlines: dict[str, str] = dict(
        session.execute(
            select(Piece.name, Piece.document["headline"].as_string()).where(
                Piece.issue_id == issue.id, Piece.name != SHELL
            )
        ).all()
    )
    return Grid(
        mails or 0,
        editions,
        tuple(_left(edition, headlines) for edition in most_read),
        largest or 0,
        tuple(Kind(str(why), readers) for why, readers in skipped),
    )


def _left(edition: Edition, headlines: dict[str, str]) -> Listed:
    return Listed(
        f"/editions/{edition.id}",
        edition.readers,
        edition.subject or "",
        edition.size_bytes or 0,
        tuple(
            Line.of(story, headlines.get(story.piece, f"story {story.story_id}, whose piece is gone"))
            for story in edition.stories
        ),
    )
