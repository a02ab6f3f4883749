"""Workers and clocks killed and frozen at random, for as long as one likes: a storm in waves.

`python -m benchmarks.chaos --minutes 5 [--database sqlite|postgresql] [--seed N] [--alerts]`. Each wave has a
database, readers and letters of its own, and a server that fails in every way it can: SMTP and a stand-in
for SendGrid take turns. Beside the processes PostgreSQL dies now and then, and SQLite is locked by somebody;
with `--alerts` stories break and change instead, editors choose and cancel, and readers leave. After each
wave every promise is checked against what the servers counted; the first one broken ends it.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine

from tests.chaos.alert_storm import Doings
from tests.chaos.alert_world import check_alerts, open_alerts
from tests.chaos.sendgrid_sink import sendgrid_sink
from tests.chaos.sinks import Sink
from tests.chaos.smtp_sink import smtp_sink
from tests.chaos.storm import Toll, blow
from tests.chaos.world import World, new_world
from tests.postgres import Postgres, own_postgres

LETTERS, BLOWS = 100, 25
#: readers of a wave over alerts: each of them gets many mails
ALERTED = 150


class Way(NamedTuple):
    """A server, how long it takes over each mail or request, and so many readers that a wave lasts."""

    sink: Callable[[int, float], AbstractContextManager[Sink]]
    seconds: float
    readers: int


WAYS = (
    Way(lambda seed, seconds: smtp_sink(seed=seed, trouble=TROUBLE, seconds=seconds), 0.25, 500),
    Way(lambda seed, seconds: sendgrid_sink(seed=seed, trouble=TROUBLE, seconds=seconds), 0.8, 1_200),
)
#: how likely something goes wrong at each step of a mail
TROUBLE = 0.03
#: at each blow, how likely something happens to the database too
MISFORTUNE = 0.08
#: SQLite is locked for longer than anybody waits for it (30 s) once in a while
LOCKED = (1.0, 5.0, 33.0)


def locking(world_file: Path, counted: Counter[str]) -> Callable[[random.Random], object]:
    def disturb(chance: random.Random) -> None:
        if chance.random() < MISFORTUNE:
            with closing(sqlite3.connect(world_file, isolation_level=None, timeout=60)) as database:
                database.execute("BEGIN IMMEDIATE")
                time.sleep(chance.choice(LOCKED))
                database.execute("ROLLBACK")
            counted["SQLite locked"] += 1

    return disturb


def crashing(server: Postgres, counted: Counter[str]) -> Callable[[random.Random], object]:
    def disturb(chance: random.Random) -> None:
        if chance.random() < MISFORTUNE:
            server.crash()
            time.sleep(chance.uniform(0, 4))
            server.start()
            counted["PostgreSQL stopped (immediate)"] += 1

    return disturb


def alerting(world: World, seed: int, counted: Counter[str]) -> Toll:
    """A wave over alerts; some readers want few mails a day, so that digests and alerts are held back."""
    open_alerts(world, seen_at=world.now - timedelta(minutes=5), budgets=(20, 20, 5, 3, 1))
    services = world.services()
    doings = Doings(world, services)
    toll = blow(world, seed=seed, blows=BLOWS, longest_sleep=14.0, disturb=doings, is_over=doings.is_over)
    services.engine.dispose()
    books = check_alerts(world)
    counted += doings.happened
    counted += Counter(f"alert {row.state}" for row in books.rows)
    return toll


def storm(database: str, minutes: float, seed: int, *, alerts: bool) -> None:
    until = time.monotonic() + 60 * minutes
    states, counted = Counter[str](), Counter[str]()
    with own_postgres() as server:
        while time.monotonic() < until:
            counted["waves"] += 1
            seed += 1
            way = WAYS[seed % 2]
            with (
                tempfile.TemporaryDirectory() as name,
                way.sink(seed, way.seconds / (10 if alerts else 1)) as sink,
            ):
                folder = Path(name)
                if database == "sqlite":
                    url, misfortune = f"sqlite:///{folder}/storm.db", locking(folder / "storm.db", counted)
                else:
                    url, misfortune = new_database(server, seed), crashing(server, counted)
                readers = ALERTED if alerts else way.readers
                world = new_world(folder, url, sink, readers=readers, letters=LETTERS, real_time=True)
                if alerts:
                    toll = alerting(world, seed, counted)
                else:
                    toll = blow(world, seed=seed, blows=BLOWS, longest_sleep=14.0, disturb=misfortune)
            states += toll.states
            counted += Counter(toll.troubles) + Counter(kills=toll.kills, frozen=toll.frozen)
            counted["mails taken"] += sink.taken.total()
            # an alert of which nobody knows whether it was taken is repeated once
            twice = sum(number - 1 for number in sink.taken.values())
            said = ", ".join(f"{number} {state}" for state, number in sorted(toll.states.items()))
            print(
                f"wave {counted['waves']}, seed {seed}: {toll.kills} kills, {twice} twice, {said}", flush=True
            )
    print(f"\n{database}, {minutes:g} minutes; every promise held in every wave")
    for name, number in (*sorted(counted.items()), *sorted(states.items())):
        print(f"{name:<40}{number:>10,}")


def new_database(server: Postgres, number: int) -> str:
    admin = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE storm_{number}")
    admin.dispose()
    return server.url.set(database=f"storm_{number}").render_as_string(False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alerts", action="store_true")
    given = parser.parse_args()
    storm(given.database, given.minutes, given.seed, alerts=given.alerts)
