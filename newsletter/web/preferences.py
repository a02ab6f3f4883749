"""The preferences page: what a reader gets, when, how long, and what it means before it is saved.

Whoever was forwarded a mail holds its link. So the address is masked here, a further newsletter is
only asked for by a mail to its owner, and what anybody may do at once is to receive less.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from newsletter.links import alerts_url
from newsletter.store.engine import reading, writing
from newsletter.tracking.counting import KEPT, forget_reader
from newsletter.web.form import FormFaults, Wish, zones_by_region
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, SentForm
from newsletter.web.preferences_form import Choices, PreferencesForm, read_choices
from newsletter.web.preferences_view import Changed, View, meaning, view
from newsletter.web.subscribe import ask_to_subscribe
from newsletter.web.undoing import by_link, held, known
from subscribers import consent, suppression
from subscribers.address import parse
from subscribers.counting import agree_to_be_counted
from subscribers.models import Subscriber, SubscriptionState
from subscribers.pausing import pause, resume
from subscribers.tokens import Purpose

router = APIRouter(route_class=PageRoute)

# What the person reads at each button: printed by the templates, kept in the consent ledger.
SAVE_WORDING = "Save my preferences"
SHOW_WORDING = "Show what this means"
COUNT_WORDING = "Count which mails I open and which links I follow"
JOIN_WORDING = "Save my preferences, with a newsletter added, to be confirmed by a link in a mail"


@router.get("/preferences/{token}")
def show(token: str, door: AtDoor) -> Response:
    public_id = _owner(door, token)
    with reading(door.services.engine) as session:
        return _page(door, session, _view(door, session, public_id))


@router.post("/preferences/{token}", max_body_size=FORM_LIMIT)
def save(request: Request, token: str, sent: SentForm, door: AtDoor) -> Response:
    """Save what the form says, or only show what it would mean; with a fault in it, neither."""
    public_id = _owner(door, token)
    form = PreferencesForm.sent(sent)
    only_show = sent.get("do") == "show"
    with (reading if only_show else writing)(door.services.engine) as session:
        if not only_show:
            held(session, public_id)
        here = _view(door, session, public_id)
        try:
            choices = read_choices(
                form,
                here.subscriber,
                door.services.site,
                offered=frozenset(here.languages),
                now=here.now,
            )
        except FormFaults as error:
            return _page(door, session, here, form=form, faults=error)
        if only_show:
            return _page(door, session, here, form=form, choices=choices)
        changed = _save(door, request, session, here.subscriber, choices)
        address = parse(here.subscriber.email)
    if changed.added:
        ask_to_subscribe(door, Wish(address, changed.added), request, wording=JOIN_WORDING)
    with reading(door.services.engine) as session:
        return _page(door, session, _view(door, session, public_id), changed=changed)


def _save(
    door: Door, request: Request, session: Session, subscriber: Subscriber, choices: Choices
) -> Changed:
    """Do what can be done at once; what was added is left to be asked for."""
    now, signed = door.clock(), by_link(door, request, SAVE_WORDING)
    received = {
        each.newsletter for each in subscriber.subscriptions if each.state == SubscriptionState.CONFIRMED
    }
    changed = Changed.between(subscriber, choices, received, now=now)
    for slug in changed.left:
        consent.unsubscribe(session, subscriber.public_id, slug, **signed)
    if changed.pause:
        if choices.paused_until:
            pause(session, subscriber, None, choices.paused_until, **signed)
        else:
            resume(session, subscriber, None, **signed)
    if changed.counted:
        counting = by_link(door, request, COUNT_WORDING)
        agree_to_be_counted(session, subscriber, choices.counted, **counting)
        if not choices.counted:
            forget_reader(session, subscriber.id)
    consent.change(session, subscriber, lens=choices.lens, rhythm=choices.rhythm, **signed)
    return changed


def _view(door: Door, session: Session, public_id: str) -> View:
    subscriber = known(session, public_id)
    key = subscriber.email_key
    closed = suppression.reasons(session, [key], door.services.fingerprints).get(key)
    return view(session, subscriber, door.services.site, closed=closed, now=door.clock())


def _page(
    door: Door,
    session: Session,
    here: View,
    *,
    form: PreferencesForm | None = None,
    choices: Choices | None = None,
    faults: FormFaults | None = None,
    changed: Changed | None = None,
) -> Response:
    """The page as it stands, or with a `form` that is not saved, and what its `choices` mean."""
    return door.pages.answer(
        "preferences.html",
        status=422 if faults else 200,
        here=here,
        form=form or here.form,
        faults=faults.by_field if faults else {},
        zones=zones_by_region(),
        unsaved=form is not None,
        changed=changed,
        meaning=[] if faults else meaning(session, here, choices),
        save_wording=SAVE_WORDING,
        count_wording=COUNT_WORDING,
        counted_days=KEPT.days,
        show_wording=SHOW_WORDING,
        alerts=alerts_url(door.pages.base, door.services.tokens, here.subscriber.public_id)
        if door.services.site.alerts
        else None,
    )


def _owner(door: Door, token: str) -> str:
    [public_id] = door.services.tokens.read(Purpose.PREFERENCES, token, now=door.clock())
    return public_id
