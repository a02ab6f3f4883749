"""How conversations with an SMTP server begin, rest and end: nobody is blamed for a connection."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from newsletter.mail import Verdict
from newsletter.providers import smtp_conversation, smtp_resting
from newsletter.providers.smtp import SmtpProvider
from tests.smtp_server import Silence
from tests.smtp_troubles import Reaction, TroubledServer, hand_over, the_mail, verdicts

T, N, U = Verdict.ACCEPTED, Verdict.NOT_TAKEN, Verdict.UNKNOWN
#: not offered
O = None  # noqa: E741
HANG, HANG_UP = Silence.HANG, Silence.HANG_UP


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("trouble", ["421 4.7.0 too many mails in this session", HANG_UP])
def test_server_that_ends_a_conversation_in_its_own_time(
    server: TroubledServer, provider: SmtpProvider, stage: str, trouble: Reaction
) -> None:
    """A server may take so many mails a connection, and another connection takes the rest: the mail
    on which it closed is not to blame."""
    server.trouble(stage, trouble, mail=2, times=1)
    handed = hand_over(provider)
    assert verdicts(handed) == (T, T, T)
    assert handed.halted is None
    assert (server.connections, server.taken) == (2, {1: 1, 2: 1, 3: 1})


@pytest.mark.parametrize("words", [None, "421 4.4.2 mx.example idle for too long"])
def test_connection_that_was_closed_while_it_rested(
    server: TroubledServer, provider: SmtpProvider, words: str | None
) -> None:
    """The connection is kept for the next call; when the server has closed it, no mail notices."""
    hand_over(provider, [the_mail(1)])
    hand_over(provider, [the_mail(2)])
    assert server.connections == 1
    server.say_to_all(words)
    assert verdicts(hand_over(provider, [the_mail(3)])) == (O, O, T)
    assert (server.connections, server.taken) == (2, {1: 1, 2: 1, 3: 1})


def test_connection_that_is_found_closed_too_late(server: TroubledServer, provider: SmtpProvider) -> None:
    """A resting connection may close in the very moment in which it is used again."""
    hand_over(provider, [the_mail(1)])
    server.trouble("MAIL", HANG_UP, mail=2, times=1)
    assert verdicts(hand_over(provider, [the_mail(2)])) == (O, T, O)
    assert server.taken == {1: 1, 2: 1}


def test_no_server_waits_long_for_more(
    server: TroubledServer, provider: SmtpProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that nobody needs takes leave after a short while."""
    monkeypatch.setattr(smtp_resting, "SHORT_WHILE", 0.05)
    hand_over(provider)
    deadline = time.monotonic() + 5
    while "QUIT" not in server.commands and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize(
    ("stage", "trouble", "wait"),
    [
        ("GREETING", "421 4.7.0 too many connections", timedelta(seconds=5)),
        ("GREETING", "554 5.7.1 no service here", None),
        ("GREETING", HANG_UP, None),
        ("GREETING", HANG, None),
        ("GREETING", "what?", None),
        ("EHLO", HANG_UP, None),
        ("EHLO", "421 4.3.2 going down", None),
    ],
)
def test_server_that_lets_nobody_in(
    server: TroubledServer, provider: SmtpProvider, stage: str, trouble: Reaction, wait: timedelta | None
) -> None:
    """No mail was offered and none is to blame; a server with enough connections is asked again soon."""
    server.trouble(stage, trouble)
    handed = hand_over(provider)
    assert handed.outcomes == {}
    assert handed.halted is not None
    assert handed.halted.retry_after == wait
    assert server.taken == Counter()


def test_enough_is_enough(server: TroubledServer, provider: SmtpProvider) -> None:
    """Asked between the mails to stop, it ends what it began, says goodbye, and nothing is in doubt."""
    asked = iter([False, False, True])
    handed = provider.hand_over([the_mail(number) for number in (1, 2, 3)], lambda: next(asked))
    assert verdicts(handed) == (T, T, O)
    assert handed.halted is None
    assert server.taken == {1: 1, 2: 1}
    assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize(("stage", "expected"), [("RCPT", (N, O, O)), ("DOT", (U, O, O))])
def test_slow_server_does_not_keep_us(
    server: TroubledServer,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    expected: tuple[Verdict | None, ...],
) -> None:
    """Asked to stop while a server is silent, we leave long before we would have given it up."""
    monkeypatch.setattr(smtp_conversation, "_BREATH", 0.05)
    monkeypatch.setattr(smtp_conversation, "_LEAVING", 0.2)
    patient = SmtpProvider(f"smtp://127.0.0.1:{server.port}", timeout=timedelta(seconds=30))
    server.trouble(stage, HANG, mail=1)
    start = time.monotonic()
    handed = patient.hand_over([the_mail(1), the_mail(2)], lambda: time.monotonic() > start + 0.1)
    assert verdicts(handed) == expected
    assert time.monotonic() - start < 5


def test_threads_do_not_share_a_conversation(server: TroubledServer, provider: SmtpProvider) -> None:
    """One provider serves many threads at once, and each mail arrives once."""

    def part(thread: int) -> set[Verdict]:
        found = set()
        for call in range(5):
            mails = [the_mail(thread * 100 + call * 10 + number) for number in range(10)]
            found |= {outcome.verdict for outcome in hand_over(provider, mails).outcomes.values()}
        return found

    with ThreadPoolExecutor(4) as pool:
        assert set().union(*pool.map(part, range(1, 5))) == {T}
    assert set(server.taken.values()) == {1}
    assert len(server.taken) == 200
    assert server.connections <= 4
