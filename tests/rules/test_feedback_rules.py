"""Feedback's rules: what follows from what was told, in whatever order it is told."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feedback.rules import Fate, Heard, after, closes, names_no_mailbox, worn_out
from newsletter.feedback.statuses import bounce_kind, status_in
from newsletter.models.delivery import DeliveryState, MailboxState
from newsletter.models.event import EventKind
from subscribers.models import SuppressionReason

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)

told = st.tuples(st.sampled_from(EventKind), st.integers(0, 50).map(lambda n: NOW + n * timedelta(minutes=1)))
fates = st.builds(Fate, st.sampled_from(DeliveryState).map(str), st.booleans())


def all_told(fate: Fate, events: Sequence[tuple[EventKind, datetime]]) -> Fate:
    return reduce(lambda known, event: after(known, *event), events, fate)


@given(fates, st.lists(told, max_size=8), st.randoms())
def test_order_and_repetition_do_not_matter(
    fate: Fate, events: list[tuple[EventKind, datetime]], chance: st.DrawFn
) -> None:
    """Whatever the order, and told however often, the same events lead to the same fate."""
    shuffled = events * 3
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert all_told(fate, shuffled) == all_told(fate, events)


@given(fates, st.lists(told, max_size=8))
def test_accepted_stays_accepted(fate: Fate, events: list[tuple[EventKind, datetime]]) -> None:
    """Nothing that is told takes back that the provider took a mail."""
    accepted = Fate(DeliveryState.ACCEPTED, True, fate.mailbox, fate.mailbox_at)
    assert all_told(accepted, events).state == DeliveryState.ACCEPTED


PROVING = set(EventKind) - {EventKind.DROPPED, EventKind.OTHER}


@pytest.mark.parametrize("kind", EventKind)
def test_an_unknown_mail_is_settled_by_evidence(kind: EventKind) -> None:
    """Whoever tells of a mail had it; a provider that dropped it had not; anything else proves nothing."""
    settled = after(Fate(DeliveryState.UNKNOWN, True), kind, NOW).state
    if kind in PROVING:
        assert settled == DeliveryState.ACCEPTED
    else:
        dropped = kind is EventKind.DROPPED
        assert settled == (DeliveryState.REFUSED if dropped else DeliveryState.UNKNOWN)


@pytest.mark.parametrize("state", [DeliveryState.QUEUED, DeliveryState.EXPIRED, DeliveryState.CANCELLED])
def test_evidence_outweighs_what_we_thought(state: DeliveryState) -> None:
    """A mail that was tried and waits to be repeated is not, once it is proved taken; one never tried is."""
    assert after(Fate(state, True), EventKind.DELIVERED, NOW).state == DeliveryState.ACCEPTED
    assert after(Fate(state, False), EventKind.DELIVERED, NOW).state == state


def test_the_highest_word_of_the_mailbox_holds() -> None:
    """A mailbox state gives way only to a higher one, and keeps the time at which it was first true."""
    fate = Fate(DeliveryState.ACCEPTED, True)
    for kind, minutes in (
        (EventKind.DELIVERED, 9),
        (EventKind.DEFERRED, 20),
        (EventKind.DELIVERED, 3),
        (EventKind.PROCESSED, 1),
    ):
        fate = after(fate, kind, NOW + timedelta(minutes=minutes))
    assert (fate.mailbox, fate.mailbox_at) == (MailboxState.DELIVERED, NOW + timedelta(minutes=3))
    assert after(fate, EventKind.COMPLAINED, NOW).mailbox == MailboxState.COMPLAINED


@pytest.mark.parametrize(
    ("kind", "reason", "closed"),
    [
        (EventKind.HARD_BOUNCE, None, SuppressionReason.BOUNCED),
        (EventKind.COMPLAINED, None, SuppressionReason.COMPLAINED),
        (EventKind.DROPPED, "Bounced Address", SuppressionReason.BOUNCED),
        (EventKind.DROPPED, "Spam Reporting Address", SuppressionReason.COMPLAINED),
        (EventKind.DROPPED, "550 5.1.1 no such mailbox", SuppressionReason.BOUNCED),
        (EventKind.DROPPED, "550 5.1.8 the sender's domain is unknown", None),
        (EventKind.DROPPED, "Unsubscribed Address", None),
        (EventKind.DROPPED, "Spam Content", None),
        (EventKind.DROPPED, None, None),
        (EventKind.BLOCKED, "550 5.1.1 no such mailbox", None),
        (EventKind.SOFT_BOUNCE, None, None),
        (EventKind.UNSUBSCRIBED, None, None),
        (EventKind.OTHER, "Bounced Address", None),
    ],
)
def test_only_evidence_about_the_address_closes_it(
    kind: EventKind, reason: str | None, closed: SuppressionReason | None
) -> None:
    """A dead mailbox and a complaint close an address; what is about us, or may pass, does not."""
    assert closes(kind, reason) is closed


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("4.2.2", EventKind.SOFT_BOUNCE),
        ("4.7.1", EventKind.BLOCKED),
        ("5.0.0", EventKind.HARD_BOUNCE),
        ("5.1.1", EventKind.HARD_BOUNCE),
        ("5.1.10", EventKind.HARD_BOUNCE),
        ("5.2.1", EventKind.HARD_BOUNCE),
        ("5.1.7", EventKind.BLOCKED),
        ("5.7.1", EventKind.BLOCKED),
        ("5.7.515", EventKind.BLOCKED),
        ("5.2.2", EventKind.SOFT_BOUNCE),
        ("5.3.4", EventKind.SOFT_BOUNCE),
        ("2.0.0", None),
        ("550", None),
        ("", None),
        ("5.1", None),
        ("5.1.1.1", None),
    ],
)
def test_what_a_status_means(status: str, kind: EventKind | None) -> None:
    """RFC 3463: who is at fault stands in the second number, for how long in the first."""
    assert bounce_kind(status) is kind


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("550 5.1.1 no such mailbox", "5.1.1"),
        ("550-5.1.1 The account does not exist", "5.1.1"),
        ("550 no such mailbox 5.1.1", None),
        ("400 5 of 5.1.1", None),
        ("550 5.1.1.2 is no status", None),
    ],
)
def test_the_status_stands_behind_the_reply_code(words: str, status: str | None) -> None:
    """A number elsewhere in a server's words is not taken for its status."""
    assert status_in(words) == status


