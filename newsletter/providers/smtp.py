"""The SMTP provider: one connection a batch, one transaction a mail (RFC 5321).

Up to the final dot everything that fails proves that the mail was not taken. Once the dot has left
only the server's answer tells, and without one the mail is unknown (RFC 1047).
"""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from newsletter.mail import Mail, Misconfigured, Outcome, Verdict
from newsletter.providers.batch import Batch, Halt
from newsletter.providers.dates import Clock, utc_now
from newsletter.providers.mime import compose
from newsletter.providers.smtp_url import Encryption, read_url
from newsletter.providers.words import keep

#: a mail on which the server hangs up costs one connection, and must not cost its neighbours
_CONNECTIONS = 2
_CLOSING = 421
_SIGN_IN_FIRST = 530  # RFC 4954 §6


class _Answer(NamedTuple):
    """The answer that decided on a mail; code 0 is silence."""

    stage: str
    code: int
    words: str


class SmtpProvider:
    """Hands mails to the server named by `url` (see `smtp_url.read_url`).

    `timeout` bounds each single wait for the server.
    """

    name = "smtp"
    max_batch = 100

    def __init__(
        self,
        url: str,
        *,
        timeout: timedelta = timedelta(seconds=60),
        clock: Clock = utc_now,
    ) -> None:
        self._server = read_url(url)
        self._timeout = timeout.total_seconds()
        self._clock = clock

    def hand_over(self, mails: Sequence[Mail]) -> Mapping[int, Outcome]:
        return Batch(mails, self.max_batch).run(self._hand_over)

    def check(self) -> str:
        try:
            with _ended_politely(self._connect()) as session:
                code, answer = session.noop()
        except OSError as error:
            raise self._misconfigured(_words(error)) from error
        if code != 250:
            raise self._misconfigured(_reply(code, answer))
        return f"{self._server} takes mail, {self._server.encryption}"

    def _hand_over(self, batch: Batch) -> None:
        lost = ""
        for _ in range(_CONNECTIONS):
            if batch.waiting:
                lost = self._converse(batch)
        if batch.waiting:
            raise Halt(lost)

    def _converse(self, batch: Batch) -> str:
        """Hand over what waits until all has gone or the connection is lost; then, how.

        Raises Halt where a new connection would not help either.
        """
        try:
            session = self._connect()
        except OSError as error:
            raise Halt(f"{self._server} cannot be reached: {_words(error)}") from error
        date = self._clock()
        with _ended_politely(session):
            for mail, message in batch.prepare(lambda mail: compose(mail, date=date)):
                try:
                    answer = _transact(session, mail, message)
                except OSError as error:
                    lost = f"the connection was lost: {_words(error)}"
                    batch.settle(mail, Outcome(Verdict.NOT_TAKEN, lost))
                    return lost
                if answer.code == _SIGN_IN_FIRST or (answer.stage == "MAIL" and answer.code >= 500):
                    raise self._misconfigured(answer.words)
                outcome = _outcome(mail, answer)
                batch.settle(mail, outcome)
                if answer.code == _CLOSING or outcome.verdict is Verdict.UNKNOWN:
                    raise Halt(answer.words)
        return ""

    def _connect(self) -> smtplib.SMTP:
        """A session, encrypted and signed in as the URL demands.

        Raises Misconfigured for what a person must mend, OSError for what may pass.
        """
        server = self._server
        context = None if server.encryption is Encryption.NONE else ssl.create_default_context()
        if server.encryption is Encryption.TLS:
            session: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout, context=context
            )
        else:
            session = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        try:
            if server.encryption is Encryption.STARTTLS:
                session.starttls(context=context)
            session.ehlo_or_helo_if_needed()
            if server.sign_in:
                session.login(*server.sign_in)
        except smtplib.SMTPNotSupportedError as error:
            session.close()
            raise self._misconfigured(str(error)) from error
        except smtplib.SMTPAuthenticationError as error:
            session.close()
            if error.smtp_code < 500:
                raise
            raise self._misconfigured(_words(error)) from error
        except OSError:
            session.close()
            raise
        return session

    def _misconfigured(self, words: str) -> Misconfigured:
        return Misconfigured(
            f"{self._server} does not take our mail: {words}. Check SMTP_URL, and that this account "
            "may send as MAIL_FROM"
        )


@contextlib.contextmanager
def _ended_politely(session: smtplib.SMTP) -> Iterator[smtplib.SMTP]:
    try:
        yield session
    finally:
        with contextlib.suppress(OSError):
            session.quit()


def _transact(session: smtplib.SMTP, mail: Mail, message: bytes) -> _Answer:
    """Offer one mail. Raises OSError only while it is certain that the mail was not taken."""
    for stage, argument, expected in (
        ("MAIL", f"FROM:<{mail.sender.address}>", 2),
        ("RCPT", f"TO:<{mail.to}>", 2),
        ("DATA", "", 3),
    ):
        code, answer = session.docmd(stage, argument)
        if code // 100 != expected:
            with contextlib.suppress(OSError):
                session.rset()
            return _Answer(stage, code, _reply(code, answer))
    session.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    try:
        code, answer = session.getreply()
    except OSError as error:
        return _Answer("final dot", 0, f"no answer to the complete mail: {_words(error)}")
    return _Answer("final dot", code, _reply(code, answer))


def _outcome(mail: Mail, answer: _Answer) -> Outcome:
    match answer.stage, answer.code // 100:
        case (_, 5):
            return Outcome(Verdict.REFUSED, answer.words)
        case ("final dot", 2):
            message_id = next(value for name, value in mail.headers if name.lower() == "message-id")
            return Outcome(Verdict.ACCEPTED, answer.words, message_id=message_id)
        case ("final dot", 4):
            return Outcome(Verdict.NOT_TAKEN, answer.words)
        case ("final dot", _):
            return Outcome(Verdict.UNKNOWN, answer.words)
    return Outcome(Verdict.NOT_TAKEN, answer.words)


def _reply(code: int, answer: bytes) -> str:
    return keep(f"{code} {answer.decode('utf-8', 'replace')}")


def _words(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return _reply(error.smtp_code, said if isinstance(said, bytes) else said.encode())
    return keep(str(error)) or type(error).__name__
