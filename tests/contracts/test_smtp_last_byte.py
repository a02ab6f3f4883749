"""The last byte of the final dot: before it a mail is proved not taken, after it only the answer tells."""

import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from newsletter.providers.smtp_conversation import Conversation, Envelope

MESSAGE = [b"Subject: x\r\n", b"\r\n", b"text\r\n", b".\r\n"]
LENGTH = sum(map(len, MESSAGE))
NEXT = Envelope("digest@racetoagi.example", "reader2@inbox.example")


class _Breaking(socket.socket):
    """A real socket that breaks after so many bytes."""

    left = 1_000_000

    def send(self, data: Any, flags: int = 0) -> int:
        if not self.left:
            raise BrokenPipeError(32, "Broken pipe")
        sent = super().send(memoryview(data)[: self.left], flags)
        self.left -= sent
        return sent


@pytest.fixture
def ends() -> Iterator[tuple[_Breaking, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        ours = _Breaking()
        ours.connect(door.getsockname())
        theirs, _ = door.accept()
        with ours, theirs:
            yield ours, theirs


@contextmanager
def conversation(ours: socket.socket) -> Iterator[Conversation]:
    session = smtplib.SMTP(local_hostname="mx.example")
    session.sock = ours
    session.esmtp_features = {"pipelining": ""}
    session.does_esmtp = True
    talk = Conversation(session, timeout=0.2)
    yield talk
    talk.drop()


@pytest.mark.parametrize("written", range(LENGTH))
def test_before_the_last_byte(ends: tuple[_Breaking, socket.socket], written: int) -> None:
    """A write that broke anywhere before the end of the dot is an error: the mail was not taken, even
    if the server has said something in the meantime."""
    ours, theirs = ends
    ours.left = written
    theirs.sendall(b"250 2.0.0 nonsense\r\n")
    with conversation(ours) as talk, pytest.raises(BrokenPipeError):
        talk.deliver(MESSAGE, NEXT)


@pytest.mark.parametrize("written", [LENGTH, LENGTH + 1, LENGTH + 40])
@pytest.mark.parametrize(
    ("answer", "code"), [("250 2.0.0 Ok", 250), ("554 5.7.1 no", 554), ("452 4.3.1 full", 452), (None, 0)]
)
def test_after_the_last_byte(
    ends: tuple[_Breaking, socket.socket], written: int, answer: str | None, code: int
) -> None:
    """When it breaks in the commands for the next mail, the answer to the mail that is complete still
    counts; without one it is unknown."""
    ours, theirs = ends
    ours.left = written
    if answer:
        theirs.sendall(f"{answer}\r\n".encode())
    with conversation(ours) as talk:
        assert talk.deliver(MESSAGE, NEXT).code == code
        with pytest.raises(OSError, match="it does not answer"):
            talk.ask(NEXT)
