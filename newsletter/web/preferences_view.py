"""What the preferences page shows: what is chosen, what there is to choose, and what it means."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Self
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from newsletter import suggestions
from newsletter.alerts.names import names_of
from newsletter.alerts.wording import words
from newsletter.forecast import Forecast, forecasts
from newsletter.last_digest import LastDigest, last_digest
from newsletter.rendering.dates import in_words
from newsletter.rendering.typesetting import direction_of, language_name
from newsletter.site import Site
from newsletter.web.preferences_form import Choices, PreferencesForm, pause_of
from subscribers.alert_rule import AlertRule
from subscribers.lens import Lens, term
from subscribers.models import Subscriber, Subscription, SubscriptionState, SuppressionReason
from subscribers.watching import watches_of

#: always offered, be there stories in it or not
HOUSE_LANGUAGE = "en"


@dataclass(frozen=True)
class Offer:
    """A newsletter to choose, and where the reader stands with it."""

    slug: str
    name: str
    description: str
    #: None where it was never asked for
    state: SubscriptionState | None
    #: in words; None where it is not paused
    paused_until: str | None


@dataclass(frozen=True)
class View:
    """All that the page shows beside the form's own fields."""

    now: datetime
    subscriber: Subscriber
    #: as it is saved
    form: PreferencesForm
    offers: tuple[Offer, ...]
    companies: tuple[str, ...]
    #: primary subtag → English name
    languages: Mapping[str, str]
    #: why the address gets no mail
    closed: SuppressionReason | None
    #: the rules of their alerts, in words
    alerts: tuple[str, ...]
    last: LastDigest | None
    last_newsletter: str
    last_came: str

    @property
    def pause(self) -> str | None:
        """The day from which on mail comes again, in words."""
        return in_words(date.fromisoformat(self.form.pause)) if self.form.pause else None

    def words(self, field: str, chosen: Collection[str]) -> list[tuple[str, bool]]:
        """The boxes of a field, and whether they are ticked."""
        return boxes(chosen, self.companies if field == "companies" else ())

    def read(self, tags: Collection[str]) -> list[str]:
        """The names of languages."""
        return [self.languages[tag] for tag in tags]

    def direction(self, language: str) -> str:
        return direction_of(language)


def view(
    session: Session, subscriber: Subscriber, site: Site, *, closed: SuppressionReason | None, now: datetime
) -> View:
    """The page of this subscriber, as it is saved; `closed` says why their address gets no mail."""
    lens = subscriber.lens
    names = suggestions.company_names(session, lens.companies | lens.muted_companies)
    tags = {HOUSE_LANGUAGE, *lens.languages, *suggestions.languages(session, now=now)}
    last = last_digest(session, subscriber.id)
    offers = _offers(subscriber, site, now)
    return View(
        now=now,
        subscriber=subscriber,
        form=PreferencesForm.of(subscriber, names, site, now=now),
        offers=offers,
        companies=tuple(suggestions.companies(session, now=now)),
        languages=dict(sorted(((tag, language_name(tag) or tag) for tag in tags), key=lambda one: one[1])),
        closed=closed,
        alerts=rules_in_words(session, subscriber, site),
        last=last,
        last_newsletter=_names(offers).get(last.newsletter, last.newsletter) if last else "",
        last_came=moment_in_words(last.at, subscriber.rhythm.zone) if last else "",
    )


def _offers(subscriber: Subscriber, site: Site, now: datetime) -> tuple[Offer, ...]:
    """All that the site offers, then what was given up since that the reader still holds."""
    held = {one.newsletter: one for one in subscriber.subscriptions}
    zone = subscriber.rhythm.zone
    offers = [
        Offer(known.slug, known.name, known.description, *_standing(held.pop(known.slug, None), now, zone))
        for known in site.offers
    ]
    offers += [
        Offer(slug, slug, "", *_standing(one, now, zone))
        for slug, one in held.items()
        if one.state == SubscriptionState.CONFIRMED
    ]
    return tuple(offers)


def _standing(
    held: Subscription | None, now: datetime, zone: ZoneInfo
) -> tuple[SubscriptionState | None, str | None]:
    if held is None:
        return None, None
    until = held.paused_until
    paused = in_words(until.astimezone(zone).date()) if until and until > now else None
    return SubscriptionState(held.state), paused


