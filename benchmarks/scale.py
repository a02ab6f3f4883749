"""What more readers would take: a day of one daily newsletter, simulated minute by minute.

`python -m benchmarks.scale` prints the tables of docs/scale.md. The constants were measured by
`python -m benchmarks.whole_issue --full` and the queries that the paper names; what nobody measured,
since it depends on the readers and the providers, is an assumption and stands below as one.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

READERS = (1_000_000, 10_000_000, 100_000_000)

# measured, on PostgreSQL
#: bytes of a delivery with its indexes: frozen, and when it is settled
FROZEN_ROW, SETTLED_ROW = 304, 485
#: bytes of a reader with one subscription and the indexes
READER_ROW = 514
#: bytes of write-ahead log: to freeze a delivery, and to claim, mark and record it
FREEZE_LOG, SEND_LOG = 523, 1_493
#: microseconds by the clock on the wall: to freeze a delivery, and for one worker to hand one over
FREEZE, SEND = 30, 169
#: microseconds of the server's core, for each mail that is handed over
SERVER = 59
#: of a delivery, between the frozen and the settled row
UPDATES = 3
#: webhook events a second and core, of which each mail brings
EVENTS, EVENTS_A_MAIL = 10_000, 2
#: recipients of a request
REQUEST = 1_000

# assumed
#: the share of the readers whose hour comes at each hour of the day in UTC: most read at seven, in three
#: parts of the world
HOURS = (
    *(0.01, 0.01, 0.01, 0.02, 0.04, 0.08, 0.22, 0.08, 0.04, 0.02, 0.03, 0.12),
    *(0.08, 0.03, 0.05, 0.04, 0.02, 0.02, 0.01, 0.01, 0.01, 0.02, 0.02, 0.01),
)
#: minutes within which the last mail of an hour shall have left
PATIENCE = 10
#: bytes of a mail on the wire
MAIL = 55_000
DAYS_A_MONTH = 30


@dataclass(frozen=True)
class Day:
    """How the day went."""

    #: the most mails that waited at the end of a minute
    backlog: int
    #: minutes from the hour of the mail that waited longest until it had left
    wait: int
    #: the most mails that left in a minute
    busiest: int


def simulate(readers: int, workers: int, hours: Sequence[float] = HOURS) -> Day:
    """A day, until nothing waits: what comes due at each full hour leaves in that order."""
    per_minute = workers * 60 * 1_000_000 // SEND
    queue: deque[list[int]] = deque()  # [minute at which they were due, mails]
    backlog = wait = busiest = 0
    for minute in count():
        if minute % 60 == 0 and minute // 60 < len(hours):
            queue.append([minute, round(readers * hours[minute // 60])])
        if not queue and minute >= len(hours) * 60:
            return Day(backlog, wait, busiest)
        left = per_minute
        while queue and left:
            due, mails = queue[0]
            sent = min(mails, left)
            left -= sent
            queue[0][1] -= sent
            if sent == mails:
                queue.popleft()
                wait = max(wait, minute + 1 - due)
        busiest = max(busiest, per_minute - left)
        backlog = max(backlog, sum(mails for _, mails in queue))
    raise AssertionError("a queue without end")


def workers_for(readers: int) -> int:
    """The fewest workers with which every mail has left within PATIENCE."""
    return next(workers for workers in count(1) if simulate(readers, workers).wait <= PATIENCE)


def lines() -> Iterator[tuple[str, list[str]]]:
    """What is told, and its value for each number of readers."""

    def each(what: str, values: Sequence[float], digits: int = 0) -> tuple[str, list[str]]:
        return what, [f"{value:,.{digits}f}" for value in values]

    workers = [workers_for(readers) for readers in READERS]
    days = [simulate(*pair) for pair in zip(READERS, workers, strict=True)]
    peak = [day.busiest / 60 for day in days]
    log = [mails * SEND_LOG / 1e6 for mails in peak]
    yield each("readers", READERS)
    yield each("readers and subscriptions, GB", [r * READER_ROW / 1e9 for r in READERS], 1)
    yield each("deliveries of a month, GB", [r * DAYS_A_MONTH * SETTLED_ROW / 1e9 for r in READERS])
    yield each("freezing an issue, minutes", [r * FREEZE / 60e6 for r in READERS], 1)
    yield each("its log, GB", [r * FREEZE_LOG / 1e9 for r in READERS], 1)
    yield each("mails due in the busiest hour", [max(HOURS) * r for r in READERS])
    yield each(f"workers, to hand them over in {PATIENCE} minutes", workers)
    yield each("minutes until the last has left", [day.wait for day in days])
    yield each("mails/s while they leave", peak)
    yield each("requests to SendGrid/s", [mails / REQUEST for mails in peak], 1)
    yield each("rows updated/s", [mails * UPDATES for mails in peak])
    yield each("log, MB/s", log)
    yield each("the database's cores", [-(-mails * SERVER // 1e6) for mails in peak])
    yield each("webhook events/s, if told as fast", [mails * EVENTS_A_MAIL for mails in peak])
    yield each("cores to store them", [-(-mails * EVENTS_A_MAIL // EVENTS) for mails in peak])
    yield each("by SMTP instead, Gbit/s", [mails * MAIL * 8 / 1e9 for mails in peak], 1)


def table() -> str:
    """The table of docs/scale.md."""
    head, *rows = (f"| {what} | {' | '.join(values)} |" for what, values in lines())
    return "\n".join([head, "|---|" + "--:|" * len(READERS), *rows])


def main() -> None:
    print(f"A day of one daily newsletter, if what was measured held: {SEND} µs a mail and worker")
    print(table())


if __name__ == "__main__":
    main()
