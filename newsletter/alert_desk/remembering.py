"""Counts over many readers, remembered for a moment: a page that is looked at again and again does not
count them each time.

What few readers are counted for is counted whenever it is asked for.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from newsletter.alert_desk.counting import AlertProof, proof, tallies
from newsletter.alert_desk.foreseeing import Aimed, foresee
from newsletter.alerts.sparing import Limits
from newsletter.models import Alert
from newsletter.models.alert import AlertReaderState

#: readers that are counted each time
FEW = 10_000
#: counts that are remembered
REMEMBERED = 1_000
#: a proof is followed while mails leave
FOLLOWED = timedelta(seconds=5)
A_MINUTE = timedelta(minutes=1)
#: no mail of an alert leaves any more after its life, and those whose answer was lost are settled by then
SETTLED_AFTER = timedelta(days=1)

V = TypeVar("V")


class _Memory(Generic[V]):
    """Values by their keys, each until its time; the oldest make room for new ones."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[datetime, datetime, V]] = OrderedDict()

    def find(self, key: Hashable, now: datetime) -> V | None:
        since, until, value = self._kept.get(key, (now, now, None))
        return value if since <= now < until else None

    def keep(self, key: Hashable, value: V, now: datetime, lasting: timedelta) -> V:
        self._kept[key] = now, now + lasting, value
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return value


class Counts:
    """What is counted of alerts for the desk. One for all the threads of a process."""

    def __init__(self) -> None:
        self._aimed = _Memory[Aimed]()
        self._tallies = _Memory[Mapping[str, int]]()
        self._proofs = _Memory[AlertProof]()

    def foresee(self, session: Session, alert: Alert, limits: Limits, *, now: datetime) -> Aimed:
        """`foresee`, at most a minute old; it is that of the version and the revision of now."""
        key = alert.id, alert.version, alert.revision
        if found := self._aimed.find(key, now):
            return found
        aimed = foresee(session, alert, limits, now=max(now, alert.release_at or now))
        return self._aimed.keep(key, aimed, now, A_MINUTE) if aimed.readers > FEW else aimed

    def tallies(
        self, session: Session, alerts: Sequence[Alert], *, now: datetime
    ) -> dict[int, Mapping[str, int]]:
        """`tallies`, at most a minute old; once nothing of an alert can change any more, a day."""
        found = {alert.id: self._tallies.find((alert.id, alert.version), now) for alert in alerts}
        counted = tallies(session, [alert_id for alert_id, tally in found.items() if tally is None])
        for alert in alerts:
            tally = counted.get(alert.id)
            if tally and sum(tally.values()) > FEW:
                over = alert.expires_at + SETTLED_AFTER < now and not tally[AlertReaderState.WAITING]
                lasting = SETTLED_AFTER if over else A_MINUTE
                self._tallies.keep((alert.id, alert.version), tally, now, lasting)
        return counted | {alert_id: tally for alert_id, tally in found.items() if tally is not None}

    def proof(self, session: Session, alert: Alert, *, now: datetime) -> AlertProof:
        """`proof`, at most a few seconds old."""
        key = alert.id, alert.version
        if found := self._proofs.find(key, now):
            return found
        proved = proof(session, alert)
        many = sum(proved.readers.values()) > FEW
        return self._proofs.keep(key, proved, now, FOLLOWED) if many else proved
