"""From a story to its readers: which alert rules it meets, whom they concern, and the first of their mails.

`python -m benchmarks.alert_matching [--readers N] [--sqlite]`, with 100,000 readers by default, and before
them a hundredth and a tenth for the growth. Stories come a day apart, some to be found and written down
only, others up to their mails; see `alert_world` for what they and the rules are.
"""

import argparse
import gc
import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import delete, event, select, update
from sqlalchemy.orm import Session

from benchmarks.alert_world import HELD, START, a_story, fill
from benchmarks.whole_issue import databases, services_for
from newsletter import alerting
from newsletter.alerts.looking import look
from newsletter.alerts.pieces import alert_limits
from newsletter.alerts.spreading import CHUNK, FIRST, next_given, spread
from newsletter.intake.take_in import take_in
from newsletter.models import Alert, AlertReader, Delivery
from newsletter.models.alert import AlertReaderState, AlertState, of_state
from newsletter.models.delivery import DeliveryState
from newsletter.sources.records import Incoming
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services

READERS = 100_000
FOUND, STRUCK = 60, 20  # stories to be found only, and to be mailed
FLOOD = 500  # stories that come in at once
STROKES = 50  # that find nothing to do
FIND_LIMIT = 1.0  # seconds, to find all readers of a story
MAIL_LIMIT = 2.0  # seconds, to its first mail in the outbox
FLOOD_LIMIT = 60.0  # seconds, to find the rules of all of them
IDLE_LIMIT = 5.0  # milliseconds
DAY = timedelta(days=1)
#: stories by the number of readers whom they concern, up to it
SIZES = (300, 3_000, 30_000, 10_000_000)


class Found(NamedTuple):
    """What it took to find a story's readers, and to write them down; seconds."""

    readers: int
    looking: float
    finding: float
    writing: float


class Struck(NamedTuple):
    """What it took from the look to a story's first mail in the outbox, and to its last; seconds."""

    readers: int
    first: float
    last: float


class Run:
    """The stories, one after the other."""

    def __init__(self, services: Services) -> None:
        assert services.site.alerts is not None
        self.services = replace(services, queue=self)  # type: ignore[arg-type]
        self.engine = services.engine
        self.limits = alert_limits(services.site.alerts)
        self._chance = random.Random(2)
        self._number = 0
        self._mailed: list[float] = []
        self.now = START

    def enqueue(self, session: Session, _task: str, _ref: int) -> None:
        """As the queue, which is told of every portion of mails."""
        event.listen(session, "after_commit", lambda _: self._mailed.append(time.perf_counter()), once=True)

    def tell(self, number: int) -> None:
        """So many stories come in; a day has gone by, in which all mails left."""
        numbers = range(self._number, self._number + number)
        self._number, self.now = numbers.stop, self.now + DAY
        with writing(self.engine) as session:
            left = {"state": DeliveryState.ACCEPTED, "settled_at": self.now - DAY}
            session.execute(update(Delivery).where(Delivery.state == DeliveryState.QUEUED).values(left))
            stories = [Incoming(f"bench-{n}", a_story(self._chance, n), "generated") for n in numbers]
            take_in(session, stories, now=self.now)

    def look(self) -> float:
        """At all there are; seconds."""
        start = time.perf_counter()
        while True:
            with writing(self.engine) as session:
                if not look(session, self.limits, now=self.now):
                    return time.perf_counter() - start

    def find(self) -> Found | None:
        """None where the story meets no rule."""
        self.tell(1)
        looked = self.look()
        with reading(self.engine) as session:
            alert_id = session.scalar(select(Alert.id).where(Alert.state == AlertState.SPREADING))
        if alert_id is None:
            return None
        start = time.perf_counter()
        readers = sum(self._given(alert_id))
        finding = time.perf_counter() - start
        start, chunk, more = time.perf_counter(), FIRST, True
        while more:
            with writing(self.engine) as session:
                alert = session.get_one(Alert, alert_id)
                more, chunk = spread(session, alert, self.limits, now=self.now, chunk=chunk), CHUNK
        written = time.perf_counter() - start
        with writing(self.engine) as session:
            session.execute(delete(AlertReader).where(of_state(AlertReaderState.WAITING)))
        return Found(readers, looked, finding, max(0.0, written - finding))

    def _given(self, alert_id: int) -> Iterator[int]:
        """How many readers each chunk finds; nothing is written."""
        reached: int | None = 0
        with reading(self.engine) as session:
            alert = session.get_one(Alert, alert_id)
            while reached is not None:
                chunk = CHUNK if reached else FIRST
                found, reached = next_given(
                    session, alert, self.limits, now=self.now, after=reached, chunk=chunk
                )
                yield len(found)

    def strike(self) -> Struck | None:
        """None where nobody gets a mail."""
        self.tell(1)
        self._mailed.clear()
        start = time.perf_counter()
        done = alerting.strike(self.services, self.now)
        if not done["mails"]:
            return None
        return Struck(done["mails"], self._mailed[0] - start, self._mailed[-1] - start)

    def idle(self) -> float:
        """Milliseconds of a stroke that finds nothing to do."""
        took = []
        for _ in range(STROKES):
            start = time.perf_counter()
            alerting.strike(self.services, self.now)
            took.append(time.perf_counter() - start)
        return 1_000 * statistics.median(took)


