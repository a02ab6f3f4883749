"""Why a story reached a reader, or did not: asked with their address, which stands in no link."""

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter.editors.audit import audit
from newsletter.store.engine import reading, writing
from newsletter.web.desk.pages import answer
from newsletter.web.desk.stories import StoryNumber, find_story
from newsletter.web.desk.visits import Admin, Visit
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute
from newsletter.why import Ways, ways
from subscribers import roster
from subscribers.address import InvalidAddress

router = APIRouter(prefix="/desk/stories", route_class=PageRoute)


@router.get("/{story_id}/why")
def ask(visit: Admin, door: AtDoor, story_id: StoryNumber) -> Response:
    """The form."""
    return _page(door, visit, story_id)


@router.post("/{story_id}/why", max_body_size=FORM_LIMIT)
def explain(visit: Admin, door: AtDoor, story_id: StoryNumber) -> Response:
    """Every rule passed and failed, by digests and by alerts; the log keeps that it was asked."""
    typed = str(visit.form.get("email", "")).strip()
    now = door.clock()
    with writing(door.services.engine) as session:
        story, _ = find_story(session, story_id)
        try:
            reader = roster.find(session, typed)
        except InvalidAddress:
            reader = None
        if reader is not None:
            audit(
                session,
                "asked why a reader got a story",
                f"story {story_id}",
                editor_id=visit.editor_id,
                now=now,
                detail={"subscriber": reader.id},
                ip=visit.ip,
            )
        told = ways(session, reader, story, door.services.site, now=now) if reader else None
    return _page(door, visit, story_id, typed, told, None if told else "No reader has this address.")


def _page(
    door: Door,
    visit: Visit,
    story_id: int,
    typed: str = "",
    told: Ways | None = None,
    fault: str | None = None,
) -> Response:
    with reading(door.services.engine) as session:
        story, content = find_story(session, story_id)
        return answer(
            door,
            "why.html",
            visit,
            status=422 if fault else 200,
            story=story,
            language=content.language,
            typed=typed,
            told=told,
            faults={"email": fault} if fault else {},
        )
