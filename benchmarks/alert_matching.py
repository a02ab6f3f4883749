"""From a story to its readers: which alert rules it meets, and the rows of those who are to be alerted.

`python -m benchmarks.alert_matching [--readers N] [--sqlite]`, with 100,000 readers by default, and before
them a hundredth and a tenth for the growth. Each holds three rules about companies, audiences and topics,
with thresholds of all kinds, a few of them held by many (Zipf); half a rule in a hundred asks for every
big story.
"""

import argparse
import itertools
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine, insert, select, text

from benchmarks.intake import WORDS, databases
from newsletter.alerts.looking import look
from newsletter.alerts.matching import anchors
from newsletter.alerts.sparing import Limits
from newsletter.alerts.spreading import spread
from newsletter.config import ROOT
from newsletter.content import Article, Company, Impact, StoryContent, Tldr
from newsletter.intake.take_in import take_in
from newsletter.models import Alert, AlertReader
from newsletter.models.alert import AlertState
from newsletter.newsletters import sync
from newsletter.site import Site, load_site
from newsletter.sources.records import Incoming
from newsletter.store.bulk import insert_many, stored
from newsletter.store.engine import writing
from subscribers.alert_models import AlertRuleRecord, AlertTerm, Watch
from subscribers.alert_rule import AlertRule
from subscribers.lens import Lens
from subscribers.models import Base, LensRecord

READERS = 100_000
HELD = 3  # rules, by each
RULES = 20_000
LENSES = 500
STORIES = 100
FLOOD = 500  # stories that come in at once
STORY_LIMIT = 1.0  # seconds, of the middle one
FLOOD_LIMIT = 60.0  # seconds, to find the rules of all of them
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
COMPANIES, OUTLETS = 1_000, 40
AUDIENCES = ("investors", "researchers", "engineers", "policymakers")
LANGUAGES = ("en", "fr", "de", "ja", "zh")
HOURS = timedelta(hours=1)
LIMITS = Limits(24 * HOURS, 72 * HOURS, 12 * HOURS, 3 * HOURS, HOURS / 4, 3)
#: what to put before a SELECT that makes a row of each n
NUMBERS = "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < :readers) "
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


def company(number: int) -> str:
    return f"Sample Lab {number}"


def a_rule(chance: random.Random, kind: float) -> AlertRule:
    outlets = chance.choice((1, 1, 3, 5, 8, 12))
    if kind < 0.6:
        companies = map(company, chance.choices(range(COMPANIES), cum_weights=zipf(COMPANIES), k=2))
        return AlertRule.of({"companies": companies}, min_outlets=outlets)
    if kind < 0.8:
        meant = {"audiences": [chance.choice(AUDIENCES)], "impacts": [str(chance.choice(list(Impact)))]}
        languages = chance.choice((1, 2, 3))
        return AlertRule.of(meant, min_outlets=8 + chance.randrange(12), min_languages=languages)
    if kind < 0.995:
        interests = {"topics": chance.sample(WORDS, 1), "words": chance.sample(WORDS, 1)}
        return AlertRule.of(interests, min_outlets=outlets, fast_outlets=3, fast_hours=6)
    return AlertRule.of({}, min_outlets=15 + chance.randrange(5))


def a_story(chance: random.Random, number: int) -> StoryContent:
    def prose(words: int) -> str:
        return " ".join(chance.choices((*WORDS, *(f"word{n}" for n in range(400))), k=words)).capitalize()

    outlets = min(OUTLETS, int(chance.paretovariate(0.8)))
    named = chance.choices(range(COMPANIES), cum_weights=zipf(COMPANIES), k=chance.randint(1, 2))
    return StoryContent(
        title=f"{prose(8)} {number}",
        date=date(2026, 3, 3),
        category="Research",
        tldr=Tldr(prose(45)),
        impact=chance.choice(list(Impact)),
        audiences=tuple(name.title() for name in chance.sample(AUDIENCES, 2)),
        companies=tuple(Company(company(n)) for n in sorted(set(named))),
        coverage=tuple(
            Article(f"Outlet {n}", f"https://outlet{n}.example/{number}", chance.choice(LANGUAGES))
            for n in range(outlets)
        ),
    )


