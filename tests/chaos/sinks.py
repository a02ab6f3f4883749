"""Where the mail goes: what every server of the crash tests has in common, and the folder.

They count every copy that they take, in their own books; nothing of ours is believed. Told to, they
fail in every way that the table of outcomes knows, at random and by a seed.
"""

import random
import re
import socketserver
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import NamedTuple

#: seconds that a silence lasts, longer than a hurried sender waits
SILENCE = 4.0
_FEEDBACK_ID = re.compile(r"(\d+):[^:]*:([^:]+):")


class Copy(NamedTuple):
    """A mail as its recipient knows it: two of the same are one too many."""

    to: str
    kind: str
    occasion: int

    @classmethod
    def of(cls, to: str, feedback_id: str) -> "Copy":
        found = _FEEDBACK_ID.match(feedback_id)
        assert found is not None, feedback_id
        return cls(to, found[2], int(found[1]))


class Sink:
    """The books, and the chance that something goes wrong at each step that a mail takes."""

    def __init__(self, *, seed: int = 0, trouble: float = 0.0, seconds: float = 0.0) -> None:
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._trouble = trouble
        #: how long it takes over each mail
        self.seconds = seconds
        self.url = ""
        self.taken: Counter[Copy] = Counter()
        #: how often each trouble was made
        self.troubles: Counter[str] = Counter()
        #: mails whose sender was not told, or not clearly, what became of them
        self.untold = 0
        #: refused for good, whoever asks
        self.refused: set[str] = set()
        self.ended = threading.Event()

    def settings(self) -> dict[str, str]:
        """How our programs are told to hand over to it."""
        raise NotImplementedError

    def count(self, copies: Iterable[Copy]) -> None:
        with self._lock:
            self.taken.update(copies)

    def leave_untold(self, number: int = 1) -> None:
        with self._lock:
            self.untold += number

    def mishap(self, *kinds: str) -> str | None:
        """One of the kinds, or mostly none."""
        with self._lock:
            if self._chance.random() >= self._trouble:
                return None
            kind = self._chance.choice(kinds)
            self.troubles[kind] += 1
            return kind

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self._trouble = 0.0


class FolderSink(Sink):
    """The folder itself: a file for each mail, so that of copies only what they say can be told apart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__()

    @property
    def taken(self) -> Counter[Copy]:
        return Counter(map(self._copy, self._folder.glob("*.eml")))

    @taken.setter
    def taken(self, _: Counter[Copy]) -> None:
        pass

    def _copy(self, path: Path) -> Copy:
        with path.open("rb") as file:
            headers = BytesHeaderParser().parse(file)
        return Copy.of(headers["To"], headers["Feedback-ID"])

    def settings(self) -> dict[str, str]:
        return {"MAIL_PROVIDER": "folder"}


@contextmanager
def serving(server: socketserver.BaseServer, sink: Sink) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        sink.ended.set()
        server.shutdown()
        thread.join()
