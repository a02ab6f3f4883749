"""Unknown mails: repeated once by policy, settled by an operator, and never sent twice after a restore."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from newsletter.dispatch.settling import record
from newsletter.dispatch.unknown import (
    LETTER_WAIT,
    REPEAT_LIFE,
    Decision,
    NotUnknown,
    after_restore,
    repeat_by_policy,
    settle,
)
from newsletter.mail import Outcome, Verdict
from newsletter.models import Delivery, Event, Issue, Newsletter
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from newsletter.models.event import EventKind
from newsletter.models.issue import IssueState
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.wiring import Services
from subscribers import suppression
from subscribers.address import parse
from tests.feedback import NOW, a_delivery, hear, told, work_in
from tests.people import FINGERPRINTS, fresh_address, subscriber

QUEUED, UNKNOWN = DeliveryState.QUEUED, DeliveryState.UNKNOWN
HOUR = timedelta(hours=1)


def an_issue(services: Services, state: IssueState = IssueState.FINISHED) -> int:
    """An issue of the daily that was published this morning."""
    with writing(services.engine) as session:
        daily = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        issue = Issue(
            newsletter=daily,
            date=NOW.date(),
            state=state,
            since_at=NOW - 30 * HOUR,
            cutoff_at=NOW - 6 * HOUR,
            publish_at=NOW - 5 * HOUR,
            expires_at=NOW + 19 * HOUR,
            finished_at=NOW,
            frozen=1,
        )
        session.add(issue)
        session.flush()
        return issue.id


def a_mail(services: Services, **changes: object) -> int:
    with writing(services.engine) as session:
        reader = subscriber(session, fresh_address())
        return a_delivery(session, reader.id, **{"state": UNKNOWN, **changes})  # type: ignore[arg-type]


def a_letter(services: Services, **changes: object) -> int:
    letter = {"kind": DeliveryKind.CONFIRMATION, "newsletter": None, "priority": Priority.LETTER}
    return a_mail(services, **{**letter, **changes})


def let_daily_repeat(services: Services, hours: int = 1) -> None:
    with writing(services.engine) as session:
        session.execute(update(Newsletter).values(unknown="repeat", unknown_wait_hours=hours))


def repeat(services: Services) -> int:
    with writing(services.engine) as session:
        return repeat_by_policy(session, now=NOW)


def found(services: Services, delivery_id: int) -> Delivery:
    with reading(services.engine) as session:
        return session.get_one(Delivery, delivery_id)


def test_a_letter_is_repeated_once(services: Services) -> None:
    """Who waits for a letter gets it once more after a quarter of an hour, and not a third time."""
    letter = a_letter(services, settled_at=NOW - LETTER_WAIT)
    assert repeat(services) == 1
    row = found(services, letter)
    assert (row.state, row.repeats, row.due_at, row.settled_at) == (QUEUED, 1, NOW, None)
    with writing(services.engine) as session:
        session.execute(update(Delivery).values(state=UNKNOWN, settled_at=NOW - HOUR))
    assert repeat(services) == 0


def test_a_letter_is_not_repeated_too_soon_or_too_late(services: Services) -> None:
    """Before its wait is over there may be evidence yet; after its life nobody waits for it."""
    a_letter(services, settled_at=NOW - LETTER_WAIT + timedelta(seconds=1))
    a_letter(services, settled_at=NOW - HOUR, expires_at=NOW)
    assert repeat(services) == 0


def test_a_digest_is_kept_unless_its_newsletter_repeats(services: Services) -> None:
    """A newsletter says whether its unknown mails are repeated, and after how many hours."""
    mail = a_mail(services, issue=an_issue(services), settled_at=NOW - 2 * HOUR)
    assert repeat(services) == 0
    let_daily_repeat(services, hours=3)
    assert repeat(services) == 0
    let_daily_repeat(services, hours=2)
    assert repeat(services) == 1
    assert found(services, mail).state == QUEUED


def test_old_numbers_are_not_repeated(services: Services) -> None:
    """A newsletter that turns to repeating repeats nothing whose wait ended more than a day ago."""
    a_mail(services, issue=an_issue(services), settled_at=NOW - 26 * HOUR)
    let_daily_repeat(services, hours=1)
    assert repeat(services) == 0


def test_a_repeated_mail_has_time_to_leave(services: Services) -> None:
    """A mail that was too old when its wait ended leaves all the same, as its newsletter wants."""
    mail = a_mail(services, issue=an_issue(services), settled_at=NOW - 2 * HOUR, expires_at=NOW - HOUR)
    let_daily_repeat(services)
    assert repeat(services) == 1
    assert found(services, mail).expires_at == NOW + REPEAT_LIFE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (IssueState.FINISHED, IssueState.PUBLISHED),
        (IssueState.PUBLISHED, IssueState.PUBLISHED),
        (IssueState.PAUSED, IssueState.PAUSED),
        (IssueState.CANCELLED, IssueState.CANCELLED),
    ],
)
def test_a_finished_issue_is_taken_up_again(
    services: Services, before: IssueState, after: IssueState
) -> None:
    """The books of an issue are open again while a mail of it is repeated; a cancelled one repeats none."""
    issue = an_issue(services, before)
    mail = a_mail(services, issue=issue, settled_at=NOW - 2 * HOUR)
    let_daily_repeat(services)
    assert repeat(services) == (before is not IssueState.CANCELLED)
    assert found(services, mail).state == (UNKNOWN if before is IssueState.CANCELLED else QUEUED)
    with reading(services.engine) as session:
        row = session.get_one(Issue, issue)
        assert row.state == after
        assert (row.finished_at is None) is (before is IssueState.FINISHED)


def test_evidence_that_comes_late_stops_the_repetition(services: Services) -> None:
    """A mail that waits to be repeated is not, once the provider tells that it had it."""
    mail = a_letter(services, settled_at=NOW - HOUR)
    assert repeat(services) == 1
    hear(services.engine, told(EventKind.DELIVERED, mail))
    assert found(services, mail).state == DeliveryState.ACCEPTED


def test_a_slow_worker_writes_nothing_over_a_repetition(services: Services) -> None:
    """Once a mail is put back, the worker that had it for too long has no say in it any more."""
    mail = a_letter(services, settled_at=NOW - HOUR, owner="slow")
    assert repeat(services) == 1
    with writing(services.engine) as session:
        record(session, {mail: Outcome(Verdict.REFUSED, "no")}, {mail: 1}, "slow", now=NOW)
    assert found(services, mail).state == QUEUED


@pytest.mark.parametrize("decision", Decision)
def test_an_operator_decides(services: Services, decision: Decision) -> None:
    """What an operator found out settles unknown mails, with the words for it; addresses are not kept."""
    mails = [a_mail(services, issue=an_issue(services), repeats=1), a_letter(services)]
    with writing(services.engine) as session:
        settle(session, mails, decision, reason="settled by ann: log of ann@inbox.example", now=NOW)
    for mail in mails:
        row = found(services, mail)
        assert row.state == {"repeat": QUEUED}.get(decision, decision)
        assert row.reason == "settled by ann: log of (address)"


def test_only_unknown_mails_are_settled_by_hand(services: Services) -> None:
    """One that is not unknown, or does not exist, is named, and then nothing is changed."""
    mail, accepted = a_mail(services), a_mail(services, state=DeliveryState.ACCEPTED)
    with pytest.raises(NotUnknown, match=f"{accepted}, 999"), writing(services.engine) as session:
        settle(session, [mail, 999, accepted], Decision.REFUSED, reason="so", now=NOW)
    assert found(services, mail).state == UNKNOWN


def test_a_restored_backup_sends_nothing_twice(services: Services) -> None:
    """After yesterday's backup was restored nothing leaves: no mail of its outbox, and no issue due since."""
    waiting = a_mail(services, issue=an_issue(services, IssueState.PUBLISHED), state=QUEUED, attempt=0)
    letter = a_letter(services, state=DeliveryState.CLAIMED, owner="gone", lease_until=NOW)
    let_daily_repeat(services)
    later = NOW + 26 * HOUR
    with writing(services.engine) as session:
        done = after_restore(session, now=later)
    assert done["mails"] == 2
    assert done["issues"] >= 1
    for at in (later, later + 2 * HOUR):
        tick(services, at)
    assert {found(services, mail).state for mail in (waiting, letter)} == {UNKNOWN}
    assert not list(services.settings.mail_folder.glob("*.eml"))
    hear(services.engine, told(EventKind.DELIVERED, waiting))
    assert found(services, waiting).state == DeliveryState.ACCEPTED


