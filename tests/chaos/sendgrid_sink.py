"""A stand-in for SendGrid that counts what it takes and, told to, fails in every way the wire can."""

import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.chaos.sinks import SILENCE, Copy, Sink, serving
from tests.sendgrid_rules import fault_of
from tests.sendgrid_stand_in import KEY, error


class SendGridSink(Sink):
    def settings(self) -> dict[str, str]:
        return {"MAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": KEY, "SENDGRID_API_URL": self.url}


#: what the API may do instead of a plain 202; an answer without a word is none
_SENDGRID = (
    *("429", "503 of the API", "503 of a proxy", "500", "502", "401", "413"),
    *("reset before the body", "reset after the body", "garbage"),
    *("taken, reset", "taken, half an answer", "taken, silence", "taken, 500", "taken, 502", "taken, slowly"),
)
_TAKEN_OR_NOT = ("503 of a proxy", "500", "502", "reset after the body", "garbage")


class _SendGridServer(ThreadingHTTPServer):
    request_queue_size = 50

    def __init__(self, sink: SendGridSink) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.sink = sink

    def handle_error(self, *_: object) -> None:
        """Whoever asks may be killed in the midst of it."""


class _Request(BaseHTTPRequestHandler):
    server: _SendGridServer
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(200, json.dumps({"scopes": ["mail.send"]}).encode())

    def do_POST(self) -> None:
        sink = self.server.sink
        mishap = sink.mishap(*_SENDGRID)
        if mishap == "reset before the body":
            return self._reset()
        length = int(self.headers["Content-Length"])
        raw = self.rfile.read(length)
        if len(raw) < length:
            return None
        body = json.loads(raw)
        if fault := fault_of(body, sink.refused):
            return self._answer(400, error(*fault))
        time.sleep(sink.seconds)
        if mishap is None or mishap.startswith("taken"):
            sink.count(
                Copy.of(one["to"][0]["email"], one["headers"]["Feedback-ID"])
                for one in body["personalizations"]
            )
            if mishap not in (None, "taken, slowly"):
                sink.leave_untold(len(body["personalizations"]))
        elif mishap in _TAKEN_OR_NOT:
            sink.leave_untold(len(body["personalizations"]))
        return self._react((mishap or "202").removeprefix("taken, "))

    def _react(self, kind: str) -> None:
        if kind in ("202", "slowly"):
            time.sleep(0.3 if kind == "slowly" else 0)
            self._answer(202, b"", ("X-Message-Id", "sg-1"))
        elif kind == "429":
            self._answer(429, error("too many requests"), ("Retry-After", "1"))
        elif kind == "503 of the API":
            self._answer(503, error("not now"))
        elif kind == "503 of a proxy":
            self._answer(503, b"<html>Service Unavailable</html>")
        elif kind == "401":
            self._answer(401, error("The provided authorization grant is invalid"))
        elif kind == "half an answer":
            self.wfile.write(b"HTTP/1.1 20")
        elif kind == "garbage":
            self.wfile.write(b"lorem ipsum\r\n\r\n")
        elif kind == "silence":
            self.server.sink.ended.wait(SILENCE)
        elif kind.startswith("reset"):
            self._reset()
        else:
            self._answer(int(kind), b"" if kind == "502" else error("it broke"))

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        """Not the end of the stream: the connection is torn down (RFC 9293 §3.10.7)."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def sendgrid_sink(**options: float) -> Iterator[SendGridSink]:
    sink = SendGridSink(**options)  # type: ignore[arg-type]
    with _SendGridServer(sink) as server:
        sink.url = f"http://127.0.0.1:{server.server_port}"
        with serving(server, sink):
            yield sink
