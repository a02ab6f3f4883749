"""Hooks for tests: what there is to tell, and a real server that keeps it and answers as it is bid."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from newsletter.hooks import registry
from newsletter.hooks.telling import tell_hooks
from newsletter.models import HookPost
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from tests.feedback import NOW
from tests.people import subscriber


class Told(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        return str(self.document["type"])


class Receiver:
    """Answers with `answer(path)`: a status, after as many seconds as that asks for by sleeping."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: list[Told] = []
        self.answer: Callable[[str], int] = lambda _path: 204

    def kinds(self) -> list[str]:
        return [told.kind for told in self.told]


@contextmanager
def hook_receiver(certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """A receiver on a free port of this machine, by TLS with a certificate; closed when the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.told.append(Told(self.path, headers, body))
            self.send_response(receiver.answer(self.path))
            self.send_header("location", f"{receiver.url}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def slowly(seconds: float) -> Callable[[str], int]:
    """An answer that takes its time."""

    def answer(_path: str) -> int:
        time.sleep(seconds)
        return 204

    return answer


def a_hook(services: Services, url: str) -> int:
    with writing(services.engine) as session:
        return registry.add(session, url, (), now=NOW - timedelta(hours=1)).id


def happen(services: Services, number: int = 1) -> list[int]:
    """So many people subscribe, and the hooks are to be told; returns who."""
    with writing(services.engine) as session:
        people = [subscriber(session).id for _ in range(number)]
    with writing(services.engine) as session:
        tell_hooks(session, NOW)
    return people


def the_posts(services: Services, hook_id: int) -> list[HookPost]:
    with reading(services.engine) as session:
        query = select(HookPost).where(HookPost.hook_id == hook_id).order_by(HookPost.id)
        return list(session.scalars(query))


def fates(services: Services, hook_id: int) -> list[tuple[str, str | None]]:
    return [(post.state, post.answer) for post in the_posts(services, hook_id)]
