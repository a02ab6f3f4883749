"""Acting from the mail: pause, the weekly instead, less of a story or of a company.

Scanners open every link, so GET only shows; POST does, and each act can be undone. Who acts is in
the token alone, and another story's number in the path opens only what its holder was told.
"""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from newsletter.ledger import was_told
from newsletter.links import alerts_url, preferences_url, unsubscribe_url
from newsletter.models import Story, StoryRevision
from newsletter.rendering.dates import in_words
from newsletter.site import NewsletterSpec, Site
from newsletter.store.engine import reading, writing
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute, SentForm, is_about_alerts, name_of
from newsletter.web.undoing import by_link, held, known, undo_token
from subscribers import roster
from subscribers.models import Subscriber
from subscribers.muting import mute_company, mute_story
from subscribers.pausing import pause
from subscribers.switching import may_switch, switch
from subscribers.tokens import BadToken, Purpose
from subscribers.undo import standing

router = APIRouter(route_class=PageRoute)

# What the person reads at the buttons: printed by the templates, kept in the consent ledger.
PAUSES = {"2": "Pause for 2 weeks", "4": "Pause for 4 weeks"}
MUTE_STORY_WORDING = "Mute this story"

StoryId = Annotated[int, Path(ge=1, le=2**63 - 1)]


def mute_company_wording(name: str) -> str:
    return f"Mute {name}"


def weekly_wording(name: str) -> str:
    return f"Send me {name} instead"


def offers(door: Door, subscriber: Subscriber, slug: str) -> dict[str, Any]:
    """What somebody may do instead of leaving `slug`, for the templates."""
    own = next((own for own in subscriber.subscriptions if own.newsletter == slug), None)
    weekly = _weekly_instead_of(door.services.site, slug)
    can_switch = weekly is not None and may_switch(subscriber, slug, weekly.slug)
    token = door.services.tokens.make(Purpose.ACT, subscriber.public_id, slug)
    paused_until = own and own.paused_until
    return {
        "act": f"{door.pages.base}/act/{token}",
        "pauses": PAUSES if own and own.state == "confirmed" else {},
        "paused_until": in_words(paused_until.astimezone(subscriber.rhythm.zone).date())
        if paused_until and paused_until > door.clock()
        else None,
        "weekly": weekly_wording(weekly.name) if weekly and can_switch else None,
        "alerts": alerts_url(door.pages.base, door.services.tokens, subscriber.public_id)
        if is_about_alerts(door, slug)
        else None,
    }


@router.get("/act/{token}")
def show_acts(token: str, door: AtDoor) -> Response:
    public_id, slug = _act(door, token)
    with reading(door.services.engine) as session:
        subscriber = known(session, public_id)
        return door.pages.answer(
            "act.html",
            name=name_of(door, slug),
            subscriber=subscriber,
            unsubscribe=unsubscribe_url(door.pages.base, door.services.tokens, public_id, slug),
            preferences=_preferences(door, public_id),
            **offers(door, subscriber, slug),
        )


@router.post("/act/{token}/pause", max_body_size=FORM_LIMIT)
def pause_newsletter(request: Request, token: str, sent: SentForm, door: AtDoor) -> Response:
    public_id, slug = _act(door, token)
    weeks = str(sent.get("weeks", ""))
    if weeks not in PAUSES:
        raise HTTPException(400)
    until = door.clock() + timedelta(weeks=int(weeks))
    with writing(door.services.engine) as session:
        subscriber = held(session, public_id)
        before = standing(session, subscriber)
        pause(session, subscriber, slug, until, **by_link(door, request, PAUSES[weeks]))
        undo = undo_token(door, session, subscriber, before)
        day = in_words(until.astimezone(subscriber.rhythm.zone).date())
    name = name_of(door, slug)
    if undo is None:
        return _done(door, public_id, f"You do not receive {name}", "So there is nothing to pause.")
    return _done(door, public_id, f"Paused until {day}", f"{name} comes again from then on, by itself.", undo)


