"""The commands about single mails, and those that pause an issue and prove it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from newsletter.feedback.told import store
from newsletter.models import Delivery, Issue, Newsletter
from newsletter.models.delivery import DeliveryState, MailboxState
from newsletter.models.event import EventKind
from newsletter.models.issue import IssueState
from newsletter.store.engine import open_engine, reading, writing
from tests.command_line import Cli
from tests.doors.conftest import on_one_database
from tests.feedback import a_delivery, told
from tests.people import fresh_address, subscriber

pytestmark = on_one_database

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def behind(cli: Cli, database_url: str) -> Iterator[Engine]:
    """The database behind the commands."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def issue(behind: Engine) -> int:
    """A published issue with two mails that were accepted and two that are unknown."""
    with writing(behind) as session:
        daily = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        row = Issue(
            newsletter=daily,
            date=NOW.date(),
            state=IssueState.PUBLISHED,
            since_at=NOW - 30 * HOUR,
            cutoff_at=NOW - 6 * HOUR,
            publish_at=NOW - 5 * HOUR,
            expires_at=NOW + 19 * HOUR,
            frozen=4,
        )
        session.add(row)
        session.flush()
        accepted, unknown = DeliveryState.ACCEPTED, DeliveryState.UNKNOWN
        for state, mailbox in (
            (accepted, MailboxState.DELIVERED),
            (accepted, MailboxState.HARD_BOUNCED),
            (unknown, None),
            (unknown, None),
        ):
            reader = subscriber(session, fresh_address())
            reason = "the answer was lost" if state is unknown else None
            a_delivery(session, reader.id, issue=row.id, state=state, reason=reason, mailbox=mailbox)
        return row.id


def deliveries(engine: Engine) -> list[Delivery]:
    with reading(engine) as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def test_unknown_mails_are_listed(cli: Cli, behind: Engine, issue: int) -> None:
    """Each unknown mail with its reason, for all issues or one, as a table or JSON, without an address."""
    *_, first, second = deliveries(behind)
    listed = json.loads(cli("deliveries", "unknown", "--json").out)
    assert [(one["id"], one["reason"]) for one in listed] == [
        (first.id, "the answer was lost"),
        (second.id, "the answer was lost"),
    ]
    assert json.loads(cli("deliveries", "unknown", "--issue", str(issue + 1), "--json").out) == []
    table = cli("deliveries", "unknown", "--issue", str(issue)).out
    assert "the answer was lost" in table
    assert "@" not in table


def test_unknown_mails_are_settled(cli: Cli, behind: Engine, issue: int) -> None:
    """An operator's finding settles the mails named, with who said so and why; others are refused whole."""
    accepted, _, first, second = deliveries(behind)
    done = cli("deliveries", "settle", str(first.id), "--as", "accepted", "--because", "the server's log")
    assert done.code == 0
    refused = cli("deliveries", "settle", str(second.id), str(accepted.id), "--as", "refused")
    assert refused.code == 1
    assert str(accepted.id) in refused.err
    found = {row.id: row for row in deliveries(behind)}
    assert found[first.id].state == DeliveryState.ACCEPTED
    assert (found[first.id].reason or "").endswith(": the server's log")
    assert found[second.id].state == DeliveryState.UNKNOWN


def test_all_that_is_known_of_a_mail_is_shown(cli: Cli, behind: Engine, issue: int) -> None:
    """Its states, attempts and events, without the reader's address; a remedy where there is none such."""
    mail = deliveries(behind)[1]
    with writing(behind) as session:
        store(session, [told(EventKind.HARD_BOUNCE, mail.id, reason="550 5.1.1 ann@inbox.example")], NOW)
    shown = json.loads(cli("deliveries", "show", str(mail.id), "--json").out)
    assert (shown["state"], shown["mailbox"], shown["attempt"]) == ("accepted", "hard bounced", 1)
    assert [one["reason"] for one in shown["events"]] == ["550 5.1.1 (address)"]
    text = cli("deliveries", "show", str(mail.id)).out
    assert "hard bounce" in text
    assert "@" not in text
    assert cli("deliveries", "show", "999").code == 1


def test_the_proof_says_what_mailboxes_said(cli: Cli, issue: int) -> None:
    """Frozen is the sum of all fates, and beside it stands what was heard of the accepted ones."""
    shown = cli("issues", "proof", str(issue))
    assert shown.code == 0
    assert "4 frozen = 2 accepted + 2 unknown" in shown.out
    assert "2 unknown: the answer was lost" in shown.out
    assert "mailboxes: 1 delivered, 1 hard bounced" in shown.out
    assert json.loads(cli("issues", "proof", str(issue), "--json").out)["mailboxes"] == {
        "delivered": 1,
        "hard bounced": 1,
    }


def test_a_paused_issue_keeps_its_mails_until_it_goes_on(cli: Cli, behind: Engine, issue: int) -> None:
    """Pausing keeps back what waits, resuming lets it go; both are refused where they make no sense."""
    with writing(behind) as session:
        reader = subscriber(session, fresh_address())
        times = {"due_at": NOW - HOUR, "expires_at": NOW + HOUR}
        a_delivery(session, reader.id, issue=issue, state=DeliveryState.QUEUED, attempt=0, **times)
    assert cli("issues", "resume", str(issue)).code == 1
    assert cli("issues", "pause", str(issue)).code == 0
    assert cli("issues", "pause", str(issue)).code == 1
    with reading(behind) as session:
        row = session.get_one(Issue, issue)
        assert row.state == IssueState.PAUSED
        assert (row.reason or "").startswith("paused by ")
    cli("tick")
    assert deliveries(behind)[-1].state == DeliveryState.QUEUED
    assert cli("issues", "resume", str(issue)).code == 0
    with reading(behind) as session:
        assert session.get_one(Issue, issue).state == IssueState.PUBLISHED


def test_after_a_restore_nothing_leaves(cli: Cli, behind: Engine, issue: int) -> None:
    """The command for a restored backup says what it stopped, and the next tick sends nothing."""
    with writing(behind) as session:
        reader = subscriber(session, fresh_address())
        a_delivery(session, reader.id, issue=issue, state=DeliveryState.QUEUED, attempt=0)
    done = cli("deliveries", "after-restore")
    assert done.code == 0
    assert "unknown now, of those not settled: 1" in done.out
    cli("tick")
    assert deliveries(behind)[-1].state == DeliveryState.UNKNOWN
