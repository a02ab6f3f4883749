"""The forms about alerts: what stands in their fields, and the rule or the choices that they express.

Pure: values in, values out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from newsletter.content import Impact
from newsletter.schedule import instant
from newsletter.site import Site
from newsletter.web.form import FormFaults, audience_faults, one, several
from newsletter.web.preferences_form import LONGEST_PAUSE, sent_words, terms_of, word_faults
from subscribers.alert_choices import MOST_MAILS, Afterwards, AlertChoices, InQuiet
from subscribers.alert_rule import MOST_LANGUAGES, MOST_OUTLETS, AlertRule, saying_nothing
from subscribers.lens import term
from subscribers.rhythm import DAYS, EVERY_DAY, InvalidRhythm, parse_hour, parse_weekdays

#: the fields of a rule whose words readers write themselves
WORD_FIELDS = ("companies", "topics", "words")
#: the fields of a rule that are numbers → the least and the most
NUMBERS = {
    "min_outlets": (1, MOST_OUTLETS),
    "min_languages": (1, MOST_LANGUAGES),
    "fast_outlets": (2, MOST_OUTLETS),
    "fast_hours": (1, 72),
}


@dataclass(frozen=True, slots=True)
class RuleForm:
    """The fields of an alert rule as they stand in the form, to be shown again."""

    audiences: tuple[str, ...] = ()
    #: field of the rule → words as they are written
    words: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict.fromkeys(WORD_FIELDS, ()))
    impacts: tuple[str, ...] = ()
    #: empty where nothing is asked for
    numbers: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(NUMBERS, ""))
    leads: bool = False
    #: the fingerprint of the rule whose past was shown
    shown: str = ""

    @classmethod
    def of(cls, rule: AlertRule, names: Mapping[str, str], site: Site) -> Self:
        """The rule as it is; `names` says how companies are written."""
        numbers = {name: getattr(rule, name) for name in NUMBERS}
        return cls(
            audiences=tuple(name for name in site.audiences if term(name) in rule.audiences),
            words={
                name: tuple(sorted(names.get(key, key) for key in getattr(rule, name)))
                for name in WORD_FIELDS
            },
            impacts=tuple(impact.value for impact in Impact if impact in rule.impacts),
            numbers={name: str(number) if number > 1 else "" for name, number in numbers.items()},
            leads=rule.leads,
        )

    @classmethod
    def sent(cls, fields: FormData) -> Self:
        """What the form sent: words that were ticked, and those that were written beside them."""
        return cls(
            audiences=several(fields, "audiences"),
            words={name: sent_words(fields, name) for name in WORD_FIELDS},
            impacts=several(fields, "impacts"),
            numbers={name: one(fields, name).strip() for name in NUMBERS},
            leads="leads" in fields,
            shown=one(fields, "shown"),
        )


def read_rule(form: RuleForm, site: Site) -> AlertRule:
    """The rule; FormFaults has a remedy for every field that does not hold."""
    faults = audience_faults(form.audiences, site) | word_faults(form.words)
    for name, told in form.words.items():
        if unfit := saying_nothing(told):
            faults[name] = f"Please write words with a letter or a digit; {unfit[0]} has none."
    if not set(form.impacts) <= set(Impact):
        faults["impacts"] = "Please choose from the labels below."
    numbers = {name: _number(name, text, faults) for name, text in form.numbers.items()}
    if bool(numbers["fast_outlets"]) != bool(numbers["fast_hours"]):
        missing = "fast_hours" if numbers["fast_outlets"] else "fast_outlets"
        faults.setdefault(missing, "Please fill in both, or leave both empty.")
    if faults:
        raise FormFaults(faults)
    return AlertRule(
        audiences=terms_of(form.audiences),
        companies=terms_of(form.words["companies"]),
        topics=terms_of(form.words["topics"]),
        words=terms_of(form.words["words"]),
        impacts=frozenset(form.impacts),
        min_outlets=numbers["min_outlets"] or 1,
        min_languages=numbers["min_languages"] or 1,
        fast_outlets=numbers["fast_outlets"],
        fast_hours=numbers["fast_hours"],
        leads=form.leads,
    )


def _number(name: str, text: str, faults: dict[str, str]) -> int:
    """0 where nothing stands there."""
    least, most = NUMBERS[name]
    if not text:
        return 0
    if text.isascii() and text.isdigit() and len(text) < 4 and least <= int(text) <= most:
        return int(text)
    faults[name] = f"Please write a whole number from {least} to {most}, or nothing."
    return 0


@dataclass(frozen=True, slots=True)
class ChoicesForm:
    """How a reader wants to be alerted, as it stands in the form."""

    quiet_from: str
    quiet_until: str
    quiet_days: tuple[str, ...]
    in_quiet: str
    afterwards: str
    mails_a_day: str
    from_editors: bool

    @classmethod
    def of(cls, choices: AlertChoices) -> Self:
        return cls(
            quiet_from=str(choices.quiet_from),
            quiet_until=str(choices.quiet_until),
            quiet_days=tuple(DAYS[day] for day in sorted(choices.quiet_days)),
            in_quiet=choices.in_quiet.value,
            afterwards=choices.afterwards.value,
            mails_a_day=str(choices.mails_a_day),
            from_editors=choices.from_editors,
        )

    @classmethod
    def sent(cls, fields: FormData) -> Self:
        return cls(
            quiet_from=one(fields, "quiet_from"),
            quiet_until=one(fields, "quiet_until"),
            quiet_days=several(fields, "quiet_days"),
            in_quiet=one(fields, "in_quiet"),
            afterwards=one(fields, "afterwards"),
            mails_a_day=one(fields, "mails_a_day").strip(),
            from_editors="from_editors" in fields,
        )


def read_choices(form: ChoicesForm) -> AlertChoices:
    """The choices; FormFaults has a remedy for every field that does not hold."""
    faults: dict[str, str] = {}
    hours = {name: _hour(name, getattr(form, name), faults) for name in ("quiet_from", "quiet_until")}
    days = _quiet_days(form.quiet_days, faults)
    if form.in_quiet not in set(InQuiet):
        faults["in_quiet"] = "Please choose one of the three."
    if form.afterwards not in set(Afterwards):
        faults["afterwards"] = "Please choose one of the two."
    if form.mails_a_day not in map(str, range(1, MOST_MAILS + 1)):
        faults["mails_a_day"] = f"Please write a whole number from 1 to {MOST_MAILS}."
    if faults:
        raise FormFaults(faults)
    return AlertChoices(
        **hours,
        quiet_days=days,
        in_quiet=InQuiet(form.in_quiet),
        afterwards=Afterwards(form.afterwards),
        mails_a_day=int(form.mails_a_day),
        from_editors=form.from_editors,
    )


def _hour(name: str, text: str, faults: dict[str, str]) -> int:
    try:
        return parse_hour(text)
    except InvalidRhythm:
        faults[name] = "Please choose a full hour from the menu."
        return 0


def _quiet_days(names: tuple[str, ...], faults: dict[str, str]) -> frozenset[int]:
    try:
        days = parse_weekdays(names)
    except InvalidRhythm:
        faults["quiet_days"] = "Please choose from the days below."
        return frozenset()
    if days == EVERY_DAY:
        faults["quiet_days"] = "Please leave one day at least; to hear nothing at all, stop your alerts."
    return days


#: what the buttons of a pause send → for how long
PAUSED_FOR = {"week": timedelta(weeks=1), "month": timedelta(days=30)}


def read_pause(fields: FormData, zone: ZoneInfo, *, now: datetime) -> datetime | None:
    """Until when the button that was pressed pauses, None for an end of the pause.

    FormFaults for a day that is none, or not ahead.
    """
    pressed = one(fields, "pause")
    if pressed == "end":
        return None
    if pressed in PAUSED_FOR:
        return now + PAUSED_FOR[pressed]
    today = now.astimezone(zone).date()
    try:
        day = date.fromisoformat(one(fields, "day").strip())
    except ValueError:
        raise FormFaults({"day": "Please write a date as year-month-day."}) from None
    if not today < day <= today + LONGEST_PAUSE:
        raise FormFaults({"day": "Please choose a date from tomorrow on, within a year."})
    return instant(day, time(0), zone)
