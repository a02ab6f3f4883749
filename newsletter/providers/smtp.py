"""The SMTP provider: hands mails over to a server, one transaction each (RFC 5321).

Up to the final dot everything that fails proves that the mail was not taken. Once the dot has left
only the server's answer tells, and without one the mail is unknown (RFC 1047).
"""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from datetime import timedelta

from newsletter.mail import PATIENCE, Enough, HandedOver, Mail, Misconfigured, Outcome, Verdict
from newsletter.providers.batch import Batch, Halt
from newsletter.providers.dates import Clock, utc_now
from newsletter.providers.dkim import DkimKey, Signer
from newsletter.providers.mime import compose_for_smtp
from newsletter.providers.smtp_conversation import CLOSING, Conversation, Envelope, Reply, said
from newsletter.providers.smtp_resting import Resting
from newsletter.providers.smtp_url import Encryption, read_url

#: seconds for each step until the server takes mail: until then nothing can be in doubt
_OPENING = 10.0
#: a mail on which the server hangs up costs one connection, and must not cost its neighbours
_FRUITLESS = 2
#: for a server that has as many connections as it likes: one of them ends soon
_SOON = timedelta(seconds=5)
#: it does not know us: RFC 4954 §6
_SIGN_IN = {530, 534, 535, 538}

#: a mail and its bytes, piece by piece
_Ready = tuple[Mail, list[bytes]]


class SmtpProvider:
    """Hands mails to the server named by `url` (see `smtp_url.read_url`), signed with `keys`.

    `timeout` bounds each single wait for the server.
    """

    name = "smtp"
    max_batch = 100

    def __init__(
        self,
        url: str,
        *,
        keys: Sequence[DkimKey] = (),
        timeout: timedelta = PATIENCE,
        clock: Clock = utc_now,
    ) -> None:
        self._server = read_url(url)
        self._signer = Signer(keys) if keys else None
        self._timeout = timeout.total_seconds()
        self._clock = clock
        self._resting = Resting()

    def hand_over(self, mails: Sequence[Mail], enough: Enough) -> HandedOver:
        return Batch(mails, self.max_batch, enough).run(lambda batch: self._hand_over(batch, enough))

    def check(self) -> str:
        try:
            session = self._connect()
            with contextlib.closing(session):
                code, answer = session.noop()
                with contextlib.suppress(OSError):
                    session.quit()
        except OSError as error:
            raise self._misconfigured(said(error)) from error
        if code != 250:
            raise self._misconfigured(Reply("NOOP", code, answer.decode("utf-8", "replace")).words)
        return f"{self._server} takes mail, {self._server.encryption}"

    def _hand_over(self, batch: Batch, enough: Enough) -> None:
        fruitless = 0
        while first := next(ready := self._prepared(batch), None):
            conversation = self._resting.take() or Conversation(self._open(), self._timeout)
            conversation.begin(enough)
            try:
                _converse(batch, conversation, first, ready)
            except _Lost as lost:
                conversation.drop()
                if conversation.fruitful:
                    # it had its time: servers end a conversation when it rests or has grown long
                    fruitless = 0
                    continue
                batch.settle(lost.mail, Outcome(Verdict.NOT_TAKEN, str(lost)))
                fruitless += 1
                if lost.closing or fruitless == _FRUITLESS:
                    raise Halt(str(lost)) from lost
            except _SenderRefused as refused:
                conversation.drop()
                raise self._misconfigured(str(refused)) from refused
            except BaseException:
                conversation.drop()
                raise
            else:
                if batch.waiting:
                    conversation.end()
                else:
                    self._resting.put(conversation)
                return

    def _prepared(self, batch: Batch) -> Iterator[_Ready]:
        date = self._clock()
        return batch.prepare(lambda mail: compose_for_smtp(mail, date=date, signer=self._signer))

    def _open(self) -> smtplib.SMTP:
        """A session that takes mail. Raises Halt, and Misconfigured."""
        try:
            return self._connect()
        except smtplib.SMTPConnectError as error:
            wait = _SOON if error.smtp_code == CLOSING else None
            raise Halt(f"{self._server} does not let us in: {said(error)}", wait) from error
        except OSError as error:
            raise Halt(f"{self._server} cannot be reached: {said(error)}") from error

    def _connect(self) -> smtplib.SMTP:
        """A session, encrypted and signed in as the URL demands.

        Raises Misconfigured for what a person must mend, OSError for what may pass.
        """
        server, timeout = self._server, min(_OPENING, self._timeout)
        context = None if server.encryption is Encryption.NONE else ssl.create_default_context()
        if server.encryption is Encryption.TLS:
            session: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=timeout, context=context
            )
        else:
            session = smtplib.SMTP(server.host, server.port, timeout=timeout)
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
            raise self._misconfigured(said(error)) from error
        except OSError:
            session.close()
            raise
        return session

    def _misconfigured(self, words: str) -> Misconfigured:
        return Misconfigured(
            f"{self._server} does not take our mail: {words}. Check SMTP_URL, and that this account "
            "may send as MAIL_FROM"
        )


class _Lost(Exception):
    """The conversation ended before `mail` was taken; `closing` when the server said that it would."""

    def __init__(self, mail: Mail, words: str, *, closing: bool = False) -> None:
        self.mail = mail
        self.closing = closing
        super().__init__(words)


class _SenderRefused(Exception):
    """The server takes no mail from us, whoever it is for."""


def _converse(batch: Batch, conversation: Conversation, first: _Ready, ready: Iterator[_Ready]) -> None:
    """Hand over one mail after the other. Raises Halt after an answer that was lost."""
    current: _Ready | None = first
    while current:
        following = next(ready, None)
        mail, _ = current
        reply = _offer(conversation, current, following)
        if reply.code in _SIGN_IN or (reply.stage == "MAIL" and reply.code >= 500):
            raise _SenderRefused(reply.words)
        outcome = _outcome(mail, reply)
        batch.settle(mail, outcome)
        if reply.code == CLOSING or outcome.verdict is Verdict.UNKNOWN:
            raise Halt(reply.words)
        current = following


def _offer(conversation: Conversation, current: _Ready, following: _Ready | None) -> Reply:
    """What the server says to a mail. Raises _Lost while it is certain that the mail was not taken."""
    mail, message = current
    try:
        refusal = conversation.ask(_envelope(mail))
        if refusal is None:
            return conversation.deliver(message, _envelope(following[0]) if following else None)
    except OSError as error:
        raise _Lost(mail, f"the connection was lost: {said(error)}") from error
    if refusal.code == CLOSING:
        raise _Lost(mail, refusal.words, closing=True)
    return refusal


def _envelope(mail: Mail) -> Envelope:
    return Envelope(mail.return_path or mail.sender.address, mail.to)


def _outcome(mail: Mail, reply: Reply) -> Outcome:
    match reply.stage, reply.code // 100:
        case ("final dot", 2):
            message_id = next(value for name, value in mail.headers if name.lower() == "message-id")
            return Outcome(Verdict.ACCEPTED, reply.words, message_id=message_id)
        case ("final dot", 0):
            return Outcome(Verdict.UNKNOWN, reply.words)
        case (_, 5):
            return Outcome(Verdict.REFUSED, reply.words)
    return Outcome(Verdict.NOT_TAKEN, reply.words)
