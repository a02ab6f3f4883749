"""Mails handed over to an SMTP server on this machine, beside Postfix's own sender, in one run.

`python -m benchmarks.smtp`. The servers are a sink of ours, which counts every mail that it took, and
Postfix's smtp-sink; the sender to compare with is its smtp-source with 10 connections. Postfix's are
used where they are installed. Both cores are shared by sender and sink: compare ratios, not figures.
"""

import contextlib
import os
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from benchmarks.sendgrid import mails
from newsletter.mail import Mail
from newsletter.providers.dkim import DkimKey
from newsletter.providers.mime import compose, compose_for_smtp
from newsletter.providers.smtp import SmtpProvider

MAILS = 4_000
ROUNDS = 3
COMPOSE_LIMIT = 30_000
#: of what smtp-source does at the same sink
LIMIT = 0.5
CONNECTIONS = 10
#: where Postfix has them, also for those who are not root
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_DOT = b"\r\n.\r\n"


class _Taking:
    """One connection to our sink."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._heard = b""
        self._in_mail = False
        self.taken = 0

    def hear(self, buffer: memoryview) -> bool:
        """Read what is there, and answer; whether there will be more."""
        length = self._connection.recv_into(buffer)
        heard = self._heard + buffer[:length]
        answers = []
        while heard:
            if self._in_mail:
                end = heard.find(_DOT)
                if end < 0:
                    heard = heard[-len(_DOT) + 1 :]
                    break
                heard = heard[end + len(_DOT) :]
                self._in_mail = False
                self.taken += 1
                answers.append(b"250 2.0.0 Ok: queued\r\n")
                continue
            line, end_of_line, rest = heard.partition(b"\r\n")
            if not end_of_line:
                break
            heard = rest
            answers.append(self._answer(line[:4].upper()))
        self._heard = heard
        if answers:
            self._connection.sendall(b"".join(answers))
        return length > 0

    def _answer(self, verb: bytes) -> bytes:
        if verb == b"EHLO":
            return b"250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        if verb == b"DATA":
            self._in_mail = True
            return b"354 go on\r\n"
        return b"250 2.0.0 Ok\r\n"


def serve() -> None:
    """Our sink: says its port, and after every connection that ends how many mails it took in all."""
    taken, buffer = 0, memoryview(bytearray(1 << 18))
    with socket.create_server(("127.0.0.1", 0), backlog=64) as door, selectors.DefaultSelector() as watch:
        watch.register(door, selectors.EVENT_READ)
        print(door.getsockname()[1], flush=True)
        while True:
            for key, _ in watch.select():
                if key.data is None:
                    connection, _ = door.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    connection.sendall(b"220 sink.example\r\n")
                    watch.register(connection, selectors.EVENT_READ, _Taking(connection))
                    continue
                if not _hear(key.data, buffer):
                    watch.unregister(key.fileobj)
                    taken += key.data.taken
                    print(taken, flush=True)


def _hear(taking: _Taking, buffer: memoryview) -> bool:
    try:
        return taking.hear(buffer)
    except ConnectionError:
        return False


@contextmanager
def our_sink() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "benchmarks.smtp", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline()), process
        finally:
            process.kill()


@contextmanager
def postfix_sink(program: str) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen([program, *as_nobody, f"127.0.0.1:{port}", "256"]) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise OSError(f"nobody listens on port {port}")


def by_us(provider: SmtpProvider, batch: Sequence[Mail], number: int) -> Callable[[], None]:
    def run() -> None:
        for start in range(0, number, provider.max_batch):
            at = start % len(batch)
            handed = provider.hand_over(batch[at : at + provider.max_batch], lambda: False)
            assert len(handed.outcomes) == provider.max_batch, handed.halted

    return run


def by_postfix(program: str, port: int, length: int, number: int) -> Callable[[], None]:
    options = f"-d -s {CONNECTIONS} -l {length} -m {number} -f a@sender.example -t b@mail.example"
    return lambda: _run([program, *options.split(), f"127.0.0.1:{port}"])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def per_second(ways: dict[str, Callable[[], None]], number: int) -> dict[str, float]:
    """The median of the rounds; in each round every way has its turn."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            start = time.perf_counter()
            run()
            rates[name].append(number / (time.perf_counter() - start))
    return {name: statistics.median(found) for name, found in rates.items()}


def keys() -> dict[str, tuple[DkimKey, ...]]:
    return {
        "hand_over": (),
        "hand_over, signed with Ed25519": (DkimKey("e", Ed25519PrivateKey.generate()),),
        "hand_over, signed with RSA-2048": (DkimKey("r", generate_private_key(65537, 2048)),),
    }


def _compose(batch: Sequence[Mail]) -> None:
    date = datetime.now(UTC)
    for mail in batch:
        compose_for_smtp(mail, date=date)


def show(sink: str, rates: dict[str, float], measure: str) -> None:
    for name, rate in rates.items():
        ratio = f"{rate / rates[measure]:>9.2f}" if measure in rates else ""
        print(f"{sink:<14}{name:<38}{rate:>10,.0f}{ratio}")


def main() -> None:
    batch = mails()
    length = len(compose(batch[0], date=datetime.now(UTC)))
    source, sink = (shutil.which(name, path=PATH) for name in ("smtp-source", "smtp-sink"))
    postfix = f"smtp-source, {CONNECTIONS} connections"
    print(f"SMTP, mails of {length / 1e3:.0f} kB, one process and one connection, local sink")
    show("", per_second({"composed for SMTP": lambda: _compose(batch)}, len(batch)), "")
    print(f"{'':<14}{'limit':<38}{COMPOSE_LIMIT:>10,}")
    print(f"{'sink':<14}{'sender':<38}{'per second':>10}{'ratio':>9}")
    with our_sink() as (port, process):
        ways = {
            name: by_us(SmtpProvider(f"smtp://127.0.0.1:{port}", keys=signed), batch, MAILS)
            for name, signed in keys().items()
        }
        if source:
            ways[postfix] = by_postfix(source, port, length, MAILS)
        show("our own", per_second(ways, MAILS), postfix)
        _count(process, len(ways) * ROUNDS * MAILS)
    if source and sink:
        with postfix_sink(sink) as port:
            ways = {
                "hand_over": by_us(SmtpProvider(f"smtp://127.0.0.1:{port}"), batch, MAILS),
                postfix: by_postfix(source, port, length, MAILS),
            }
            show("smtp-sink", per_second(ways, MAILS), postfix)
    else:
        print(f"{'smtp-sink':<14}not installed: it comes with Postfix")
    print(f"{'':<14}{'limit':<38}{'':>10}{LIMIT:>9.2f}")


def _count(process: subprocess.Popen[str], wanted: int) -> None:
    """Every mail was taken, once: our sink says so when the last connection has ended."""
    assert process.stdout is not None
    taken = 0
    while taken < wanted:
        taken = int(process.stdout.readline())
    print(f"{'our own':<14}{'counted, of as many':<38}{taken:>10,}{wanted:>9,}")
    assert taken == wanted


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
