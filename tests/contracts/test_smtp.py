"""What an SMTP server may answer, and what becomes of the mail: RFC 5321, with a real server."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.mail import Content, HandedOver, Misconfigured, Sender, Verdict
from newsletter.providers.smtp import SmtpProvider
from newsletter.providers.smtp_url import Encryption, read_url
from tests.certificate import certificate
from tests.contracts.conftest import PATIENCE
from tests.mails import a_mail, never
from tests.smtp_server import Silence, SmtpStandIn, Trouble, smtp_server

FIRST = "reader1@inbox.example"
SENDER = "digest@racetoagi.example"
TAKEN, REFUSED, NOT_TAKEN, UNKNOWN = Verdict.ACCEPTED, Verdict.REFUSED, Verdict.NOT_TAKEN, Verdict.UNKNOWN
NOT_OFFERED = None


def verdicts(provider: SmtpProvider, *numbers: int) -> list[Verdict | None]:
    return verdicts_of(provider.hand_over([a_mail(number) for number in numbers], never), *numbers)


def verdicts_of(handed: HandedOver, *numbers: int) -> list[Verdict | None]:
    return [
        handed.outcomes[number].verdict if number in handed.outcomes else NOT_OFFERED for number in numbers
    ]


class TestOutcomes:
    @pytest.mark.parametrize(
        ("stage", "trouble", "first", "second"),
        [
            ("RCPT", "450 4.2.1 mailbox busy", NOT_TAKEN, TAKEN),
            ("RCPT", "550 5.1.1 no such user", REFUSED, TAKEN),
            ("RCPT", Silence.HANG_UP, NOT_TAKEN, TAKEN),
            ("RCPT", Silence.HANG, NOT_TAKEN, TAKEN),
            ("RCPT", "421 4.3.2 going down", NOT_TAKEN, NOT_OFFERED),
            ("DATA", "451 4.3.0 try later", NOT_TAKEN, TAKEN),
            ("DATA", "554 5.5.1 no", REFUSED, TAKEN),
            ("DATA", Silence.HANG_UP, NOT_TAKEN, TAKEN),
            ("DOT", "452 4.3.1 no room", NOT_TAKEN, TAKEN),
            ("DOT", "554 5.7.1 looks like spam", REFUSED, TAKEN),
            ("DOT", "421 4.3.2 going down", NOT_TAKEN, NOT_OFFERED),
            ("DOT", Silence.HANG_UP, UNKNOWN, NOT_OFFERED),
            ("DOT", Silence.HANG, UNKNOWN, NOT_OFFERED),
            ("DOT", "what?", UNKNOWN, NOT_OFFERED),
        ],
    )
    def test_trouble_with_one_mail(
        self,
        smtp: SmtpStandIn,
        smtp_provider: SmtpProvider,
        stage: str,
        trouble: Trouble,
        first: Verdict,
        second: Verdict | None,
    ) -> None:
        """Before the final dot nothing was taken; after it the server's answer decides, and silence
        is unknown. A mail that follows is taken or not offered, never lost with its neighbour."""
        smtp.make_trouble(stage, trouble, to=FIRST)
        assert verdicts(smtp_provider, 1, 2) == [first, second]
        assert [received.delivery_id for received in smtp.received] == ([2] if second is TAKEN else [])

    def test_reason_is_the_servers_without_the_address(
        self, smtp: SmtpStandIn, smtp_provider: SmtpProvider
    ) -> None:
        """Code and enhanced status (RFC 3463) are kept, the address is not."""
        smtp.make_trouble(
            "RCPT", f"550 5.1.1 <{FIRST}>: Recipient unknown; see http://x.example/?{FIRST}", to=FIRST
        )
        outcome = smtp_provider.hand_over([a_mail(1)], never).outcomes[1]
        assert outcome.reason == "550 5.1.1 <(address)>: Recipient unknown; see http:(address)"

    def test_accepted_mail_can_be_found_again(self, smtp: SmtpStandIn, smtp_provider: SmtpProvider) -> None:
        """The outcome carries our Message-ID and the server's queue id; the envelope sender is From."""
        outcome = smtp_provider.hand_over([a_mail(1)], never).outcomes[1]
        assert outcome.message_id == "<delivery-1@racetoagi.example>"
        assert outcome.reason == "250 2.0.0 Ok: queued as 4F3C"
        assert smtp.envelopes == [(SENDER, [FIRST])]

    def test_a_batch_is_one_conversation(self, smtp: SmtpStandIn, smtp_provider: SmtpProvider) -> None:
        """The connection is kept over the mails of a batch."""
        assert verdicts(smtp_provider, *range(1, 21)) == [TAKEN] * 20
        assert smtp.connections == 1

    def test_server_that_cuts_every_connection(self, smtp: SmtpStandIn, smtp_provider: SmtpProvider) -> None:
        """After two lost connections the rest waits for another time."""
        for number in range(1, 6):
            smtp.make_trouble("RCPT", Silence.HANG_UP, to=f"reader{number}@inbox.example")
        assert verdicts(smtp_provider, 1, 2, 3, 4, 5, 6) == [NOT_TAKEN] * 2 + [NOT_OFFERED] * 4
        assert smtp.connections == 2

    def test_sign_in_demanded(self, smtp: SmtpStandIn, smtp_provider: SmtpProvider) -> None:
        """A server that wants us to sign in first stops the line, at whatever command it says so."""
        smtp.make_trouble("RCPT", "530 5.7.0 authentication required", to=FIRST)
        with pytest.raises(Misconfigured, match="530"):
            smtp_provider.hand_over([a_mail(1)], never)

    def test_refused_sender_is_ours_to_mend(self, smtp: SmtpStandIn, smtp_provider: SmtpProvider) -> None:
        """A server that refuses our own address stops the line, and no reader is blamed."""
        smtp.make_trouble("MAIL", "553 5.7.1 sender not owned by you", to=SENDER)
        with pytest.raises(Misconfigured, match="MAIL_FROM"):
            smtp_provider.hand_over([a_mail(1)], never)

    def test_what_was_taken_is_not_lost_when_the_line_stops(
        self, smtp: SmtpStandIn, smtp_provider: SmtpProvider
    ) -> None:
        """Misconfigured in the middle of a batch keeps the outcomes before it."""
        smtp.make_trouble("MAIL", "553 5.7.1 sender not owned by you", to="other@racetoagi.example")
        mails = [a_mail(1), a_mail(2, sender=Sender("", "other@racetoagi.example")), a_mail(3)]
        handed = smtp_provider.hand_over(mails, never)
        assert verdicts_of(handed, 1, 2, 3) == [TAKEN, NOT_OFFERED, NOT_OFFERED]
        assert handed.halted is not None

    def test_no_server(self, unused_tcp_port: int) -> None:
        """A server that is down, or a name that is not found, is a trouble that passes; a check tells."""
        for url in (f"smtp://127.0.0.1:{unused_tcp_port}", "smtp://no-such-host.invalid"):
            provider = SmtpProvider(url, timeout=PATIENCE)
            assert verdicts(provider, 1, 2) == [NOT_OFFERED, NOT_OFFERED]
            with pytest.raises(Misconfigured, match="SMTP_URL"):
                provider.check()


