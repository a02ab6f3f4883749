"""How long it takes to count a segment, on each database, for rules of several kinds.

`python -m benchmarks.segments [--people N] [--postgres]`. The goal is a second at 1,000,000 people.
"""

import argparse
import random
import time
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, insert, text

from benchmarks.intake import databases
from newsletter.store.engine import reading
from subscribers.lens import Lens
from subscribers.models import Base, Batch, LensRecord
from subscribers.segments import saved
from subscribers.segments.parsing import parse

PEOPLE = 200_000
LENSES = 5_000
GOAL = 1.0
START = datetime(2024, 1, 1, tzinfo=UTC)
ROUNDS = 3
AUDIENCES = ("investors", "researchers", "engineers", "policymakers")
RULES = (
    "audience = investors",
    'company = "company 7"',
    "newsletter = daily",
    "tag = press",
    "zone = Europe/Paris and country = FR",
    "joined after 2026-01-01",
    "file = people-3.csv",
    "not (audience = investors or tag = press)",
    "audience = investors and (zone = Europe/Paris or country = FR) and joined after 2025-01-01 "
    "and not tag = press",
    "newsletter = daily and not newsletter = weekly or tag = press or topic = chips",
)
#: what to put before a SELECT that makes a row of each n
NUMBERS = "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < :people) "
FILL = {
    "subscriber": """
        INSERT INTO subscriber (id, public_id, email, email_key, lens_id, timezone, hour, weekdays,
                                created_at, country, batch_id)
        SELECT n, 'p' || n, 'reader' || n || '@mail.example', 'reader' || n || '@mail.example',
               1 + n % :lenses * 77 % :lenses,
               CASE n % 5 WHEN 0 THEN 'Europe/Paris' WHEN 1 THEN 'America/New_York' ELSE 'UTC' END,
               7, 127, {joined}, CASE n % 7 WHEN 0 THEN 'FR' WHEN 1 THEN 'US' END,
               CASE WHEN n % 3 = 0 THEN 1 + n % 10 END FROM series""",
    "daily": """
        INSERT INTO subscription (subscriber_id, newsletter, state, requested_at)
        SELECT n, 'daily', CASE n % 10 WHEN 0 THEN 'unsubscribed' WHEN 1 THEN 'pending' ELSE 'confirmed' END,
               :start FROM series""",
    "weekly": """
        INSERT INTO subscription (subscriber_id, newsletter, state, requested_at)
        SELECT n, 'weekly', 'confirmed', :start FROM series WHERE n % 3 = 0""",
    "tag": """
        INSERT INTO tag (subscriber_id, name)
        SELECT n, CASE n % 8 WHEN 0 THEN 'press' ELSE 'fair' END FROM series WHERE n % 4 = 0""",
}
#: a thousand different days
JOINED = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', '2024-01-01', '+' || (n % 1000) || ' days')",
    "postgresql": "TIMESTAMPTZ '2024-01-01 00:00Z' + n % 1000 * INTERVAL '1 day'",
}


def fill(engine: Engine, people: int) -> None:
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(LensRecord), _lenses())
        connection.execute(insert(Batch), _batches())
        for statement in FILL.values():
            _fill_table(connection, statement, people)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def _fill_table(connection: Connection, statement: str, people: int) -> None:
    into, _, rows = statement.partition("SELECT")
    rows = f"SELECT{rows}".replace("{joined}", JOINED[connection.dialect.name])
    connection.execute(
        text(into + NUMBERS + rows).bindparams(people=people),
        {"lenses": LENSES, "start": START.replace(tzinfo=None)},
    )


def _lenses() -> list[dict[str, object]]:
    chance = random.Random(1)
    found: set[Lens] = set()
    while len(found) < LENSES:
        companies = [f"company {n}" for n in chance.sample(range(200), 3)]
        topics = chance.sample(("chips", "policy", "safety", "agents"), 1)
        audiences = chance.sample(AUDIENCES, chance.randint(0, 2))
        found.add(Lens.of(audiences=audiences, companies=companies, topics=topics))
    return [
        {"id": number, "fingerprint": lens.fingerprint(), "definition": lens.definition()}
        for number, lens in enumerate(sorted(found, key=Lens.fingerprint), start=1)
    ]


def _batches() -> list[dict[str, object]]:
    usual = {"format": "plain", "done": 0, "report": {}, "started_at": START}
    return [{"id": n, "fingerprint": f"f{n}", "file_name": f"people-{n}.csv", **usual} for n in range(1, 11)]


def seconds(engine: Engine, rule: str) -> tuple[int, float]:
    """How many are in the segment, and the shortest of a few rounds."""
    best, number = float("inf"), 0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        with reading(engine) as session:
            number = saved.count(session, parse(rule))
        best = min(best, time.perf_counter() - start)
    return number, best


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--people", type=int, default=PEOPLE)
    options.add_argument("--postgres", action="store_true")
    given = options.parse_args(arguments)
    print(
        f"Counting segments of {given.people:,} people with {LENSES:,} lenses, and the ratio to {GOAL:.0f} s"
    )
    with databases(given.postgres) as engines:
        for name, engine in engines.items():
            fill(engine, given.people)
            print(f"{name}{'seconds':>{30 - len(name)}}{'':>8}{'people':>12}  rule")
            for rule in RULES:
                number, best = seconds(engine, rule)
                print(f"{best:>30.3f}{GOAL / best:>7.1f}x{number:>12,}  {rule}")


if __name__ == "__main__":
    main()
