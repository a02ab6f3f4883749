"""An editors' alert as its readers get it: as approved, with its line, and with what came in meanwhile."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.alerting import strike
from newsletter.alerts.matching import anchors
from newsletter.alerts.pieces import content_of
from newsletter.content import Company
from newsletter.models import Alert, Edition
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import watching
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from subscribers.models import Subscriber
from tests.alerted import Fate
from tests.alerted import fates as fates_of
from tests.alerted import mails as deliveries
from tests.builders import NOON, a_story
from tests.editors_alerts import MINUTE, a_draft, approved, fates, release, seen, spread, subscribe
from tests.issues import tell

FRENCH = AlertRule.of({"words": ["france"]})


def texts(services: Services) -> list[str]:
    """Of every mail of alerts, in their order."""
    with reading(services.engine) as session:
        editions = session.scalars(select(Edition).where(Edition.issue_id.is_(None)).order_by(Edition.id))
        return [" ".join(content_of(session, edition).text.split()) for edition in editions]


def test_the_line_stays_when_newer_facts_come_in(services: Services) -> None:
    """Held by quiet, it comes once: with the editors' line, the newer facts, and the rule that these met."""
    reader = subscribe(services, "ann", audiences=["Investors"])
    with writing(services.engine) as session:
        watching.choose(session, reader, AlertChoices(quiet_from=11, quiet_until=14))
        held = session.get_one(Subscriber, reader)
        watching.hold(session, held, FRENCH, anchors(FRENCH), now=NOON + MINUTE)
    number = a_draft(services)
    approved(services, number)
    spread(services, 5)
    companies = (Company("Sample Lab"), Company("Mistral AI"))
    tell(services, a_story("France signs with Mistral AI", companies=companies), at=NOON + 6 * MINUTE)
    strike(services, NOON + 6 * MINUTE)
    assert [fate.state for fate in fates_of(services, reader)] == ["waiting", "waiting"]
    strike(services, NOON + timedelta(hours=2))
    assert [fate.state for fate in fates_of(services, reader)] == ["mailed", "mailed"]
    assert len(deliveries(services)) == 1
    [text] = texts(services)
    for words in (
        "It cannot wait.",
        "Chosen by the editors for Investors and Policymakers · Your alert: ",
        "Update: now also about Mistral AI",
        "“france”",
    ):
        assert words in text


def test_what_is_not_what_was_approved_never_leaves(services: Services) -> None:
    """Let go and then tampered with, it waits with the reason, and what else is due leaves."""
    reader = subscribe(services, "ann", audiences=["Investors"])
    with writing(services.engine) as session:
        held = session.get_one(Subscriber, reader)
        rule = AlertRule.of({"words": ["chip"]})
        watching.hold(session, held, rule, anchors(rule), now=NOON)
    number = a_draft(services)
    approved(services, number)
    release(services, 5)
    with writing(services.engine) as session:
        alert = session.get_one(Alert, number)
        pieces = dict(alert.pieces)
        pieces["alert"] = pieces["alert"] | {"headline": "Send me your password"}
        alert.pieces = pieces
    tell(services, a_story("A chip is recalled"), at=NOON + 5 * MINUTE)
    spread(services, 5)
    assert fates_of(services, reader)[0] == Fate(
        "waiting", "it is not what was approved: cancel it, and approve another one", NOON + 6 * MINUTE
    )
    spread(services, 6)
    assert fates(services, number) == {"waiting": 1}
    [text] = texts(services)
    assert "A chip is recalled" in text


def test_other_templates_change_nothing_that_was_approved(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Released after a deploy, it leaves as it was approved, byte for byte."""
    subscribe(services, "ann", audiences=["Investors"])
    number = a_draft(services)
    approved(services, number)
    pieces = seen(services, number).pieces
    monkeypatch.setattr(services.renderer, "version", "of another release")
    spread(services, 5)
    assert fates(services, number) == {"mailed": 1}
    assert seen(services, number).pieces == pieces
