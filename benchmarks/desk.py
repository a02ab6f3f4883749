"""How long the pages of the desk take on the server, with 100,000 subscribers and 50,000 stories.

`python -m benchmarks.desk [--small]`. Each page is asked for in turn, RUNS times; the median counts. A
session is opened for an admin, and the issue of the day stands open with 40 candidates.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import httpx
from sqlalchemy import text

from benchmarks.readers import DAY, NUMBERS, fill
from benchmarks.whole_issue import databases, services_for
from newsletter.desk.changes import Hand
from newsletter.desk.editing import introduce
from newsletter.editors import people, sessions
from newsletter.models import Issue
from newsletter.models.editor import Role
from newsletter.store.engine import writing
from newsletter.tasks import count_days
from newsletter.web.app import create_app
from newsletter.wiring import Services
from subscribers.address import parse

SUBSCRIBERS, STORIES = 100_000, 50_000
LIMIT = 150  # ms, of the median
RUNS = 15
NOW = DAY + timedelta(hours=3)
PAGES = (
    "/desk",
    "/desk/issues",
    "/desk/issues/1",
    "/desk/issues/1?as=Investors",
    "/desk/issues/1/preview",
    "/desk/issues/1/editions",
    "/desk/issues/1/preflight",
    "/desk/issues/1/send",
    "/desk/stories",
    "/desk/stories?find=lab",
    "/desk/stories/1",
    "/desk/numbers",
    "/desk/what-if",
    "/desk/editors",
    "/desk/keys",
    "/desk/log",
    "/desk/readers/import",
)
#: stories long told, and what the readers' ledger holds: three lines each
OLDER = {
    "story": """
        INSERT INTO story (id, event_key, title, date, revision, first_seen_at, changed_at)
        SELECT 1000 + n, 'older ' || n, 'An older story of Lab ' || (n % 97) || ', number ' || n, {day}, 1,
               {seen}, {seen} FROM series""",
    "story_revision": """
        INSERT INTO story_revision (story_id, number, seen_at, fingerprint, document)
        SELECT 1000 + n, 1, {seen}, 'older ' || n, document FROM series, story_revision
        WHERE story_id = 1 AND number = 1""",
    "consent": """
        INSERT INTO consent (subscriber_id, newsletters, act, at, channel, wording)
        SELECT 1 + n % :subscribers, :newsletters, CASE n / :subscribers WHEN 0 THEN 'requested'
               WHEN 1 THEN 'confirmed' ELSE 'changed' END, {seen}, 'form', 'words' FROM series""",
}
#: an instant and its day, so many hours before NOW as the row's number says
AGES = {
    "sqlite": {
        "seen": "datetime('2026-03-02', '-' || (n % 8000) || ' hours')",
        "day": "date('2026-03-02', '-' || (n % 8000) || ' hours')",
    },
    "postgresql": {
        "seen": "TIMESTAMPTZ '2026-03-02 00:00Z' - (n % 8000) * INTERVAL '1 hour'",
        "day": "(TIMESTAMP '2026-03-02' - (n % 8000) * INTERVAL '1 hour')::date",
    },
}


def prepare(services: Services, subscribers: int, stories: int) -> str:
    """Fill the database; returns the secret of an admin's session."""
    fill(services, subscribers)
    ages = AGES[services.engine.dialect.name]
    with writing(services.engine) as session:
        for table, rows in OLDER.items():
            number = 3 * subscribers if table == "consent" else stories
            into, _, query = rows.format(**ages).partition("SELECT")
            values: dict[str, object] = {
                "readers": number,
                "subscribers": subscribers,
                "newsletters": '["daily"]',
            }
            statement = into + NUMBERS + "SELECT" + query
            session.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
        admin = people.add(session, parse("admin@desk.example"), Role.ADMIN, now=NOW)
        session.flush()
        introduce(session, session.get_one(Issue, 1), "Good morning.", Hand(NOW, admin.id))
        secret = sessions.begin(session, admin.id, now=NOW)
    count_days(services, NOW)
    with services.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return secret


def measure(
    name: str, new: Callable[[], AbstractContextManager[str]], subscribers: int, stories: int
) -> None:
    """Ask for every page of the desk, and print a line for each."""
    # the server comes with the tests
    from tests.web_server import web_server

    with new() as database, web_server() as server:
        services = services_for(database, {"MAIL_PROVIDER": "folder", "PUBLIC_URL": "http://127.0.0.1"})
        secret = prepare(services, subscribers, stories)
        server.app = create_app(services, clock=lambda: NOW)
        client = httpx.Client(base_url=server.url, cookies={"desk": secret})
        for path in PAGES:
            took = [_milliseconds(client, path) for _ in range(RUNS)]
            middle = statistics.median(took)
            verdict = "" if middle <= LIMIT else "  over the limit"
            print(
                f"{name:<12}{path:<30}{middle:>8.1f}{took[0]:>8.1f}{max(took[1:]):>8.1f}{LIMIT:>7}{verdict}"
            )


def _milliseconds(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        print(f"{path}: {answer.status_code}")
    return took


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="a hundredth of everything")
    part = 100 if parser.parse_args(arguments).small else 1
    subscribers, stories = SUBSCRIBERS // part, STORIES // part
    print(f"Pages of the desk, {subscribers:,} subscribers and {stories:,} stories; ms, {RUNS} times each")
    print(f"{'':<12}{'':<30}{'median':>8}{'first':>8}{'worst':>8}{'limit':>7}")
    with databases() as found:
        for name, new in found.items():
            measure(name, new, subscribers, stories)


if __name__ == "__main__":
    main()
