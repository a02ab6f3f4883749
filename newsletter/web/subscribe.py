"""The pages by which people come in: subscribe, and confirm.

Mail scanners open every link, so GET only ever shows; POST does. What a link may do is in its
token alone: nothing in a request can point it at another person or newsletter.
"""

from collections import defaultdict

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from newsletter import outbox
from newsletter.links import CONFIRM_LIFE, alerts_url, preferences_url
from newsletter.models.delivery import DeliveryKind
from newsletter.store.engine import reading, writing
from newsletter.web import limits
from newsletter.web.form import FormFaults, SubscribeForm, Wish, read_wish, zones_by_region
from newsletter.web.json_body import read_json
from newsletter.web.pages import (
    FORM_LIMIT,
    AtDoor,
    Door,
    PageRoute,
    SentBody,
    SentForm,
    ip_of,
    is_about_alerts,
    name_of,
)
from subscribers import consent, roster, suppression
from subscribers.address import parse
from subscribers.consent import Channel, UnknownSubscriber
from subscribers.links_asked import ask_link
from subscribers.models import Subscriber, SubscriptionState
from subscribers.tokens import ExpiredToken, Purpose

router = APIRouter(route_class=PageRoute)

# What the person reads at each button: printed by the templates, kept in the consent ledger.
SUBSCRIBE_WORDING = (
    "Send me the newsletters chosen above. I will confirm this by a link in a mail,"
    " and I can leave at any time by a link in every mail."
)
AGAIN_WORDING = "Send me a new link"
CONFIRM_WORDING = "Yes, subscribe me"


@router.get("/")
def home(door: AtDoor) -> Response:
    return RedirectResponse(f"{door.pages.base}/subscribe")


@router.get("/subscribe")
def show_form(door: AtDoor) -> Response:
    return _form_page(door, SubscribeForm.empty(door.services.site))


@router.post("/subscribe", max_body_size=FORM_LIMIT)
def subscribe(request: Request, sent: SentForm, door: AtDoor) -> Response:
    """Ask the owner of the mailbox. The answer never tells whether the address is known to us."""
    form = SubscribeForm.sent(sent, door.services.site)
    try:
        wish = read_wish(form, door.services.site)
    except FormFaults as error:
        return _form_page(door, form, error)
    if not form.website:
        stamp = str(sent.get("stamp", ""))
        took_time = limits.took_time(door.services.fingerprints, stamp, door.clock())
        ask_to_subscribe(door, wish, request, took_time=took_time)
    return _asked_page(door)


@router.post("/api/subscribe", max_body_size=FORM_LIMIT)
def subscribe_by_json(request: Request, body: SentBody, door: AtDoor) -> Response:
    """The same for programs: 202 for every address, or 422 with a remedy for each key at fault."""
    site = door.services.site
    try:
        wish = read_wish(SubscribeForm.told(read_json(body), site), site)
    except FormFaults as error:
        return JSONResponse({"errors": dict(error.by_field)}, 422)
    ask_to_subscribe(door, wish, request)
    return JSONResponse({"status": "asked", "next": "a mail asks the owner of the address to confirm"}, 202)


@router.options("/api/subscribe")
def allow_json() -> Response:
    """What browsers ask before a page of the site's may post JSON (Fetch standard §3.2.2)."""
    allowed = {"access-control-allow-methods": "POST", "access-control-allow-headers": "content-type"}
    return Response(status_code=204, headers={**allowed, "access-control-max-age": "86400"})


@router.get("/embed")
def show_snippet(door: AtDoor) -> Response:
    """A form to be copied into other sites."""
    public_url = door.services.settings.public_url
    return door.pages.answer("embed.html", public_url=public_url, wording=SUBSCRIBE_WORDING)


def ask_to_subscribe(
    door: Door,
    wish: Wish,
    request: Request,
    *,
    wording: str = SUBSCRIBE_WORDING,
    took_time: bool = False,
) -> None:
    """Mail the owner of the address: to confirm, or, if there is nothing to confirm, their preferences.

    The one way in for the form, for JSON, and for a new link in place of an old one.
    """
    now, ip = door.clock(), ip_of(request)
    with limits.on_the_beat(), writing(door.services.engine) as session:
        if not limits.admitted(
            door, session, DeliveryKind.CONFIRMATION, wish.address, ip, now, took_time=took_time
        ):
            return
        asked = consent.request(
            session,
            wish.address,
            wish.newsletters,
            lens=wish.lens,
            rhythm=wish.rhythm,
            channel=Channel.FORM,
            wording=wording,
            ip=ip,
            fingerprints=door.services.fingerprints,
            now=now,
        )
        if asked:
            outbox.queue_confirmation(
                session, subscriber_id=asked.subscriber_id, consent_id=asked.consent_id, now=now
            )
        elif _has_all(roster.find(session, wish.address.mailbox), wish) and (
            link := ask_link(
                session,
                wish.address,
                channel=Channel.FORM,
                ip=ip,
                fingerprints=door.services.fingerprints,
                now=now,
            )
        ):
            outbox.queue_letter(
                session,
                DeliveryKind.PREFERENCES_LINK,
                subscriber_id=link.subscriber_id,
                consent_id=link.consent_id,
                now=now,
                life=outbox.CONFIRMATION_LIFE,
            )
        # for everybody alike: the answer must not take longer for those whom we know
        door.services.wake(session)


