"""Who reads in the month: readers of every zone, rhythm, choice and kind of rule, by a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from subscribers.alert_choices import Afterwards, AlertChoices, InQuiet
from subscribers.alert_rule import AlertRule
from subscribers.lens import Lens
from subscribers.rhythm import EVERY_DAY, Rhythm
from tests.alerting.stories import AUDIENCES, COMPANIES

ZONES = (
    "UTC", "Europe/Paris", "Europe/London", "America/New_York", "America/Los_Angeles", "America/St_Johns",
    "Asia/Kathmandu", "Asia/Kolkata", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Auckland",
    "Pacific/Chatham", "Pacific/Kiritimati", "America/Santiago", "Africa/Cairo",
)  # fmt: skip
#: what one can read beside the alerts
DIGESTS = (("daily",), ("daily",), ("daily", "weekly"), ("weekly",), ())


@dataclass(frozen=True)
class Reader:
    """One reader as they are from the beginning; nobody changes but those who leave."""

    name: str
    rhythm: Rhythm
    lens: Lens
    newsletters: tuple[str, ...]
    choices: AlertChoices
    rules: tuple[AlertRule, ...]
    #: when they want no alerts any more
    leaves_at: datetime | None

    @property
    def address(self) -> str:
        return f"{self.name}@inbox.example"


def readers(seed: int, number: int, *, start: datetime, end: datetime) -> list[Reader]:
    chance = random.Random(seed)
    return [_reader(chance, n, start, end) for n in range(number)]


def _reader(chance: random.Random, number: int, start: datetime, end: datetime) -> Reader:
    leaves = start + (end - start) * chance.random() if chance.random() < 0.05 else None
    return Reader(
        name=f"reader{number}",
        rhythm=Rhythm(chance.choice(ZONES), chance.randrange(24), _days(chance, chance.choice((7, 7, 5, 2)))),
        lens=_lens(chance),
        newsletters=chance.choice(DIGESTS),
        choices=_choices(chance),
        rules=tuple(dict.fromkeys(_rule(chance) for _ in range(chance.choice((1, 1, 2, 3))))),
        leaves_at=leaves,
    )


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
    if chance.random() < 0.2:
        return AlertChoices()
    start = chance.randrange(24)
    return AlertChoices(
        quiet_from=start,
        quiet_until=(start + chance.choice((0, 1, 8, 9, 14))) % 24,
        quiet_days=_days(chance, chance.choice((0, 0, 0, 1, 2, 4))),
        in_quiet=chance.choice(tuple(InQuiet)),
        afterwards=chance.choice(tuple(Afterwards)),
        mails_a_day=chance.choice((1, 1, 2, 3, 5)),
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
