"""Readers who hold alert rules, and stories for them: what `benchmarks.alert_matching` works on.

The rules are spread as in life. Two thirds name a company, of which few are on many lips (Zipf); others a
topic or a word; most ask for three to ten outlets; one in two hundred asks for every big story. As rare
are stories that many outlets report.
"""

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert, text

from benchmarks.intake import WORDS
from benchmarks.readers import NUMBERS
from newsletter.alerts.matching import anchors
from newsletter.content import Article, Company, Impact, StoryContent, Tldr
from newsletter.newsletters import sync
from newsletter.store.bulk import insert_many
from newsletter.store.engine import writing
from newsletter.store.migrate import migrate
from newsletter.wiring import Services
from subscribers.alert_models import AlertRuleRecord, AlertTerm, Watch
from subscribers.alert_rule import AlertRule
from subscribers.lens import Lens
from subscribers.models import LensRecord

HELD = 3  # rules, by each reader
#: rules that readers choose from
STOCK = 100_000
LENSES = 500
COMPANIES, TOPICS, OUTLETS = 5_000, 400, 40
AUDIENCES = ("investors", "researchers", "engineers", "policymakers")
LANGUAGES = ("en", "fr", "de", "ja", "zh")
#: when the first story comes
START = datetime(2026, 3, 3, 12, tzinfo=UTC)
#: since when readers hold their rules
BEFORE = START - timedelta(days=1)
FILL = {
    "subscriber": """
        INSERT INTO subscriber (id, public_id, email, email_key, lens_id, timezone, hour, weekdays,
                                created_at)
        SELECT n, 'p' || n, 'reader' || n || '@mail.example', 'reader' || n || '@mail.example',
               1 + n % :lenses, 'UTC', 7, 127, :start FROM series""",
    "subscription": """
        INSERT INTO subscription (subscriber_id, newsletter, state, requested_at, confirmed_at)
        SELECT n, 'alerts', 'confirmed', :start, :start FROM series""",
}


def zipf(number: int) -> list[float]:
    """Summed up, so that `random.choices` need not do it each time."""
    return list(itertools.accumulate(1 / place for place in range(1, number + 1)))


BY_COMPANY, BY_TOPIC = zipf(COMPANIES), zipf(TOPICS)


def a_company(chance: random.Random) -> str:
    return f"Sample Lab {chance.choices(range(COMPANIES), cum_weights=BY_COMPANY)[0]}"


def a_topic(chance: random.Random) -> str:
    return f"topic{chance.choices(range(TOPICS), cum_weights=BY_TOPIC)[0]}"


def a_rule(chance: random.Random) -> AlertRule:
    """65 % a company, 19.5 % a topic, 10 % a word; 5 % an audience and a label; 0.5 % every big story."""
    kind, outlets = chance.random(), chance.choice((1, 3, 3, 4, 5, 5, 8, 10))
    if kind < 0.65:
        return AlertRule.of({"companies": [a_company(chance)]}, min_outlets=outlets)
    if kind < 0.845:
        return AlertRule.of({"topics": [a_topic(chance)]}, min_outlets=outlets)
    if kind < 0.945:
        return AlertRule.of({"words": [a_topic(chance)]}, min_outlets=3, fast_outlets=3, fast_hours=6)
    if kind < 0.995:
        meant = {"audiences": [chance.choice(AUDIENCES)], "impacts": [str(chance.choice(list(Impact)))]}
        return AlertRule.of(meant, min_outlets=8 + chance.randrange(12), min_languages=chance.choice((1, 3)))
    return AlertRule.of({}, min_outlets=15 + chance.randrange(15))


def a_story(chance: random.Random, number: int) -> StoryContent:
    def prose(words: int) -> str:
        said = chance.choices((*WORDS, *(f"word{n}" for n in range(400))), k=words - 1)
        return " ".join((*said, a_topic(chance))).capitalize()

    outlets = min(OUTLETS, int(chance.paretovariate(0.8)))
    named = dict.fromkeys(a_company(chance) for _ in range(chance.randint(1, 2)))
    return StoryContent(
        title=f"{prose(8)} {number}",
        date=date(2026, 3, 3),
        category="Research",
        tldr=Tldr(prose(45)),
        impact=chance.choice(list(Impact)),
        audiences=tuple(name.title() for name in chance.sample(AUDIENCES, 2)),
        companies=tuple(map(Company, named)),
        coverage=tuple(
            Article(f"Outlet {n}", f"https://outlet{n}.example/{number}", chance.choice(LANGUAGES))
            for n in range(outlets)
        ),
    )


def fill(services: Services, readers: int) -> int:
    """So many readers, and their rules, into an empty database; returns how many rules are different."""
    engine = services.engine
    migrate(engine)
    rules: dict[AlertRule, int] = {}
    with writing(engine) as session:
        sync(session, services.site)
        lenses = [Lens.of(companies=[f"Lab {n}"], muted_companies=[f"Other {n}"]) for n in range(LENSES)]
        rows = ({"fingerprint": lens.fingerprint(), "definition": lens.definition()} for lens in lenses)
        session.execute(insert(LensRecord), [{"id": n, **row} for n, row in enumerate(rows, start=1)])
        for statement in FILL.values():
            into, _, query = statement.partition("SELECT")
            values = {"readers": readers, "lenses": LENSES, "start": BEFORE.replace(tzinfo=None)}
            filled = f"{into}{NUMBERS}SELECT{query}"
            session.execute(text(filled), {k: v for k, v in values.items() if f":{k}" in filled})
        watches = list(_held(readers, rules))
        session.execute(insert(AlertRuleRecord), [_row(n, rule) for rule, n in rules.items()])
        terms = [
            {"kind": kind, "term": term, "rule_id": n}
            for rule, n in rules.items()
            for kind, term in anchors(rule)
        ]
        session.execute(insert(AlertTerm), terms)
        alike = {"made_at": BEFORE}
        insert_many(session, Watch, alike, ("subscriber_id", "rule_id"), watches, order=("subscriber_id",))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return len(rules)


def _row(number: int, rule: AlertRule) -> dict[str, object]:
    return {
        "id": number,
        "fingerprint": rule.fingerprint(),
        "definition": rule.definition(),
        "min_outlets": rule.min_outlets,
        "min_languages": rule.min_languages,
    }


def _held(readers: int, rules: dict[AlertRule, int]) -> Iterator[tuple[int, int]]:
    """(reader, rule); the rules get their numbers in `rules`."""
    chance = random.Random(1)
    stock = [rules.setdefault(a_rule(chance), len(rules) + 1) for _ in range(min(readers, STOCK))]
    for reader in range(1, readers + 1):
        yield from ((reader, rule) for rule in set(chance.choices(stock, k=HELD)))
