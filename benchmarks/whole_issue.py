"""A whole issue on its way: frozen, claimed, handed over, settled; with durable commits.

`python -m benchmarks.whole_issue [--full]`. First to a stand-in for SendGrid, by growing numbers of
readers (with --full to 1,000,000), then to an SMTP sink, beside Postfix's smtp-source on the same one.
Freezing and handing over run in a process each, whose time and memory are measured. SQLite commits with
synchronous=FULL; the PostgreSQL server is our own, with fsync and synchronous_commit on.
"""

import argparse
import gc
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

from sqlalchemy import create_engine, text

from benchmarks.readers import DAY, fill
from benchmarks.sendgrid import api
from benchmarks.smtp import PATH, by_postfix, our_sink, postfix_sink
from newsletter.composition import Claimed
from newsletter.config import read_settings
from newsletter.models import Issue
from newsletter.models.delivery import DeliveryKind
from newsletter.models.issue import IssueState
from newsletter.providers.mime import compose
from newsletter.publication import publish
from newsletter.store.engine import writing
from newsletter.wiring import Services, build

READERS = (10_000, 100_000)
FULL = (*READERS, 1_000_000)
BY_SMTP = 30_000
FREEZE_LIMIT = {"SQLite": 10, "PostgreSQL": 30}  # seconds, of 1,000,000 readers
MEMORY_LIMIT = 300  # MB, of each process
RATE_LIMIT = 20_000  # recipients a second of one core
ISSUE_LIMIT = 180  # seconds, of 1,000,000 readers on two cores
SMTP_LIMIT = 0.5  # of smtp-source
#: when everybody's hour has come
LATE = DAY + timedelta(hours=16)
SETTINGS = {
    "SECRET_KEY": "k" * 64,
    "PUBLIC_URL": "https://news.racetoagi.example",
    "POSTAL_ADDRESS": "1 Sample Street, Sampletown",
    "SENDGRID_API_KEY": "SG.key",
}
Facts = dict[str, float]


def freeze(services: Services) -> Facts:
    with writing(services.engine) as session:
        issue = session.query(Issue).filter_by(state=IssueState.APPROVED).one()
        core, wall = time.process_time(), time.perf_counter()
        publish(session, issue, services.renderer, now=issue.publish_at)
        mails = issue.frozen or 0
    return {
        "mails": mails,
        "seconds": time.perf_counter() - wall,
        "core": time.process_time() - core,
    }


def hand_over(services: Services) -> Facts:
    # as every process that serves does
    gc.freeze()
    # of the first ten editions, as they travel
    composer = services.dispatcher()._composer
    lengths = [len(compose(composer.mail(_claimed(number)), date=LATE)) for number in range(1, 11)]
    core, wall = time.process_time(), time.perf_counter()
    done = services.dispatcher().run(LATE)
    return {
        "mails": done.counts["accepted"],
        "seconds": time.perf_counter() - wall,
        "core": time.process_time() - core,
        "length": sum(lengths) / len(lengths),
    }


def _claimed(edition_id: int) -> Claimed:
    return Claimed(
        1, 1, DeliveryKind.DIGEST, False, 1, "daily", edition_id, "reader@mail.example", "p" * 22, LATE
    )


STEPS: dict[str, Callable[[Services], Facts]] = {"freeze": freeze, "hand over": hand_over}


def services_for(database: str, settings: Mapping[str, str]) -> Services:
    return build(read_settings({**SETTINGS, **settings, "DATABASE_URL": database}))


def apart(step: str, database: str, settings: Mapping[str, str]) -> Facts:
    """Run a step in a process of its own; what it says, and `memory`, its peak in MB."""
    command = [sys.executable, "-m", "benchmarks.whole_issue", "--step", step]
    told = json.dumps([database, settings])
    answer = subprocess.run(command, input=told, check=True, stdout=subprocess.PIPE, text=True)
    facts: Facts = json.loads(answer.stdout.splitlines()[-1])
    return facts


