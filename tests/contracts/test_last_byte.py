"""When a connection to the SendGrid API breaks: what the error proves, byte by byte of the request.

The promise at stake: a mail is called not offered only if the last byte of its request never left.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from newsletter.mail import Content, Outcome, Verdict
from newsletter.providers.sendgrid import SendGridProvider
from tests.certificate import certificate
from tests.contracts.conftest import PATIENCE
from tests.mails import EDITION, a_mail, never
from tests.sendgrid_stand_in import KEY

#: more than the system keeps for a reader that does not read
LONG = Content("Long", f"<p>{'x' * 16_000_000}</p>", "text")
#: sends RST instead of a proper end
RESET = struct.pack("ii", 1, 0)


class Breaking:
    """Answers the first request, and so learns how long one is; of the next one it reads a part."""

    def __init__(self, part: float, *, reset: bool) -> None:
        self._part = part
        self._reset = reset
        self._length = 0
        #: whether all of the second request was read
        self.whole = False

    def first(self, connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        body = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        _read(connection, body)
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        self._length = len(head) + body

    def second(self, connection: socket.socket) -> None:
        wanted = int(self._length * self._part)
        self.whole = _read(connection, wanted) == self._length
        if self._reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _read(connection: socket.socket, most: int) -> int:
    left = most
    while left and (got := len(connection.recv(min(left, 1 << 16)))):
        left -= got
    return most - left


@contextmanager
def breaking_api(breaking: Breaking, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for step in (breaking.first, breaking.second):
                connection, _ = server.accept()
                with connection if tls is None else tls.wrap_socket(connection, server_side=True) as one:
                    step(one)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http{'s' if tls else ''}://localhost:{server.getsockname()[1]}"
        thread.join()


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    trusted, key = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, key)
    return context


def outcome_of_second(url: str, content: Content) -> Outcome | None:
    """None if the mail was not offered, and then the provider has said that it takes no more."""
    provider = SendGridProvider(KEY, host=url)
    assert provider.hand_over([a_mail(1, content=content)], never).outcomes[1].verdict is Verdict.ACCEPTED
    handed = provider.hand_over([a_mail(1, content=content)], never)
    assert handed.halted is not None
    return handed.outcomes.get(1)


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("content", [EDITION, LONG], ids=["short", "long"])
@pytest.mark.parametrize("part", [0, 0.00001, 0.01, 0.5, 1 - 1e-7, 1])
def test_broken_connection(
    part: float, content: Content, reset: bool, encrypted: bool, tls: ssl.SSLContext
) -> None:
    """Whoever has read the whole request has taken the mail, for all we know; however the connection
    ended, it is unknown then. Where a part is enough to break it, the mail was not offered."""
    breaking = Breaking(part, reset=reset)
    with breaking_api(breaking, tls if encrypted else None) as url:
        outcome = outcome_of_second(url, content)
    assert breaking.whole == (part == 1)
    if breaking.whole:
        assert outcome is not None
    if content is LONG and part < 0.5:
        assert outcome is None
    if outcome is not None:
        assert outcome.verdict is Verdict.UNKNOWN
        assert outcome.reason


def test_api_that_stops_reading() -> None:
    """A request that cannot be written to its end in time was not offered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        provider = SendGridProvider(KEY, host=url, timeout=PATIENCE)
        began = time.monotonic()
        handed = provider.hand_over([a_mail(1, content=LONG)], never)
        assert time.monotonic() - began < 5 * PATIENCE.total_seconds()
    assert handed.outcomes == {}
    assert handed.halted is not None
    assert "timed out" in handed.halted.reason


def test_stranger_gets_no_request(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a server whose certificate we cannot verify nothing is offered."""
    monkeypatch.delenv("SSL_CERT_FILE")
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                seen.append(tls.wrap_socket(connection, server_side=True).recv(1))

        thread = threading.Thread(target=serve)
        thread.start()
        provider = SendGridProvider(KEY, host=f"https://localhost:{server.getsockname()[1]}")
        handed = provider.hand_over([a_mail(1)], never)
        thread.join()
    assert handed.outcomes == {}
    assert handed.halted is not None
    assert "certificate" in handed.halted.reason
    assert seen in ([], [b""])
