"""The way to one's preferences without an old mail at hand: the link is mailed to the address.

The page never tells whether the address is known.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter import outbox
from newsletter.models.delivery import DeliveryKind
from newsletter.store.engine import writing
from newsletter.web import limits
from newsletter.web.pages import FORM_LIMIT, AtDoor, PageRoute, SentForm, ip_of
from subscribers.address import InvalidAddress, parse
from subscribers.consent import Channel
from subscribers.links_asked import PREFERENCES_WORDING, ask_link

router = APIRouter(route_class=PageRoute)


@router.get("/manage")
def show_manage(door: AtDoor) -> Response:
    return door.pages.answer("manage.html", email="", fault=None, wording=PREFERENCES_WORDING)


@router.post("/manage", max_body_size=FORM_LIMIT)
def ask_for_link(request: Request, sent: SentForm, door: AtDoor) -> Response:
    """Mail the link to the owner of the address, if we know them and were not just asked."""
    email = str(sent.get("email", ""))
    try:
        address = parse(email)
    except InvalidAddress as error:
        fault = f"Please check the address: {error.reason}."
        return door.pages.answer(
            "manage.html", status=422, email=email, fault=fault, wording=PREFERENCES_WORDING
        )
    if not sent.get("website"):  # out of sight for people: whoever fills it in is a robot
        kind, ip, now = DeliveryKind.PREFERENCES_LINK, ip_of(request), door.clock()
        with limits.on_the_beat(), writing(door.services.engine) as session:
            if limits.admitted(door, session, kind, address, ip, now):
                asked = ask_link(
                    session,
                    address,
                    channel=Channel.FORM,
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
                        life=outbox.CONFIRMATION_LIFE,
                    )
                    door.services.wake(session)
    return door.pages.answer("manage_asked.html")
