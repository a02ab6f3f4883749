"""Alert rules and choices in words: for the mail's footer, pages and the command line. Pure."""

from calendar import day_name
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from newsletter.alerts.phrases import count, listed, quoted
from newsletter.content import Impact
from subscribers.alert_choices import Afterwards, AlertChoices, InQuiet
from subscribers.alert_rule import AlertRule

_AS_THEY_ARE: Mapping[str, str] = MappingProxyType({})
#: of each kind of interest, in mails; their facts say which of them it was
MOST_TERMS = 4
_CAPITALS = {"ai": "AI", "agi": "AGI"}
_EFFECTS = {impact.value: impact.effect for impact in Impact}


def words(rule: AlertRule, names: Mapping[str, str] = _AS_THEY_ARE, *, most: int | None = None) -> str:
    """The rule as its reader would say it: `Mistral AI or OpenAI, once 5 outlets in 2 languages report it`.

    A rule knows terms, in small letters; `names` says how companies and audiences are written, by term. Of
    each kind of interest `most` are named.
    """

    def named(terms: Iterable[str]) -> str:
        written = (names.get(key) or as_a_name(key) for key in terms)
        return listed(sorted(written, key=str.casefold), "or", most=most)

    subject, said = _subject(rule, named(rule.companies), most), list(_said(rule, most))
    if rule.audiences:
        subject += f" for {named(rule.audiences)}"
    if said and not rule.companies and not rule.topics:
        subject += f" {said.pop(0)}"  # stories saying it; but a company, in stories saying it
    return ", ".join([subject, *said, *_thresholds(rule)])


def as_a_name(key: str) -> str:
    """How a company is written of which no story tells: `Sample Lab`, `Mistral AI`."""
    return " ".join(_CAPITALS.get(word, word[:1].upper() + word[1:]) for word in key.split(" "))


def _subject(rule: AlertRule, companies: str, most: int | None) -> str:
    topics = f"the topic{'s' if len(rule.topics) > 1 else ''} {quoted(rule.topics, most=most)}"
    if companies:
        return f"{companies} on {topics}" if rule.topics else companies
    if rule.topics:
        return topics
    return "stories" if rule.audiences or rule.words or rule.impacts else "every story"


def _said(rule: AlertRule, most: int | None) -> Iterator[str]:
    if rule.words:
        yield f"saying {quoted(rule.words, most=most)}"
    if rule.impacts:
        yield f"labelled {quoted(_EFFECTS.get(label, label) for label in rule.impacts)}"


def _thresholds(rule: AlertRule) -> Iterator[str]:
    if rule.min_outlets > 1 and rule.min_languages > 1:
        yield f"once {rule.min_outlets} outlets in {rule.min_languages} languages report it"
    elif rule.min_outlets > 1:
        yield f"once {rule.min_outlets} outlets report it"
    elif rule.min_languages > 1:
        yield f"once it is reported in {rule.min_languages} languages"
    if rule.fast_outlets:
        yield f"once {count(rule.fast_outlets, 'outlet')} report it within {count(rule.fast_hours, 'hour')}"
    if rule.leads:
        yield "if it would lead your digest"


def choices_in_words(choices: AlertChoices) -> tuple[str, ...]:
    """The choices, a sentence each: `Quiet from 22:00 to 07:00: alerts wait until then`."""
    return (
        _quiet(choices),
        f"At most {count(choices.mails_a_day, 'mail')} a day, digests and alerts together",
        {
            Afterwards.LINE: "After an alert, your next digest says in a line what came since",
            Afterwards.NOTHING: "After an alert, your digest is silent about the story until there is news",
        }[choices.afterwards],
        "Alerts from the editors, too" if choices.from_editors else "No alerts from the editors",
    )


def _quiet(choices: AlertChoices) -> str:
    times = []
    if choices.quiet_from != choices.quiet_until:
        times.append(f"from {choices.quiet_from:02}:00 to {choices.quiet_until:02}:00")
    if choices.quiet_days:
        times.append(f"all day on {listed((day_name[day] for day in sorted(choices.quiet_days)), 'and')}")
    if not times:
        return "No quiet hours: alerts come at any time"
    then = {
        InQuiet.HOLD: "alerts wait until it is over" if choices.quiet_days else "alerts wait until then",
        InQuiet.FOLD: "your next digest tells what came up",
        InQuiet.HIGHEST: "only the highest impact comes at once, all else waits",
    }[choices.in_quiet]
    return f"Quiet {' and '.join(times)}: {then}"