def fill(engine: Engine, site: Site, readers: int) -> None:
    Base.metadata.create_all(engine)
    chance = random.Random(1)
    kinds = (number / RULES for number in range(RULES))
    rules = list(dict.fromkeys(a_rule(chance, kind) for kind in kinds))
    chance.shuffle(rules)
    with writing(engine) as session:
        sync(session, site)
        lenses = [Lens.of(companies=[company(n)], muted_companies=[company(-n)]) for n in range(LENSES)]
        rows = ({"fingerprint": lens.fingerprint(), "definition": lens.definition()} for lens in lenses)
        session.execute(insert(LensRecord), [{"id": n, **row} for n, row in enumerate(rows, start=1)])
        session.execute(insert(AlertRuleRecord), [_row(n, rule) for n, rule in enumerate(rules, start=1)])
        terms = [
            {"kind": kind, "term": term, "rule_id": n}
            for n, rule in enumerate(rules, start=1)
            for kind, term in anchors(rule)
        ]
        session.execute(insert(AlertTerm), terms)
        for statement in FILL.values():
            into, _, query = statement.partition("SELECT")
            values = {"readers": readers, "lenses": LENSES, "start": (NOW - 24 * HOURS).replace(tzinfo=None)}
            filled = f"{into}{NUMBERS}SELECT{query}"
            session.execute(text(filled), {k: v for k, v in values.items() if f":{k}" in filled})
        made_at = stored(session, Watch.made_at, NOW - 24 * HOURS)
        watches = ((reader, rule, made_at) for reader, rule in _held(chance, readers, len(rules)))
        columns = "subscriber_id", "rule_id", "made_at"
        insert_many(session, Watch, {}, columns, watches, order=("subscriber_id",))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def _row(number: int, rule: AlertRule) -> dict[str, object]:
    return {
        "id": number,
        "fingerprint": rule.fingerprint(),
        "definition": rule.definition(),
        "min_outlets": rule.min_outlets,
        "min_languages": rule.min_languages,
    }


def _held(chance: random.Random, readers: int, rules: int) -> Iterator[tuple[int, int]]:
    weights = zipf(rules)
    for reader in range(1, readers + 1):
        held = set(chance.choices(range(1, rules + 1), cum_weights=weights, k=HELD))
        yield from ((reader, rule) for rule in held)


def tell(engine: Engine, chance: random.Random, numbers: range) -> None:
    with writing(engine) as session:
        stories = [Incoming(f"bench-{n}", a_story(chance, n), "generated") for n in numbers]
        take_in(session, stories, now=NOW)


def look_at_all(engine: Engine) -> float:
    """Seconds."""
    start = time.perf_counter()
    while True:
        with writing(engine) as session:
            if not look(session, LIMITS, now=NOW):
                return time.perf_counter() - start


def spread_one(engine: Engine, alert_id: int) -> float:
    """Seconds, with the commit of every chunk."""
    start, more = time.perf_counter(), True
    while more:
        with writing(engine) as session:
            more = spread(session, session.get_one(Alert, alert_id), LIMITS, now=NOW)
    return time.perf_counter() - start


def measure(engine: Engine, site: Site, name: str, readers: int) -> None:
    fill(engine, site, readers)
    chance = random.Random(2)
    tell(engine, chance, range(STORIES))
    looked = look_at_all(engine) / STORIES
    with writing(engine) as session:
        query = select(Alert.id).where(Alert.state == AlertState.SPREADING).order_by(Alert.id)
        alerts = session.scalars(query).all()
    took = [looked + spread_one(engine, alert_id) for alert_id in alerts]
    with writing(engine) as session:
        rows = session.query(AlertReader).count()
    tell(engine, chance, range(STORIES, STORIES + FLOOD))
    flood = look_at_all(engine)
    middle = statistics.median(took)
    print(
        f"{name:<12}{readers:>10,}{len(alerts):>8}{rows / len(alerts):>10,.0f}{middle:>9.3f}"
        f"{STORY_LIMIT / middle:>7.1f}x{max(took):>9.3f}{len(took) / sum(took):>9.1f}"
        f"{rows / sum(took):>10,.0f}{flood:>9.1f}{FLOOD_LIMIT / flood:>7.1f}x"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--sqlite", action="store_true", help="without PostgreSQL")
    given = parser.parse_args(arguments)
    site = load_site(ROOT / "publication.toml")
    print(
        f"From a story to its readers, who hold {HELD} of about {RULES:,} rules each; {STORIES} stories.\n"
        f"Seconds of the middle one beside {STORY_LIMIT:.0f} s, and to find the rules of {FLOOD} at once "
        f"beside {FLOOD_LIMIT:.0f} s"
    )
    print(
        f"{'':<12}{'readers':>10}{'alerts':>8}{'each to':>10}{'middle':>9}{'':>8}{'slowest':>9}{'/s':>9}"
        f"{'rows/s':>10}{'flood':>9}"
    )
    for readers in (given.readers // 100, given.readers // 10, given.readers):
        with databases(not given.sqlite) as engines:
            for name, engine in engines.items():
                measure(engine, site, name, readers)


if __name__ == "__main__":
    main()
