"""The pages about a reader's own alerts: which rules, how sparing, and what they would have sent.

Whoever was forwarded a mail holds the link. So a further newsletter is only asked for by a mail to its
owner, as on the preferences page; and no rule is saved before its past was shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from newsletter.alerts.matching import anchors
from newsletter.alerts.names import names_of
from newsletter.content import Impact
from newsletter.links import preferences_url
from newsletter.rendering.dates import in_words
from newsletter.store.engine import reading, writing
from newsletter.web.alerts_form import NUMBERS, ChoicesForm, RuleForm, read_choices, read_pause, read_rule
from newsletter.web.alerts_owner import link, owner, sign
from newsletter.web.alerts_view import Held, LateView, View, lately, view
from newsletter.web.form import FormFaults, Wish, one
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, SentForm, alerts_of
from newsletter.web.preferences_view import in_a_sentence
from newsletter.web.subscribe import ask_to_subscribe
from newsletter.web.undoing import held, known, undo_token
from subscribers import watching
from subscribers.address import parse
from subscribers.alert_models import Watch
from subscribers.alert_rule import AlertRule
from subscribers.models import Subscriber, SubscriptionState
from subscribers.undo import standing
from subscribers.watching import TooManyRules

router = APIRouter(route_class=PageRoute)

# What the person reads at each button: printed by the templates, kept in the consent ledger.
SAVE_ALERT_WORDING = "Save this alert"
JOIN_ALERTS_WORDING = "Save this alert, to begin once I confirm it by a link in a mail"
CHOOSE_ALERTS_WORDING = "Save how I am alerted"
STOP_ALERT_WORDING = "Stop this alert"
PAUSES = {
    "week": "Pause for a week",
    "month": "Pause for a month",
    "day": "Pause until that day",
    "end": "End the pause",
}
SHOW = "Show what it would have sent"
NOTHING = "Nothing was changed: all of it was so already."

RuleId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@dataclass(frozen=True)
class _Said:
    """What a page says of a form that was just sent."""

    #: as it was sent, to be shown again
    rule: RuleForm | None = None
    choices: ChoicesForm | None = None
    #: until which a rule was to be paused
    day: str = ""
    faults: FormFaults | None = None
    #: of the rule in the form
    late: LateView | None = None
    note: str | None = None
    undo: str | None = None


@router.get("/alerts/{token}")
def show(token: str, door: AtDoor) -> Response:
    with reading(door.services.engine) as session:
        return _page(door, session, token, _Said())


@router.post("/alerts/{token}", max_body_size=FORM_LIMIT)
def add(request: Request, token: str, sent: SentForm, door: AtDoor) -> Response:
    """Show what a new rule would have sent, and save it where that was shown."""
    return _try(door, request, token, RuleForm.sent(sent), save=sent.get("do") == "save")


@router.get("/alerts/{token}/rules/{rule_id}")
def show_rule(token: str, rule_id: RuleId, door: AtDoor) -> Response:
    with reading(door.services.engine) as session:
        return _page(door, session, token, _Said(), rule_id)


@router.post("/alerts/{token}/rules/{rule_id}", max_body_size=FORM_LIMIT)
def change(request: Request, token: str, rule_id: RuleId, sent: SentForm, door: AtDoor) -> Response:
    """The same for another rule in the place of one that the reader holds."""
    return _try(door, request, token, RuleForm.sent(sent), save=sent.get("do") == "save", rule_id=rule_id)


@router.post("/alerts/{token}/rules/{rule_id}/pause", max_body_size=FORM_LIMIT)
def pause(request: Request, token: str, rule_id: RuleId, sent: SentForm, door: AtDoor) -> Response:
    """Until a day, or end the pause."""
    wording = PAUSES.get(str(sent.get("pause", "")))
    if wording is None:
        raise HTTPException(400)
    with writing(door.services.engine) as session:
        subscriber = held(session, owner(door, token))
        try:
            until = read_pause(sent, subscriber.rhythm.zone, now=door.clock())
        except FormFaults as error:
            said = _Said(faults=error, day=one(sent, "day"))
            return _page(door, session, token, said, rule_id)

        def act(watch: Watch) -> str:
            if until is None:
                watching.resume(watch)
                return "This alert goes on."
            watching.pause(watch, until)
            day = in_words(until.astimezone(subscriber.rhythm.zone).date())
            return f"This alert is paused until {day}. Then it goes on by itself."

        return _act(door, request, session, token, rule_id, wording, act)


@router.post("/alerts/{token}/rules/{rule_id}/stop", max_body_size=FORM_LIMIT)
def stop(request: Request, token: str, rule_id: RuleId, door: AtDoor) -> Response:
    with writing(door.services.engine) as session:

        def act(watch: Watch) -> str:
            watching.stop(session, watch)
            return "This alert is stopped: no mail comes by it any more."

        return _act(door, request, session, token, rule_id, STOP_ALERT_WORDING, act)


@router.post("/alerts/{token}/choices", max_body_size=FORM_LIMIT)
def choose(request: Request, token: str, sent: SentForm, door: AtDoor) -> Response:
    form = ChoicesForm.sent(sent)
    with writing(door.services.engine) as session:
        subscriber = held(session, owner(door, token))
        try:
            choices = read_choices(form)
        except FormFaults as error:
            return _page(door, session, token, _Said(choices=form, faults=error))
        before = standing(session, subscriber)
        watching.choose(session, subscriber.id, choices)
        undo = undo_token(door, session, subscriber, before)
        if undo:
            sign(door, request, session, subscriber, CHOOSE_ALERTS_WORDING)
        return _page(door, session, token, _Said(note="Saved." if undo else NOTHING, undo=undo))


def _try(
    door: Door, request: Request, token: str, form: RuleForm, *, save: bool, rule_id: int | None = None
) -> Response:
    """Show what the rule in the form would have sent; save it if `save`, and just that was shown.

    With a `rule_id` it takes the place of that rule.
    """
    with (writing if save else reading)(door.services.engine) as session:
        public_id = owner(door, token)
        subscriber = held(session, public_id) if save else known(session, public_id)
        here = _view(door, session, token)
        if rule_id is not None and here.find(rule_id) is None:
            return _gone(door, token)
        try:
            rule = read_rule(form, door.services.site)
        except FormFaults as error:
            return _page(door, session, token, _Said(rule=form, faults=error), rule_id)
        if not save or form.shown != rule.fingerprint():
            shown = replace(form, shown=rule.fingerprint())
            late = lately(session, here, [rule], without=rule_id)
            return _page(door, session, token, _Said(rule=shown, late=late), rule_id)
        before = standing(session, subscriber)
        try:
            _keep(session, subscriber, rule, rule_id, now=here.now)
        except TooManyRules as error:
            fault = FormFaults({"rule": str(error)})
            return _page(door, session, token, _Said(rule=form, faults=fault), rule_id)
        joins = here.state is not SubscriptionState.CONFIRMED
        undo = undo_token(door, session, subscriber, before)
        if undo:
            wording = JOIN_ALERTS_WORDING if joins else SAVE_ALERT_WORDING
            sign(door, request, session, subscriber, wording, rule)
        address = parse(subscriber.email)
    if joins:
        ask_to_subscribe(door, Wish(address, (here.spec.slug,)), request, wording=JOIN_ALERTS_WORDING)
    with reading(door.services.engine) as session:
        names = names_of(session, door.services.site, [rule])
        note = f"Saved: {in_a_sentence(rule, names)}." if undo else NOTHING
        return _page(door, session, token, _Said(note=note, undo=undo))


def _keep(
    session: Session, subscriber: Subscriber, rule: AlertRule, rule_id: int | None, *, now: datetime
) -> None:
    """Let the reader hold the rule, in the place of that of `rule_id` where one is given."""
    if rule_id is None:
        watching.hold(session, subscriber, rule, anchors(rule), now=now)
    elif watch := watching.watch_of(session, subscriber.id, rule_id):
        watching.change(session, watch, rule, anchors(rule), now=now)


def _act(
    door: Door,
    request: Request,
    session: Session,
    token: str,
    rule_id: int,
    wording: str,
    act: Callable[[Watch], str],
) -> Response:
    """Do something to a rule that the reader holds; `act` says what came of it."""
    subscriber = held(session, owner(door, token))
    watch = watching.watch_of(session, subscriber.id, rule_id)
    if watch is None:
        return _gone(door, token)
    before, rule = standing(session, subscriber), watch.rule_record.rule
    note = act(watch)
    undo = undo_token(door, session, subscriber, before)
    if undo:
        sign(door, request, session, subscriber, wording, rule)
    return _page(door, session, token, _Said(note=note if undo else NOTHING, undo=undo))


def _page(door: Door, session: Session, token: str, say: _Said, rule_id: int | None = None) -> Response:
    """All alerts of the reader, or the one that is asked for; with what is to be said of a form."""
    here = _view(door, session, token)
    found = None if rule_id is None else here.find(rule_id)
    if rule_id is not None and found is None:
        return _gone(door, token)
    saved = here.form_of(found, door.services.site) if found else RuleForm()
    joins = here.state is not SubscriptionState.CONFIRMED
    return door.pages.answer(
        "alert.html" if found else "alerts.html",
        status=422 if say.faults else 200,
        here=here,
        held=found,
        link=link(door, token),
        form=say.rule or saved,
        choices=say.choices or ChoicesForm.of(here.choices),
        faults=say.faults.by_field if say.faults else {},
        late=say.late or _saved_lately(session, here, found, say),
        unsaved=say.rule is not None,
        say=say,
        impacts=[(impact.value, impact.effect) for impact in Impact],
        save_wording=JOIN_ALERTS_WORDING if joins else SAVE_ALERT_WORDING,
        choose_wording=CHOOSE_ALERTS_WORDING,
        stop_wording=STOP_ALERT_WORDING,
        pauses=PAUSES,
        limits=NUMBERS,
        show_wording=SHOW,
        preferences=preferences_url(door.pages.base, door.services.tokens, here.subscriber.public_id),
    )


def _saved_lately(session: Session, here: View, found: Held | None, say: _Said) -> LateView | None:
    """What the saved rules would have sent: the one that is shown, or all that are not paused."""
    rules = [found.rule] if found else [held.rule for held in here.held if not held.paused_until]
    if say.rule or not rules:
        return None
    return lately(session, here, rules, without=found.id if found else None)


def _gone(door: Door, token: str) -> Response:
    return door.pages.answer("alert_gone.html", status=404, link=link(door, token))


def _view(door: Door, session: Session, token: str) -> View:
    subscriber = known(session, owner(door, token))
    return view(session, subscriber, door.services.site, alerts_of(door), now=door.clock())
