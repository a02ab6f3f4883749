"""The provider in docs/adding-a-provider.md keeps the promises that all providers keep."""

import json
import re
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from newsletter.mail import Halted, Misconfigured, Provider, Verdict
from tests.contracts import test_providers
from tests.contracts.conftest import BAD, PATIENCE, Way
from tests.mails import Received, a_mail, never
from tests.sendgrid_stand_in import KEY

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "adding-a-provider.md").read_text()
#: an answer: status, body, headers; None is to hang up without one
Answer = tuple[int, dict[str, str], dict[str, str]] | None


class Service(ThreadingHTTPServer):
    """Takes a mail as JSON, once per key; says what `next_answers` say instead, having taken it or not."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.taken: dict[str, Received] = {}
        self.requests = 0
        self.next_answers: deque[tuple[bool, Answer]] = deque()

    def take(self, key: str, mail: Any) -> Answer:
        self.requests += 1
        takes, answer = self.next_answers.popleft() if self.next_answers else (True, (202, {"id": key}, {}))
        if takes and mail["to"] == BAD:
            return 422, {"error": f"unknown mailbox <{BAD}>"}, {}
        if takes:
            self.taken.setdefault(key, _inbox(mail))
        return answer


class Handler(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"
    #: head and body of an answer leave together
    wbufsize = -1

    def do_POST(self) -> None:
        mail = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self._fault("/messages") or self.server.take(self.headers["Idempotency-Key"], mail))

    def do_GET(self) -> None:
        self._answer(self._fault("/account") or (200, {}, {}))

    def _fault(self, path: str) -> Answer:
        if self.headers["Authorization"] != f"Bearer {KEY}":
            return 401, {"error": f"not you: {KEY[:2]}"}, {}
        return None if self.path == path else (404, {"error": "not found"}, {})

    def _answer(self, answer: Answer) -> None:
        if answer is None:
            self.close_connection = True
            return
        status, said, headers = answer
        body = json.dumps(said).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _inbox(mail: Any) -> Received:
    number = re.fullmatch(r"<delivery-(\d+)@racetoagi\.example>", mail["headers"]["Message-ID"])
    assert number is not None
    return Received(
        to=mail["to"],
        delivery_id=int(number[1]),
        subject=mail["subject"],
        html=mail["html"],
        text=mail["text"],
        headers=mail["headers"],
        whole=json.dumps(mail),
    )


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The one whole module on the page."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    path = tmp_path_factory.mktemp("docs") / "http_provider.py"
    path.write_text(code)
    spec = spec_from_file_location("http_provider", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def connect(documented: ModuleType, url: str, key: str = KEY) -> Provider:
    provider: Provider = documented.HttpProvider(url, key, timeout=PATIENCE)
    return provider


@pytest.fixture
def way(documented: ModuleType, service: Service) -> Way:
    return Way(connect(documented, service.url), lambda: list(service.taken.values()), BAD)


class TestDocumentedProvider(test_providers.TestProvider):
    """The whole contract, for the provider on the page."""


@pytest.mark.parametrize(
    ("answer", "halted"),
    [
        ((429, {"error": "slowly"}, {"Retry-After": "17"}), Halted("429 slowly", timedelta(seconds=17))),
        ((503, {"error": "later"}, {}), Halted("503 later")),
    ],
)
def test_not_now(way: Way, service: Service, answer: Answer, halted: Halted) -> None:
    """A service that takes nothing for now is left alone, as long as it asks; nothing was offered."""
    service.next_answers.append((False, answer))
    handed = way.provider.hand_over([a_mail(1), a_mail(2)], never)
    assert (handed.outcomes, handed.halted) == ({}, halted)
    assert service.requests == 1


def test_nobody_listens(documented: ModuleType, unused_tcp_port: int) -> None:
    """A service that cannot be reached was offered nothing."""
    handed = connect(documented, f"http://127.0.0.1:{unused_tcp_port}").hand_over([a_mail(1)], never)
    assert handed.outcomes == {}
    assert handed.halted is not None


def test_lost_answer_is_asked_for_again(way: Way, service: Service) -> None:
    """A mail whose answer was lost is offered once more under its key, and arrives once."""
    service.next_answers.append((True, None))
    outcomes = way.provider.hand_over([a_mail(1)], never).outcomes
    assert outcomes[1].verdict is Verdict.ACCEPTED
    assert service.requests == 2
    assert [received.delivery_id for received in way.received()] == [1]


@pytest.mark.parametrize(
    "second", [None, (429, {"error": "slowly"}, {}), (401, {"error": "no"}, {}), (422, {"error": "no"}, {})]
)
def test_silence_is_unknown(way: Way, service: Service, second: Answer) -> None:
    """After a silence only a yes is a proof: no other answer says what became of the first try."""
    service.next_answers.extend([(True, None), (False, second)])
    handed = way.provider.hand_over([a_mail(1), a_mail(2)], never)
    assert {number: outcome.verdict for number, outcome in handed.outcomes.items()} == {1: Verdict.UNKNOWN}
    assert handed.halted is not None


@pytest.mark.parametrize(
    "answer", [(500, {"error": "oops"}, {}), (502, {}, {}), (202, {}, {}), (204, {}, {})]
)
def test_unclear_answer_is_unknown(way: Way, service: Service, answer: Answer) -> None:
    """An answer that proves nothing is no proof."""
    service.next_answers.append((False, answer))
    assert way.provider.hand_over([a_mail(1)], never).outcomes[1].verdict is Verdict.UNKNOWN


def test_wrong_key(documented: ModuleType, service: Service) -> None:
    """A key that the service does not know stops the line, and the message says what to mend."""
    stranger = connect(documented, service.url, "other")
    for ask in (stranger.check, lambda: stranger.hand_over([a_mail(1)], never)):
        with pytest.raises(Misconfigured, match="HTTP_KEY"):
            ask()


def test_the_page_names_what_is_there() -> None:
    """Every file and function that the page sends one to exists."""
    named = set(re.findall(r"`((?:newsletter|tests)/[\w/]+\.py|pyproject\.toml|\.env\.example)`", PAGE))
    new = "newsletter/providers/http.py"
    assert new in named
    assert [name for name in named - {new} if not (ROOT / name).exists()] == []
    assert "def _provider(settings" in (ROOT / "newsletter/wiring.py").read_text()
    assert "_complete_for_real_mail" in (ROOT / "newsletter/config.py").read_text()
