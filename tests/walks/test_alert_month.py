"""A month of alerts, with a flood in it: every budget, quiet hour, rest and fold, for readers of every kind,
many of whom come to want something else meanwhile; and for editors who alert, cancel and correct.

A judge who believes no code of ours reads what came to whom (`tests.alerting`). Larger months:
`ALERT_READERS=3000 ALERT_STORIES=800 pytest tests/walks/test_alert_month.py`.
"""

import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.wiring import Services
from tests.alerting.books import Books
from tests.alerting.month import Month
from tests.alerting.promises import broken
from tests.alerting.readers import readers
from tests.alerting.stories import DATA, Arrival, flood, made_up, real

#: clocks change in it: in Europe, and in Auckland, Lord Howe, Chatham and Santiago
START = datetime(2026, 3, 20, tzinfo=UTC)
DAYS = 30
READERS = int(os.environ.get("ALERT_READERS", "8"))
STORIES = int(os.environ.get("ALERT_STORIES", "12"))


def month(
    services: Services, arrivals: Iterable[Arrival], *, seed: int, days: int = DAYS, **more: object
) -> Month:
    end = START + timedelta(days=days)
    people = readers(seed, READERS, start=START, end=end)
    in_order = sorted(arrivals, key=lambda one: one.at)
    return Month(services, people, START, end, in_order, seed, busy=4, **more)  # type: ignore[arg-type]


def pass_by(month: Month) -> Books:
    """What the books hold when it is over, and nothing of it broken."""
    month.pass_by()
    books = Books(month)
    assert broken(books) == {}
    assert {row.state for row in books.rows} >= {"mailed", "folded", "dropped"}
    assert {books.alert(row).kind for row in books.rows} == {"rules", "editors", "correction"}
    return books


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_month_with_a_flood(services: Services) -> None:
    """1,000 records within a minute, half of them revisions, amid a month: nobody beyond their budget,
    nobody in their quiet, nothing told twice, nothing lost."""
    flood_at = START + timedelta(days=12, hours=13)
    arrivals = made_up(6, START, days=DAYS - 2, number=STORIES) + flood(6, flood_at, number=1_000)
    books = pass_by(month(services, arrivals, seed=6, flood_at=flood_at))
    forms = Counter(told.form for letter in books.letters for told in letter.tellings)
    assert min(forms[form] for form in ("alert", "also", "full", "update", "line")) > 0


def test_weeks_of_trouble(services: Services) -> None:
    """No machine runs for a night, mails are not taken at first, answers are lost: all of it holds."""
    arrivals = made_up(1, START, days=10, number=STORIES)
    nights = [(START + timedelta(days=5, hours=2), START + timedelta(days=5, hours=9))]
    trouble = month(services, arrivals, seed=1, days=12, outages=nights, in_doubt=0.1, not_taken=0.05)
    pass_by(trouble)
    assert any(len(letter.left) > 1 for letter in Books(trouble).letters)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.skipif(not DATA.exists(), reason="the folder of real input data is not here")
def test_a_month_of_real_stories(services: Services) -> None:
    """Real stories, told in three languages and with the versions that they had."""
    arrivals = real(2, START, days=DAYS - 2, number=2 * STORIES)
    pass_by(month(services, arrivals, seed=2))
