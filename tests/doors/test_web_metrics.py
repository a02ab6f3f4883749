"""Metrics: who may ask, what an operator is told, that the page and the rules about it are true."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select, text, update

from newsletter.config import ROOT
from newsletter.dispatch import gates, steering
from newsletter.feedback.told import store
from newsletter.hooks import registry
from newsletter.models import Alert, AlertReader, Delivery, HookPost, Issue, Newsletter
from newsletter.models.alert import AlertKind, AlertReaderState, AlertState
from newsletter.models.delivery import DeliveryKind, DeliveryState, MailboxState, Priority
from newsletter.models.event import EventKind
from newsletter.models.issue import IssueState
from newsletter.pulses import beat
from newsletter.store.engine import open_engine, writing
from newsletter.web.app import create_app
from tests.builders import a_story
from tests.doors.conftest import API_KEYS, NOW, Web, on_one_database
from tests.editors_alerts import subscribe
from tests.feedback import a_delivery, told
from tests.issues import tell
from tests.people import fresh_address, subscriber
from tests.web_server import WebServer

KEY = {"authorization": f"Bearer {API_KEYS[0]}"}
PAGE = (ROOT / "docs/operations.md").read_text()
RULES = (ROOT / "docs/alerts.yml").read_text()


def numbers(web: Web) -> dict[str, float]:
    """All samples, by the name as Prometheus would write it."""
    answer = web.client.get("/metrics", headers=KEY)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}".replace("{}", "").removeprefix("newsletter_")] = sample.value
    return found


def an_issue(web: Web, state: IssueState, **changes: object) -> int:
    with writing(web.services.engine) as session:
        daily = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        times = dict.fromkeys(("since_at", "cutoff_at", "publish_at", "expires_at"), NOW)
        issue = Issue(newsletter=daily, date=NOW.date(), state=state, **{**times, **changes})
        session.add(issue)
        session.flush()
        return issue.id


def test_an_empty_database(web: Web) -> None:
    """With nothing to do, every number is there that an alert looks at, and no alert would ring for mail."""
    found = numbers(web)
    assert found["schema_current"] == 1
    for name in ("outbox_unknown", "events_waiting", "events_oldest_seconds", "processes{role=worker}"):
        assert found[name] == 0
    for priority in ("letter", "alert", "digest"):
        assert found[f"outbox_due{{priority={priority}}}"] == 0
        assert found[f"outbox_oldest_due_seconds{{priority={priority}}}"] == 0
    for name in ("issues_held", "issues_unapproved"):
        assert found[f"{name}{{newsletter=daily}}"] == 0


def test_the_way_of_a_story(web: Web) -> None:
    """How long a story waits to be looked at, its alert for its readers, and they for their mail."""
    subscribe(web.services, "ann")
    steps = [f"alerts_oldest_seconds{{step={step}}}" for step in ("look", "spread", "mail")]
    assert [numbers(web)[step] for step in steps] == [0, 0, 0]
    tell(web.services, a_story(), at=NOW - timedelta(seconds=90))
    assert numbers(web)[steps[0]] == 90
    with writing(web.services.engine) as session:
        facts = {"story_id": 1, "revision": 1, "expires_at": NOW, "companies": []}
        about = {"rules": [], "audiences": [], "pieces": {}, "made_at": NOW - timedelta(seconds=60)}
        alert = Alert(kind=AlertKind.RULES, state=AlertState.SPREADING, **facts, **about)
        readers = {"subscriber_id": 1, "story_id": 1, "rules": [], "changes": [], "decided_at": NOW}
        due = {"state": AlertReaderState.WAITING, "due_at": NOW - timedelta(seconds=30)}
        session.add(AlertReader(alert=alert, **readers, **due))
    assert [numbers(web)[step] for step in steps] == [90, 60, 30]
    with writing(web.services.engine) as session:
        session.execute(update(Newsletter).where(Newsletter.slug == "alerts").values(active=False))
    assert not set(steps) & set(numbers(web))


def test_the_outbox(web: Web) -> None:
    """What is due counts by priority, with the age of the oldest; not what is due later or kept back."""
    issue = an_issue(web, IssueState.PUBLISHED)
    with writing(web.services.engine) as session:
        readers = [subscriber(session, fresh_address()).id for _ in range(8)]
        due: dict[str, Any] = {
            "state": DeliveryState.QUEUED,
            "settled_at": None,
            "due_at": NOW - timedelta(minutes=5),
        }
        for reader in readers[:3]:
            a_delivery(session, reader, issue=issue, **due)
        a_delivery(session, readers[3], issue=issue, **{**due, "due_at": NOW + timedelta(hours=1)})
        letter: dict[str, Any] = {
            "kind": DeliveryKind.CONFIRMATION,
            "newsletter": None,
            "priority": Priority.LETTER,
        }
        a_delivery(session, readers[0], **{**due, **letter, "due_at": NOW - timedelta(minutes=1)})
        held = {**due, "lease_until": NOW + timedelta(minutes=1), "owner": "me"}
        a_delivery(session, readers[4], issue=issue, **{**held, "state": DeliveryState.CLAIMED})
        a_delivery(session, readers[5], issue=issue, **{**held, "state": DeliveryState.SUBMITTING})
        a_delivery(session, readers[6], issue=issue, state=DeliveryState.UNKNOWN)
    found = numbers(web)
    assert found["outbox_due{priority=digest}"] == 3
    assert found["outbox_oldest_due_seconds{priority=digest}"] == 300
    assert found["outbox_due{priority=letter}"] == 1
    assert found["outbox_oldest_due_seconds{priority=letter}"] == 60
    assert found["outbox_held{state=claimed}"] == found["outbox_held{state=submitting}"] == 1
    assert found["outbox_unknown"] == 1
    with writing(web.services.engine) as session:
        session.execute(update(Issue).values(state=IssueState.PAUSED))
    assert numbers(web)["outbox_oldest_due_seconds{priority=digest}"] == 0


def test_ways(web: Web) -> None:
    """A way that lets nothing through is named, with who closed it, until it is open again."""
    with writing(web.services.engine) as session:
        steering.stop(session, "newsletter:daily", "complaints of canary@yellowbird.example")
        gates.close(session, "provider:smtp", "421")
    found = numbers(web)
    assert found["way_closed{by=a person or a rule,way=newsletter:daily}"] == 1
    assert found["way_closed{by=the provider,way=provider:smtp}"] == 1
    assert "canary" not in web.client.get("/metrics", headers=KEY).text
    with writing(web.services.engine) as session:
        steering.open_again(session, "newsletter:daily")
    assert [name for name in numbers(web) if name.startswith("way_closed")] == [
        "way_closed{by=the provider,way=provider:smtp}"
    ]


def test_what_waits(web: Web) -> None:
    """Events that nobody worked in, and posts that a hook did not take, are counted."""
    with writing(web.services.engine) as session:
        store(session, [told(EventKind.DELIVERED, 1), told(EventKind.DELIVERED, 2)], NOW - timedelta(hours=1))
        hook = registry.add(session, "https://crm.example/", (), now=NOW)
        for attempt in (0, 0, 3):
            session.add(
                HookPost(
                    public_id=registry.new_id(),
                    hook_id=hook.id,
                    source=registry.new_id(),
                    kind="subscriber.asked",
                    body={},
                    state=registry.PostState.WAITING,
                    attempt=attempt,
                    answer="500" if attempt else None,
                    due_at=NOW,
                )
            )
    found = numbers(web)
    assert (found["events_waiting"], found["events_oldest_seconds"]) == (2, 3600)
    assert (found["hook_posts{state=new}"], found["hook_posts{state=failing}"]) == (2, 1)


def test_who_is_alive(web: Web) -> None:
    """Processes that beat are counted by their role, and a clock's silence is told in seconds."""
    with writing(web.services.engine) as session:
        for process, role in (("a", "clock"), ("b", "worker"), ("c", "worker")):
            beat(session, process, role, "machine")
    found = numbers(web)
    assert (found["processes{role=clock}"], found["processes{role=worker}"]) == (1, 2)
    assert 0 <= found["clock_silence_seconds"] < 30


