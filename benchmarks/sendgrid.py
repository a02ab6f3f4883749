"""Mails handed over to SendGrid, 1,000 a request: recipients per second of one core.

`python -m benchmarks.sendgrid`. The API is a stand-in in a process of its own, that reads each body
and answers 202. Beside our provider stand the same bytes by http.client alone, with a connection for
each request and with one that is kept: what the official client costs, and what keeping would save.
"""

import http.client
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from newsletter.headers import digest_headers
from newsletter.mail import Content, Mail, Sender
from newsletter.providers.sendgrid import SendGridProvider
from newsletter.providers.sendgrid_body import body_of

PER_REQUEST = 1_000
REQUESTS = 20
ROUNDS = 5
LIMIT = 20_000
#: what the hand-over may take of the 50 µs that the limit leaves for the whole path
SHARE = 15
SENDER = Sender("Race to AGI", "digest@racetoagi.example")
PATH = "/v3/mail/send"


def serve() -> None:
    """The stand-in: says its port, and answers until it is ended. One connection at a time."""
    buffer = memoryview(bytearray(1 << 20))
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while _answer(connection, buffer):
                    pass


def _answer(connection: socket.socket, buffer: memoryview) -> bool:
    """Read a request and answer it; whether there was one."""
    head = b""
    while b"\r\n\r\n" not in head:
        got = connection.recv_into(buffer)
        if not got:
            return False
        head += buffer[:got]
    head, _, begun = head.partition(b"\r\n\r\n")
    left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(begun)
    while left:
        left -= connection.recv_into(buffer)
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: stand-in\r\nContent-Length: 0\r\n\r\n")
    return True


@contextmanager
def api() -> Iterator[str]:
    """The URL of a stand-in that runs in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sendgrid", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def mails() -> list[Mail]:
    """Readers of an edition of 50 kB, with the links and headers that our digests have."""
    links = "@@unsubscribe_url@@ @@preferences_url@@"
    content = Content("Eight stories", f"<p>{'word ' * 8_000}</p>{links}", f"{'word ' * 2_000}{links}")
    return [_mail(number, content) for number in range(PER_REQUEST)]


def _mail(number: int, content: Content) -> Mail:
    public_id = f"{number:022}"
    links = {
        f"{page}_url": f"https://news.racetoagi.example/{page}/{public_id}.{'t' * 43}"
        for page in ("unsubscribe", "preferences")
    }
    headers = digest_headers(
        sender=SENDER,
        newsletter="Race to AGI Daily",
        slug="daily",
        occasion=1,
        public_id=public_id,
        unsubscribe_url=links["unsubscribe_url"],
    )
    return Mail(number, SENDER, f"reader{number}@mail.example", content, links, headers)


def by_provider(url: str, batch: list[Mail]) -> None:
    provider = SendGridProvider("SG.key", host=url)
    for _ in range(REQUESTS):
        handed = provider.hand_over(batch, lambda: False)
        assert len(handed.outcomes) == PER_REQUEST


def by_connections(url: str, body: bytes) -> None:
    for _ in range(REQUESTS):
        with closing(http.client.HTTPConnection(url.removeprefix("http://"))) as connection:
            _request(connection, body)


def by_one_connection(url: str, body: bytes) -> None:
    with closing(http.client.HTTPConnection(url.removeprefix("http://"))) as connection:
        for _ in range(REQUESTS):
            _request(connection, body)


def _request(connection: http.client.HTTPConnection, body: bytes) -> None:
    connection.request("POST", PATH, body, {"Content-Type": "application/json"})
    assert connection.getresponse().read() == b""


def microseconds(run: Callable[[], None]) -> tuple[float, float]:
    """What a recipient costs: of this process's core, and by the clock on the wall."""
    core, wall = time.process_time(), time.perf_counter()
    run()
    recipients = PER_REQUEST * REQUESTS / 1e6
    return (time.process_time() - core) / recipients, (time.perf_counter() - wall) / recipients


def main() -> None:
    batch = mails()
    body = body_of(batch)
    print(f"SendGrid, {PER_REQUEST:,} recipients a request of {len(body) / 1e6:.1f} MB, local stand-in")
    print(f"{'':<40}{'/s of one core':>16}{'µs core':>10}{'µs wall':>10}")
    with api() as url:
        ways: dict[str, Callable[[], None]] = {
            "provider": lambda: by_provider(url, batch),
            "same bytes, a connection each": lambda: by_connections(url, body),
            "same bytes, one connection": lambda: by_one_connection(url, body),
        }
        measured: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, run in ways.items():
                measured[name].append(microseconds(run))
    for name, rounds in measured.items():
        core, wall = (statistics.median(times) for times in zip(*rounds, strict=True))
        print(f"{name:<40}{1e6 / core:>16,.0f}{core:>10.1f}{wall:>10.1f}")
    print(f"{'limit: whole path, and share of it':<40}{LIMIT:>16,}{SHARE:>10.1f}")


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