def test_after_a_restore_the_next_issue_goes_on(services: Services) -> None:
    """An issue whose time has not come yet stays as it is."""
    issue = an_issue(services, IssueState.DRAFT)
    with writing(services.engine) as session:
        after_restore(session, now=NOW - 6 * HOUR)
        assert session.get_one(Issue, issue).state == IssueState.DRAFT
        after_restore(session, now=NOW)
        assert session.get_one(Issue, issue).state == IssueState.EXPIRED


@pytest.mark.parametrize(
    ("reason", "closed"), [("550 5.1.1 no such mailbox", "bounced"), ("550 5.7.1 spam", None)]
)
def test_a_refused_recipient_is_evidence(services: Services, reason: str, closed: str | None) -> None:
    """A server that knows no such mailbox while we hand over closes the address; a block does not."""
    with writing(services.engine) as session:
        reader = subscriber(session, fresh_address())
        mail = a_delivery(session, reader.id, state=DeliveryState.SUBMITTING, owner="worker")
        record(session, {mail: Outcome(Verdict.REFUSED, reason)}, {mail: 1}, "worker", now=NOW)
    work_in(services.engine)
    assert (found(services, mail).state, found(services, mail).reason) == ("refused", reason)
    with reading(services.engine) as session:
        why = suppression.why(session, parse(reader.email), FINGERPRINTS)
        assert (why.reason if why else None) == closed
        assert len(session.scalars(select(Event.id)).all()) == (closed is not None)


def test_a_slow_worker_opens_a_finished_issue_again(services: Services) -> None:
    """A mail that comes back after its issue was finished without it is not left lying there."""
    issue = an_issue(services)
    mail = a_mail(services, issue=issue, owner="slow")
    with writing(services.engine) as session:
        outcome = {mail: Outcome(Verdict.NOT_TAKEN, "451 later")}
        record(session, outcome, {mail: 1}, "slow", now=NOW)
    with reading(services.engine) as session:
        assert session.get_one(Delivery, mail).state == QUEUED
        assert session.get_one(Issue, issue).state == IssueState.PUBLISHED
