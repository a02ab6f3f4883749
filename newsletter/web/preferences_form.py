"""The preferences form: what stands in its fields, and the choices that they express.

Pure: values in, values out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

from starlette.datastructures import FormData

from newsletter.schedule import instant
from newsletter.site import Site
from newsletter.web.form import FormFaults, audience_faults, one, read_hours, several
from subscribers.lens import Lens, term
from subscribers.models import Subscriber, SubscriptionState
from subscribers.rhythm import DAYS, InvalidRhythm, Rhythm, parse_weekdays

#: the fields of a lens whose words readers write themselves
WORD_FIELDS = ("companies", "muted_companies", "topics", "muted_topics")
MOST_WORDS = 50
LONGEST_WORD = 100
MOST_OUTLETS = 99
LONGEST_PAUSE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class PreferencesForm:
    """The fields as they stand in the form, to be shown again."""

    newsletters: tuple[str, ...]
    audiences: tuple[str, ...]
    #: field of the lens → words as they are written
    words: Mapping[str, tuple[str, ...]]
    min_outlets: str
    languages: tuple[str, ...]
    weekdays: tuple[str, ...]
    timezone: str
    hour: str
    length: str
    #: an ISO date, or empty
    pause: str
    counted: bool

    @classmethod
    def of(cls, subscriber: Subscriber, names: Mapping[str, str], site: Site, *, now: datetime) -> Self:
        """What holds for the subscriber; `names` says how terms are written."""
        lens, rhythm = subscriber.lens, subscriber.rhythm
        pause = pause_of(subscriber, now=now)
        return cls(
            newsletters=tuple(
                held.newsletter
                for held in subscriber.subscriptions
                if held.state == SubscriptionState.CONFIRMED
            ),
            audiences=tuple(name for name in site.audiences if term(name) in lens.audiences),
            words={
                field: tuple(sorted(names.get(key, key) for key in getattr(lens, field)))
                for field in WORD_FIELDS
            },
            min_outlets=str(lens.min_outlets),
            languages=tuple(sorted(lens.languages)),
            weekdays=tuple(DAYS[day] for day in sorted(rhythm.weekdays)),
            timezone=rhythm.timezone,
            hour=str(rhythm.hour),
            length="short" if lens.short else "full",
            pause=pause.isoformat() if pause else "",
            counted=subscriber.counted,
        )

    @classmethod
    def sent(cls, fields: FormData) -> Self:
        """What the form sent: words that were ticked, and those that were written beside them."""
        return cls(
            newsletters=several(fields, "newsletters"),
            audiences=several(fields, "audiences"),
            words={name: sent_words(fields, name) for name in WORD_FIELDS},
            min_outlets=one(fields, "min_outlets").strip(),
            languages=several(fields, "languages"),
            weekdays=several(fields, "weekdays"),
            timezone=one(fields, "timezone"),
            hour=one(fields, "hour"),
            length=one(fields, "length"),
            pause=one(fields, "pause").strip(),
            counted="counted" in fields,
        )


@dataclass(frozen=True, slots=True)
class Choices:
    """A form in which every field holds."""

    newsletters: tuple[str, ...]
    lens: Lens
    rhythm: Rhythm
    #: the first day with mail again, in the reader's zone
    pause: date | None
    #: whether they agree to be counted
    counted: bool

    @property
    def paused_until(self) -> datetime | None:
        """The moment from which on mail comes again."""
        return instant(self.pause, time(0), self.rhythm.zone) if self.pause else None


def pause_of(subscriber: Subscriber, *, now: datetime) -> date | None:
    """The day from which on all mail comes again; None where nothing is paused."""
    ends = [
        held.paused_until
        for held in subscriber.subscriptions
        if held.state == SubscriptionState.CONFIRMED and held.paused_until and held.paused_until > now
    ]
    return max(ends).astimezone(subscriber.rhythm.zone).date() if ends else None


def read_choices(
    form: PreferencesForm, held: Subscriber, site: Site, *, offered: frozenset[str], now: datetime
) -> Choices:
    """What the reader chose; FormFaults has a remedy for every field that does not hold.

    `offered` are the languages that the form has boxes for.
    """
    faults = audience_faults(form.audiences, site)
    known = {offer.slug for offer in site.offers}
    known |= {subscription.newsletter for subscription in held.subscriptions}
    if not set(form.newsletters) <= known:
        faults["newsletters"] = "Please choose from the newsletters below."
    faults |= _told_twice(form.words) | word_faults(form.words)
    if form.min_outlets not in map(str, range(1, MOST_OUTLETS + 1)):
        faults["min_outlets"] = f"Please write a whole number from 1 to {MOST_OUTLETS}."
    if not set(form.languages) <= offered:
        faults["languages"] = "Please choose from the languages below."
    if form.length not in ("full", "short"):
        faults["length"] = "Please choose one of the two."
    timezone, hour = read_hours(form.timezone, form.hour, faults)
    weekdays = _weekdays(form.weekdays, faults)
    pause = _pause(form.pause, held, faults, now)
    if faults:
        raise FormFaults(faults)
    return Choices(
        newsletters=form.newsletters,
        lens=Lens(
            audiences=terms_of(form.audiences),
            **{name: terms_of(words) for name, words in form.words.items()},
            languages=frozenset(form.languages),
            min_outlets=int(form.min_outlets),
            short=form.length == "short",
        ),
        rhythm=Rhythm(timezone, hour, weekdays),
        pause=pause,
        # where it is not asked for, what was said stays
        counted=form.counted if site.counts_readers else held.counted,
    )


def terms_of(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(term, words))


def sent_words(fields: FormData, name: str) -> tuple[str, ...]:
    """The words of a field: those that were ticked, and those written beside them."""
    return _distinct((*several(fields, name), *re.split(r"[,\n]", one(fields, f"more_{name}"))))


def _distinct(words: tuple[str, ...]) -> tuple[str, ...]:
    """Each term once, as it was written first; blank words are none."""
    found: dict[str, str] = {}
    for word in words:
        if key := term(word):
            found.setdefault(key, " ".join(word.split()))
    return tuple(found.values())


def word_faults(words: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The faults of fields of words, field → their words: too many, or too long."""
    faults = {}
    for name, found in words.items():
        if len(found) > MOST_WORDS:
            faults[name] = f"Please choose at most {MOST_WORDS}."
        elif any(len(word) > LONGEST_WORD for word in found):
            faults[name] = f"Please write at most {LONGEST_WORD} characters each, one on a line."
    return faults


def _told_twice(words: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Who is followed and muted at once."""
    faults = {}
    for name in ("companies", "topics"):
        both = [word for word in words[f"muted_{name}"] if term(word) in terms_of(words[name])]
        if both:
            fault = f"You follow {', '.join(both)} as well: please choose one or the other."
            faults[f"muted_{name}"] = fault
    return faults


def _weekdays(names: tuple[str, ...], faults: dict[str, str]) -> frozenset[int]:
    try:
        if days := parse_weekdays(names):
            return days
    except InvalidRhythm:
        pass
    faults["weekdays"] = "Please choose at least one day of the week."
    return frozenset({0})


def _pause(text: str, held: Subscriber, faults: dict[str, str], now: datetime) -> date | None:
    if not text:
        return None
    today = now.astimezone(held.rhythm.zone).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        faults["pause"] = "Please write a date as year-month-day."
        return None
    if day != pause_of(held, now=now) and not today < day <= today + LONGEST_PAUSE:
        faults["pause"] = "Please choose a date from tomorrow on, within a year."
        return None
    return day
