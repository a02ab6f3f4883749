"""Every way in which an SMTP server fails, with and without PIPELINING: the exact verdict for each
mail, and what the server really took."""

from collections import Counter

import pytest

from newsletter.mail import Content, Misconfigured, Verdict
from newsletter.providers.smtp import SmtpProvider
from tests.mails import a_mail
from tests.smtp_server import Silence
from tests.smtp_troubles import Dribble, Reaction, Taken, TroubledServer, hand_over, the_mail, verdicts

T, R, N, U = Verdict.ACCEPTED, Verdict.REFUSED, Verdict.NOT_TAKEN, Verdict.UNKNOWN
#: not offered
O = None  # noqa: E741
HANG, HANG_UP = Silence.HANG, Silence.HANG_UP
#: too large to vanish in the buffers between us and the server
LARGE = Content("Subject", "<p>" + "large " * 2_000_000 + "</p>", "text")


def copies(verdict: Verdict | None) -> set[int]:
    """How often a mail may have been taken by what was said of it."""
    return {Verdict.ACCEPTED: {1}, Verdict.UNKNOWN: {0, 1}}.get(verdict, {0}) if verdict else {0}


TROUBLES: list[tuple[str, Reaction, tuple[Verdict | None, ...]]] = [
    ("MAIL", "421 4.3.2 going down", (T, N, O)),
    ("MAIL", "450 4.3.1 no room", (T, N, T)),
    ("MAIL", "553 5.7.1 sender not owned by you", (T, O, O)),
    ("MAIL", "530 5.7.0 sign in first", (T, O, O)),
    ("MAIL", "354 go on", (T, N, T)),
    ("MAIL", HANG_UP, (T, N, T)),
    ("MAIL", HANG, (T, N, T)),
    ("RCPT", "421 4.3.2 going down", (T, N, O)),
    ("RCPT", "450 4.2.1 mailbox busy", (T, N, T)),
    ("RCPT", "550 5.1.1 no such user", (T, R, T)),
    ("RCPT", "550-5.1.1 no such\r\n550 5.1.1 user", (T, R, T)),
    ("RCPT", "530 5.7.0 sign in first", (T, O, O)),
    ("RCPT", "535 5.7.8 who are you", (T, O, O)),
    ("RCPT", "hello?", (T, N, T)),
    ("RCPT", "250-one\r\n550 two", (T, N, T)),
    ("RCPT", "550 " + "x" * 70_000, (T, N, T)),
    ("RCPT", HANG_UP, (T, N, T)),
    ("RCPT", HANG, (T, N, T)),
    ("RCPT", Dribble("250 2.1.5 at length", 0.01), (T, T, T)),
    ("RCPT", Dribble("250 2.1.5 at great length", 0.04), (T, N, T)),
    ("DATA", "421 4.3.2 going down", (T, N, O)),
    ("DATA", "451 4.3.0 try later", (T, N, T)),
    ("DATA", "554 5.5.1 no", (T, R, T)),
    ("DATA", "250 ok", (T, N, T)),
    ("DATA", HANG_UP, (T, N, T)),
    ("DATA", HANG, (T, N, T)),
    ("DOT", "421 4.3.2 going down", (T, N, O)),
    ("DOT", "452 4.3.1 no room", (T, N, T)),
    ("DOT", "554 5.7.1 looks like spam", (T, R, T)),
    ("DOT", "530 5.7.0 sign in first", (T, O, O)),
    ("DOT", Taken("250-2.0.0 Ok\r\n250 2.0.0 queued"), (T, T, T)),
    ("DOT", Taken("250"), (T, T, T)),
    ("DOT", Taken("250 2.0.0 Ok\r\n250 2.0.0 Ok again"), (T, T, T)),
    ("DOT", Taken(Dribble("250 2.0.0 at length", 0.01)), (T, T, T)),
    ("DOT", Taken(Dribble("250 2.0.0 at great length", 0.04)), (T, U, O)),
    ("DOT", Taken("250-one\r\n554 two"), (T, U, O)),
    ("DOT", Taken("what?"), (T, U, O)),
    ("DOT", Taken("354 go on"), (T, U, O)),
    ("DOT", Taken(HANG_UP), (T, U, O)),
    ("DOT", Taken(HANG), (T, U, O)),
    ("DOT", HANG_UP, (T, U, O)),
    ("DOT", HANG, (T, U, O)),
    ("AFTER", HANG_UP, (T, T, T)),
]