class Grown(NamedTuple):
    """What it takes with so many readers, over all stories as they come."""

    readers: int
    #: looked at, and their readers found
    stories_a_second: float
    #: microseconds of that, for each reader whom a story concerns
    each: float
    #: in the outbox, from the look to the last of a story
    mails_a_second: float


def measure(services: Services, name: str, readers: int) -> Grown:
    rules = fill(services, readers)
    # as every process that serves does
    gc.freeze()
    run = Run(services)
    found = [one for one in (run.find() for _ in range(FOUND)) if one]
    struck = [one for one in (run.strike() for _ in range(STRUCK)) if one]
    idle = run.idle()
    run.tell(FLOOD)
    flood = run.look()
    print(
        f"{name}, {readers:,} readers, {rules:,} different rules: {FLOOD} stories looked at in "
        f"{flood:.1f} s, {FLOOD_LIMIT / flood:.1f}x; an idle stroke takes {idle:.1f} ms, "
        f"{IDLE_LIMIT / idle:.1f}x; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for fewest, most in zip((0, *SIZES), SIZES, strict=False):
        show(
            [one for one in found if fewest < one.readers <= most],
            [one for one in struck if fewest < one.readers <= most],
        )
    seconds = sum(one.looking + one.finding for one in found)
    return Grown(
        readers,
        len(found) / seconds,
        1e6 * seconds / max(1, sum(one.readers for one in found)),
        sum(one.readers for one in struck) / sum(one.last for one in struck),
    )


def show(found: Sequence[Found], struck: Sequence[Struck]) -> None:
    """A line of the table, of stories that concern about as many."""
    if not found or not struck:
        return
    readers = statistics.mean([*(one.readers for one in found), *(one.readers for one in struck)])
    slowest = max(one.looking + one.finding for one in found)
    first = max(one.first for one in struck)
    mails = sum(one.readers for one in struck) / sum(one.last for one in struck)
    rows = sum(one.readers for one in found) / max(1e-9, sum(one.writing for one in found))
    looking, finding, writing = (
        statistics.median(getattr(one, name) for one in found) for name in Found._fields[1:]
    )
    print(
        f"{readers:>12,.0f}{len(found):>5}{looking:>8.3f}{finding:>8.3f}{slowest:>9.3f}"
        f"{FIND_LIMIT / slowest:>7.1f}x{writing:>9.3f}{rows:>9,.0f}"
        f"{len(struck):>7}{statistics.median(one.first for one in struck):>8.3f}{first:>9.3f}"
        f"{MAIL_LIMIT / first:>7.1f}x{max(one.last for one in struck):>8.1f}{mails:>8,.0f}",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--sqlite", action="store_true", help="only on SQLite")
    given = parser.parse_args(arguments)
    print(
        f"From a story to its readers, who hold {HELD} rules each, by their number.\n"
        f"Seconds to look, to find the readers (slowest of both beside {FIND_LIMIT:.0f} s), to write them "
        f"down; and of others\nto the first mail (slowest beside {MAIL_LIMIT:.0f} s), to the last of all"
    )
    print(
        f"{'concerns':>12}{'of':>5}{'look':>8}{'find':>8}{'slowest':>9}{'':>8}{'write':>9}{'/s':>9}"
        f"{'of':>7}{'first':>8}{'slowest':>9}{'':>8}{'last':>8}{'mails/s':>8}"
    )
    grown: dict[str, list[Grown]] = {}
    for readers in (given.readers // 100, given.readers // 10, given.readers):
        with databases() as found:
            for name, new in found.items():
                if name == "SQLite" or not given.sqlite:
                    with new() as url:
                        services = services_for(url, {"ALERT_FROM": "alerts@racetoagi.example"})
                        grown.setdefault(name, []).append(measure(services, name, readers))
                        services.engine.dispose()
    print(
        f"\nAll stories as they come, found: stories a second, and microseconds for each reader whom one "
        f"concerns;\nand mails a second\n{'':<12}{'readers':>10}{'stories/s':>10}{'µs each':>9}{'mails/s':>9}"
    )
    for name, sizes in grown.items():
        for one in sizes:
            print(
                f"{name:<12}{one.readers:>10,}{one.stories_a_second:>10.1f}{one.each:>9.1f}"
                f"{one.mails_a_second:>9,.0f}"
            )


if __name__ == "__main__":
    main()
