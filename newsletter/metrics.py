"""Metrics: what an operator would be woken for, asked of the database when Prometheus scrapes.

Every process tells the same, since all of it is rows. No label holds an address, a token or the number of
a reader. docs/operations.md says what each is for, and what to do.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.dispatch import gates, steering
from newsletter.dispatch.reputation import WINDOW, standing
from newsletter.hooks.registry import PostState
from newsletter.models import Alert, AlertReader, Delivery, Event, HookPost, Issue, Newsletter, Pulse, Story
from newsletter.models.alert import AlertReaderState, AlertState, of_state
from newsletter.models.delivery import DeliveryState, Priority
from newsletter.models.issue import IssueState
from newsletter.newsletters import ALERT, with_issues
from newsletter.pulses import SILENCE
from newsletter.store.clock import database_now
from newsletter.store.engine import reading
from newsletter.store.migrate import is_current
from subscribers.models import Subscription, Suppression

#: rows are counted up to here, so that a scrape in the middle of a large issue costs as little as any
MOST = 10_000
#: the oldest due mail is looked for among so many
FIRST = 500
#: seconds for which the numbers that have to look at every reader or mail are remembered
REMEMBERED = 300.0
#: an issue that waits for its approval is told so long before its cut-off
CLOSE = timedelta(hours=1)

#: the labels of a sample, and its value
Sample = tuple[Sequence[str], float]
Asked = Callable[[Session, datetime], Iterable[Sample]]


class Metrics:
    """The numbers of one database. Safe to be asked by several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._slow: list[Metric] = []
        self._asked_at = float("-inf")

    def text(self, now: datetime) -> bytes:
        """All of them at `now`, in Prometheus' text format; raises when the database does not answer."""
        return generate_latest(_Found(self._families(now)))

    def _families(self, now: datetime) -> list[Metric]:
        current = is_current(self._engine)
        schema = _family(
            "schema_current", "Whether the database's schema is the program's.", (), [((), current)]
        )
        if not current:
            return [schema]
        with reading(self._engine) as session:
            found = [_family(*about, asked(session, now)) for about, asked in _AT_EACH_SCRAPE]
            if time.monotonic() - self._asked_at >= REMEMBERED:
                self._slow = [_family(*about, asked(session, now)) for about, asked in _NOW_AND_THEN]
                self._asked_at = time.monotonic()
        return [schema, *found, *self._slow]