@pytest.mark.parametrize(("stage", "trouble", "expected"), TROUBLES)
def test_trouble_with_one_mail(
    server: TroubledServer,
    provider: SmtpProvider,
    stage: str,
    trouble: Reaction,
    expected: tuple[Verdict | None, ...],
) -> None:
    """The verdict is that of the outcome table and no neighbour pays for it. What the server took is
    what was told; tried again with all that is proved not taken, everybody got one mail at most."""
    server.trouble(stage, trouble, mail=2)
    handed = hand_over(provider)
    assert verdicts(handed) == expected
    assert (handed.halted is not None) == (O in expected)
    for number, verdict in enumerate(expected, start=1):
        assert server.taken[number] in copies(verdict)
    server.heal()
    again = [n for n, verdict in enumerate(expected, start=1) if verdict in (O, N)]
    if again:
        outcomes = hand_over(provider, [the_mail(number) for number in again]).outcomes
        assert {outcome.verdict for outcome in outcomes.values()} == {T}
    assert max(server.taken.values()) == 1
    assert {n for n in (1, 2, 3) if server.taken[n]} >= {
        n for n in (1, 2, 3) if expected[n - 1] not in (R, U)
    }


@pytest.mark.parametrize("trouble", [HANG_UP, HANG, "421 4.3.2 going down"])
def test_trouble_in_the_midst_of_a_mail(
    server: TroubledServer, provider: SmtpProvider, trouble: Reaction
) -> None:
    """A mail that was not written to its end is proved not taken, whatever the server says meanwhile."""
    server.trouble("BODY", trouble, mail=2)
    handed = hand_over(provider, [the_mail(1), the_mail(2, content=LARGE), the_mail(3)])
    assert verdicts(handed) == (T, N, T)
    assert server.taken == {1: 1, 3: 1}


def test_server_that_waits_for_a_mail_without_recipient(
    server: TroubledServer, provider: SmtpProvider
) -> None:
    """A server may say 354 though it refused the only recipient: it gets no mail (RFC 2920 §3.1)."""
    server.trouble("RCPT", "550 5.1.1 no such user", mail=2)
    server.trouble("DATA", "354 go on", mail=2)
    assert verdicts(hand_over(provider)) == (T, R, T)
    assert (server.connections, server.taken) == (1, {1: 1, 3: 1})


def test_server_that_hangs_up_on_a_refused_mail(server: TroubledServer, provider: SmtpProvider) -> None:
    """What was refused is refused, whatever becomes of the connection after that."""
    server.trouble("RCPT", "550 5.1.1 no such user", mail=2)
    server.trouble("DATA" if server.pipelining else "RSET", HANG_UP, mail=2)
    assert verdicts(hand_over(provider)) == (T, R, T)
    assert (server.connections, server.taken) == (2, {1: 1, 3: 1})


def test_server_that_speaks_out_of_turn(server: TroubledServer, provider: SmtpProvider) -> None:
    """What a server says before a mail is no answer to it: such a server gets no mail to its end."""
    server.trouble("DATA", "354 go on\r\n250 2.0.0 yes, yes", mail=2)
    server.trouble("DOT", "554 5.7.1 no", mail=2)
    assert verdicts(hand_over(provider)) == (T, N, T)
    assert server.taken == {1: 1, 3: 1}


def test_refused_mail_does_not_linger(server: TroubledServer, provider: SmtpProvider) -> None:
    """After a refusal the server is told to forget, and only then named the next mail."""
    server.trouble("RCPT", "550 5.1.1 no such user", mail=2)
    hand_over(provider)
    after = server.commands[server.commands.index("RCPT TO:<reader2@inbox.example>") + 1 :]
    assert [command[:4] for command in after if command != "DATA"][:3] == ["RSET", "MAIL", "RCPT"]


def test_return_path_is_the_envelope_sender(server: TroubledServer, provider: SmtpProvider) -> None:
    """Bounces go where the mail says, and to the sender where it says nothing."""
    hand_over(provider, [the_mail(1), a_mail(2)])
    senders = [command for command in server.commands if command.startswith("MAIL")]
    assert senders == [
        "MAIL FROM:<bounce+1@racetoagi.example>",
        "MAIL FROM:<digest@racetoagi.example>",
    ]


def test_nobody_is_refused_for_our_own_fault(server: TroubledServer, provider: SmtpProvider) -> None:
    """A server that does not know us stops the line, and no mail was offered."""
    server.trouble("MAIL", "530 5.7.0 authentication required", mail=1)
    with pytest.raises(Misconfigured, match="530"):
        hand_over(provider)
    assert server.taken == Counter()
