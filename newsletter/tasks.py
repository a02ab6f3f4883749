"""The tasks that the queue carries, and the sweep that makes up for every job that was lost."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from newsletter.dispatch import gates
from newsletter.dispatch.claims import count_due
from newsletter.dispatch.dispatcher import Dispatched
from newsletter.dispatch.reputation import watch_reputation
from newsletter.dispatch.tidying import tidy
from newsletter.hooks.posting import post_due
from newsletter.hooks.registry import has_any
from newsletter.hooks.telling import tell_hooks
from newsletter.queue.port import Handler, Stop
from newsletter.store.engine import reading, writing
from newsletter.wiring import HAND_OVER, Services

log = structlog.get_logger()

#: seconds after which a job gives its thread back, once the claim in hand is done
BRIEFLY = 5.0
#: so many claims are waiting at most: as many threads may work at one time on all machines
AHEAD = 50


def _utc_now() -> datetime:
    return datetime.now(UTC)


def handlers(services: Services, *, clock: Callable[[], datetime] = _utc_now) -> dict[str, Handler]:
    """Who does which task."""
    hands = threading.local()

    def hand_over(_ref: int, stop: Stop) -> None:
        if not hasattr(hands, "dispatcher"):
            hands.dispatcher = services.dispatcher()
        until = time.monotonic() + BRIEFLY
        while not stop() and time.monotonic() < until and hands.dispatcher.step(clock(), Dispatched(), stop):
            pass

    return {HAND_OVER: hand_over}


def tidy_up(services: Services, now: datetime) -> None:
    """Settle what workers and readers have left lying in the outbox."""
    with writing(services.engine) as session:
        found = tidy(session, now=now)
    if found:
        log.info("tidied", **found)


def watch(services: Services, now: datetime) -> list[str]:
    """Stop what readers complain of too much; what was done, in words."""
    with writing(services.engine) as session:
        return watch_reputation(session, now)


def tell(services: Services, now: datetime) -> None:
    """Tell the hooks what happened since the last time, and post what is due to them."""
    with reading(services.engine) as session:
        if not has_any(session):
            return
    with writing(services.engine) as session:
        tell_hooks(session, now)
    post_due(services.engine, now)


def sweep(services: Services, now: datetime) -> None:
    """Take back dead workers' jobs, and see to it that one waits for every claim that what is due fills."""
    services.queue.rescue()
    ways = {
        gates.provider_way(services.provider.name),
        gates.sender_way(services.settings.mail_from.address),
    }
    per_claim = services.settings.mails_per_claim
    with reading(services.engine) as session:
        most = int(min(AHEAD * per_claim, gates.openings(session, ways, per_claim=per_claim)))
        due = count_due(session, most, now=now)
    missing = -(-due // per_claim) - services.queue.waiting(HAND_OVER) if due else 0
    if missing > 0:
        with writing(services.engine) as session:
            for _ in range(missing):
                services.wake(session)