class TestEncryption:
    @pytest.fixture
    def secure(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpStandIn]:
        """A server that demands STARTTLS and a password, with a certificate that we trust."""
        trusted, key = certificate(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(trusted, key)
        with smtp_server(tls=context) as server:
            yield server

    def test_encrypted_and_signed_in(self, secure: SmtpStandIn) -> None:
        """With a user in the URL the provider signs in, over TLS only."""
        provider = SmtpProvider(f"smtp://editor:open%20sesame@localhost:{secure.port}?starttls=required")
        assert provider.check() == f"localhost:{secure.port} takes mail, STARTTLS"
        assert verdicts(provider, 1) == [TAKEN]
        assert set(secure.signed_in) == {"editor"}

    def test_a_batch_over_tls(self, secure: SmtpStandIn) -> None:
        """Mails longer than a record of TLS arrive whole, one after the other, over one connection that
        is kept for the next call."""
        provider = SmtpProvider(f"smtp://editor:open%20sesame@localhost:{secure.port}?starttls=required")
        large = Content("Subject", f"<p>{'large ' * 20_000}</p>", "text")
        for numbers in ((1, 2, 3), (4, 5)):
            handed = provider.hand_over([a_mail(number, content=large) for number in numbers], never)
            assert verdicts_of(handed, *numbers) == [TAKEN] * len(numbers)
        assert [received.html for received in secure.received] == [large.html] * 5
        assert secure.connections == 1

    def test_wrong_password(self, secure: SmtpStandIn) -> None:
        """A wrong password stops the line and is not shown."""
        provider = SmtpProvider(f"smtp://editor:canary@localhost:{secure.port}?starttls=required")
        with pytest.raises(Misconfigured, match="535") as caught:
            verdicts(provider, 1)
        assert "canary" not in repr(caught.value) + repr(caught.value.__cause__) + repr(provider)

    def test_sign_in_that_fails_for_now(self, secure: SmtpStandIn) -> None:
        """A server that cannot check passwords just now (454, RFC 4954) is a trouble that passes."""
        secure.sign_in_reply = "454 4.7.0 temporary authentication failure"
        provider = SmtpProvider(f"smtp://editor:open%20sesame@localhost:{secure.port}?starttls=required")
        assert verdicts(provider, 1) == [NOT_OFFERED]

    def test_stranger_is_not_trusted(self, secure: SmtpStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        """A certificate that we cannot verify ends the conversation before anything is said."""
        monkeypatch.delenv("SSL_CERT_FILE")
        provider = SmtpProvider(f"smtp://editor:canary@localhost:{secure.port}?starttls=required")
        assert verdicts(provider, 1) == [NOT_OFFERED]
        assert secure.signed_in == []

    def test_no_fallback_to_plain_text(self, smtp: SmtpStandIn) -> None:
        """A server without STARTTLS gets nothing from a provider that demands it."""
        provider = SmtpProvider(f"smtp://127.0.0.1:{smtp.port}?starttls=required", timeout=PATIENCE)
        with pytest.raises(Misconfigured, match="STARTTLS"):
            verdicts(provider, 1)
        assert smtp.envelopes == []


class TestUrl:
    @pytest.mark.parametrize(
        ("url", "port", "encryption", "sign_in"),
        [
            ("smtps://mail.example", 465, Encryption.TLS, None),
            ("smtp://mail.example", 587, Encryption.STARTTLS, None),
            ("smtp://a%40b:p%3Aq@mail.example:2525", 2525, Encryption.STARTTLS, ("a@b", "p:q")),
            ("smtp://mail.example?tls=none", 587, Encryption.NONE, None),
            ("smtp://localhost:1025", 1025, Encryption.NONE, None),
            ("smtp://[::1]:25", 25, Encryption.NONE, None),
            ("smtp://127.0.0.1:1025?starttls=required", 1025, Encryption.STARTTLS, None),
        ],
    )
    def test_defaults(
        self, url: str, port: int, encryption: Encryption, sign_in: tuple[str, str] | None
    ) -> None:
        """Mail leaves this machine encrypted unless the URL says otherwise."""
        server = read_url(url)
        assert (server.port, server.encryption, server.sign_in) == (port, encryption, sign_in)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "mail.example:587",
            "http://mail.example",
            "smtp://",
            "smtp://mail..example",
            "smtp://canary@mail.example",
            "smtp://a:canary@mail.example:port",
            "smtp://a:canary@mail.example/path",
            "smtp://a:canary@mail.example?tls=maybe",
            "smtps://a:canary@mail.example?tls=none",
            "smtp://a:canaryü@mail.example",
        ],
    )
    def test_unreadable(self, url: str) -> None:
        """A URL that cannot be meant is refused with how to write it, and without showing it."""
        with pytest.raises(Misconfigured, match="smtp://user:password@") as caught:
            SmtpProvider(url)
        assert "canary" not in str(caught.value)
