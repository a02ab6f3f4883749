"""Stories taken in per second: from JSONL lines to committed rows, first new, then all unchanged.

`python -m benchmarks.intake [--postgres]`. The goal is 1,000 stories a second on SQLite.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine

from newsletter.intake.take_in import take_in
from newsletter.models import Base
from newsletter.sources.record_json import read_lines
from newsletter.store.engine import open_engine, writing

STORIES = 5_000
GOAL = 1_000
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
WORDS = ("model", "training", "lab", "chips", "policy", "agents", "safety", "report", "weights", "compute")


def a_line(number: int, chance: random.Random) -> bytes:
    """A record of usual length: a TL;DR, two paragraphs of analysis, 1 to 6 reports."""

    def prose(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words)).capitalize() + "."

    reports = [
        {"outlet": f"Outlet {chance.randrange(40)}", "url": f"https://outlet{n}.example/{number}"}
        for n in range(chance.randint(1, 6))
    ]
    record = {
        "id": f"bench-{number}",
        "title": f"{prose(8)} {number}",
        "date": (date(2026, 3, 3) - timedelta(number % 30)).isoformat(),
        "category": "Research",
        "tldr": {"text": prose(45), "label": "AI-Summarized", "source_count": len(reports)},
        "analysis": {"heading": "Analysis", "markdown": f"{prose(60)}\n\n{prose(60)}"},
        "impact_label": "May advance AGI timeline",
        "who_should_care": ["Investors", "Researchers"],
        "companies": [{"name": "Sample Lab", "type": "AI Lab", "country": "France", "valuation": "$1.0B"}],
        "coverage": reports,
    }
    return json.dumps(record).encode() + b"\n"


@contextmanager
def databases(with_postgres: bool) -> Iterator[dict[str, Engine]]:
    with tempfile.TemporaryDirectory() as folder:
        engines = {"SQLite": open_engine(f"sqlite:///{folder}/bench.db")}
        if not with_postgres:
            yield engines
            return
        # the server comes with the dev dependencies
        from tests.postgres import postgres_server

        with postgres_server() as url:
            engines["PostgreSQL"] = open_engine(url.render_as_string(hide_password=False))
            yield engines
            engines["PostgreSQL"].dispose()


def per_second(engine: Engine, lines: list[bytes]) -> float:
    start = time.perf_counter()
    with writing(engine) as session:
        take_in(session, read_lines(lines, name="generated"), now=NOW)
    return len(lines) / (time.perf_counter() - start)


def main() -> None:
    chance = random.Random(1)
    lines = [a_line(number, chance) for number in range(STORIES)]
    print(f"Intake of {STORIES:,} stories from JSONL, stories/s, and their ratio to {GOAL:,}/s")
    print(f"{'':12}{'new':>10}{'':>8}{'unchanged':>12}")
    with databases("--postgres" in sys.argv[1:]) as engines:
        for name, engine in engines.items():
            Base.metadata.create_all(engine)
            new, unchanged = per_second(engine, lines), per_second(engine, lines)
            print(f"{name:12}{new:>10,.0f}{new / GOAL:>7.1f}x{unchanged:>12,.0f}{unchanged / GOAL:>7.1f}x")


if __name__ == "__main__":
    main()