@pytest.mark.parametrize(
    ("state", "policy", "minutes", "held", "unapproved"),
    [
        (IssueState.HELD, "hold", -10, 1, 0),
        (IssueState.DRAFT, "hold", 59, 0, 1),
        (IssueState.DRAFT, "hold", 61, 0, 0),
        (IssueState.DRAFT, "send", 59, 0, 0),
        (IssueState.APPROVED, "hold", 59, 0, 0),
    ],
)
def test_issues(web: Web, state: IssueState, policy: str, minutes: int, held: int, unapproved: int) -> None:
    """An issue that waits for a person is told, and one that soon will, unless its policy sends it."""
    an_issue(web, state, cutoff_at=NOW + timedelta(minutes=minutes))
    with writing(web.services.engine) as session:
        session.execute(update(Newsletter).values(policy=policy))
    found = numbers(web)
    assert found["issues_held{newsletter=daily}"] == held
    assert found["issues_unapproved{newsletter=daily}"] == unapproved


def test_readers_and_what_they_make_of_us(web: Web) -> None:
    """Subscriptions, suppressions, and the fates of the last seven days' mails are counted."""
    issue = an_issue(web, IssueState.FINISHED, published_at=NOW - timedelta(days=1))
    said = (None, MailboxState.DELIVERED, MailboxState.HARD_BOUNCED, MailboxState.COMPLAINED)
    with writing(web.services.engine) as session:
        for mailbox in said:
            reader = subscriber(session, fresh_address()).id
            a_delivery(session, reader, issue=issue, mailbox=mailbox, settled_at=NOW - timedelta(hours=1))
        old = subscriber(session, fresh_address()).id
        a_delivery(session, old, issue=issue, settled_at=NOW - timedelta(days=8))
    found = numbers(web)
    fates = {fate: found[f"mails_7d{{fate={fate},newsletter=daily}}"] for fate in ("left", "reached")}
    assert fates == {"left": 4, "reached": 3}
    assert found["mails_7d{fate=bounced,newsletter=daily}"] == 1
    assert found["mails_7d{fate=complained,newsletter=daily}"] == 1
    assert found["subscriptions{newsletter=daily,state=confirmed}"] == 5
    assert not [name for name in found if name.startswith("suppressions")]


