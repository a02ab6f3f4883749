"""What holds for every process that serves: when it leaves, when it rests, and that it is seen alive.

The first SIGTERM or SIGINT asks it to leave, later ones are ignored; platforms send several. It also
leaves when another program has changed the database's schema, and rests while its clock is wrong.
"""

import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from newsletter.pulses import beat, clock_is_wrong
from newsletter.store.clock import database_now
from newsletter.store.engine import reading, writing
from newsletter.store.migrate import SchemaError, require_current

log = structlog.get_logger()

#: seconds that the work in hand has to end in; platforms kill after 20 or 30
PATIENCE = 18.0
#: seconds between two looks at schema and clock
LOOK = 5
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Duty:
    """One process's service, in one role or in several."""

    def __init__(
        self, engine: Engine, roles: Sequence[str], *, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._pulses = {role: secrets.token_hex(8) for role in roles}
        self._leaving = False
        self._clock_is_wrong = False
        #: an instant, and when it was by the clock that nobody sets
        self._known = clock(), time.monotonic()
        #: why the process leaves, if it was not asked to
        self.fault: str | None = None

    def leaving(self) -> bool:
        """Whether to end."""
        return self._leaving

    def now(self) -> datetime:
        """The database's time, counted on since the last look: what is due is told by it.

        A machine's clock that is set between two looks does no harm.
        """
        instant, since = self._known
        return instant + timedelta(seconds=time.monotonic() - since)

    def resting(self) -> bool:
        """Whether to take up nothing new: while the clock is wrong, and before the end."""
        return self._leaving or self._clock_is_wrong

    def leave(self, fault: str | None = None) -> None:
        """End soon; with a `fault`, in failure."""
        self.fault = self.fault or fault
        self._leaving = True

    def look(self) -> None:
        """Whether schema and clock are still those to work with."""
        try:
            require_current(self._engine)
        except SchemaError as error:
            self.leave(str(error))
            return
        with reading(self._engine) as session:
            self._known = database_now(session), time.monotonic()
            wrong = clock_is_wrong(session, self._clock())
        if wrong and not self._clock_is_wrong:
            log.error("clock_is_wrong", remedy="set this machine's clock; nothing is done until then")
        if self._clock_is_wrong and not wrong:
            log.info("clock_is_right_again")
        self._clock_is_wrong = wrong

    def beat(self) -> None:
        """Show that the process lives."""
        with writing(self._engine) as session:
            for role, process in self._pulses.items():
                beat(session, process, role, socket.gethostname())

    def heed_signals(self) -> None:
        """Leave at the first signal to do so."""
        for number in SIGNALS:
            signal.signal(number, lambda *_: self.leave())

    def wait(self) -> None:
        """Wait until it is time to leave; from then on the process lives no longer than PATIENCE."""
        while not self._leaving:
            time.sleep(0.1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        deadline = threading.Timer(PATIENCE, self._break_off)
        deadline.daemon = True
        deadline.start()

    def _break_off(self) -> None:
        # somebody does not answer; the leases of what is in hand tell the others
        log.error("left_before_all_was_done")
        os._exit(1 if self.fault else 0)


def steady(name: str, action: Callable[[], object]) -> Callable[[], None]:
    """`action`, but it never raises: each kind of trouble is logged once, until it is over."""
    told: set[str] = set()

    def do() -> None:
        try:
            action()
        except Exception as error:
            kind = type(error).__name__
            if kind not in told:
                told.add(kind)
                _tell(name, error)
        else:
            if told:
                told.clear()
                log.info("resumed", what=name)

    return do


def _tell(name: str, error: Exception) -> None:
    if isinstance(error, OperationalError):
        # the database is away, locked or full: it says so itself
        log.error("interrupted", what=name, reason=str(error.orig).strip())
    else:
        # a fault of ours; but what a database says of it may hold an address
        log.error(
            "interrupted", what=name, error=type(error).__name__, exc_info=not isinstance(error, DBAPIError)
        )
