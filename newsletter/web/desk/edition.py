"""A past edition, of an issue or of alerts: joined once more from what was frozen, held against what left."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, HTTPException, Path
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from newsletter.models import Alert, Edition
from newsletter.preview import Shown
from newsletter.rendering.pieces import alerted_by
from newsletter.replay import replay
from newsletter.store.engine import reading
from newsletter.web.desk.alert_view import home_zone
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
        found = replay(session, edition)
        mail = found.content and Shown(found.content, found.preheader, edition.size_bytes or 0)
        settings = door.services.settings
        sender = settings.mail_from if edition.issue else settings.alert_sender
        shown = as_shown(door, mail, sight, {}, sender=sender) if mail else None
        return answer(
            door,
            "edition.html" if edition.issue else "alert_edition.html",
            visit,
            edition=edition,
            replay=found,
            frame_path=f"/desk/editions/{edition_id}/frame",
            mail=shown,
            head=edition.issue and head_of(session, edition.issue, door.clock()),
            told=_told(session, edition),
            at=edition.alerted_at and edition.alerted_at.astimezone(home_zone(door)),
        )


class _Told(NamedTuple):
    """An alert in a mail of them."""

    alert: Alert
    #: what brought it to the readers of this mail
    because: Sequence[str]


def _told(session: Session, edition: Edition) -> list[_Told]:
    """The alerts in their order; none in an edition of an issue."""
    by_id = {alerted_by(story.piece): story.because for story in edition.stories}
    alerts = {one.id: one for one in session.scalars(select(Alert).where(Alert.id.in_(by_id)))}
    return [_Told(alerts[alert_id], because) for alert_id, because in by_id.items() if alert_id in alerts]


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
    if edition is None or edition.skipped:
        raise HTTPException(404)
    return edition
