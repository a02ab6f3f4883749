"""Alert rules and choices in words: for the mail's footer, pages and the command line. Pure."""

from calendar import day_name
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from newsletter.alerts.phrases import count, listed, quoted
from newsletter.content import Impact
from subscribers.alert_choices import Afterwards, AlertChoices, InQuiet
from subscribers.alert_rule import AlertRule

_AS_THEY_ARE: Mapping[str, str] = MappingProxyType({})
_EFFECTS = {impact.value: impact.effect for impact in Impact}


def words(rule: AlertRule, names: Mapping[str, str] = _AS_THEY_ARE) -> str:
    """The rule as its reader would say it: `Mistral AI or OpenAI, once 5 outlets in 2 languages report it`.

    A rule knows terms, in small letters; `names` says how companies and audiences are written, by term.
    """

    def named(terms: Iterable[str]) -> str:
        return listed(sorted(names.get(key, key) for key in terms), "or")

    parts = [part for part in (_subject(rule, named(rule.companies)), *_narrowed(rule)) if part]
    if rule.audiences:
        parts[0] += f" for {named(rule.audiences)}"
    return ", ".join(parts)


def _subject(rule: AlertRule, companies: str) -> str:
    topics = f"the topic{'s' if len(rule.topics) > 1 else ''} {listed(sorted(rule.topics), 'or')}"
    if companies:
        return f"{companies} on {topics}" if rule.topics else companies
    if rule.topics:
        return topics
    return "stories" if rule.audiences or rule.words or rule.impacts else "every story"


def _narrowed(rule: AlertRule) -> Iterator[str]:
    if rule.words:
        yield f"saying {quoted(rule.words)}"
    if rule.impacts:
        yield f"labelled {quoted(_EFFECTS.get(label, label) for label in rule.impacts)}"
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
