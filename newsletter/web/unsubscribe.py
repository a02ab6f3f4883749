"""The page by which people leave, and the one click that mail programs post (RFC 8058).

GET only ever shows, since scanners open every link; what a link may do is in its token alone.
"""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from newsletter.store.engine import reading, writing
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, SentBody, ip_of, name_of
from subscribers import consent, roster
from subscribers.consent import Channel
from subscribers.models import SubscriptionState
from subscribers.tokens import Purpose

router = APIRouter(route_class=PageRoute)

# What the person reads at the button: printed by the templates, kept in the consent ledger.
UNSUBSCRIBE_WORDING = "Unsubscribe me"
ONE_CLICK_WORDING = "List-Unsubscribe=One-Click"


@router.get("/unsubscribe/{token}")
def ask_to_unsubscribe(token: str, door: AtDoor) -> Response:
    public_id, slug = _leave(door, token)
    with reading(door.services.engine) as session:
        subscriber = roster.by_public_id(session, public_id)
        held = subscriber and subscriber.state(slug) in (
            SubscriptionState.PENDING,
            SubscriptionState.CONFIRMED,
        )
        return door.pages.answer(
            "unsubscribe.html" if held else "unsubscribed.html",
            name=name_of(door, slug),
            subscriber=subscriber,
            wording=UNSUBSCRIBE_WORDING,
        )


@router.post("/unsubscribe/{token}", max_body_size=FORM_LIMIT)
def unsubscribe(request: Request, token: str, body: SentBody, door: AtDoor) -> Response:
    """End the subscription, at once and as often as asked (RFC 8058 §3.1).

    The body only says who asks, a mail program or a person at the page. It is read as bytes, so
    that no form, however mangled on its way, keeps anybody from leaving.
    """
    public_id, slug = _leave(door, token)
    one_click = b"List-Unsubscribe" in body and b"One-Click" in body
    with writing(door.services.engine) as session:
        consent.unsubscribe(
            session,
            public_id,
            slug,
            channel=Channel.ONE_CLICK if one_click else Channel.LINK,
            wording=ONE_CLICK_WORDING if one_click else UNSUBSCRIBE_WORDING,
            ip=ip_of(request),
            now=door.clock(),
        )
    if one_click:
        return PlainTextResponse("You are unsubscribed.\n")
    return door.pages.answer("unsubscribed.html", name=name_of(door, slug))


def _leave(door: Door, token: str) -> tuple[str, str]:
    public_id, slug = door.services.tokens.read(Purpose.UNSUBSCRIBE, token, now=door.clock())
    return public_id, slug
