"""An editors' alert as its readers get it: as approved, with its line, and with what came in meanwhile."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.alerting import strike
from newsletter.alerts.matching import anchors
from newsletter.alerts.pieces import mail_of
from newsletter.content import Company
from newsletter.corrections.book import as_wrong, carried_by
from newsletter.corrections.owing import Debts
from newsletter.desk import correcting
from newsletter.desk.correcting import By
from newsletter.models import Alert, Edition, Issue, Story
from newsletter.models.desk import CorrectionKind
from newsletter.models.issue import IssueState
from newsletter.store.engine import reading, writing
from newsletter.story_life import told_in
from newsletter.tick import tick
from newsletter.wiring import Services
from subscribers import watching
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from subscribers.models import Subscriber
from tests.alerted import Fate
from tests.alerted import fates as fates_of
from tests.alerted import mails as deliveries
from tests.builders import NOON, a_story
from tests.corrected import RIGHT
from tests.corrected import mails as letters
from tests.editors_alerts import MINUTE, a_draft, approved, fates, release, seen, spread, subscribe
from tests.issues import PUBLISH, SEEN, tell

FRENCH = AlertRule.of({"words": ["france"]})


def texts(services: Services) -> list[str]:
    """Of every mail of alerts, in their order."""
    with reading(services.engine) as session:
        editions = session.scalars(select(Edition).where(Edition.issue_id.is_(None)).order_by(Edition.id))
        return [" ".join(mail_of(session, edition).content.text.split()) for edition in editions]


def held_with_newer_facts(services: Services) -> int:
    """A reader, for whom an editors' alert is held by quiet, and what a rule of theirs found beside it."""
    reader = subscribe(services, "ann", "alerts", "daily", audiences=["Investors"])
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
    return reader


def test_the_line_stays_when_newer_facts_come_in(services: Services) -> None:
    """Held by quiet, it comes once: with the editors' line, the newer facts, and the rule that these met."""
    reader = held_with_newer_facts(services)
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


def test_who_ends_the_alerts_of_the_editors_gets_none_that_waits(services: Services) -> None:
    """One that quiet held back is dropped, with the reason; the mail that left says how to end them."""
    told, ended = (subscribe(services, name, audiences=["Investors"]) for name in ("ann", "bea"))
    held = AlertChoices(quiet_from=11, quiet_until=14)
    with writing(services.engine) as session:
        watching.choose(session, ended, held)
    number = a_draft(services)
    approved(services, number)
    spread(services, 5)
    with writing(services.engine) as session:
        watching.choose(session, ended, replace(held, from_editors=False))
    strike(services, NOON + timedelta(hours=2))
    assert [fate.state for fate in fates_of(services, told)] == ["mailed"]
    [fate] = fates_of(services, ended)
    assert (fate.state, fate.reason) == ("dropped", "wants no alerts from the editors")
    [text] = texts(services)
    assert "Chosen by the editors for Investors and Policymakers No more alerts from the editors: @@" in text


def test_what_was_told_beside_the_line_is_told(services: Services) -> None:
    """The next digest brings no update of it, and a correction of the card reaches whoever got both."""
    reader = held_with_newer_facts(services)
    strike(services, NOON + timedelta(hours=2))
    services.dispatcher().run(NOON + timedelta(hours=2))
    with writing(services.engine) as session:
        story = session.scalars(select(Story)).one()
        by = By(NOON + timedelta(hours=3))
        wrong = correcting.write(
            session, story, kind=CorrectionKind.CORRECTION, text=RIGHT, revision=1, by=by
        )
        correcting.confirm(session, wrong.id, by=by)
        assert [one.revision for one in told_in(session, story.id, up_to=1)] == [1]
        [owed] = Debts(session, [as_wrong(wrong)]).of(reader)
        assert (owed.alert_id, owed.revision) == (1, 1)
        assert carried_by(session, Issue(state=IssueState.DRAFT, publish_at=PUBLISH)) == [wrong]
    tell(services, a_story("News", companies=()), at=SEEN + timedelta(days=1))
    tick(services, PUBLISH + timedelta(days=1, hours=3))
    mailed = [text for _, _, text in letters(services)]
    assert sum(RIGHT in text for text in mailed) == 1
    [digest] = [text for text in mailed if text.startswith("RACE TO AGI DAILY")]
    assert "YOU HEARD OF IT ALREADY" in digest
    assert "now also about" not in digest


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
