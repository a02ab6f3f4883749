"""The tasks that the queue carries, and the sweep that makes up for every job that was lost."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from newsletter.alerting import strike
from newsletter.dispatch import gates
from newsletter.dispatch.claims import count_due
from newsletter.dispatch.dispatcher import Dispatched
from newsletter.dispatch.reputation import watch_reputation
from newsletter.dispatch.tidying import tidy
from newsletter.editors import sessions, signing_in
from newsletter.feedback import applying
from newsletter.hooks import registry
from newsletter.hooks.posting import post_due
from newsletter.hooks.telling import tell_hooks
from newsletter.issue_forecast import forecast_issue, keep, stale_issues
from newsletter.models import Issue
from newsletter.numbers import keeping
from newsletter.queue.port import Handler, Stop
from newsletter.rendering.renderer import RenderError
from newsletter.store.engine import reading, writing
from newsletter.tracking import counting
from newsletter.watchdog import notices
from newsletter.watchdog.alarms import alarms
from newsletter.watchdog.looking import look
from newsletter.wiring import ALERT, HAND_OVER, Services

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

    def look_out(_ref: int, _stop: Stop) -> None:
        alert(services, clock())

    return {HAND_OVER: hand_over, ALERT: look_out}


def alert(services: Services, now: datetime) -> Counter[str]:
    """Tell readers at once what breaks and concerns them; returns the numbers by what became of it."""
    done = strike(services, now)
    if done:
        log.info("alerted", **done)
    return done


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


def foresee(services: Services, now: datetime) -> None:
    """Count anew who would get what of an open issue: of one at a time, while nobody waits for it."""
    with reading(services.engine) as session:
        for issue in stale_issues(session, now=now):
            try:
                counted = issue.id, issue.version, forecast_issue(session, issue, services.renderer, now=now)
                break
            except RenderError:
                continue  # it is held for that at its cut-off
        else:
            return
    issue_id, version, forecast = counted
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id, with_for_update={"of": Issue})
        keep(session, issue, version, forecast, now=now)


def count_days(services: Services, now: datetime) -> None:
    """Count the days that are over and the issues underway, once an hour, while nobody waits for it."""
    with reading(services.engine) as session:
        if not keeping.is_due(session, now=now):
            return
        counts = keeping.count(session, now=now)
    with writing(services.engine) as session:
        keeping.keep(session, counts, now=now)


def bark(services: Services, now: datetime) -> None:
    """Tell the editors what stands still that should not."""
    with reading(services.engine) as session:
        found = alarms(look(session, services.site.audiences, services.look_over, now=now), now=now)
    with writing(services.engine) as session:
        if notices.note(session, found, now=now):
            services.wake(session)


def tell(services: Services, now: datetime) -> None:
    """Tell the hooks what happened since the last time, and post what is due to them."""
    with reading(services.engine) as session:
        if not registry.has_any(session):
            return
    with writing(services.engine) as session:
        tell_hooks(session, now)
    post_due(services.engine, now)


def forget(services: Services, now: datetime) -> None:
    """Delete what is kept for a time only, the oldest first and each portion by itself."""
    for forget_old in (applying.forget_old, counting.forget_old, registry.forget_old):
        while _portion(services, forget_old, now):
            pass
    with writing(services.engine) as session:
        sessions.forget_old(session, now=now)
        signing_in.forget_old(session, now=now)


def _portion(services: Services, forget_old: Callable[..., int], now: datetime) -> int:
    with writing(services.engine) as session:
        return forget_old(session, now=now)


def sweep(services: Services, now: datetime) -> None:
    """Take back dead workers' jobs, and see to it that one waits for every claim that what is due fills."""
    services.queue.rescue()
    settings, provider = services.settings, services.provider.name
    senders = {settings.mail_from.address, settings.alert_sender.address}
    per_claim = settings.mails_per_claim
    with reading(services.engine) as session:
        open_for = [
            gates.openings(session, gates.ways(provider, sender), per_claim=per_claim) for sender in senders
        ]
        most = int(min(AHEAD * per_claim, max(open_for)))
        due = count_due(session, most, now=now)
    missing = -(-due // per_claim) - services.queue.waiting(HAND_OVER) if due else 0
    if missing > 0:
        with writing(services.engine) as session:
            for _ in range(missing):
                services.wake(session)
