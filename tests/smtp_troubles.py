"""An SMTP server that fails in every way a test asks for, byte by byte, and counts what it really took."""

import contextlib
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from newsletter.mail import HandedOver, Mail, Provider, Verdict
from tests.mails import a_mail, never
from tests.smtp_server import Silence

ALWAYS = 1_000
_CLOSING = re.compile(r"421[ -]")
_DELIVERY = re.compile(rb"^Message-ID: <delivery-(\d+)@", re.MULTILINE)


@dataclass(frozen=True)
class Taken:
    """The mail is taken; but the answer is another, or none."""

    answer: "str | Silence | Dribble"


@dataclass(frozen=True)
class Dribble:
    """An answer that comes letter by letter."""

    answer: str
    seconds: float


Reaction = str | Silence | Dribble | Taken


class _HungUp(Exception):
    pass


class TroubledServer:
    """Takes every mail, but for the troubles it is told to make.

    A stage is GREETING, EHLO, MAIL, RCPT, DATA, BODY (in the midst of a mail), DOT, AFTER (a mail
    was answered), RSET or NOOP. From MAIL on, a trouble is for the mail of one delivery: the test's
    mails come from `bounce+ID@…`.
    """

    def __init__(self, *, pipelining: bool) -> None:
        self.pipelining = pipelining
        #: how often each delivery was taken
        self.taken: Counter[int] = Counter()
        self.connections = 0
        #: every command that came
        self.commands: list[str] = []
        self._troubles: dict[tuple[str, int], list[Reaction]] = {}
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._ended = threading.Event()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]

    def trouble(self, stage: str, reaction: Reaction, *, mail: int = 0, times: int = ALWAYS) -> None:
        self._troubles[stage, mail] = [reaction] * times

    def heal(self) -> None:
        self._troubles.clear()

    def say_to_all(self, words: str | None) -> None:
        """Say something that nobody asked for, and hang up."""
        for connection in self._open:
            with contextlib.suppress(OSError):
                if words:
                    connection.sendall(f"{words}\r\n".encode())
                connection.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def running(self) -> Iterator["TroubledServer"]:
        door = threading.Thread(target=self._let_in)
        door.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._door.shutdown(socket.SHUT_RDWR)
            self.say_to_all(None)
            for thread in (door, *self._threads):
                thread.join()
            self._door.close()

    def _let_in(self) -> None:
        while True:
            try:
                connection, _ = self._door.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as heard, contextlib.suppress(_HungUp, OSError):
            _Session(self, connection, heard).serve()

    def reaction(self, stage: str, mail: int) -> Reaction | None:
        left = self._troubles.get((stage, mail))
        return left.pop() if left else None

    def hang(self) -> None:
        self._ended.wait()
        raise _HungUp


class _Session:
    def __init__(self, server: TroubledServer, connection: socket.socket, heard: BinaryIO) -> None:
        self._server = server
        self._connection = connection
        self._heard = heard
        self._mail = 0
        self._recipients = 0

    def serve(self) -> None:
        self._answer("GREETING", "220 mx.example")
        while line := self._heard.readline():
            command = line.decode().rstrip()
            self._server.commands.append(command)
            verb = command[:4].upper()
            if verb == "EHLO":
                self._answer(
                    verb, "250-mx.example" + "\r\n250-PIPELINING" * self._server.pipelining + "\r\n250 OK"
                )
            elif verb == "MAIL":
                self._mail, self._recipients = int(command.partition("+")[2].partition("@")[0] or 0), 0
                if not self._answer(verb, "250 2.1.0 ok"):
                    self._mail = -1
            elif verb == "RCPT":
                good = self._mail >= 0 and self._answer(verb, "250 2.1.5 ok")
                self._recipients += good
                if self._mail < 0:
                    self._say("503 5.5.1 no MAIL")
            elif verb == "DATA":
                self._take()
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._answer(verb, "250 ok")

    def _take(self) -> None:
        trouble = self._server.reaction("DATA", self._mail)
        if trouble is None and not self._recipients:
            trouble = "554 5.5.1 no valid recipients"
        if trouble is not None:
            self._react(trouble)
            if not (isinstance(trouble, str) and trouble.startswith("354")):
                return
        else:
            self._say("354 go on")
        body = self._body()
        if not self._recipients:
            self._say("554 5.5.1 no valid recipients")
            return
        found = _DELIVERY.search(body)
        assert found is not None
        trouble = self._server.reaction("DOT", self._mail)
        if trouble is None or isinstance(trouble, Taken):
            self._server.taken[int(found[1])] += 1
        self._react(trouble or "250 2.0.0 Ok: queued as 4F3C")
        if after := self._server.reaction("AFTER", self._mail):
            self._react(after)

    def _body(self) -> bytes:
        lines = []
        while (line := self._heard.readline()) != b".\r\n":
            if not line:
                raise _HungUp
            lines.append(line)
            if len(lines) == 1 and (trouble := self._server.reaction("BODY", self._mail)):
                self._react(trouble)
        return b"".join(lines)

    def _answer(self, stage: str, usual: str) -> bool:
        """Whether the answer is yes."""
        trouble = self._server.reaction(stage, self._mail)
        self._react(trouble or usual)
        said = trouble.answer if isinstance(trouble, Dribble) else trouble or usual
        return isinstance(said, str) and said[0] == "2"

    def _react(self, reaction: Reaction) -> None:
        if isinstance(reaction, Taken):
            reaction = reaction.answer
        if reaction is Silence.HANG_UP:
            raise _HungUp
        if reaction is Silence.HANG:
            self._server.hang()
        elif isinstance(reaction, Dribble):
            for letter in f"{reaction.answer}\r\n".encode():
                self._connection.sendall(bytes([letter]))
                time.sleep(reaction.seconds)
        elif isinstance(reaction, str):
            self._say(reaction)
            if _CLOSING.match(reaction):
                raise _HungUp

    def _say(self, words: str) -> None:
        self._connection.sendall(f"{words}\r\n".encode())


def the_mail(number: int, **changes: object) -> Mail:
    """A mail by whose envelope sender the server knows it."""
    return a_mail(number, return_path=f"bounce+{number}@racetoagi.example", **changes)


def hand_over(provider: Provider, mails: Sequence[Mail] = ()) -> HandedOver:
    return provider.hand_over(mails or [the_mail(number) for number in (1, 2, 3)], never)


def verdicts(handed: HandedOver) -> tuple[Verdict | None, ...]:
    """What became of the mails 1, 2 and 3; None: not offered."""
    return tuple(handed.outcomes[n].verdict if n in handed.outcomes else None for n in (1, 2, 3))
