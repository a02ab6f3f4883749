"""The export: all that is known of everybody, fit for a spreadsheet, and enough to move house."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from newsletter.alerts.matching import anchors
from newsletter.store.engine import open_engine, reading, writing
from subscribers import consent, suppression, watching
from subscribers.address import parse
from subscribers.alert_choices import AlertChoices, InQuiet
from subscribers.alert_models import AlertTerm
from subscribers.alert_rule import AlertRule
from subscribers.consent import Channel
from subscribers.erasure import erase
from subscribers.lens import Lens
from subscribers.models import MutedStory, SubscriptionState, SuppressionReason, Tag
from subscribers.rhythm import Rhythm
from subscribers.transfer.export import records, write_csv, write_jsonl
from subscribers.transfer.ours import COLUMNS
from subscribers.transfer.people import ImportReport, Refusal
from subscribers.transfer.reading import People
from subscribers.transfer.taking import Terms, import_people
from tests.people import FINGERPRINTS, NOW, bring_to, fresh_address, known, subscriber

DAY = "2026-01-08T02:00:00+00:00"
#: columns that exports have only of late
OF_LATE = ("public_id", "engaged_at", "counted", "muted_stories", "alert_rules", "alert_choices")
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "'quoted", "'=1", '=HYPERLINK("https://x.example","a")')


def exported(engine: Engine, newsletter: str | None = None) -> str:
    out = io.StringIO(newline="")
    with reading(engine) as session:
        write_csv(records(session, newsletter=newsletter), out)
    return out.getvalue()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def as_csv(found: Sequence[Mapping[str, str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, found[0])
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue()


def bring_in(engine: Engine, text: str, *, source: str | None = "moved house") -> ImportReport:
    people = People(io.StringIO(text, newline=""), audiences=(), defaults=Rhythm())
    terms = Terms(("daily",), source, wording="Please confirm", anchors=anchors)
    with writing(engine) as session:
        now = NOW + timedelta(days=30)
        return import_people(session, people, terms, fingerprints=FINGERPRINTS, now=now)[0]


@pytest.fixture
def another(another_database_url: str) -> Iterator[Engine]:
    """Another house, with nobody in it: each test moves from each kind of database into each."""
    engine = open_engine(another_database_url)
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
    ann.country, ann.engaged_at, ann.counted = "NP", NOW, True
    ann.subscription("daily", NOW).paused_until = NOW + timedelta(days=7)
    session.add_all(MutedStory(subscriber_id=ann.id, story_id=number, at=NOW) for number in (7, 1 << 40))
    for number, rule in enumerate((AlertRule.of({"companies": ["Mistral AI"]}, min_outlets=5), AlertRule())):
        watch = watching.hold(session, ann, rule, anchors(rule), now=NOW)
        watch.paused_until = NOW + timedelta(days=7) if number else None
    choices = AlertChoices(9, 9, frozenset({5, 6}), InQuiet.FOLD, mails_a_day=1, from_editors=False)
    watching.choose(session, ann.id, choices)
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


def test_moving_house(engine: Engine, another: Engine) -> None:
    """An export taken into an empty database gives the same export there, to the last cell; taken in
    once more it changes nothing."""
    with writing(engine) as session:
        settle(session)
    text = exported(engine)
    report = bring_in(another, text)
    assert report.refused == report.kept_out == 0
    assert report.added + report.suppressed == len(rows(text))
    moved = exported(another)
    assert sorted(moved.splitlines()) == sorted(text.splitlines())
    again = bring_in(another, text)
    assert again.unchanged + again.kept_out == len(rows(text))
    assert exported(another) == moved


def test_links_in_old_mails_move_along(engine: Engine, another: Engine) -> None:
    """After a move the links that people have in their mails lead to them, and stories that they muted
    stay muted."""
    with writing(engine) as session:
        settle(session)
        ann = known(session, parse("ann@bücher.example"))
    bring_in(another, exported(engine))
    with writing(another) as session:
        consent.unsubscribe(session, ann.public_id, None, channel=Channel.LINK, wording="Stop", now=NOW)
        moved = known(session, parse("ann@bücher.example"))
        assert (moved.public_id, moved.state("daily")) == (ann.public_id, SubscriptionState.UNSUBSCRIBED)
        muted = session.scalars(select(MutedStory).where(MutedStory.subscriber_id == moved.id))
        assert [(story.story_id, story.at) for story in muted] == [(7, NOW), (1 << 40, NOW)]


def test_alerts_move_along(engine: Engine, another: Engine) -> None:
    """After a move the rules that somebody holds are found by what they ask for, and their choices hold."""
    with writing(engine) as session:
        settle(session)
    bring_in(another, exported(engine))
    with reading(another) as session:
        ann = known(session, parse("ann@bücher.example"))
        rules = [watch.rule_record.rule for watch in watching.watches_of(session, ann.id)]
        terms = {(one.kind, one.term) for one in session.scalars(select(AlertTerm))}
        assert terms == {anchor for rule in rules for anchor in anchors(rule)} != set()
        assert watching.choices_of(session, [ann.id])[ann.id].quiet_days == {5, 6}


def test_a_link_leads_to_one_person(engine: Engine, another: Engine) -> None:
    """Where a public id is taken, be it here or by another row, its second owner comes in with a new one."""
    with writing(engine) as session:
        mine = subscriber(session).public_id
        subscriber(session)
    text = as_csv([row | {"public_id": mine} for row in rows(exported(engine))])
    with writing(another) as session:
        subscriber(session, parse("somebody@x.example")).public_id = mine
    assert bring_in(another, text).added == 2
    ids = [row["public_id"] for row in rows(exported(another))]
    assert len(set(ids)) == 3
    with reading(another) as session:
        assert known(session, parse("somebody@x.example")).public_id == mine


def test_an_export_of_before(engine: Engine, another: Engine) -> None:
    """An export from when it told less of people is still taken in whole."""
    with writing(engine) as session:
        settle(session)
    older = [
        {column: cell for column, cell in row.items() if column not in OF_LATE}
        for row in rows(exported(engine))
    ]
    report = bring_in(another, as_csv(older))
    assert (report.refused, report.added + report.suppressed) == (0, len(older))


def test_an_old_export_brings_nobody_back(engine: Engine) -> None:
    """Whoever was erased, bounced or complained since an export was made stays out when it is taken in."""
    reasons = (SuppressionReason.ERASED, SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED)
    with writing(engine) as session:
        addresses = [parse(subscriber(session).email) for _ in reasons]
    text = exported(engine)
    with writing(engine) as session:
        for address, reason in zip(addresses, reasons, strict=True):
            erase(session, address, channel=Channel.COMMAND, fingerprints=FINGERPRINTS, now=NOW)
            suppression.suppress(session, address, reason, fingerprints=FINGERPRINTS, now=NOW)
    report = bring_in(engine, text)
    assert (report.kept_out, report.added) == (3, 0)
    assert rows(exported(engine)) == []


def test_an_export_confirms_nobody_without_attestation(engine: Engine, another: Engine) -> None:
    """Anybody can write a file that looks like ours, so without an operator's word people are asked; who
    left stays out all the same."""
    with writing(engine) as session:
        settle(session)
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
        ("lens", '{"topics": ["\\u0000"]}'),
        ("subscriptions", json.dumps([{"newsletter": "a", "state": "pending", "requested_at": DAY}] * 2)),
        ("muted_stories", '[{"story": 7}]'),
        ("muted_stories", json.dumps([{"story": 7, "at": DAY}] * 2)),
        ("muted_stories", json.dumps([{"story": 1 << 63, "at": DAY}])),
        ("public_id", "../admin"),
        ("public_id", "short"),
        ("counted", "perhaps"),
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
    text = as_csv([row | {column: cell}])
    people = People(io.StringIO(text, newline=""), audiences=(), defaults=Rhythm())
    [refused] = people
    assert isinstance(refused, Refusal)
    assert refused.line == 2
