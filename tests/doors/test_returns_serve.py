"""The door for mail that came back: what it lets in, when it says yes, and what follows for the reader."""

import smtplib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy.exc import OperationalError

from newsletter.returns.listening import listen
from newsletter.returns.opening import LARGEST
from tests.returned import BASE, PATHS, a_report, failed


@dataclass
class Behind:
    """Who keeps what the door takes in."""

    port: int
    kept: list[tuple[bytes, str]] = field(default_factory=list)
    #: what keeps it from keeping
    trouble: Exception | None = None

    def keep(self, raw: bytes, sent_to: str) -> None:
        if self.trouble:
            raise self.trouble
        self.kept.append((raw, sent_to))


@pytest.fixture
def behind() -> Iterator[Behind]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        behind = Behind(probe.getsockname()[1])
    server = listen(PATHS, behind.keep, host="127.0.0.1", port=behind.port)
    server.start()
    yield behind
    server.stop()


@pytest.fixture(params=[smtplib.SMTP, smtplib.LMTP])
def client(request: pytest.FixtureRequest, behind: Behind) -> Iterator[smtplib.SMTP]:
    """A mail server that has something for us, by SMTP and by LMTP."""
    with request.param("127.0.0.1", behind.port) as client:
        client.ehlo_or_helo_if_needed()
        yield client


REPORT = a_report(failed("5.1.1"))


def test_what_is_ours_is_kept_before_it_is_answered(client: smtplib.SMTP, behind: Behind) -> None:
    """Reports to a return path that we signed, and to the mailbox itself, are let in, in whatever case."""
    for address in (PATHS.make(17), PATHS.make(17).upper(), BASE):
        assert client.sendmail("", [address], REPORT) == {}
    assert [sent_to for _, sent_to in behind.kept] == [PATHS.make(17), PATHS.make(17).upper(), BASE]
    assert {raw.replace(b"\r\n", b"\n").strip() for raw, _ in behind.kept} == {REPORT.strip()}


@pytest.mark.parametrize(
    "address",
    ["postmaster@racetoagi.example", f"bounces+{'0' * 25}@racetoagi.example", "bounces@elsewhere.example"],
)
def test_other_mailboxes_are_not_here(client: smtplib.SMTP, behind: Behind, address: str) -> None:
    """Nobody gets anything in that is not for the mailbox or a return path of ours, and it relays nothing."""
    client.mail("")
    assert client.rcpt(address)[0] == 550
    assert behind.kept == []


def test_one_recipient_at_a_time(client: smtplib.SMTP, behind: Behind) -> None:
    """A second recipient is to come again, so that one answer holds for one mail, also by LMTP."""
    client.mail("")
    assert client.rcpt(PATHS.make(1))[0] == 250
    assert client.rcpt(PATHS.make(2))[0] == 452
    assert client.data(REPORT)[0] == 250
    assert [sent_to for _, sent_to in behind.kept] == [PATHS.make(1)]


@pytest.mark.parametrize(
    "trouble", [OperationalError("", {}, Exception("away")), RuntimeError("a fault of ours")]
)
def test_what_cannot_be_kept_is_to_come_again(
    client: smtplib.SMTP, behind: Behind, trouble: Exception
) -> None:
    """While the database is away the answer is "not now", and afterwards the same mail is taken."""
    behind.trouble = trouble
    with pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("", [PATHS.make(17)], REPORT)
    assert refused.value.smtp_code == 451
    behind.trouble = None
    client.sendmail("", [PATHS.make(17)], REPORT)
    assert len(behind.kept) == 1


def test_what_is_too_large_is_refused(client: smtplib.SMTP, behind: Behind) -> None:
    """A mail beyond the limit is refused for good, announced or not, and takes no memory."""
    with pytest.raises(smtplib.SMTPSenderRefused):
        client.sendmail("", [BASE], b"x\r\n" * LARGEST)
    client.mail("")
    client.rcpt(BASE)
    assert client.data(b"x\r\n" * (LARGEST // 2))[0] == 552
    assert behind.kept == []


def test_long_lines_and_any_octets_come_through(client: smtplib.SMTP, behind: Behind) -> None:
    """Mail systems return lines of any length, and octets of any kind."""
    client.sendmail("", [BASE], b"Subject: \xff\0\r\n\r\n" + b"x" * 100_000)
    assert b"\xff\0" in behind.kept[0][0]
    assert b"x" * 100_000 in behind.kept[0][0]
