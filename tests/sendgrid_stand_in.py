"""A stand-in for SendGrid's v3 API: it refuses what the API refuses, and knows what every reader would
receive."""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.mails import Received
from tests.sendgrid_rules import fault_of

KEY = "SG.canary-key-0123456789.never-to-be-seen"


@dataclass
class Answer:
    """What to answer next, instead of what the request deserves; no status is no answer."""

    status: int | None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: as if the answer were lost
    seconds_of_silence: float = 0


def error(message: str, where: str | None = None) -> bytes:
    return json.dumps({"errors": [{"message": message, "field": where, "help": None}]}).encode()


class SendGridStandIn:
    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        #: the bodies of the requests that were taken
        self.taken: list[dict[str, Any]] = []
        #: requests to send, and whatever else was asked
        self.requests = self.asked = 0
        self.next_answers: deque[Answer] = deque()
        self.refused: set[str] = set()
        self.scopes = ["mail.send"]
        self.most_bytes = 30_000_000

    def send(self, raw: bytes) -> Answer:
        self.requests += 1
        if self.next_answers:
            return self.next_answers.popleft()
        if len(raw) > self.most_bytes:
            return Answer(413, error("Payload too large"))
        try:
            body = json.loads(raw)
        except ValueError:
            return Answer(400, error("Bad Request"))
        if fault := fault_of(body, self.refused):
            return Answer(400, error(*fault))
        self.taken.append(body)
        self.received += [_inbox(body, personalization) for personalization in body["personalizations"]]
        return Answer(202, headers={"X-Message-Id": f"sg-{self.requests}"})


def _inbox(body: dict[str, Any], one: dict[str, Any]) -> Received:
    def filled(text: str) -> str:
        for tag, value in one["substitutions"].items():
            text = text.replace(tag, value)
        return text

    text, html = (filled(part["value"]) for part in body["content"])
    subject = filled(body["subject"])
    return Received(
        to=one["to"][0]["email"],
        delivery_id=int(one["custom_args"]["delivery_id"]),
        subject=subject,
        html=html,
        text=text,
        headers=one["headers"],
        whole="\n".join([json.dumps(one), subject, text, html]),
    )


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if fault := self._fault("/v3/mail/send"):
            self._answer(fault)
        elif self.headers.get_content_type() != "application/json":
            self._answer(Answer(415, error("Content-Type should be application/json.")))
        else:
            self._answer(self.server.stand_in.send(raw))

    def do_GET(self) -> None:
        self.server.stand_in.asked += 1
        body = json.dumps({"scopes": self.server.stand_in.scopes}).encode()
        self._answer(self._fault("/v3/scopes") or Answer(200, body))

    def _fault(self, path: str) -> Answer | None:
        if self.path != path:
            return Answer(404, error("not found"))
        if self.headers["Authorization"] != f"Bearer {KEY}":
            return Answer(401, error("The provided authorization grant is invalid"))
        return None

    def _answer(self, answer: Answer) -> None:
        time.sleep(answer.seconds_of_silence)
        if answer.status is None:
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        # who waited too long for it is gone
        with suppress(ConnectionError):
            self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def __init__(self, stand_in: SendGridStandIn) -> None:
        self.stand_in = stand_in
        super().__init__(("127.0.0.1", 0), _Handler)


@contextmanager
def sendgrid_api() -> Iterator[SendGridStandIn]:
    stand_in = SendGridStandIn()
    with _Server(stand_in) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        stand_in.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()
