"""From a story that comes in to the readers whose rules it meets."""

from typing import Any

from sqlalchemy.orm import Session

from newsletter.alerts.looking import look
from newsletter.alerts.matching import anchors
from newsletter.alerts.spreading import spread
from newsletter.content import Company
from newsletter.models import Alert
from newsletter.models.alert import AlertState
from newsletter.store.engine import writing
from newsletter.wiring import Services
from subscribers import consent, suppression
from subscribers.address import parse
from subscribers.alert_rule import AlertRule
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.models import Subscriber, SubscriptionState, SuppressionReason
from subscribers.pausing import pause
from subscribers.watching import hold, watches_of
from subscribers.watching import pause as pause_watch
from tests.alert_finding import (
    BIG,
    LAB,
    LIFE,
    NOW,
    SOON,
    limits_of,
    look_and_spread,
    reader,
    reasons,
    rows,
    waiting,
)
from tests.builders import a_story
from tests.issues import DAY, tell
from tests.people import FINGERPRINTS


def test_it_reaches_those_whose_rules_it_meets(services: Services) -> None:
    """Each once, with the rules that fired, the most specific first; nobody else gets a row."""
    with writing(services.engine) as session:
        ann = reader(session, "ann", LAB, BIG)
        reader(session, "bob", AlertRule.of({"companies": ["Other Lab"]}))
        reader(session, "cyd", AlertRule.of({"companies": ["Sample Lab"]}, min_outlets=9))
        rules = {watch.rule_record.rule: watch.rule_id for watch in watches_of(session, ann)}
    tell(services, a_story(outlets=5), at=NOW)
    look_and_spread(services)
    look_and_spread(services)
    assert waiting(services) == ["ann"]
    [row] = rows(services)
    assert row.rules == [rules[BIG], rules[LAB]]
    assert (row.changes, row.due_at, row.decided_at) == ([], NOW, NOW)
    assert reasons(services) == [(AlertState.SPREAD, "news to 1 reader")]


def test_who_receives_no_alerts_gets_none(services: Services) -> None:
    """Who paused the rule or the alerts, left, never asked for them, is suppressed, or began to watch
    after the news."""
    by_hand: Any = {"channel": Channel.COMMAND, "wording": "test", "now": DAY}
    with writing(services.engine) as session:
        reader(session, "ann", LAB)
        pause_watch(watches_of(session, reader(session, "rule-paused", LAB))[0], NOW + LIFE)
        paused = session.get_one(Subscriber, reader(session, "paused", LAB))
        pause(session, paused, "alerts", NOW + LIFE, **by_hand)
        left = session.get_one(Subscriber, reader(session, "left", LAB))
        consent.unsubscribe(session, left.public_id, "alerts", **by_hand)
        reader(session, "no-alerts", LAB, newsletters=["daily"])
        reader(session, "suppressed", LAB)
        suppression.suppress(
            session,
            parse("suppressed@reader.example"),
            SuppressionReason.BOUNCED,
            fingerprints=FINGERPRINTS,
            now=DAY,
        )
        reader(session, "late", LAB, since=SOON)
    tell(services, a_story(), at=NOW)
    look_and_spread(services, now=SOON)
    assert waiting(services) == ["ann"]


def test_readers_far_apart_are_found(services: Services) -> None:
    """However many ids stand between those whom a story concerns."""
    with writing(services.engine) as session:
        ann = session.get_one(Subscriber, reader(session, "ann", LAB))
        bob = Subscriber(
            id=1_000_000, public_id="b" * 22, email="bob@reader.example", email_key="bob@reader.example",
            lens_id=ann.lens_id, timezone="UTC", hour=7, weekdays=127, created_at=DAY,
        )  # fmt: skip
        bob.subscription("alerts", DAY).state = SubscriptionState.CONFIRMED
        session.add(bob)
        session.flush()
        hold(session, bob, LAB, anchors(LAB), now=DAY)
    tell(services, a_story(), at=NOW)
    look_and_spread(services, chunk=1)
    assert waiting(services) == ["ann", "bob"]


def test_a_chunk_that_breaks_is_decided_on_again(services: Services) -> None:
    """However the readers are parted, and wherever it stops, each gets it once."""
    other = AlertRule.of({"audiences": ["Investors"]})
    names = [f"reader{number}" for number in range(60)]
    with writing(services.engine) as session:
        for name in names:
            reader(session, name, LAB, other)
    tell(services, a_story(), at=NOW)
    limits = limits_of(services)
    with writing(services.engine) as session:
        look(session, limits, now=NOW)
    with Session(services.engine) as session:  # of a machine that dies before it commits
        assert spread(session, session.get_one(Alert, 1), limits, now=NOW, chunk=1)
    assert rows(services) == []
    with writing(services.engine) as session:
        assert spread(session, session.get_one(Alert, 1), limits, now=NOW, chunk=1)
    assert 0 < len(rows(services)) < len(names)
    look_and_spread(services, chunk=1)
    assert waiting(services) == sorted(names)
    assert {len(row.rules) for row in rows(services)} == {2}


def test_it_is_told_as_it_is_known_now(services: Services) -> None:
    """An alert that has not reached its readers when newer facts come in makes way."""
    with writing(services.engine) as session:
        reader(session, "ann", LAB)
    tell(services, a_story(), at=NOW)
    with writing(services.engine) as session:
        look(session, limits_of(services), now=NOW)
    tell(services, a_story(outlets=6), at=SOON)
    look_and_spread(services, now=SOON)
    assert [reason for _, reason in reasons(services)] == ["newer facts came in", "news to 1 reader"]
    assert [row.alert_id for row in rows(services)] == [2]


def test_what_is_too_old_alerts_nobody(services: Services) -> None:
    """News that lay unseen beyond its life, and an alert that could not reach its readers within it."""
    with writing(services.engine) as session:
        reader(session, "ann", LAB)
    tell(services, a_story("One"), at=NOW)
    look_and_spread(services, now=NOW + LIFE)
    assert reasons(services) == []
    tell(services, a_story("Two"), at=NOW)
    limits = limits_of(services)
    with writing(services.engine) as session:
        look(session, limits, now=NOW)
    with writing(services.engine) as session:
        assert not spread(session, session.get_one(Alert, 1), limits, now=NOW + LIFE)
    [(state, reason)] = reasons(services)
    assert state == AlertState.EXPIRED
    assert reason is not None
    assert "too old" in reason
    assert waiting(services) == []


def test_only_what_would_lead_the_digest(services: Services) -> None:
    """The same rule lets a story through to whose digest it would lead, and to nobody else."""
    leads = AlertRule.of({"companies": ["Sample Lab"]}, leads=True)
    with writing(services.engine) as session:
        reader(session, "ann", leads, lens=Lens.of(companies=["Sample Lab"]))
        reader(session, "bob", leads, lens=Lens.of(companies=["Other Lab"]))
        reader(session, "cyd", leads, LAB, lens=Lens.of(companies=["Other Lab"]))
    tell(services, a_story("Bigger", outlets=20, companies=(Company("Other Lab"),)), a_story(), at=NOW)
    look_and_spread(services)
    assert waiting(services) == ["ann", "cyd"]
    assert [len(row.rules) for row in rows(services)] == [1, 1]
