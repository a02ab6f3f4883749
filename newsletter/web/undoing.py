"""The way back from an act: a button on the page that follows it, for ten minutes."""

from datetime import datetime
from typing import TypedDict

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from newsletter.links import preferences_url
from newsletter.store.engine import writing
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, ip_of, name_of
from subscribers import roster
from subscribers.consent import Channel, UnknownSubscriber
from subscribers.enrolment import locked
from subscribers.models import Subscriber, SubscriptionState
from subscribers.tokens import BadToken, ExpiredToken, Purpose
from subscribers.undo import UNDO_LIFE, Standing, standing, undo

router = APIRouter(route_class=PageRoute)

# What the person reads at the button: printed by the templates, kept in the consent ledger.
UNDO_WORDING = "Undo"


class Signed(TypedDict):
    """How an act reached us, as every act of `subscribers` wants to know it."""

    channel: Channel
    wording: str
    ip: str | None
    now: datetime


def by_link(door: Door, request: Request, wording: str) -> Signed:
    """Somebody with a link of ours pressed the button that says `wording`."""
    return {"channel": Channel.LINK, "wording": wording, "ip": ip_of(request), "now": door.clock()}


def known(session: Session, public_id: str) -> Subscriber:
    """The person whom a link is about. Raises UnknownSubscriber."""
    subscriber = roster.by_public_id(session, public_id)
    if subscriber is None:
        raise UnknownSubscriber
    return subscriber


def held(session: Session, public_id: str) -> Subscriber:
    """The same for an act: locked, so that nobody is changed, or erased, while we act on them."""
    found = locked(session, Subscriber.public_id == public_id)
    if not found:
        raise UnknownSubscriber
    return found[0]


def undo_token(door: Door, session: Session, subscriber: Subscriber, before: Standing) -> str | None:
    """What undoes all that was done since `before` was taken; None when nothing was."""
    way_back = before.way_back_from(standing(session, subscriber))
    if way_back is None:
        return None
    return door.services.tokens.make(Purpose.UNDO, subscriber.public_id, *way_back, at=door.clock())


def still_open(door: Door, token: str) -> str | None:
    """The token, as long as it opens the way back."""
    try:
        _read(door, token)
    except BadToken:
        return None
    return token


@router.get("/undo/{token}")
def ask_to_undo(token: str, door: AtDoor) -> Response:
    try:
        _read(door, token)
    except ExpiredToken:
        return _too_late(door)
    return door.pages.answer("undo.html", token=token)


@router.post("/undo/{token}", max_body_size=FORM_LIMIT)
def go_back(request: Request, token: str, door: AtDoor) -> Response:
    """Restore what was before the act, unless something else was done since."""
    try:
        public_id, *way_back = _read(door, token)
    except ExpiredToken:
        return _too_late(door)
    with writing(door.services.engine) as session:
        subscriber = held(session, public_id)
        outcome = undo(
            session, subscriber, (way_back[0], way_back[1]), **by_link(door, request, UNDO_WORDING)
        )
        received = [
            name_of(door, each.newsletter)
            for each in subscriber.subscriptions
            if each.state == SubscriptionState.CONFIRMED
        ]
        return door.pages.answer(
            "undone.html",
            outcome=outcome,
            subscriber=subscriber,
            received=received,
            preferences=preferences_url(door.pages.base, door.services.tokens, public_id),
        )


def _read(door: Door, token: str) -> tuple[str, ...]:
    return door.services.tokens.read(Purpose.UNDO, token, now=door.clock(), max_age=UNDO_LIFE)


def _too_late(door: Door) -> Response:
    return door.pages.answer("undone_late.html", status=410)
