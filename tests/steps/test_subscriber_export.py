"""The export: all that is known of everybody, fit for a spreadsheet, and enough to move house."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from newsletter.store.engine import open_engine, reading, writing
from newsletter.store.migrate import migrate
from subscribers import consent, suppression
from subscribers.address import parse
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.models import SubscriptionState, SuppressionReason, Tag
from subscribers.rhythm import Rhythm
from subscribers.transfer.export import records, write_csv, write_jsonl
from subscribers.transfer.ours import COLUMNS
from subscribers.transfer.people import ImportReport, Refusal
from subscribers.transfer.reading import People
from subscribers.transfer.taking import Terms, import_people
from tests.people import FINGERPRINTS, NOW, bring_to, fresh_address, known, subscriber

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "'quoted", "'=1", '=HYPERLINK("https://x.example","a")')


def exported(engine: Engine, newsletter: str | None = None) -> str:
    out = io.StringIO(newline="")
    with reading(engine) as session:
        write_csv(records(session, newsletter=newsletter), out)
    return out.getvalue()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def bring_in(engine: Engine, text: str, *, source: str | None = "moved house") -> ImportReport:
    people = People(io.StringIO(text, newline=""), audiences=(), defaults=Rhythm())
    terms = Terms(("daily",), source, wording="Please confirm")
    with writing(engine) as session:
        now = NOW + timedelta(days=30)
        return import_people(session, people, terms, fingerprints=FINGERPRINTS, now=now)[0]


@contextmanager
def another_house(folder: Path) -> Iterator[Engine]:
    """An empty database."""
    engine = open_engine(f"sqlite:///{folder / 'another.db'}")
    migrate(engine)
    yield engine
    engine.dispose()


def settle(session: Session) -> None:
    """People in every state, with everything that there is to know of somebody."""
    for state in SubscriptionState:
        bring_to(session, fresh_address(), state)
    lens = Lens.of(audiences=["Investors"], companies=["Mistral AI", 'Quote" & Sons, Ltd.'])
    ann = subscriber(
        session,
        parse("ann@bücher.example"),
        "daily",
        "weekly",
        name="Ann, “the first”",
        lens=lens,
        rhythm=Rhythm("Asia/Kathmandu", 21, frozenset({0, 4})),
    )
    consent.unsubscribe(session, ann.public_id, "weekly", channel=Channel.ONE_CLICK, wording="Stop", now=NOW)
    ann.country = "NP"
    ann.subscription("daily", NOW).paused_until = NOW + timedelta(days=7)
    session.add_all(Tag(subscriber_id=ann.id, name=name) for name in ("vip", 'say "hi", please', "=1+1"))
    for name in FORMULAS:
        subscriber(session, name=name)
    for number, reason in enumerate((SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED)):
        address = subscriber(session).email
        suppression.suppress(
            session, parse(address), reason, note=f"=note {number}", fingerprints=FINGERPRINTS, now=NOW
        )
    stranger = parse("stranger@x.example")
    suppression.suppress(
        session, stranger, SuppressionReason.BY_HAND, note="asked us", fingerprints=FINGERPRINTS, now=NOW
    )


def test_moving_house(engine: Engine, tmp_path: Path) -> None:
    """An export taken into an empty database gives the same export there, to the last cell; taken in
    once more it changes nothing."""
    with writing(engine) as session:
        settle(session)
    text = exported(engine)
    with another_house(tmp_path) as another:
        report = bring_in(another, text)
        assert report.refused == report.kept_out == 0
        assert report.added + report.suppressed == len(rows(text))
        moved = exported(another)
        assert sorted(moved.splitlines()) == sorted(text.splitlines())
        again = bring_in(another, text)
        assert again.unchanged + again.kept_out == len(rows(text))
        assert exported(another) == moved


def test_an_export_confirms_nobody_without_attestation(engine: Engine, tmp_path: Path) -> None:
    """Anybody can write a file that looks like ours, so without an operator's word people are asked; who
    left stays out all the same."""
    with writing(engine) as session:
        settle(session)
    with another_house(tmp_path) as another:
        bring_in(another, exported(engine), source=None)
        states = {
            (held["newsletter"], held["state"])
            for row in rows(exported(another))
            for held in json.loads(row["subscriptions"] or "[]")
        }
        assert states == {("daily", "pending"), ("daily", "unsubscribed"), ("weekly", "unsubscribed")}
        assert "complained" in exported(another)


def test_no_cell_is_a_formula(engine: Engine) -> None:
    """Whatever people call themselves, a spreadsheet computes nothing (OWASP: CSV injection)."""
    with writing(engine) as session:
        settle(session)
    cells = [cell for row in csv.reader(io.StringIO(exported(engine), newline="")) for cell in row]
    assert "'=1+1" in cells
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


def test_all_is_in_it(engine: Engine) -> None:
    """Status with each newsletter, preferences, tags, country, suppression and the whole ledger."""
    with writing(engine) as session:
        settle(session)
    [ann] = [row for row in rows(exported(engine)) if row["email"].startswith("ann@")]
    assert list(ann) == list(COLUMNS)
    assert (ann["country"], ann["timezone"], ann["hour"]) == ("NP", "Asia/Kathmandu", "21")
    assert ann["weekdays"] == "mon,fri"
    assert {held["newsletter"]: held["state"] for held in json.loads(ann["subscriptions"])} == {
        "daily": "confirmed",
        "weekly": "unsubscribed",
    }
    assert [line["act"] for line in json.loads(ann["consent"])] == ["attested", "unsubscribed"]
    assert json.loads(ann["lens"])["audiences"] == ["investors"]


def test_one_newsletter(engine: Engine) -> None:
    """With a newsletter named only those who ever asked for it come, and no strangers."""
    with writing(engine) as session:
        settle(session)
    assert [row["email"] for row in rows(exported(engine, "weekly"))] == ["ann@xn--bcher-kva.example"]


def test_as_json_lines(engine: Engine) -> None:
    """One object a line, with the same facts, each in its own type."""
    with writing(engine) as session:
        settle(session)
    out = io.StringIO()
    with reading(engine) as session:
        write_jsonl(records(session), out)
    found: list[dict[str, Any]] = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(found) == len(rows(exported(engine)))
    [ann] = [each for each in found if each["email"].startswith("ann@")]
    assert ann["hour"] == 21
    assert ann["tags"] == ["=1+1", 'say "hi", please', "vip"]


def test_the_erased_are_in_no_export(engine: Engine) -> None:
    """Somebody who was forgotten is not exported, nor an address closed for it."""
    with writing(engine) as session:
        gone = subscriber(session)
        gone.erased_at = NOW
        suppression.suppress(
            session, fresh_address(), SuppressionReason.ERASED, fingerprints=FINGERPRINTS, now=NOW
        )
    assert rows(exported(engine)) == []


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("consent", '[{"act": "confirmed"}]'),
        ("subscriptions", '[{"newsletter": "daily", "state": "delighted"}]'),
        ("subscriptions", "daily"),
        ("lens", '{"shoe size": 38}'),
        ("suppressed", "disliked"),
        ("suppressed", "erased"),
        ("weekdays", "someday"),
    ],
)
def test_a_spoilt_cell(engine: Engine, column: str, cell: str) -> None:
    """A cell of our own export that somebody has changed is refused, and the line named."""
    with writing(engine) as session:
        address = fresh_address()
        subscriber(session, address)
        assert known(session, address)
    [row] = rows(exported(engine))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerow(row | {column: cell})
    people = People(io.StringIO(out.getvalue(), newline=""), audiences=(), defaults=Rhythm())
    [refused] = people
    assert isinstance(refused, Refusal)
    assert refused.line == 2
