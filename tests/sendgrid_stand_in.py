"""A stand-in for SendGrid's v3 API that checks each request by the documented rules, and knows what
every reader would receive."""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.mails import Received

KEY = "SG.canary-key-0123456789.never-to-be-seen"
#: headers that the API keeps to itself
RESERVED = re.compile(
    "x-sg-id|x-sg-eid|received|dkim-signature|content-type|content-transfer-encoding"
    "|to|from|subject|reply-to|cc|bcc",
    re.IGNORECASE,
)
LIMIT = 10_000  # bytes, of substitutions and of custom arguments


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
        self.requests = 0
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
        body = json.loads(raw)
        if fault := self._fault(body):
            return Answer(400, error(*fault))
        self.taken.append(body)
        self.received += [_inbox(body, personalization) for personalization in body["personalizations"]]
        return Answer(202, headers={"X-Message-Id": f"sg-{self.requests}"})

    def _fault(self, body: dict[str, Any]) -> tuple[str, str] | None:
        """The first rule that the request breaks, and where."""
        unknown = body.keys() - {"personalizations", "from", "subject", "content", "tracking_settings"}
        if unknown:
            return "we do not mean to use this", unknown.pop()
        if not _is_address(body["from"]["email"]):
            return "The from email does not contain a valid address.", "from.email"
        if not body["subject"]:
            return "The subject is required.", "subject"
        if [part["type"] for part in body["content"]] != ["text/plain", "text/html"]:
            return "text/plain must be first, followed by text/html.", "content"
        if not all(part["value"] for part in body["content"]):
            return "The content value must be a string at least one character in length.", "content"
        return self._recipients_fault(body["personalizations"])

    def _recipients_fault(self, personalizations: list[dict[str, Any]]) -> tuple[str, str] | None:
        if not 1 <= len(personalizations) <= 1000:
            return "The personalization block is limited to 1000.", "personalizations"
        seen: set[str] = set()
        for number, one in enumerate(personalizations):
            address = one["to"][0]["email"]
            if fault := self._reader_fault(one, address):
                return fault[0], f"personalizations.{number}.{fault[1]}"
            if address.casefold() in seen:
                return (
                    f"Each unique email address should only be included once: {address}",
                    "personalizations",
                )
            seen.add(address.casefold())
        return None

    def _reader_fault(self, one: dict[str, Any], address: str) -> tuple[str, str] | None:
        if unknown := one.keys() - {"to", "headers", "custom_args", "substitutions"}:
            return "we do not mean to use this", unknown.pop()
        if len(one["to"]) != 1:
            return "everybody would see everybody", "to"
        if not _is_address(address) or address in self.refused:
            return f"Does not contain a valid address: {address}", "to.0.email"
        if any(RESERVED.fullmatch(name) for name in one["headers"]):
            return "The header is reserved.", "headers"
        for kind in ("headers", "custom_args", "substitutions"):
            if not all(type(value) is str for value in one[kind].values()):
                return "The value must be a string.", kind
            if kind != "headers" and _bytes(one[kind]) > LIMIT:
                return "The values are limited to 10000 bytes.", kind
        return None


def _is_address(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[a-z0-9-]+(\.[a-z0-9-]+)+", text) is not None


def _bytes(values: dict[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in values.items())


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


@contextmanager
def sendgrid_api() -> Iterator[SendGridStandIn]:
    stand_in = SendGridStandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(stand_in.send(raw) if self._is_ours("/v3/mail/send") else None)

        def do_GET(self) -> None:
            body = json.dumps({"scopes": stand_in.scopes}).encode()
            self._answer(Answer(200, body) if self._is_ours("/v3/scopes") else None)

        def _is_ours(self, path: str) -> bool:
            assert self.path == path
            return self.headers["Authorization"] == f"Bearer {KEY}"

        def _answer(self, answer: Answer | None) -> None:
            answer = answer or Answer(401, error("The provided authorization grant is invalid"))
            time.sleep(answer.seconds_of_silence)
            if answer.status is not None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        stand_in.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()
