"""An SMTP server that counts what it takes and, told to, fails at every stage of a conversation."""

import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.chaos.sinks import SILENCE, Copy, Sink, serving


class SmtpSink(Sink):
    #: conversations at one time
    most = 6

    def settings(self) -> dict[str, str]:
        return {"MAIL_PROVIDER": "smtp", "SMTP_URL": self.url}


class _HungUp(Exception):
    pass


#: what may go wrong before the final dot: the mail is not taken
_SMTP = {
    "GREETING": ("421 4.3.2 too busy", "hang up", "gibberish"),
    "EHLO": ("421 4.3.2 too busy", "hang up"),
    "MAIL": ("421 4.3.2 closing", "451 4.3.0 later", "hang up"),
    "RCPT": ("421 4.3.2 closing", "450 4.2.1 later", "550 5.7.1 not from you", "hang up", "silence"),
    "DATA": ("421 4.3.2 closing", "451 4.3.0 later", "554 5.6.0 no", "hang up"),
    "BODY": ("hang up", "silence"),
    "DOT": (
        *("421 4.3.2 closing", "451 4.3.0 later", "452 4.3.1 full", "554 5.6.0 no", "hang up"),
        *("taken, hang up", "taken, silence", "taken, gibberish", "taken, half an answer", "taken, slowly"),
    ),
}


#: what is still said before the connection ends
_LAST_WORDS = {
    "hang up": b"",
    "silence": b"",
    "gibberish": b"lorem ipsum\r\n",
    "half an answer": b"250 2.0",
}


class _SmtpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 50

    def __init__(self, sink: SmtpSink) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.sink = sink
        self.open = threading.Semaphore(sink.most)


class _Conversation(socketserver.StreamRequestHandler):
    server: _SmtpServer
    disable_nagle_algorithm = True

    def handle(self) -> None:
        if not self.server.open.acquire(blocking=False):
            self._say("421 4.7.0 too many connections")
            return
        try:
            with suppress(_HungUp, OSError):
                self._serve()
        finally:
            self.server.open.release()

    def _serve(self) -> None:
        self._sink, self._to = self.server.sink, ""
        self._step("GREETING", "220 mx.example")
        while line := self.rfile.readline():
            command = line.decode().strip()
            verb = command[:4].upper()
            if verb == "EHLO":
                self._step(verb, "250-mx.example\r\n250 PIPELINING")
            elif verb == "MAIL":
                self._to = ""
                self._willing = self._step(verb, "250 2.1.0 ok")
            elif verb == "RCPT":
                to = command.partition("<")[2].partition(">")[0]
                if to in self._sink.refused:
                    self._say("550 5.1.1 no such mailbox")
                elif self._willing and self._step(verb, "250 2.1.5 ok"):
                    self._to = to
                elif not self._willing:
                    self._say("503 5.5.1 no sender")
            elif verb == "DATA":
                self._data()
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _data(self) -> None:
        if not self._to:
            self._say("554 5.5.1 no recipient")
            return
        if not self._step("DATA", "354 go on"):
            return
        lines = [self.rfile.readline()]
        self._step("BODY", None)
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise _HungUp
            lines.append(line)
        headers = b"".join(lines).partition(b"\r\n\r\n")[0].decode()
        found = re.search(r"^Feedback-ID: (.*)$", headers, re.MULTILINE)
        assert found is not None
        time.sleep(self._sink.seconds)
        mishap = self._sink.mishap(*_SMTP["DOT"])
        if mishap == "hang up":
            self._sink.leave_untold()
        if mishap is None or mishap.startswith("taken"):
            self._sink.count([Copy.of(self._to, found[1])])
        self._react(mishap, "250 2.0.0 queued")

    def _step(self, stage: str, usual: str | None) -> bool:
        """Whether the answer is the usual one."""
        mishap = self._sink.mishap(*_SMTP[stage])
        self._react(mishap, usual)
        return mishap is None

    def _react(self, mishap: str | None, usual: str | None) -> None:
        kind = (mishap or "").removeprefix("taken, ")
        if mishap != kind and kind != "slowly":
            self._sink.leave_untold()
        if kind == "slowly":
            for letter in "250 2.0.0 queued\r\n":
                self.wfile.write(letter.encode())
                time.sleep(0.02)
        elif kind in _LAST_WORDS:
            self.wfile.write(_LAST_WORDS[kind])
            self._sink.ended.wait(SILENCE if kind == "silence" else 0)
            raise _HungUp
        elif words := kind or usual:
            self._say(words)
            if words.startswith("421"):
                raise _HungUp

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def smtp_sink(**options: float) -> Iterator[SmtpSink]:
    sink = SmtpSink(**options)  # type: ignore[arg-type]
    with _SmtpServer(sink) as server:
        sink.url = "smtp://{}:{}".format(*server.server_address)
        with serving(server, sink):
            yield sink
