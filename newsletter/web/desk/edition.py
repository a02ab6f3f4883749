"""A past edition, joined once more from what was frozen and held against what left."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from fastapi.responses import Response
from sqlalchemy.orm import Session, selectinload

from newsletter.models import Edition
from newsletter.preview import Shown
from newsletter.replay import replay
from newsletter.store.engine import reading
from newsletter.web.desk.issue_head import head_of
from newsletter.web.desk.pages import answer
from newsletter.web.desk.sights import Sight, as_shown, framed
from newsletter.web.desk.visits import Viewer
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(prefix="/desk", route_class=PageRoute)

EditionNumber = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/editions/{edition_id}")
def show_edition(
    visit: Viewer, edition_id: EditionNumber, sight: Annotated[Sight, Depends()], door: AtDoor
) -> Response:
    with reading(door.services.engine) as session:
        edition = _find(session, edition_id)
        assert edition.issue is not None
        found = replay(session, edition)
        mail = found.content and Shown(found.content, found.preheader, edition.size_bytes or 0)
        return answer(
            door,
            "edition.html",
            visit,
            head=head_of(session, edition.issue, door.clock()),
            edition=edition,
            replay=found,
            frame_path=f"/desk/editions/{edition_id}/frame",
            mail=as_shown(door, mail, sight, {}) if mail else None,
        )


@router.get("/editions/{edition_id}/frame")
def show_edition_frame(
    _visit: Viewer, edition_id: EditionNumber, sight: Annotated[Sight, Depends()], door: AtDoor
) -> Response:
    with reading(door.services.engine) as session:
        content = replay(session, _find(session, edition_id)).content
    if content is None:
        raise HTTPException(404)
    return framed(door, content, sight)


def _find(session: Session, edition_id: int) -> Edition:
    """The edition of that number, which was mailed; 404 without it."""
    edition = session.get(Edition, edition_id, options=[selectinload(Edition.stories)])
    if edition is None or edition.issue_id is None or edition.skipped:
        raise HTTPException(404)
    return edition
