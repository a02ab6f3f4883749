"""An SMTP server that takes its time over each mail, and counts how often each recipient was served."""

import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class SlowServer(socketserver.ThreadingTCPServer):
    """Takes every mail, and answers `seconds` later; None is never."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, seconds: float | None) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.seconds = seconds
        #: how often a mail to this recipient was taken
        self.taken: Counter[str] = Counter()
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return "smtp://{}:{}".format(*self.server_address)


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, SlowServer)
        recipient = ""
        self._say("220 mx.example")
        while line := self.rfile.readline():
            command = line.decode().strip()
            if command == "DATA":
                self._say("354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                server.taken[recipient] += 1
                if server.ended.wait(server.seconds):
                    return
            elif command.startswith("RCPT TO:"):
                recipient = command.partition("<")[2].partition(">")[0]
            elif command == "QUIT":
                self._say("221 bye")
                return
            self._say("250 ok")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def slow_smtp(seconds: float | None) -> Iterator[SlowServer]:
    """A running server on a port of its own."""
    with SlowServer(seconds) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()