def test_a_foreign_schema(web: Web) -> None:
    """On a database of another schema nothing is asked but that, so the alert about it can ring."""
    with writing(web.services.engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert numbers(web) == {"schema_current": 0}


@on_one_database
@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {API_KEYS[0]}"}]
)
def test_not_for_everybody(web: Web, headers: dict[str, str]) -> None:
    """Who does not hold a key is told nothing."""
    answer = web.client.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert "newsletter_" not in answer.text


@on_one_database
@pytest.mark.parametrize(("provider", "status"), [("folder", 200), ("smtp", 503), ("sendgrid", 503)])
def test_without_a_key(web: Web, web_stage: WebServer, provider: str, status: int) -> None:
    """While no key is set the door is shut, but on an instance for this machine alone."""
    settings = web.services.settings.model_copy(update={"api_key": (), "mail_provider": provider})
    web_stage.app = create_app(replace(web.services, settings=settings))
    assert web.client.get("/metrics").status_code == status


@on_one_database
def test_without_a_database(web: Web, web_stage: WebServer) -> None:
    """A database that does not answer makes the scrape fail, so that the service counts as down."""
    lost = replace(web.services, engine=open_engine("sqlite:////nowhere/at/all.db"))
    web_stage.app = create_app(lost)
    answer = web.client.get("/metrics", headers=KEY)
    assert (answer.status_code, answer.text) == (503, "the database does not answer\n")


@on_one_database
def test_the_page_and_the_rules(web: Web) -> None:
    """Page and rules name the metrics there are, with their labels, and each alert has its remedy."""
    with writing(web.services.engine) as session:
        beat(session, "a", "clock", "machine")
        subscriber(session, fresh_address())
    answer = web.client.get("/metrics", headers=KEY).text
    exported = {family.name for family in text_string_to_metric_families(answer)}
    rows = re.findall(r"^\| `(newsletter_\w+)` \| ([^|]*)\|", PAGE, re.MULTILINE)
    assert {name for name, _ in rows} == exported
    labels = {name: set(re.findall(r"`(\w+)`", words)) for name, words in rows}
    used = re.findall(r"(newsletter_\w+)(?:\{(\w+)=)?", "".join(RULES.split("expr:")[1:]))
    assert len(used) >= 14
    for name, label in used:
        assert name in exported
        assert not label or label in labels[name]
    alerts = re.findall(r"- alert: (\w+)$", RULES, re.MULTILINE)
    assert len(alerts) == len(set(alerts)) == RULES.count("expr:") == RULES.count("severity:")
    remedies = PAGE.partition("## When it rings")[2]
    assert set(re.findall(r"Newsletter[A-Z]\w+", remedies)) == set(alerts)


def test_no_row_of_a_person(web: Web) -> None:
    """Whatever is in the database, no label holds an address, a name, or the number of a reader."""
    with writing(web.services.engine) as session:
        reader = subscriber(session, fresh_address())
        a_delivery(session, reader.id, state=DeliveryState.UNKNOWN, reason="tweety@yellowbird.example")
        session.execute(update(Delivery).values(due_at=NOW))
    answer = web.client.get("/metrics", headers=KEY).text
    assert "@" not in answer
    assert "yellowbird" not in answer
