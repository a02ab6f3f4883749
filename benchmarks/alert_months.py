"""Do the promises of alerts hold at scale? A month of stories, many readers, and a judge.

`python -m benchmarks.alert_months [--readers N] [--stories N] [--days N] [--seed N] [--real] [--trouble]
[--database sqlite|postgresql]`. Readers with every kind of rule, zone, quiet and budget live through the
days by a clock that is set, digests and all; amid them comes a flood of 1,000 records within a minute. With
`--real` the stories are those of the folder of input data; with `--trouble` no machine runs for a night,
mails are not taken, and answers are lost. Then a judge who shares no rule with the program
(`tests.alerting`) holds each promise against what reached whom. Exits with 1 where one is broken.
"""

import argparse
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from benchmarks.whole_issue import databases, services_for
from newsletter.cli.logs import configure_logs
from newsletter.newsletters import sync
from newsletter.store.engine import writing
from newsletter.store.migrate import migrate
from newsletter.wiring import Services
from tests.alerting.books import Books
from tests.alerting.month import Month
from tests.alerting.promises import PROMISES
from tests.alerting.readers import readers
from tests.alerting.stories import DATA, Arrival, flood, made_up, real

#: clocks change in the month: in Europe, and in Auckland, Lord Howe, Chatham and Santiago
START = datetime(2026, 3, 20, tzinfo=UTC)
READERS, STORIES, DAYS = 200, 100, 30
#: records within a minute, every second of them a revision
FLOOD = 1_000
#: of each kind of what editors do, in a month
ACTS = 8
EXAMPLES = 3
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def a_month(services: Services, given: argparse.Namespace) -> Month:
    end = START + timedelta(days=given.days)
    flood_at = START + timedelta(days=given.days // 2, hours=13)
    night = START + timedelta(days=given.days // 3, hours=2)
    return Month(
        services,
        readers(given.seed, given.readers, start=START, end=end),
        START,
        end,
        _arrivals(given, flood_at),
        given.seed,
        busy=ACTS,
        outages=[(night, night + timedelta(hours=7))] if given.trouble else (),
        flood_at=flood_at if given.flood else None,
        in_doubt=0.05 if given.trouble else 0.0,
        not_taken=0.05 if given.trouble else 0.0,
    )


def _arrivals(given: argparse.Namespace, flood_at: datetime) -> list[Arrival]:
    """The stories, the last of them early enough for the digests that tell them, and the flood."""
    some = real if given.real else made_up
    found = some(given.seed, START, days=max(1, given.days - 2), number=given.stories)
    return sorted(found + flood(given.seed, flood_at, number=given.flood), key=lambda one: one.at)


@contextmanager
def telling_how_far(month: Month) -> Iterator[None]:
    """A line that says where the clock stands, every few seconds anew."""
    began, over = time.monotonic(), threading.Event()

    def tell() -> None:
        while not over.wait(5):
            now = max(month.postbox.now, month.start)
            share = (now - month.start) / (month.end - month.start)
            spent = time.monotonic() - began
            said = f"{now:%d %b}, {len(month.postbox.mails):,} mails, {spent:.0f} s"
            print(f"\r{'#' * round(30 * share):.<30} {said}  ", end="", file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        print(f"\r{'':70}\r", end="", file=sys.stderr, flush=True)


def judge(books: Books) -> int:
    """Say of each promise whether it held; how many did not."""
    print(f"{'promise':<62}{'broken':>7}{'seconds':>9}")
    broken = 0
    for promise, whom in PROMISES.items():
        start = time.monotonic()
        found = list(whom(books))
        print(f"{promise:<62}{len(found) or 'held':>7}{time.monotonic() - start:>9.1f}", flush=True)
        broken += bool(found)
        for example in found[:EXAMPLES]:
            print(f"    {example}")
    return broken


def checked(books: Books) -> str:
    """What the promises were held against."""
    mails = Counter(letter.row.kind for letter in books.letters if letter.left)
    rows = Counter(row.state for row in books.rows)
    told = Counter(one.form for letter in books.letters if letter.left for one in letter.tellings)
    kinds = Counter(alert.kind for alert in books.alerts.values())
    return "\n".join(
        f"{what:<12}" + ", ".join(f"{number:,} {name}" for name, number in counts.most_common())
        for what, counts in (("mails", mails), ("alerts", kinds), ("of readers", rows), ("told as", told))
    )


def run(url: str, given: argparse.Namespace) -> int:
    services = services_for(url, {"ALERT_FROM": "alerts@racetoagi.example"})
    migrate(services.engine)
    with writing(services.engine) as session:
        sync(session, services.site)
    month = a_month(services, given)
    start = time.monotonic()
    with telling_how_far(month):
        month.pass_by()
    passed = time.monotonic() - start
    books = Books(month)
    print(
        f"{NAMES[given.database]}, seed {given.seed}: {given.readers:,} readers, {given.stories:,} "
        f"{'real' if given.real else 'made-up'} stories and a flood of {given.flood:,} records, "
        f"{given.days} days; {passed:.0f} s, load {os.getloadavg()[0]:.1f}\n{checked(books)}\n"
    )
    broken = judge(books)
    services.engine.dispose()
    print(f"\n{len(PROMISES) - broken} of {len(PROMISES)} promises held")
    return broken


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--stories", type=int, default=STORIES)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--flood", type=int, default=FLOOD, help="records within a minute; 0 for none")
    parser.add_argument("--real", action="store_true", help="stories from the folder of input data")
    parser.add_argument("--trouble", action="store_true", help="an outage, mails not taken, answers lost")
    parser.add_argument("--database", choices=list(NAMES), default="sqlite")
    given = parser.parse_args(arguments)
    if given.real and not DATA.exists():
        parser.error(f"--real reads stories from {DATA}, which is not here; leave it out for made-up ones")
    configure_logs(logging.WARNING)
    with databases() as found, found[NAMES[given.database]]() as url:
        return 1 if run(url, given) else 0


if __name__ == "__main__":
    sys.exit(main())
