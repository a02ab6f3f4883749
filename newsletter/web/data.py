"""My data: what is known of a person, to be seen, taken away or erased by them.

The way in is a fresh link from the mailbox, since whoever was forwarded an old mail must not come
here. The page that asks for it never tells whether the address is known.
"""

import json

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from newsletter import erasure, outbox
from newsletter.dossier import dossier
from newsletter.links import DATA_LIFE
from newsletter.models.delivery import DeliveryKind
from newsletter.store.engine import reading, wash_away, writing
from newsletter.web import limits
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, SentForm, ip_of, name_of
from subscribers import roster
from subscribers.address import Address, InvalidAddress, parse
from subscribers.dossier import receipts
from subscribers.enrolment import locked
from subscribers.ledger import Channel, Evidence
from subscribers.links_asked import ask_link
from subscribers.models import Act, Subscriber, SubscriptionState
from subscribers.tokens import ExpiredToken, Purpose

router = APIRouter(prefix="/data", route_class=PageRoute)

# What the person reads at each button: printed by the templates, kept in the consent ledger.
DATA_WORDING = "Mail me the link to my data"
EXPORT_WORDING = "Download everything"
ERASE_WORDING = "Erase all about me"

# How the page tells what the ledger and the subscriptions hold in a word.
ACTS = {
    Act.REQUESTED: "Asked to subscribe",
    Act.CONFIRMED: "Confirmed",
    Act.ATTESTED: "Entered by us",
    Act.CHANGED: "Preferences changed",
    Act.UNSUBSCRIBED: "Unsubscribed",
    Act.PAUSED: "Paused, or mail again",
    Act.RESTORED: "Undone",
    Act.LINK_ASKED: "Asked for a link",
    Act.EXPORTED: "Data downloaded",
    Act.ERASED: "Erased",
}
CHANNELS = {
    Channel.FORM: "a form",
    Channel.LINK: "a link in a mail",
    Channel.ONE_CLICK: "the unsubscribe button of a mail program",
    Channel.IMPORT: "a file that we read in",
    Channel.COMMAND: "an operator of ours",
    Channel.PROVIDER: "what your mail provider told us",
}
STATES = {
    SubscriptionState.PENDING: "waits for your confirmation",
    SubscriptionState.CONFIRMED: "subscribed",
    SubscriptionState.UNSUBSCRIBED: "unsubscribed",
}

MINUTES = DATA_LIFE.seconds // 60


@router.get("")
def show_data_form(door: AtDoor) -> Response:
    return _form_page(door)


@router.post("", max_body_size=FORM_LIMIT)
def ask_for_data_link(request: Request, sent: SentForm, door: AtDoor) -> Response:
    """Mail the link to the owner of the address, if we know them and were not just asked."""
    email = str(sent.get("email", ""))
    try:
        address = parse(email)
    except InvalidAddress as error:
        return _form_page(door, email, f"Please check the address: {error.reason}.")
    if not sent.get("website"):  # out of sight for people: whoever fills it in is a robot
        _ask(door, address, ip_of(request))
    return door.pages.answer("data_asked.html", minutes=MINUTES)


def _ask(door: Door, address: Address, ip: str | None) -> None:
    now, kind = door.clock(), DeliveryKind.DATA_LINK
    with limits.on_the_beat(), writing(door.services.engine) as session:
        if not limits.admitted(door, session, kind, address, ip, now):
            return
        asked = ask_link(
            session,
            address,
            channel=Channel.FORM,
            wording=DATA_WORDING,
            ip=ip,
            fingerprints=door.services.fingerprints,
            now=now,
        )
        if asked:
            outbox.queue_letter(
                session,
                kind,
                subscriber_id=asked.subscriber_id,
                consent_id=asked.consent_id,
                now=now,
                life=DATA_LIFE,
            )
            door.services.wake(session)


@router.get("/{token}")
def show_data(token: str, door: AtDoor) -> Response:
    with reading(door.services.engine) as session:
        return _page(door, session, token, "data.html")


@router.get("/{token}/erase")
def ask_to_erase(token: str, door: AtDoor) -> Response:
    with reading(door.services.engine) as session:
        return _page(door, session, token, "data_erase.html")


@router.post("/{token}/export", max_body_size=FORM_LIMIT)
def export(request: Request, token: str, door: AtDoor) -> Response:
    """Everything as a file; that it was taken is in the ledger, and so in the file."""
    with writing(door.services.engine) as session:
        try:
            subscriber = _held(door, session, token)
        except ExpiredToken:
            return _expired(door)
        if subscriber is None:
            return _nothing(door)
        slugs = [held.newsletter for held in subscriber.subscriptions]
        evidence = Evidence(Channel.LINK, EXPORT_WORDING, ip_of(request), door.clock())
        evidence.write(session, Act.EXPORTED, subscriber, slugs)
        session.flush()
        known = dossier(session, subscriber, door.services.fingerprints)
        document = json.dumps(known, ensure_ascii=False, indent=2)
    return Response(
        f"{document}\n",
        media_type="application/json",
        headers={"content-disposition": 'attachment; filename="my-data.json"'},
    )


@router.post("/{token}/erase", max_body_size=FORM_LIMIT)
def erase(token: str, door: AtDoor) -> Response:
    """Forget the person; doing it again finds nobody and says the same."""
    with writing(door.services.engine) as session:
        try:
            subscriber = _held(door, session, token)
        except ExpiredToken:
            return _expired(door)
        if subscriber is not None:
            erasure.erase(
                session,
                parse(subscriber.email),
                mail_folder=door.services.settings.mail_folder,
                channel=Channel.LINK,
                fingerprints=door.services.fingerprints,
                now=door.clock(),
            )
    wash_away(door.services.engine)
    return _nothing(door)


def _page(door: Door, session: Session, token: str, template: str) -> Response:
    try:
        subscriber = roster.by_public_id(session, _owner(door, token))
    except ExpiredToken:
        return _expired(door)
    if subscriber is None:
        return _nothing(door)
    return door.pages.answer(
        template,
        subscriber=subscriber,
        known=dossier(session, subscriber, door.services.fingerprints),
        receipts=receipts(session, subscriber),
        names={slug: name_of(door, slug) for slug in _slugs(session, subscriber)},
        acts=ACTS,
        channels=CHANNELS,
        states=STATES,
        here=f"{door.pages.base}/data/{token}",
        export_wording=EXPORT_WORDING,
        erase_wording=ERASE_WORDING,
    )


def _slugs(session: Session, subscriber: Subscriber) -> set[str]:
    """Of every newsletter that the pages speak of."""
    told = {slug for receipt in receipts(session, subscriber) for slug in receipt.newsletters}
    return told | {held.newsletter for held in subscriber.subscriptions}


def _held(door: Door, session: Session, token: str) -> Subscriber | None:
    """Whom the link is about, locked; None for somebody erased. Raises as `_owner`."""
    found = locked(session, Subscriber.public_id == _owner(door, token))
    return found[0] if found else None


def _owner(door: Door, token: str) -> str:
    """Raises BadToken, or ExpiredToken."""
    [public_id] = door.services.tokens.read(Purpose.DATA, token, now=door.clock(), max_age=DATA_LIFE)
    return public_id


def _form_page(door: Door, email: str = "", fault: str | None = None) -> Response:
    return door.pages.answer(
        "data_ask.html", status=422 if fault else 200, email=email, fault=fault, wording=DATA_WORDING
    )


def _nothing(door: Door) -> Response:
    return door.pages.answer("data_erased.html")


def _expired(door: Door) -> Response:
    return door.pages.answer("data_expired.html", status=410, minutes=MINUTES)
