"""A provider that refuses every mail for what we are does not get to refuse a whole issue."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from newsletter.dispatch import dispatcher, gates
from newsletter.dispatch.refusals import ALL_BLOCKED, ALL_PUT_BACK, Refusals
from newsletter.mail import Mail, Outcome, Verdict
from newsletter.wiring import Services
from tests.dispatching import NOW, faulty, files, queue, states
from tests.outgoing import Clock

MAILS = 3 * ALL_BLOCKED
POLICY = "550 5.7.1 we do not like your network"
LATER = timedelta(hours=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(gates, "database_now", clock)
    return clock


def refused(words: str) -> Callable[[Mail], Outcome]:
    return lambda _: Outcome(Verdict.REFUSED, words)


def test_refused_by_policy_stops_the_stream(services: Services, clock: Clock) -> None:
    """After some in a row the way is closed for all workers, with one alarm; what is left stays queued."""
    queue(services, MAILS)
    disliked = faulty(services, refused(POLICY))
    with capture_logs() as logs:
        stopped = disliked.dispatcher().run(NOW).stopped
        other = disliked.dispatcher().run(NOW).stopped
    assert stopped == f"it refused {ALL_BLOCKED} mails in a row by policy, the last with: {POLICY}"
    assert other == f"provider:folder is closed: {stopped}"
    assert Counter(states(services)) == {"refused": ALL_BLOCKED, "queued": MAILS - ALL_BLOCKED}
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["provider_takes_nothing"]


def test_a_trial_costs_one_mail(services: Services, clock: Clock) -> None:
    """While nothing is mended each new trial loses one mail; once it is, all the others leave."""
    queue(services, MAILS)
    mended = False
    disliked = faulty(services, lambda _: None if mended else Outcome(Verdict.REFUSED, POLICY))
    dispatcher = disliked.dispatcher()
    for trials in range(3):
        assert dispatcher.run(NOW).stopped
        assert states(services).count("refused") == ALL_BLOCKED + trials
        clock.now += LATER
    mended = True
    assert dispatcher.run(NOW).stopped is None
    assert Counter(states(services)) == {"refused": ALL_BLOCKED + 2, "accepted": MAILS - ALL_BLOCKED - 2}
    assert files(services) == MAILS - ALL_BLOCKED - 2


def test_a_trial_by_another_worker_costs_one_mail(services: Services, clock: Clock) -> None:
    """Who was told nothing yet is wary too, however many mails it may offer at once; and that it is
    refused does not say that the provider takes mail again."""
    queue(services, MAILS)
    disliked = faulty(services, refused(POLICY))
    disliked.dispatcher().run(NOW)
    for trials in range(1, 4):
        clock.now += LATER
        with capture_logs() as logs:
            assert disliked.dispatcher().run(NOW).stopped
        assert "provider_takes_mail_again" not in [line["event"] for line in logs]
        assert states(services).count("refused") == ALL_BLOCKED + trials


def test_no_more_are_refused_than_needed(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a portion whose last mails were refused by policy they are offered one by one."""
    monkeypatch.setattr(dispatcher, "FIRST_CLAIM", MAILS)
    half = services.provider.max_batch = ALL_BLOCKED // 2
    *_, last_taken = queue(services, MAILS)[:half]
    disliked = faulty(
        services, lambda mail: Outcome(Verdict.REFUSED, POLICY) if mail.delivery_id > last_taken else None
    )
    assert disliked.dispatcher().run(NOW).stopped
    assert Counter(states(services)) == {
        "accepted": half,
        "refused": ALL_BLOCKED,
        "queued": MAILS - half - ALL_BLOCKED,
    }


def test_mails_put_back_on_trial_do_not_open_the_way(services: Services, clock: Clock) -> None:
    """A provider that took nothing and puts back each trial too stays closed, longer each time, with one
    alarm; when it takes a mail again, all leave."""
    queue(services, MAILS)
    busy = True
    trying = faulty(services, lambda _: Outcome(Verdict.NOT_TAKEN, "451 busy") if busy else None)
    hands, offered = trying.dispatcher(), []
    with capture_logs() as logs:
        for hours in range(4):
            done = hands.run(NOW + hours * LATER)
            assert done.stopped
            offered.append(done.counts["queued"])
            clock.now += LATER
    assert offered == [10, 1, 1, 1]
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["provider_takes_nothing"]
    busy = False
    assert hands.run(NOW + 5 * LATER).stopped is None
    assert states(services) == ["accepted"] * MAILS


@pytest.mark.parametrize("words", ["550 5.1.1 no such mailbox", "552 5.2.2 mailbox full", "554 no"])
def test_refused_for_what_the_address_is_stops_nothing(services: Services, words: str) -> None:
    """However many mailboxes there are not: each is refused for itself, and the run goes on."""
    queue(services, MAILS)
    assert faulty(services, refused(words)).dispatcher().run(NOW).stopped is None
    assert states(services) == ["refused"] * MAILS


def of(*outcomes: Outcome) -> dict[int, Outcome]:
    return dict(enumerate(outcomes))


BLOCKED, TAKEN = Outcome(Verdict.REFUSED, POLICY), Outcome(Verdict.ACCEPTED)
GONE, PUT_BACK = Outcome(Verdict.REFUSED, "550 5.1.1 who?"), Outcome(Verdict.NOT_TAKEN, "450 later")


def test_what_is_taken_in_between_begins_the_count_anew() -> None:
    """A provider that takes some mails and refuses others goes on, however many it refuses in all."""
    refusals = Refusals()
    for _ in range(5):
        assert refusals.halt(of(*[BLOCKED] * (ALL_BLOCKED - 1), TAKEN)) is None
    assert refusals.halt(of(*[BLOCKED] * (ALL_BLOCKED - 1))) is None
    assert refusals.halt(of(GONE, PUT_BACK)) is None
    assert refusals.halt(of(BLOCKED)) is not None


def test_a_closed_mailbox_is_no_sign_either_way() -> None:
    """After a halt only a mail refused by policy halts again, and only one that is taken ends it."""
    refusals = Refusals()
    assert refusals.halt(of(*[BLOCKED] * ALL_BLOCKED)) is not None
    assert refusals.halt(of(GONE)) is None
    assert refusals.halt(of(BLOCKED, GONE)) is not None
    assert refusals.halt(of(BLOCKED, TAKEN)) is None
    assert refusals.halt(of(BLOCKED)) is None


def test_all_put_back_is_the_provider() -> None:
    """Portions of which nothing was taken and everything put back halt; fewer mails may be the mails."""
    small = Refusals()
    assert [small.halt(of(PUT_BACK, PUT_BACK)) is not None for _ in range(4)] == [False, False, True, True]
    assert small.halt(of(PUT_BACK, TAKEN)) is None
    assert small.halt(of(PUT_BACK, PUT_BACK)) is None
    assert Refusals().halt(of(*[PUT_BACK] * ALL_PUT_BACK)) is not None
    assert Refusals().halt(of(*[PUT_BACK] * (ALL_PUT_BACK - 1))) is None
    assert Refusals().halt(of(*[PUT_BACK] * ALL_PUT_BACK, TAKEN)) is None