class _Found(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def _family(name: str, meaning: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    family = GaugeMetricFamily(f"newsletter_{name}", meaning, labels=labels)
    for values, number in samples:
        family.add_metric(values, float(number))
    return family


def _counted(session: Session, key: InstrumentedAttribute[int], *which: ColumnElement[bool]) -> int:
    """How many rows, up to MOST."""
    found = select(key).where(*which).limit(MOST).subquery()
    return session.scalars(select(func.count()).select_from(found)).one()


def _age(now: datetime, then: datetime | None) -> float:
    return max(0.0, (now - then).total_seconds()) if then else 0.0


def _ways_out(session: Session) -> dict[Priority, list[tuple[ColumnElement[bool], ...]]]:
    """What may leave by each priority, in portions that the index of the outbox finds at once."""
    published = session.execute(
        select(Issue.id, Newsletter.slug).join(Issue.newsletter).where(Issue.state == IssueState.PUBLISHED)
    ).all()
    stopped = gates.closed(session, {gates.newsletter_way(slug) for _, slug in published})
    queued = Delivery.state == DeliveryState.QUEUED
    ways: dict[Priority, list[tuple[ColumnElement[bool], ...]]] = {
        priority: [(queued, Delivery.priority == priority)] for priority in (Priority.LETTER, Priority.ALERT)
    }
    ways[Priority.DIGEST] = [
        (queued, Delivery.priority == Priority.DIGEST, Delivery.occasion_id == issue_id)
        for issue_id, slug in published
        if gates.newsletter_way(slug) not in stopped
    ]
    return ways


def _outbox_due(session: Session, now: datetime) -> Iterator[Sample]:
    for priority, portions in _ways_out(session).items():
        due = (_counted(session, Delivery.id, *which, Delivery.due_at <= now) for which in portions)
        yield (priority.name.lower(),), sum(due)


def _outbox_oldest(session: Session, now: datetime) -> Iterator[Sample]:
    for priority, portions in _ways_out(session).items():
        oldest = (_oldest_due(session, which) for which in portions)
        yield (priority.name.lower(),), max((_age(now, due_at) for due_at in oldest), default=0.0)


def _oldest_due(session: Session, which: Sequence[ColumnElement[bool]]) -> datetime | None:
    """Among the FIRST in the order of the index, which is nearly that in which they came."""
    in_order = select(Delivery.due_at).where(*which).order_by(Delivery.occasion_id, Delivery.due_at)
    oldest: datetime | None = session.scalar(select(func.min(in_order.limit(FIRST).subquery().c.due_at)))
    return oldest


def _outbox_held(session: Session, _now: datetime) -> Iterator[Sample]:
    for state in (DeliveryState.CLAIMED, DeliveryState.SUBMITTING):
        held = (Delivery.lease_until.is_not(None), Delivery.state == state)
        yield (state.value,), _counted(session, Delivery.id, *held)


def _outbox_unknown(session: Session, _now: datetime) -> Iterator[Sample]:
    yield (), _counted(session, Delivery.id, Delivery.state == DeliveryState.UNKNOWN)


def _way_closed(session: Session, _now: datetime) -> Iterator[Sample]:
    for row in steering.closed_ways(session):
        yield (row.key, "a person or a rule" if row.stopped else "the provider"), 1


def _alerts_oldest(session: Session, now: datetime) -> Iterator[Sample]:
    """At each step on the way of a story; nothing where no alerts are published."""
    if not session.scalar(select(Newsletter.id).where(Newsletter.cadence == ALERT, Newsletter.active)):
        return
    unlooked = select(Story.changed_at).where(Story.watched < Story.revision).order_by(Story.id).limit(FIRST)
    began = func.min(func.coalesce(Alert.release_at, Alert.made_at))
    steps = {
        "look": select(func.min(unlooked.subquery().c.changed_at)),
        "spread": select(began).where(Alert.state == AlertState.SPREADING),
        "mail": select(func.min(AlertReader.due_at)).where(of_state(AlertReaderState.WAITING)),
    }
    for step, oldest in steps.items():
        yield (step,), _age(now, session.scalar(oldest))


def _events_waiting(session: Session, _now: datetime) -> Iterator[Sample]:
    yield (), _counted(session, Event.id, Event.applied_at.is_(None))


def _events_oldest(session: Session, now: datetime) -> Iterator[Sample]:
    first = select(Event.received_at).where(Event.applied_at.is_(None)).order_by(Event.id).limit(1)
    yield (), _age(now, session.scalar(first))


def _hook_posts(session: Session, _now: datetime) -> Iterator[Sample]:
    waiting = (HookPost.state == PostState.WAITING,)
    yield ("new",), _counted(session, HookPost.id, *waiting, HookPost.attempt == 0)
    yield ("failing",), _counted(session, HookPost.id, *waiting, HookPost.answer.is_not(None))


def _processes(session: Session, _now: datetime) -> Iterator[Sample]:
    alive = select(Pulse.role, func.count()).where(Pulse.seen_at > database_now(session) - SILENCE)
    found = dict(session.execute(alive.group_by(Pulse.role)).all())
    for role in ("clock", "worker", "web"):
        yield (role,), found.get(role, 0)


def _clock_silence(session: Session, _now: datetime) -> Iterator[Sample]:
    seen_at = session.scalar(select(func.max(Pulse.seen_at)).where(Pulse.role == "clock"))
    if seen_at:
        yield (), _age(database_now(session), seen_at)


def _issues(session: Session, *which: ColumnElement[bool]) -> Iterator[Sample]:
    """How many issues of each newsletter, also where there is none."""
    wanted = select(Issue.newsletter_id, func.count()).where(*which).group_by(Issue.newsletter_id)
    found = dict(session.execute(wanted).all())
    for newsletter in session.scalars(with_issues()):
        yield (newsletter.slug,), found.get(newsletter.id, 0)


def _issues_held(session: Session, _now: datetime) -> Iterator[Sample]:
    return _issues(session, Issue.state == IssueState.HELD)


def _issues_unapproved(session: Session, now: datetime) -> Iterator[Sample]:
    by_hand = Issue.newsletter_id.in_(select(Newsletter.id).where(Newsletter.policy == "hold"))
    return _issues(session, Issue.state == IssueState.DRAFT, by_hand, Issue.cutoff_at <= now + CLOSE)


def _mails(session: Session, now: datetime) -> Iterator[Sample]:
    """What became of the last days' mails, for the newsletters that appeared in them."""
    since = now - WINDOW
    appeared = select(Issue.newsletter_id).where(Issue.published_at > since - WINDOW)
    for slug in session.scalars(select(Newsletter.slug).where(Newsletter.id.in_(appeared))):
        found = standing(session, since, Delivery.newsletter == slug)
        for what in ("left", "reached", "bounced", "complained"):
            yield (slug, what), getattr(found, what)


def _by(*columns: InstrumentedAttribute[Any]) -> Asked:
    """A count of rows by what stands in some columns."""

    def asked(session: Session, _now: datetime) -> Iterator[Sample]:
        for *values, number in session.execute(select(*columns, func.count()).group_by(*columns)):
            yield values, number

    return asked


_AT_EACH_SCRAPE: tuple[tuple[tuple[str, str, tuple[str, ...]], Asked], ...] = (
    (("outbox_due", f"Mails due and not yet claimed, up to {MOST} an issue.", ("priority",)), _outbox_due),
    (
        ("outbox_oldest_due_seconds", "How long the oldest due mail has waited.", ("priority",)),
        _outbox_oldest,
    ),
    (
        ("alerts_oldest_seconds", "How long the oldest of what alerts wait for has waited.", ("step",)),
        _alerts_oldest,
    ),
    (("outbox_held", f"Mails in workers' hands, up to {MOST}.", ("state",)), _outbox_held),
    (("outbox_unknown", f"Mails that may or may not have been taken, up to {MOST}.", ()), _outbox_unknown),
    (("way_closed", "1 for each way by which no mail leaves now.", ("way", "by")), _way_closed),
    (("events_waiting", f"Events not yet worked in, up to {MOST}.", ()), _events_waiting),
    (("events_oldest_seconds", "How long the oldest of them has waited.", ()), _events_oldest),
    (("hook_posts", f"Posts that wait for their hooks, up to {MOST}.", ("state",)), _hook_posts),
    (("processes", "Processes seen alive in the last minute.", ("role",)), _processes),
    (("clock_silence_seconds", "Since a clock was last seen alive; none for a day.", ()), _clock_silence),
    (("issues_held", "Issues that wait for a person.", ("newsletter",)), _issues_held),
    (("issues_unapproved", "Drafts within an hour of being held.", ("newsletter",)), _issues_unapproved),
)
_NOW_AND_THEN: tuple[tuple[tuple[str, str, tuple[str, ...]], Asked], ...] = (
    (("mails_7d", "What became of the digests of the last seven days.", ("newsletter", "fate")), _mails),
    (
        ("subscriptions", "Subscriptions by state.", ("newsletter", "state")),
        _by(Subscription.newsletter, Subscription.state),
    ),
    (("suppressions", "Addresses that are not mailed at all.", ("reason",)), _by(Suppression.reason)),
)
