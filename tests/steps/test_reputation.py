"""Reputation: too many complaints stop a newsletter, and a warm-up that does harm does not grow."""

from datetime import timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from newsletter.dispatch import gates, steering
from newsletter.dispatch.reputation import watch_reputation
from newsletter.models import Delivery, Pace
from newsletter.models.delivery import DeliveryKind, DeliveryState, MailboxState, Priority
from newsletter.store.clock import database_now
from newsletter.store.engine import writing
from newsletter.wiring import Services
from tests.outgoing import NOW
from tests.people import subscriber

DAY = timedelta(days=1)


def history(session: Session, mailboxes: dict[str | None, int], *, days_ago: float = 1, slug: str = "daily",
            state: DeliveryState = DeliveryState.ACCEPTED) -> None:  # fmt: skip
    """So many digests of each mailbox state, all of which left so long ago."""
    reader = subscriber(session).id
    left = NOW - days_ago * DAY
    every = {
        "kind": DeliveryKind.DIGEST,
        "subscriber_id": reader,
        "newsletter": slug,
        "priority": Priority.DIGEST,
        "state": state,
        "due_at": left,
        "expires_at": left + DAY,
        "queued_at": left,
        "settled_at": left,
        "attempt": 1,
    }
    of_each = [mailbox for mailbox, number in mailboxes.items() for _ in range(number)]
    rows = [{**every, "occasion_id": n, "mailbox": mailbox} for n, mailbox in enumerate(of_each)]
    session.execute(insert(Delivery), rows)


def stopped(session: Session, slug: str = "daily") -> bool:
    return bool(gates.closed(session, {gates.newsletter_way(slug)}))


def test_too_many_complaints_stop_a_newsletter(services: Services) -> None:
    """From three complaints in a thousand on it stops, with a reason that says it; no other does."""
    with writing(services.engine) as session:
        history(session, {None: 1_990, MailboxState.COMPLAINED: 10})
        history(session, {None: 2_000}, slug="weekly")
        (news,) = watch_reputation(session, NOW)
        assert (stopped(session), stopped(session, "weekly")) == (True, False)
        reason = session.get_one(Pace, "newsletter:daily").closed_because
        assert reason == "readers complained of 10 of 2,000 mails since 2026-10-01 12:00 UTC (0.50%)"
        assert news == f"daily is stopped: {reason}; `newsletter pace open newsletter:daily` lets it go on"
        assert watch_reputation(session, NOW) == [], "told once"


@pytest.mark.parametrize(
    ("reached", "complained", "stops"),
    [(997, 3, True), (2_996, 8, False), (900, 30, False), (2_999, 1, False)],
)
def test_where_it_begins(services: Services, reached: int, complained: int, stops: bool) -> None:
    """At 0.3 % of at least a thousand mails, and not before."""
    with writing(services.engine) as session:
        history(session, {MailboxState.DELIVERED: reached, MailboxState.COMPLAINED: complained})
        watch_reputation(session, NOW)
        assert stopped(session) == stops


def test_an_alarm_comes_first(services: Services) -> None:
    """From one complaint in a thousand on somebody is told, once a day, and the newsletter goes on."""
    with writing(services.engine) as session:
        history(session, {None: 1_998, MailboxState.COMPLAINED: 2})
        (news,) = watch_reputation(session, NOW)
        assert news == (
            "daily: readers complained of 2 of 2,000 mails since 2026-10-01 12:00 UTC (0.10%); "
            "from 0.3% on it is stopped"
        )
        assert watch_reputation(session, NOW + timedelta(minutes=1)) == []
        assert len(watch_reputation(session, NOW + DAY)) == 1
        assert not stopped(session)


def test_only_the_last_days_count(services: Services) -> None:
    """Complaints of mails that left more than seven days ago stop nothing any more."""
    with writing(services.engine) as session:
        history(session, {None: 1_900, MailboxState.COMPLAINED: 100}, days_ago=8)
        assert watch_reputation(session, NOW) == []


def test_what_was_not_taken_is_no_reader(services: Services) -> None:
    """The share is one of the mails that reached a mailbox: bounces make it no smaller."""
    with writing(services.engine) as session:
        history(session, {None: 1_000, MailboxState.HARD_BOUNCED: 5_000, MailboxState.COMPLAINED: 4})
        watch_reputation(session, NOW)
        assert stopped(session)


def test_what_a_person_opened_stays_open(services: Services) -> None:
    """Opened again, a newsletter is judged by what leaves from then on, not stopped a minute later."""
    with writing(services.engine) as session:
        now = database_now(session)
        history(session, {None: 1_990, MailboxState.COMPLAINED: 10}, days_ago=(NOW - now) / DAY + 1)
        watch_reputation(session, now)
        assert stopped(session)
        assert steering.open_again(session, "newsletter:daily")
        assert watch_reputation(session, now + timedelta(minutes=1)) == []
        assert not stopped(session)


@pytest.mark.parametrize(
    ("mailboxes", "state", "held"),
    [
        ({None: 94, MailboxState.HARD_BOUNCED: 3, MailboxState.BLOCKED: 3}, DeliveryState.ACCEPTED, True),
        ({None: 100}, DeliveryState.REFUSED, True),
        ({None: 199, MailboxState.COMPLAINED: 1}, DeliveryState.ACCEPTED, True),
        ({None: 97, MailboxState.HARD_BOUNCED: 3}, DeliveryState.ACCEPTED, False),
        ({None: 10, MailboxState.HARD_BOUNCED: 10}, DeliveryState.ACCEPTED, False),
    ],
)
def test_a_warm_up_that_does_harm_does_not_grow(
    services: Services, mailboxes: dict[str | None, int], state: DeliveryState, held: bool
) -> None:
    """While too many bounce or complain, tomorrow allows what today allows; it grows when they stop."""
    key = "sender:racetoagi.example"
    with writing(services.engine) as session:
        today = database_now(session).date()
        began = today - 3 * DAY
        session.add(Pace(key=key, warm_up_from=began, warm_up_first=100, warm_up_growth=2.0))
        history(session, mailboxes, state=state)
        assert bool(watch_reputation(session, NOW)) == held
        row = session.get_one(Pace, key)
        assert (row.warm_up_first, row.warm_up_from) == ((800, today + DAY) if held else (100, began))
        assert watch_reputation(session, NOW) == [], "told once"


def test_a_warm_up_that_is_over_is_left_alone(services: Services) -> None:
    """Who sends without a ceiling is not set back to one."""
    with writing(services.engine) as session:
        began = database_now(session).date() - 900 * DAY
        session.add(Pace(key="sender:old.example", warm_up_from=began, warm_up_first=100, warm_up_growth=2.0))
        history(session, {None: 100}, state=DeliveryState.REFUSED)
        assert watch_reputation(session, NOW) == []