def _has_all(subscriber: Subscriber | None, wish: Wish) -> bool:
    return subscriber is not None and all(
        subscriber.state(slug) is SubscriptionState.CONFIRMED for slug in wish.newsletters
    )


@router.get("/confirm/{token}")
def ask_to_confirm(token: str, door: AtDoor) -> Response:
    try:
        public_id, slugs = _confirmation(door, token)
    except ExpiredToken as error:
        return _expired_page(door, token, error)
    with reading(door.services.engine) as session:
        return _confirm_page(door, session, public_id, slugs)


@router.post("/confirm/{token}", max_body_size=FORM_LIMIT)
def confirm(request: Request, token: str, door: AtDoor) -> Response:
    try:
        public_id, slugs = _confirmation(door, token)
    except ExpiredToken as error:
        return _expired_page(door, token, error)
    with writing(door.services.engine) as session:
        consent.confirm(
            session,
            public_id,
            slugs,
            channel=Channel.LINK,
            wording=CONFIRM_WORDING,
            ip=ip_of(request),
            fingerprints=door.services.fingerprints,
            now=door.clock(),
        )
        return _confirm_page(door, session, public_id, slugs)


@router.post("/confirm/again/{token}", max_body_size=FORM_LIMIT)
def ask_again(request: Request, token: str, door: AtDoor) -> Response:
    """Mail a new link for what an old one asked, however old it is."""
    public_id, *slugs = door.services.tokens.read(Purpose.CONFIRM, token, now=door.clock())
    known = {offer.slug for offer in door.services.site.offers}
    with reading(door.services.engine) as session:
        subscriber = roster.by_public_id(session, public_id)
        wanted = tuple(slug for slug in slugs if slug in known)
        if subscriber is None or not wanted:
            raise UnknownSubscriber
        wish = Wish(parse(subscriber.email), wanted)
    ask_to_subscribe(door, wish, request, wording=AGAIN_WORDING)
    return _asked_page(door)


def _form_page(door: Door, form: SubscribeForm, error: FormFaults | None = None) -> Response:
    return door.pages.answer(
        "subscribe.html",
        status=422 if error else 200,
        form=form,
        faults=error.by_field if error else {},
        zones=zones_by_region(),
        wording=SUBSCRIBE_WORDING,
        stamp=limits.stamp(door),
    )


def _asked_page(door: Door) -> Response:
    return door.pages.answer("asked.html", days=CONFIRM_LIFE.days)


def _expired_page(door: Door, token: str, error: ExpiredToken) -> Response:
    return door.pages.answer(
        "expired.html",
        status=410,
        made_at=error.made_at,
        age=(door.clock() - error.made_at).days,
        life=CONFIRM_LIFE.days,
        again=f"{door.pages.base}/confirm/again/{token}",
        wording=AGAIN_WORDING,
    )


def _confirm_page(door: Door, session: Session, public_id: str, slugs: list[str]) -> Response:
    subscriber = roster.by_public_id(session, public_id)
    if subscriber is None:
        raise UnknownSubscriber
    names: dict[SubscriptionState | None, list[str]] = defaultdict(list)
    for slug in slugs:
        names[subscriber.state(slug)].append(name_of(door, slug))
    return door.pages.answer(
        "confirm.html" if names[SubscriptionState.PENDING] else "confirmed.html",
        pending=names[SubscriptionState.PENDING],
        confirmed=names[SubscriptionState.CONFIRMED],
        ended=names[SubscriptionState.UNSUBSCRIBED] + names[None],
        closed=suppression.reasons(session, [subscriber.email_key], door.services.fingerprints).get(
            subscriber.email_key
        ),
        subscriber=subscriber,
        preferences=preferences_url(door.pages.base, door.services.tokens, public_id),
        alerts=alerts_url(door.pages.base, door.services.tokens, public_id)
        if is_about_alerts(door, *slugs)
        else None,
        wording=CONFIRM_WORDING,
    )


def _confirmation(door: Door, token: str) -> tuple[str, list[str]]:
    public_id, *slugs = door.services.tokens.read(
        Purpose.CONFIRM, token, now=door.clock(), max_age=CONFIRM_LIFE
    )
    return public_id, slugs
