"""An approved issue and its readers: what `benchmarks.whole_issue` sends, made up and put into a database."""

import json
import random
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, text

from benchmarks.intake import a_line
from newsletter.desk import approval, planning
from newsletter.intake.take_in import take_in
from newsletter.models import Newsletter
from newsletter.newsletters import sync
from newsletter.schedule import occurrence
from newsletter.sources.record_json import read_lines
from newsletter.store.engine import writing
from newsletter.store.migrate import migrate
from newsletter.wiring import Services
from subscribers.lens import Lens
from subscribers.models import LensRecord

#: of readers, which make half as many editions
LENSES = 400
STORIES = 40
DAY = datetime(2026, 3, 3, tzinfo=UTC)
SEEN = DAY + timedelta(hours=1)
AUDIENCES = ("investors", "researchers", "engineers", "policymakers")
#: what to put before a SELECT that makes a row of each n
NUMBERS = "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < :readers) "
FILL = {
    "subscriber": """
        INSERT INTO subscriber (id, public_id, email, email_key, lens_id, timezone, hour, weekdays,
                                created_at)
        SELECT n, 'p' || n || 'xxxxxxxxxxxxxx', 'reader' || n || '@mail' || (n % 50) || '.example',
               'reader' || n || '@mail' || (n % 50) || '.example', 1 + n % :lenses,
               CASE n % 5 WHEN 0 THEN 'Europe/Paris' WHEN 1 THEN 'America/New_York' ELSE 'UTC' END,
               7, 127, :start FROM series""",
    "subscription": """
        INSERT INTO subscription (subscriber_id, newsletter, state, requested_at, confirmed_at)
        SELECT n, 'daily', 'confirmed', :start, :start FROM series""",
}


def fill(services: Services, readers: int) -> None:
    """Stories, an approved issue and its readers."""
    engine = services.engine
    migrate(engine)
    chance = random.Random(1)
    stories = [_varied(a_line(number, chance), number) for number in range(STORIES)]
    with writing(engine) as session:
        sync(session, services.site)
        take_in(session, read_lines(stories, name="generated"), now=SEEN)
        session.execute(insert(LensRecord), _lenses())
        newsletter = session.query(Newsletter).filter_by(slug="daily").one()
        issue = planning.plan(session, newsletter, occurrence(planning.timetable(newsletter), DAY.date()))
        assert issue is not None
        planning.fill(session, issue)
        approval.approve(session, issue, services.renderer, by="benchmark", now=issue.cutoff_at)
        for statement in FILL.values():
            _fill_table(session.connection(), statement, readers)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def _varied(line: bytes, number: int) -> bytes:
    record = json.loads(line)
    record["date"] = DAY.date().isoformat()
    record["who_should_care"] = [AUDIENCES[number % 4].title(), AUDIENCES[number // 4 % 4].title()]
    record["companies"] = [{"name": f"Lab {number % 20}", "type": "AI Lab", "country": "France"}]
    # so that a digest of eight has about 50 kB
    record["tldr"]["text"] = _cut(record["tldr"]["text"], words=25)
    record["analysis"]["markdown"] = _cut(record["analysis"]["markdown"], words=30)
    record["coverage"] = record["coverage"][:2]
    return json.dumps(record).encode() + b"\n"


def _cut(text: str, *, words: int) -> str:
    return " ".join(text.split()[:words]) + "."


def _lenses() -> list[dict[str, object]]:
    found = []
    for number in range(LENSES):
        audiences = [AUDIENCES[number % 4], AUDIENCES[number // 4 % 4]]
        lens = Lens.of(audiences=audiences, companies=[f"Lab {number // 16 % 20}", f"nowhere {number}"])
        found.append({"id": number + 1, "fingerprint": lens.fingerprint(), "definition": lens.definition()})
    return found


def _fill_table(connection: Connection, statement: str, readers: int) -> None:
    into, _, rows = statement.partition("SELECT")
    values = {"readers": readers, "lenses": LENSES, "start": DAY.replace(tzinfo=None)}
    query = into + NUMBERS + "SELECT" + rows
    connection.execute(text(query), {k: v for k, v in values.items() if f":{k}" in query})
