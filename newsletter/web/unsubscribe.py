"""The page by which people leave, and the one click that mail programs post (RFC 8058).

GET only ever shows, since scanners open every link; what a link may do is in its token alone.
"""

from collections.abc import Sequence

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response

from newsletter.store.engine import reading, writing
from newsletter.web.acts import offers
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, SentBody, SentForm, ip_of, name_of
from newsletter.web.undoing import by_link, held, still_open, undo_token
from subscribers import consent, roster
from subscribers.consent import Channel, UnknownSubscriber
from subscribers.models import SubscriptionState
from subscribers.tokens import Purpose
from subscribers.undo import make_void, standing

router = APIRouter(route_class=PageRoute)

# What the person reads at each button: printed by the templates, kept in the consent ledger.
UNSUBSCRIBE_WORDING = "Unsubscribe me"
ALL_WORDING = "Unsubscribe me from all newsletters"
ONE_CLICK_WORDING = "List-Unsubscribe=One-Click"
REASONS = (
    "Too many mails",
    "Not about what concerns me",
    "I read it elsewhere",
    "I never asked for it",
    "Something else",
)


@router.get("/unsubscribe/{token}")
def ask_to_unsubscribe(token: str, door: AtDoor) -> Response:
    public_id, slug = _leave(door, token)
    with reading(door.services.engine) as session:
        subscriber = roster.by_public_id(session, public_id)
        own = subscriber.subscriptions if subscriber else []
        ahead = {each.newsletter for each in own if each.state != SubscriptionState.UNSUBSCRIBED}
        if subscriber is None or slug not in ahead:
            return _left_page(door, token, slug)
        return door.pages.answer(
            "unsubscribe.html",
            name=name_of(door, slug),
            subscriber=subscriber,
            wording=UNSUBSCRIBE_WORDING,
            all_wording=ALL_WORDING if len(ahead) > 1 else None,
            leave=_link(door, token),
            **offers(door, subscriber, slug),
        )


@router.post("/unsubscribe/{token}", max_body_size=FORM_LIMIT)
def unsubscribe(request: Request, token: str, body: SentBody, door: AtDoor) -> Response:
    """End the subscription, at once and as often as asked (RFC 8058 §3.1).

    The body only says who asks, a mail program or a person at the page. It is read as bytes, so
    that no form, however mangled on its way, keeps anybody from leaving.
    """
    public_id, slug = _leave(door, token)
    if b"List-Unsubscribe" not in body or b"One-Click" not in body:
        return _end(door, request, token, public_id, slug, slug, UNSUBSCRIBE_WORDING)
    now = door.clock()
    with writing(door.services.engine) as session:
        ended = consent.unsubscribe(
            session,
            public_id,
            slug,
            channel=Channel.ONE_CLICK,
            wording=ONE_CLICK_WORDING,
            ip=ip_of(request),
            now=now,
        )
        if not ended:
            make_void(session, public_id, slug, now=now)
    return PlainTextResponse("You are unsubscribed.\n")


@router.post("/unsubscribe/{token}/all", max_body_size=FORM_LIMIT)
def unsubscribe_from_all(request: Request, token: str, door: AtDoor) -> Response:
    public_id, slug = _leave(door, token)
    return _end(door, request, token, public_id, slug, None, ALL_WORDING)


@router.post("/unsubscribe/{token}/reason", max_body_size=FORM_LIMIT)
def give_reason(request: Request, token: str, sent: SentForm, door: AtDoor) -> Response:
    """Keep why they left; one of our own phrases, so that nothing typed gets into the ledger."""
    public_id, slug = _leave(door, token)
    reason = sent.get("reason")
    if reason not in REASONS:
        raise HTTPException(400)
    with writing(door.services.engine) as session:
        consent.give_reason(
            session,
            public_id,
            slug,
            channel=Channel.LINK,
            reason=str(reason),
            ip=ip_of(request),
            now=door.clock(),
        )
    undo = still_open(door, str(sent.get("undo", "")))
    return _left_page(door, token, slug, undo=undo, thanks=True)


def _end(
    door: Door, request: Request, token: str, public_id: str, slug: str, ended: str | None, wording: str
) -> Response:
    with writing(door.services.engine) as session:
        try:
            subscriber = held(session, public_id)
        except UnknownSubscriber:
            return _left_page(door, token, slug)
        before = standing(session, subscriber)
        consent.unsubscribe(session, public_id, ended, **by_link(door, request, wording))
        undo = undo_token(door, session, subscriber, before)
        still = [
            name_of(door, each.newsletter)
            for each in subscriber.subscriptions
            if each.state == SubscriptionState.CONFIRMED
        ]
    return _left_page(door, token, slug if ended else None, still=still, undo=undo, asks=undo is not None)


def _left_page(
    door: Door,
    token: str,
    slug: str | None,
    *,
    still: Sequence[str] = (),
    undo: str | None = None,
    asks: bool = False,
    thanks: bool = False,
) -> Response:
    """The page of somebody who does not, or no more, receive `slug`, or with None anything at all.

    `still` are the names of what they receive as before.
    """
    return door.pages.answer(
        "unsubscribed.html",
        name=name_of(door, slug) if slug else "all newsletters",
        still=still,
        leave=_link(door, token),
        undo=undo,
        reasons=REASONS if asks else (),
        thanks=thanks,
    )


def _link(door: Door, token: str) -> str:
    return f"{door.pages.base}/unsubscribe/{token}"


def _leave(door: Door, token: str) -> tuple[str, str]:
    public_id, slug = door.services.tokens.read(Purpose.UNSUBSCRIBE, token, now=door.clock())
    return public_id, slug
