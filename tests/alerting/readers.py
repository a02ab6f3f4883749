"""Who reads in the month, by a seed: readers of every zone, rhythm, choice and kind of rule; and how many of
them come to want something else in the middle of it."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from subscribers.alert_choices import Afterwards, AlertChoices, InQuiet
from subscribers.alert_rule import AlertRule
from subscribers.lens import Lens
from subscribers.rhythm import EVERY_DAY, Rhythm
from tests.alerting.stories import AUDIENCES, COMPANIES

ZONES = (
    "UTC", "Europe/Paris", "Europe/London", "America/New_York", "America/Los_Angeles", "America/St_Johns",
    "Asia/Kathmandu", "Asia/Kolkata", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Auckland",
    "Pacific/Chatham", "Pacific/Kiritimati", "America/Santiago", "Africa/Cairo", "Pacific/Pago_Pago",
)  # fmt: skip
#: what one can read beside the alerts
DIGESTS = (("daily",), ("daily",), ("daily", "weekly"), ("weekly",), ())
#: how alerts can stay away
LEFT, PAUSED = "left", "paused"


@dataclass(frozen=True)
class Wishes:
    """What a reader wants from some moment on."""

    rhythm: Rhythm
    lens: Lens
    digests: tuple[str, ...]
    choices: AlertChoices
    rules: tuple[AlertRule, ...]
    #: those of the rules that they paused
    resting: frozenset[AlertRule] = frozenset()
    #: whether they left the alerts, or paused them
    away: str = ""

    @property
    def alerts(self) -> bool:
        """Whether alerts come to them at all."""
        return not self.away

    @property
    def watched(self) -> tuple[AlertRule, ...]:
        """The rules that count."""
        return tuple(rule for rule in self.rules if rule not in self.resting)


@dataclass(frozen=True)
class Reader:
    """One reader: what they want first, and what from later moments on."""

    name: str
    first: Wishes
    later: tuple[tuple[datetime, Wishes], ...] = ()

    @property
    def address(self) -> str:
        return f"{self.name}@inbox.example"


def readers(seed: int, number: int, *, start: datetime, end: datetime, restless: float = 0.4) -> list[Reader]:
    """So many of them; of the `restless` each changes something once or several times."""
    chance = random.Random(seed)
    found = []
    for n in range(number):
        first = _wishes(chance)
        changes = chance.choice((1, 2, 4)) if chance.random() < restless else 0
        moments = sorted(start + (end - start) * chance.random() for _ in range(changes))
        found.append(Reader(f"reader{n}", first, tuple(_later(chance, first, moments))))
    return found


def _wishes(chance: random.Random) -> Wishes:
    return Wishes(
        rhythm=_rhythm(chance),
        lens=_lens(chance),
        digests=chance.choice(DIGESTS),
        choices=AlertChoices() if chance.random() < 0.2 else _choices(chance),
        rules=tuple(dict.fromkeys(_rule(chance) for _ in range(chance.choice((1, 1, 2, 3))))),
    )


def _later(
    chance: random.Random, wishes: Wishes, moments: Sequence[datetime]
) -> Iterator[tuple[datetime, Wishes]]:
    last = moments[0] if moments else None
    for at in moments:
        if last and at < last:
            continue  # they have said more since
        if wishes.away:
            wishes = replace(wishes, away="")
        else:
            changed = chance.choice(_CHANGES)(chance, wishes)
            if changed == wishes:
                continue
            wishes = changed
        yield at, wishes
        # whoever goes mostly comes back soon, and a pause is short
        if wishes.away and chance.random() < 0.7:
            at += timedelta(hours=chance.choice((1, 6, 30)))
            wishes = replace(wishes, away="")
            yield at, wishes
        last = at


def _rhythm(chance: random.Random) -> Rhythm:
    days = _days(chance, chance.choice((7, 7, 5, 2)))
    return Rhythm(chance.choice(ZONES), chance.randrange(24), days)


def _days(chance: random.Random, number: int) -> frozenset[int]:
    return frozenset(chance.sample(sorted(EVERY_DAY), number))


def _lens(chance: random.Random) -> Lens:
    mutes = chance.random()
    return Lens.of(
        audiences=chance.sample(AUDIENCES, chance.choice((0, 1, 2))),
        companies=[company.name for company in chance.sample(COMPANIES, chance.choice((0, 0, 1)))],
        muted_companies=[chance.choice(COMPANIES).name] if mutes < 0.15 else [],
        muted_topics=[chance.choice(("Policy", "robot"))] if mutes > 0.85 else [],
    )


def _choices(chance: random.Random) -> AlertChoices:
    start = chance.randrange(24)
    return AlertChoices(
        quiet_from=start,
        quiet_until=(start + chance.choice((0, 1, 8, 9, 14, 23))) % 24,
        quiet_days=_days(chance, chance.choice((0, 0, 0, 1, 2, 4, 6))),
        in_quiet=chance.choice(tuple(InQuiet)),
        afterwards=chance.choice(tuple(Afterwards)),
        mails_a_day=chance.choice((1, 1, 2, 3, 5, 20)),
        from_editors=chance.random() < 0.7,
    )


#: of what a rule may ask; thresholds come on top
_INTERESTS: Sequence[tuple[str, Sequence[str]]] = (
    ("audiences", AUDIENCES),
    ("companies", [company.name for company in COMPANIES]),
    ("topics", ("policy", "hardware", "robot", "data centre")),
    ("words", ("model", "chip", "passes a test", "delayed", "nvidia", "openai")),
    ("impacts", ("advance", "delay", "neutral", "unclear")),
)


def _rule(chance: random.Random) -> AlertRule:
    interests = chance.sample(_INTERESTS, chance.choice((0, 1, 1, 1, 2)))
    words = {kind: chance.sample(list(among), chance.choice((1, 1, 2))) for kind, among in interests}
    return AlertRule.of(words, **chance.choice(_THRESHOLDS))


_THRESHOLDS: Sequence[dict[str, Any]] = (
    {},
    {"min_outlets": 2},
    {"min_outlets": 5},
    {"min_outlets": 10, "min_languages": 3},
    {"min_languages": 2},
    {"fast_outlets": 3, "fast_hours": 2},
    {"fast_outlets": 6, "fast_hours": 12, "min_outlets": 3},
    {"leads": True},
)


def _other_rules(chance: random.Random, wishes: Wishes) -> Wishes:
    """One is held besides, is narrowed, or stopped."""
    rules, what = list(wishes.rules), chance.random()
    if what < 0.4 or not rules:
        rules.append(_rule(chance))
    elif what < 0.7:
        rules.pop(chance.randrange(len(rules)))
    else:
        place = chance.randrange(len(rules))
        rules[place] = replace(rules[place], min_outlets=rules[place].min_outlets + 1)
    kept = tuple(dict.fromkeys(rules))
    return replace(wishes, rules=kept, resting=wishes.resting & frozenset(kept))


def _other_pauses(chance: random.Random, wishes: Wishes) -> Wishes:
    if not wishes.rules:
        return wishes
    return replace(wishes, resting=wishes.resting ^ {chance.choice(wishes.rules)})


def _other_lens(chance: random.Random, wishes: Wishes) -> Wishes:
    return replace(wishes, lens=_lens(chance))


def _other_zone(chance: random.Random, wishes: Wishes) -> Wishes:
    return replace(wishes, rhythm=_rhythm(chance))


def _other_choices(chance: random.Random, wishes: Wishes) -> Wishes:
    return replace(wishes, choices=_choices(chance))


def _fewer_mails(_chance: random.Random, wishes: Wishes) -> Wishes:
    return replace(wishes, choices=replace(wishes.choices, mails_a_day=1))


def _other_digests(chance: random.Random, wishes: Wishes) -> Wishes:
    return replace(wishes, digests=chance.choice(DIGESTS))


def _gone(chance: random.Random, wishes: Wishes) -> Wishes:
    return replace(wishes, away=chance.choice((LEFT, PAUSED)))


_CHANGES: Sequence[Callable[[random.Random, Wishes], Wishes]] = (
    _other_rules, _other_rules, _other_pauses, _other_lens, _other_zone, _other_choices, _other_choices,
    _fewer_mails, _other_digests, _gone, _gone,
)  # fmt: skip
