"""From a story's arrival to the hand-over of the first mail that alerts of it, with the programs running.

`python -m benchmarks.alert_latency`. `newsletter run` over SQLite, then clock, worker and web over a
PostgreSQL server of our own. RUNS stories arrive one by one, by the API and by `stories import`, each about
another company; for each of them HOLDERS of the readers watch. The mail is a file in the folder, and its
time that of the file; the arrival is the moment at which the request is sent, or the import is begun.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from benchmarks.whole_issue import databases
from newsletter.alerts.matching import anchors
from newsletter.config import read_settings
from newsletter.newsletters import sync
from newsletter.store.engine import writing
from newsletter.store.migrate import migrate
from newsletter.wiring import Services, build
from subscribers import watching
from subscribers.address import parse
from subscribers.admission import vouch
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from subscribers.enrolment import Applicant
from subscribers.ledger import Channel, Evidence
from subscribers.lens import Lens
from subscribers.models import Subscriber
from subscribers.rhythm import Rhythm
from tests.conftest import SETTINGS
from tests.processes import NEWSLETTER, Machine, eventually, new_machine
from tests.walks.test_processes import free_port

READERS, HOLDERS, RUNS = 500, 25, 10
LIMITS = {"SQLite": 5.0, "PostgreSQL": 2.0}  # seconds, of the worst
ROLES = {"SQLite": ("run",), "PostgreSQL": ("clock", "worker", "web")}
#: seconds between two stories, so that none waits for the mails of the one before
PAUSE = 1.3


def company(number: int) -> str:
    return f"Sample Lab {number}"


def a_record(number: int) -> dict[str, Any]:
    today = datetime.now(UTC)
    return {
        "id": f"breaking-{number}",
        "title": f"{company(number)} announces result {number}",
        "date": f"{today:%Y-%m-%d}",
        "tldr": {"text": "One lab announces a result.", "label": "AI"},
        "companies": [{"name": company(number)}],
        "coverage": [{"outlet": f"Outlet {n}", "url": f"https://outlet{n}.example/1"} for n in range(3)],
    }


def fill(services: Services) -> None:
    """Readers who get alerts at any hour; each watches one company."""
    migrate(services.engine)
    now = datetime.now(UTC) - timedelta(days=1)
    with writing(services.engine) as session:
        sync(session, services.site)
        people = [Applicant(parse(f"reader{n}@inbox.example"), Lens(), Rhythm()) for n in range(READERS)]
        evidence = Evidence(Channel.IMPORT, "benchmark", None, now)
        for begin in range(0, READERS, 1_000):
            vouch(session, people[begin : begin + 1_000], ["alerts"], evidence, services.fingerprints)
    with writing(services.engine) as session:
        for n, subscriber in enumerate(session.scalars(select(Subscriber).order_by(Subscriber.id))):
            rule = AlertRule.of({"companies": [company(n // HOLDERS)]})
            watching.hold(session, subscriber, rule, anchors(rule), now=now)
            watching.choose(session, subscriber.id, AlertChoices(quiet_from=0, quiet_until=0))
    services.engine.dispose()


def by_api(machine: Machine, number: int) -> float:
    """Returns when the story was sent."""
    began = time.time()
    answer = httpx.post(
        f"http://127.0.0.1:{machine.environ['PORT']}/api/stories",
        json=a_record(number),
        headers={"Authorization": f"Bearer {machine.environ['API_KEY']}"},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    return began


def by_import(machine: Machine, number: int) -> float:
    """Returns when the program was loaded, and opens the file: before that, nobody can know of the story."""
    path = Path(machine.environ["MAIL_FOLDER"]).parent / f"{number}.json"
    path.write_text(json.dumps(a_record(number)))
    code = f"import time; from newsletter.cli.main import main; print(time.time(), flush=True)\n{NEWSLETTER}"
    done = subprocess.run(
        [sys.executable, "-c", code, "stories", "import", str(path)],
        env=machine.environ,
        cwd=path.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.splitlines()[0])


WAYS: dict[str, Callable[[Machine, int], float]] = {"the API": by_api, "an import": by_import}


@contextmanager
def running(name: str, url: str, folder: Path) -> Iterator[Machine]:
    environ = {**new_machine(folder), **SETTINGS, "DATABASE_URL": url, "PORT": free_port()}
    fill(build(read_settings(environ)))
    with Machine(environ) as machine:
        for role in ROLES[name]:
            machine.start(role)
        eventually(lambda: _answers(environ["PORT"]))
        yield machine


def _answers(port: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").is_success
    except httpx.TransportError:
        return False


def measure(machine: Machine, numbers: Sequence[int], arrive: Callable[[Machine, int], float]) -> list[float]:
    """Of each story, the seconds up to its first mail."""
    mails, found = Path(machine.environ["MAIL_FOLDER"]), []
    for number in numbers:
        before = _files(mails)
        began = arrive(machine, number)
        eventually(lambda: _files(mails) - before, seconds=60)  # noqa: B023
        time.sleep(PAUSE)
        found.append(min(path.stat().st_mtime for path in _files(mails) - before) - began)
        eventually(lambda: len(_files(mails) - before) == HOLDERS, seconds=60)  # noqa: B023
    return found


def _files(folder: Path) -> set[Path]:
    return set(folder.glob("*.eml"))


def show(name: str, new: Callable[[], AbstractContextManager[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, new() as url, running(name, url, Path(folder)) as machine:
        for place, (way, arrive) in enumerate(WAYS.items()):
            seconds = measure(machine, range(place * RUNS, (place + 1) * RUNS), arrive)
            print(
                f"{name:<12}{way:<12}{statistics.median(seconds):>8.2f}{max(seconds):>8.2f}{LIMITS[name]:>8.1f}"
                f"{max(seconds) / LIMITS[name]:>8.2f}"
            )


def main() -> None:
    print(f"From a story's arrival to its first alert's hand-over, {READERS:,} readers; seconds, of {RUNS}")
    print(f"{'':<12}{'by':<12}{'median':>8}{'worst':>8}{'limit':>8}{'ratio':>8}")
    with databases() as found:
        for name, new in found.items():
            show(name, new)


if __name__ == "__main__":
    main()
