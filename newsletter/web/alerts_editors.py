"""The page by which a reader ends the alerts that editors choose, and keeps those by their own rules.

The link to it stands below every such alert. Scanners open every link, so GET only asks.
"""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from newsletter.store.engine import reading, writing
from newsletter.web.alerts_owner import link, owner, sign
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, alerts_of
from newsletter.web.undoing import held, known, undo_token
from subscribers import watching
from subscribers.models import Subscriber
from subscribers.undo import standing

router = APIRouter(route_class=PageRoute)

# What the person reads at the button: printed by the template, kept in the consent ledger.
NO_EDITORS_WORDING = "No more alerts from the editors"


@router.get("/alerts/{token}/editors")
def ask_about_editors(token: str, door: AtDoor) -> Response:
    with reading(door.services.engine) as session:
        return _page(door, session, token, known(session, owner(door, token)))


@router.post("/alerts/{token}/editors", max_body_size=FORM_LIMIT)
def end_those_of_editors(request: Request, token: str, door: AtDoor) -> Response:
    with writing(door.services.engine) as session:
        subscriber = held(session, owner(door, token))
        before = standing(session, subscriber)
        [choices] = watching.choices_of(session, [subscriber.id]).values()
        watching.choose(session, subscriber.id, replace(choices, from_editors=False))
        undo = undo_token(door, session, subscriber, before)
        if undo:
            sign(door, request, session, subscriber, NO_EDITORS_WORDING)
        return _page(door, session, token, subscriber, undo)


def _page(
    door: Door, session: Session, token: str, subscriber: Subscriber, undo: str | None = None
) -> Response:
    [choices] = watching.choices_of(session, [subscriber.id]).values()
    return door.pages.answer(
        "alert_editors.html",
        subscriber=subscriber,
        name=alerts_of(door).name,
        from_editors=choices.from_editors,
        rules=len(watching.watches_of(session, subscriber.id)),
        wording=NO_EDITORS_WORDING,
        undo=undo,
        link=link(door, token),
    )