def _take_step(step: str) -> None:
    database, settings = json.load(sys.stdin)
    facts = STEPS[step](services_for(database, settings))
    facts["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(facts))


@contextmanager
def databases() -> Iterator[dict[str, Callable[[], AbstractContextManager[str]]]]:
    """By name: what makes a new, empty database and gives its URL."""
    # the server comes with the dev dependencies
    from tests.postgres import own_postgres

    @contextmanager
    def sqlite() -> Iterator[str]:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.db"

    with own_postgres(("fsync=on", "synchronous_commit=on")) as server:
        engine = create_engine(server.url, isolation_level="AUTOCOMMIT")

        @contextmanager
        def postgres() -> Iterator[str]:
            with engine.connect() as connection:
                connection.execute(text("CREATE DATABASE bench"))
                yield server.url.set(database="bench").render_as_string(hide_password=False)
                connection.execute(text("DROP DATABASE bench WITH (FORCE)"))

        yield {"SQLite": sqlite, "PostgreSQL": postgres}
        engine.dispose()


def by_sendgrid(new: Callable[[], AbstractContextManager[str]], readers: int) -> tuple[Facts, Facts]:
    """What freezing and handing over took, for so many readers."""
    with new() as database, api() as url:
        settings = {"MAIL_PROVIDER": "sendgrid", "SENDGRID_API_URL": url}
        fill(services_for(database, settings), readers)
        frozen, handed = (apart(step, database, settings) for step in STEPS)
    assert handed["mails"] == frozen["mails"] == readers
    return frozen, handed


def show(name: str, runs: Mapping[int, tuple[Facts, Facts]]) -> None:
    """A line for each number of readers, and the largest beside its limits."""
    for readers, (frozen, handed) in runs.items():
        whole = frozen["seconds"] + handed["seconds"]
        print(
            f"{name:<12}{readers:>10,}{frozen['seconds']:>9.1f}{frozen['core']:>7.1f}{frozen['memory']:>6.0f}"
            f"{handed['seconds']:>10.1f}{handed['core']:>7.1f}{handed['memory']:>6.0f}"
            f"{readers / handed['core']:>10,.0f}{readers / handed['seconds']:>8,.0f}"
            f"{whole:>8.1f}{whole / readers * 1e6:>8.0f}"
        )
    million = 1_000_000 / readers
    print(
        f"{'limit':<12}{1_000_000 / million:>10,.0f}{FREEZE_LIMIT[name] / million:>9.1f}{'':>7}"
        f"{MEMORY_LIMIT:>6}{'':>17}{MEMORY_LIMIT:>6}{RATE_LIMIT:>10,}{'':>8}{ISSUE_LIMIT / million:>8.1f}"
    )


def by_smtp(name: str, new: Callable[[], AbstractContextManager[str]]) -> None:
    """The same by SMTP, to each sink that there is, beside smtp-source."""
    source, postfix = (shutil.which(program, path=PATH) for program in ("smtp-source", "smtp-sink"))
    if not source:
        print(f"{name:<12}smtp-source is not installed: it comes with Postfix")
        return
    for sink in ("our own", "smtp-sink"):
        with new() as database, postfix_sink(postfix or "") if sink == "smtp-sink" else _ours() as port:
            settings = {"MAIL_PROVIDER": "smtp", "SMTP_URL": f"smtp://127.0.0.1:{port}"}
            fill(services_for(database, settings), BY_SMTP)
            apart("freeze", database, settings)
            handed = apart("hand over", database, settings)
            assert handed["mails"] == BY_SMTP
            began = time.perf_counter()
            by_postfix(source, port, int(handed["length"]), BY_SMTP)()
            theirs = BY_SMTP / (time.perf_counter() - began)
        ours = BY_SMTP / handed["seconds"]
        print(
            f"{name:<12}{sink:<12}{handed['length'] / 1e3:>8.0f}{ours:>10,.0f}{theirs:>14,.0f}"
            f"{ours / theirs:>8.2f}{SMTP_LIMIT:>8.2f}{handed['memory']:>6.0f}"
        )


@contextmanager
def _ours() -> Iterator[int]:
    with our_sink() as (port, _):
        yield port


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true", help="up to 1,000,000 readers")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.step:
        _take_step(options.step)
        return
    with databases() as found:
        print(
            "A whole issue by SendGrid's stand-in, 1,000 a request, durable commits; seconds, cores' seconds"
        )
        print(
            f"{'':<12}{'readers':>10}{'freeze':>9}{'core':>7}{'MB':>6}{'hand over':>10}{'core':>7}{'MB':>6}"
            f"{'/s core':>10}{'/s':>8}{'whole':>8}{'µs each':>8}"
        )
        for name, new in found.items():
            show(
                name, {readers: by_sendgrid(new, readers) for readers in (FULL if options.full else READERS)}
            )
        print()
        print(f"{BY_SMTP:,} readers by SMTP, from the claim to the settled row, beside smtp-source")
        print(
            f"{'':<12}{'sink':<12}{'kB':>8}{'we, /s':>10}{'smtp-source':>14}{'ratio':>8}{'limit':>8}{'MB':>6}"
        )
        for name, new in found.items():
            by_smtp(name, new)


if __name__ == "__main__":
    main()
