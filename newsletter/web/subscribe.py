"""The pages by which people come in: subscribe, and confirm.

Mail scanners open every link, so GET only ever shows; POST does. What a link may do is in its
token alone: nothing in a request can point it at another person or newsletter.
"""

from collections import defaultdict

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from newsletter import outbox
from newsletter.links import CONFIRM_LIFE
from newsletter.store.engine import reading, writing
from newsletter.web.form import FormFaults, SubscribeForm, read_wish, zones_by_region
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, SentForm, ip_of, name_of
from subscribers import consent, roster, suppression
from subscribers.consent import Channel, UnknownSubscriber
from subscribers.models import SubscriptionState
from subscribers.tokens import Purpose

router = APIRouter(route_class=PageRoute)

# What the person reads at each button: printed by the templates, kept in the consent ledger.
SUBSCRIBE_WORDING = (
    "Send me the newsletters chosen above. I will confirm this by a link in a mail,"
    " and I can leave at any time by a link in every mail."
)
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
    form = SubscribeForm.sent(sent)
    try:
        wish = read_wish(form, door.services.site)
    except FormFaults as error:
        return _form_page(door, form, error)
    if not form.website:
        now = door.clock()
        with writing(door.services.engine) as session:
            asked = consent.request(
                session,
                wish.address,
                wish.newsletters,
                lens=wish.lens,
                rhythm=wish.rhythm,
                channel=Channel.FORM,
                wording=SUBSCRIBE_WORDING,
                ip=ip_of(request),
                now=now,
            )
            if asked:
                outbox.queue_confirmation(
                    session, subscriber_id=asked.subscriber_id, consent_id=asked.consent_id, now=now
                )
    return door.pages.answer("asked.html", days=CONFIRM_LIFE.days)


@router.get("/confirm/{token}")
def ask_to_confirm(token: str, door: AtDoor) -> Response:
    public_id, slugs = _confirmation(door, token)
    with reading(door.services.engine) as session:
        return _confirm_page(door, session, public_id, slugs)


@router.post("/confirm/{token}", max_body_size=FORM_LIMIT)
def confirm(request: Request, token: str, door: AtDoor) -> Response:
    public_id, slugs = _confirmation(door, token)
    with writing(door.services.engine) as session:
        consent.confirm(
            session,
            public_id,
            slugs,
            channel=Channel.LINK,
            wording=CONFIRM_WORDING,
            ip=ip_of(request),
            now=door.clock(),
        )
        return _confirm_page(door, session, public_id, slugs)


def _form_page(door: Door, form: SubscribeForm, error: FormFaults | None = None) -> Response:
    return door.pages.answer(
        "subscribe.html",
        status=422 if error else 200,
        form=form,
        faults=error.by_field if error else {},
        zones=zones_by_region(),
        wording=SUBSCRIBE_WORDING,
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
        closed=suppression.reasons(session, [subscriber.email_key]).get(subscriber.email_key),
        subscriber=subscriber,
        wording=CONFIRM_WORDING,
    )


def _confirmation(door: Door, token: str) -> tuple[str, list[str]]:
    public_id, *slugs = door.services.tokens.read(
        Purpose.CONFIRM, token, now=door.clock(), max_age=CONFIRM_LIFE
    )
    return public_id, slugs