def test_a_refusal_names_no_mailbox_only_by_its_status() -> None:
    """A server's 5xx without an enhanced status proves nothing about the address."""
    assert names_no_mailbox("550 5.1.1 unknown")
    assert not names_no_mailbox("550 unknown")
    assert not names_no_mailbox("450 4.1.1 greylisted")
    assert not names_no_mailbox(None)


def soft(*days_ago: float) -> list[Heard]:
    """A soft bounce of an issue of its own on each of the days."""
    bounced = MailboxState.SOFT_BOUNCED
    return [Heard(number, bounced, NOW - days * DAY) for number, days in enumerate(days_ago)]


def test_soft_bounces_wear_an_address_out() -> None:
    """Five issues over fourteen days close an address; four, or five in thirteen days, do not."""
    assert worn_out(soft(14, 10, 7, 3, 0), now=NOW)
    assert not worn_out(soft(14, 10, 7, 0), now=NOW)
    assert not worn_out(soft(13, 10, 7, 3, 0), now=NOW)


def test_an_issue_counts_once() -> None:
    """Two mails of one issue that bounced are one piece of evidence, and a letter is none."""
    same_issue = Heard(0, MailboxState.SOFT_BOUNCED, NOW)
    letter = Heard(None, MailboxState.SOFT_BOUNCED, NOW)
    assert not worn_out([*soft(20, 15, 10, 5), same_issue, letter], now=NOW)


@pytest.mark.parametrize("said", [MailboxState.DELIVERED, MailboxState.COMPLAINED, None])
def test_an_arrival_forgets_the_bounces_before_it(said: MailboxState | None) -> None:
    """What arrived, or was not refused within five days, proves that the mailbox lives."""
    bounces = soft(40, 30, 20, 15, 3, 1)
    assert worn_out(bounces, now=NOW)
    assert not worn_out([*bounces, Heard(9, said, NOW - 10 * DAY)], now=NOW)


def test_a_mail_of_which_nothing_is_heard_yet_proves_nothing() -> None:
    """A server may still try a mail for five days, so silence counts only after them."""
    assert worn_out([*soft(40, 30, 20, 15, 3), Heard(9, None, NOW - 2 * DAY)], now=NOW)


def test_old_bounces_are_forgotten() -> None:
    """After ninety days a soft bounce counts no more."""
    assert not worn_out(soft(91, 60, 40, 20, 0), now=NOW)