def rules_in_words(session: Session, subscriber: Subscriber, site: Site) -> tuple[str, ...]:
    """The alert rules that the reader holds, as they would say them."""
    rules = [watch.rule_record.rule for watch in watches_of(session, subscriber.id)]
    names = names_of(session, site, rules)
    return tuple(in_a_sentence(rule, names) for rule in rules)


def in_a_sentence(rule: AlertRule, names: Mapping[str, str]) -> str:
    """The rule in words, as a sentence begins; names stay as they are written."""
    text = words(rule, names)
    return text if rule.companies else text[:1].upper() + text[1:]


def _names(offers: Collection[Offer]) -> dict[str, str]:
    return {offer.slug: offer.name for offer in offers}


@dataclass(frozen=True)
class Changed:
    """What a reader saved that is another than before."""

    #: slugs
    added: tuple[str, ...]
    left: tuple[str, ...]
    #: fields of the lens, and "rhythm"
    fields: frozenset[str]
    pause: bool
    counted: bool

    @classmethod
    def between(
        cls, subscriber: Subscriber, choices: Choices, received: Collection[str], *, now: datetime
    ) -> Self:
        """From what holds for the subscriber, who receives `received`, to their choices."""
        old, new = subscriber.lens, choices.lens
        changed = {
            field.name for field in fields(Lens) if getattr(old, field.name) != getattr(new, field.name)
        }
        if subscriber.rhythm != choices.rhythm:
            changed.add("rhythm")
        return cls(
            added=tuple(slug for slug in choices.newsletters if slug not in received),
            left=tuple(sorted(slug for slug in received if slug not in choices.newsletters)),
            fields=frozenset(changed),
            pause=choices.pause != pause_of(subscriber, now=now),
            counted=choices.counted != subscriber.counted,
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.left or self.fields or self.pause or self.counted)


@dataclass(frozen=True)
class Meaning:
    """What choices mean for one newsletter, ready to be read."""

    name: str
    #: on the reader's clock
    next: tuple[str, ...]
    mails: str


def meaning(session: Session, here: View, choices: Choices | None) -> list[Meaning]:
    """What `choices` would mean, newsletter by newsletter; without them, what is saved."""
    saved = here.subscriber
    lens, rhythm = (choices.lens, choices.rhythm) if choices else (saved.lens, saved.rhythm)
    chosen = choices.newsletters if choices else here.form.newsletters
    starts = {slug: _start(here, slug, choices) for slug in chosen}
    found = forecasts(session, starts, lens, rhythm, now=here.now)
    return [
        Meaning(
            offer.name,
            tuple(moment_in_words(moment, rhythm.zone) for moment in found[offer.slug].next),
            _mails(found[offer.slug]),
        )
        for offer in here.offers
        if offer.slug in found
    ]


def _start(here: View, slug: str, choices: Choices | None) -> datetime:
    """From when on mail of the newsletter comes."""
    if choices and choices.pause != pause_of(here.subscriber, now=here.now):
        return choices.paused_until or here.now
    ends = [one.paused_until for one in here.subscriber.subscriptions if one.newsletter == slug]
    return max([here.now, *filter(None, ends)])


def _mails(forecast: Forecast) -> str:
    if forecast.mails_a_week is None:
        return "There were no stories of late to tell from."
    if forecast.stories_a_mail is None:
        return "Of late, no story would have come through: no mails."
    stories = about(forecast.stories_a_mail, "story", "stories")
    return f"{about(forecast.mails_a_week, 'mail', 'mails').capitalize()} a week, with {stories} each."


def boxes(chosen: Collection[str], suggested: Collection[str]) -> list[tuple[str, bool]]:
    """Words to choose and whether they are ticked: what is chosen, then what is suggested."""
    taken = {term(word) for word in chosen}
    return [(word, True) for word in chosen] + [(w, False) for w in suggested if term(w) not in taken]


def about(number: float, one: str, several: str) -> str:
    """A number as one says it: `about 3 mails`."""
    if number < 1:
        return f"less than one {one}"
    rounded = round(number)
    return f"about {rounded} {one if rounded == 1 else several}"


def moment_in_words(moment: datetime, zone: ZoneInfo) -> str:
    """On the clock of `zone`, with its distance from UTC: `Thursday 8 January, 07:00 (UTC+01:00)`."""
    local = moment.astimezone(zone)
    offset = local.isoformat(timespec="minutes")[16:]
    return f"{local:%A} {local.day} {local:%B, %H:%M} (UTC{offset})"