@router.post("/act/{token}/weekly", max_body_size=FORM_LIMIT)
def weekly_instead(request: Request, token: str, door: AtDoor) -> Response:
    public_id, slug = _act(door, token)
    weekly = _weekly_instead_of(door.services.site, slug)
    if weekly is None:
        raise HTTPException(404)
    with writing(door.services.engine) as session:
        subscriber = held(session, public_id)
        before = standing(session, subscriber)
        words = weekly_wording(weekly.name)
        switch(session, subscriber, slug, weekly.slug, **by_link(door, request, words))
        undo = undo_token(door, session, subscriber, before)
    name = name_of(door, slug)
    if undo is None:
        return _done(
            door, public_id, "Nothing was changed", f"You do not receive {name}, or {weekly.name} already."
        )
    return _done(
        door,
        public_id,
        f"You receive {weekly.name} instead",
        f"{name} will not be sent to you any more.",
        undo,
    )


@router.get("/act/{token}/story/{story_id}")
def show_story_acts(token: str, story_id: StoryId, door: AtDoor) -> Response:
    public_id, _ = _act(door, token)
    with reading(door.services.engine) as session:
        subscriber = known(session, public_id)
        title, companies = _story(session, subscriber, story_id)
        muted = roster.muted_stories(session, [story_id], subscriber_id=subscriber.id)
        return door.pages.answer(
            "act_story.html",
            subscriber=subscriber,
            title=title,
            mute_story=None if muted else MUTE_STORY_WORDING,
            mute_company={
                key: mute_company_wording(name)
                for key, name in companies.items()
                if key not in subscriber.lens.muted_companies
            },
            preferences=_preferences(door, public_id),
        )


@router.post("/act/{token}/story/{story_id}", max_body_size=FORM_LIMIT)
def mute(request: Request, token: str, story_id: StoryId, sent: SentForm, door: AtDoor) -> Response:
    """Mute the company of that name in the form; without one, the story."""
    public_id, _ = _act(door, token)
    company = sent.get("company")
    with writing(door.services.engine) as session:
        subscriber = held(session, public_id)
        _, companies = _story(session, subscriber, story_id)
        before = standing(session, subscriber)
        if company is None:
            mute_story(session, subscriber, story_id, **by_link(door, request, MUTE_STORY_WORDING))
            told = "You hear nothing more of this story", "It stays away from you, whatever comes of it."
        elif company in companies:
            name = companies[str(company)]
            mute_company(session, subscriber, name, **by_link(door, request, mute_company_wording(name)))
            told = f"You hear nothing more about {name}", "No mail tells you of a story about it."
        else:
            raise HTTPException(400)
        undo = undo_token(door, session, subscriber, before)
    return _done(door, public_id, *told, undo)


def _act(door: Door, token: str) -> tuple[str, str]:
    public_id, slug = door.services.tokens.read(Purpose.ACT, token, now=door.clock())
    return public_id, slug


def _story(session: Session, subscriber: Subscriber, story_id: int) -> tuple[str, dict[str, str]]:
    """Its title and the names of its companies by their key, as last known.

    Raises BadToken for a story that the subscriber was not told: no mail of theirs has such a link.
    """
    if not was_told(session, subscriber.id, story_id):
        raise BadToken
    story = session.get_one(Story, story_id)
    content = session.get_one(StoryRevision, (story_id, story.revision)).content
    return story.title, {company.key: company.name for company in content.companies if company.key}


def _weekly_instead_of(site: Site, slug: str) -> NewsletterSpec | None:
    """The newsletter that writes less often than `slug`, if there is one."""
    if not any(known.slug == slug and known.cadence == "daily" for known in site.newsletters):
        return None
    return next((known for known in site.newsletters if known.cadence == "weekly"), None)


def _preferences(door: Door, public_id: str) -> str:
    return preferences_url(door.pages.base, door.services.tokens, public_id)


def _done(door: Door, public_id: str, title: str, text: str, undo: str | None = None) -> Response:
    preferences = _preferences(door, public_id)
    return door.pages.answer("acted.html", title=title, text=text, undo=undo, preferences=preferences)
