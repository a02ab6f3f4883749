"""A conversation with an SMTP server, mail after mail (RFC 5321), on a connection that smtplib has opened.

Where the server takes commands in groups (PIPELINING, RFC 2920), a mail and the commands for the next
are written in one go, and a connection carries a mail each round trip. Answers are read in order,
each for what it answers; one that fits nothing ends the conversation.
"""

import contextlib
import re
import select
import smtplib
import socket
import ssl
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.mail import Enough
from newsletter.providers.words import keep

CLOSING = 421
#: once it is enough, the mails on their way get so many seconds more, all together
_LEAVING = 14.0
#: after so many seconds of waiting it is asked whether it is enough
_BREATH = 1.0
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*?))?\r?\n", re.DOTALL)
_LONGEST_ANSWER = 16_000
#: one TLS record (RFC 8446 §5.1): it is written whole, or the server cannot read any of it
_RECORD = 16_384
#: what a server says to each command that it follows
_EXPECTED = {"RSET": 2, "MAIL": 2, "RCPT": 2, "DATA": 3, "final dot": 2}


@dataclass(frozen=True, slots=True)
class Envelope:
    sender: str
    recipient: str

    def commands(self) -> tuple[tuple[str, bytes], ...]:
        return (
            ("MAIL", f"MAIL FROM:<{self.sender}>\r\n".encode()),
            ("RCPT", f"RCPT TO:<{self.recipient}>\r\n".encode()),
            ("DATA", b"DATA\r\n"),
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said; code 0 is silence, or nothing that can be read."""

    stage: str
    code: int
    said: str

    @property
    def follows(self) -> bool:
        """Whether the server did what it was told."""
        return self.code // 100 == _EXPECTED[self.stage]

    @property
    def words(self) -> str:
        return keep(f"{self.code} {self.said}" if self.code else self.said)


class OutOfStep(OSError):
    """The server says what no server says at this place: what it says next cannot be understood."""


class Conversation:
    """`timeout` bounds each wait for an answer, in seconds."""

    def __init__(self, session: smtplib.SMTP, timeout: float) -> None:
        assert session.sock is not None
        self._socket: socket.socket = session.sock
        self._socket.settimeout(min(timeout, _BREATH))
        # or a small write would wait for the answer to the one before it
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._timeout = timeout
        self._pipelining = session.has_extn("pipelining")
        self._heard = b""
        self._written = 0
        #: whether the commands of the next mail went out with the last one
        self._announced = False
        #: whether the server still minds a mail that it refused
        self._refused = False
        self._enough: Enough = lambda: False
        self._leave_by: float | None = None
        #: whether any mail was answered: then a lost connection is no mail's fault
        self.fruitful = False
        self._quit = weakref.finalize(self, _quit, session)
        self._session = session

    def begin(self, enough: Enough) -> None:
        """From now on, wait no longer than is needed to leave in good time once it is `enough()`."""
        self._enough, self._leave_by = enough, None

    def ask(self, envelope: Envelope) -> Reply | None:
        """Ask leave to send a mail. Returns the refusal, or None: the server waits for the mail.

        Raises OSError when there is no answer; the mail was not taken.
        """
        if self._refused:
            self._write([b"RSET\r\n"])
            if not (reply := self._answer("RSET")).follows:
                raise OutOfStep(f"it does not forget a mail: {reply.words}")
            self._refused = False
        refusal = self._ask_at_once(envelope) if self._pipelining else self._ask_step_by_step(envelope)
        if refusal:
            self._refused = True
            self.fruitful = self.fruitful or refusal.code != CLOSING
        elif self._heard:
            raise OutOfStep(f"it speaks out of turn: {_shown(self._heard)}")
        return refusal

    def _ask_step_by_step(self, envelope: Envelope) -> Reply | None:
        for stage, command in envelope.commands():
            self._write([command])
            if not (reply := self._answer(stage)).follows:
                return reply
        return None

    def _ask_at_once(self, envelope: Envelope) -> Reply | None:
        commands = envelope.commands()
        if not self._announced:
            self._write([command for _, command in commands])
        self._announced = False
        refusal = None
        for stage, _ in commands:
            try:
                reply = self._answer(stage)
            except OSError:
                if refusal is None:
                    raise
                self.drop()  # refused is refused; only the next mail needs another connection
                return refusal
            if not reply.follows and refusal is None:
                refusal = reply
                if refusal.code == CLOSING:
                    return refusal
        if refusal and reply.follows:
            self._send_nothing(refusal)
        return refusal

    def _send_nothing(self, refusal: Reply) -> None:
        """The server waits for a mail that it refused: it gets none (RFC 2920 §3.1)."""
        if refusal.stage != "RCPT":
            self.drop()  # it may know a recipient, who would get an empty mail
            return
        with contextlib.suppress(OSError):
            self._write([b".\r\n"])
            self._answer("final dot")
            return
        self.drop()

    def deliver(self, message: Sequence[bytes], following: Envelope | None) -> Reply:
        """Write the mail to its final dot, and in the same go the commands of the mail that follows.

        Raises OSError only while it is certain that the mail is not complete; after that the reply
        has code 0 where there is no answer (RFC 1047).
        """
        pieces = list(message)
        if following and self._pipelining:
            pieces += [command for _, command in following.commands()]
            self._announced = True
        try:
            self._write(pieces)
        except OSError:
            if self._written < sum(map(len, message)):
                raise
        try:
            reply = self._answer("final dot")
        except OSError as error:
            return Reply("final dot", 0, f"no answer to the complete mail: {said(error)}")
        self.fruitful = self.fruitful or reply.code != CLOSING
        return reply

    def is_quiet(self) -> bool:
        """Whether the connection is still as it was left; a server that closes it says so."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def end(self) -> None:
        """Take leave."""
        self._quit()

    def drop(self) -> None:
        """Hang up without a word; whatever is said next fails."""
        self._quit.detach()
        self._session.close()
        self._socket.close()

    def _write(self, pieces: Sequence[bytes]) -> None:
        """Write it all. `self._written` says how much of it has left, also when OSError is raised."""
        self._written, since = 0, time.monotonic()
        left = memoryview(b"".join(pieces))
        most = _RECORD if isinstance(self._socket, ssl.SSLSocket) else len(left)
        while left:
            try:
                sent = self._socket.send(left[:most])
            except TimeoutError:
                self._be_patient(since)
            else:
                self._written += sent
                left = left[sent:]

    def _answer(self, stage: str) -> Reply:
        """The answer to the command of `stage`, all its lines. Raises OSError."""
        since, length, lines = time.monotonic(), 0, []
        first = None
        while True:
            line = self._line(since)
            length += len(line)
            found = _LINE.fullmatch(line)
            if not found or (first is not None and found[1] != first) or length > _LONGEST_ANSWER:
                raise OutOfStep(f"an answer to {stage} that cannot be read: {_shown(line)}")
            first = found[1]
            lines.append(found[3] or b"")
            if found[2] != b"-":
                break
        reply = Reply(stage, int(first), b" ".join(lines).decode("utf-8", "replace"))
        if not reply.follows and reply.code < 400:
            raise OutOfStep(f"it answers {stage} with {_shown(line)}")
        return reply

    def _line(self, since: float) -> bytes:
        while True:
            line, end, rest = self._heard.partition(b"\n")
            if end:
                self._heard = rest
                return line + end
            if len(line) > _LONGEST_ANSWER:
                raise OutOfStep(f"an answer without an end: {_shown(line)}")
            self._be_patient(since)
            with contextlib.suppress(TimeoutError):
                if not (heard := self._socket.recv(_RECORD)):
                    raise ConnectionError("it hung up")
                self._heard += heard

    def _be_patient(self, since: float) -> None:
        """Raises TimeoutError when what was waited for since then should have come by now."""
        now = time.monotonic()
        if now - since > _BREATH and self._leave_by is None and self._enough():
            self._leave_by = now + _LEAVING
        if now - since > self._timeout or (self._leave_by is not None and now > self._leave_by):
            raise TimeoutError("it does not answer")


def said(error: OSError) -> str:
    """What went wrong, in words fit to keep."""
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error
        text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
        return keep(f"{error.smtp_code} {text}")
    return keep(str(error)) or type(error).__name__


def _shown(heard: bytes) -> str:
    return keep(heard[:_RECORD].decode("utf-8", "replace"))


def _quit(session: smtplib.SMTP) -> None:
    """QUIT, and a moment for the answer (RFC 5321 §4.1.1.10)."""
    with contextlib.suppress(OSError):
        if session.sock is not None:
            session.sock.settimeout(_BREATH)
            session.sock.sendall(b"QUIT\r\n")
            session.sock.recv(_RECORD)
    session.close()
