"""Conversations that rest between two calls: to open one costs more than to hand over a hundred mails."""

import threading
import time

from newsletter.providers.smtp_conversation import Conversation

#: seconds that a server is kept waiting for more
SHORT_WHILE = 5.0


class Resting:
    """Each is in one pair of hands only: whoever takes one has it to himself until he puts it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: since when each rests, the longest first
        self._resting: list[tuple[float, Conversation]] = []
        self._watched = False

    def take(self) -> Conversation | None:
        """The one that was used last, if it is as it was left."""
        while True:
            with self._lock:
                if not self._resting:
                    return None
                _, conversation = self._resting.pop()
            if conversation.is_quiet():
                return conversation
            conversation.drop()

    def put(self, conversation: Conversation) -> None:
        with self._lock:
            self._resting.append((time.monotonic(), conversation))
            watched, self._watched = self._watched, True
        if not watched:
            self._watch(SHORT_WHILE)

    def _watch(self, seconds: float) -> None:
        watch = threading.Timer(seconds, self._end_the_idle)
        watch.daemon = True  # leave is taken at exit too
        watch.start()

    def _end_the_idle(self) -> None:
        now = time.monotonic()
        with self._lock:
            idle = [one for since, one in self._resting if now - since >= SHORT_WHILE]
            self._resting = [(since, one) for since, one in self._resting if now - since < SHORT_WHILE]
            self._watched = bool(self._resting)
            wait = self._resting[0][0] + SHORT_WHILE - now if self._resting else None
        for conversation in idle:
            conversation.end()
        if wait is not None:
            self._watch(wait)
