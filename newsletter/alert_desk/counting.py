"""The proof of an alert: what became of it for each of its readers, and of each mail that tells it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from newsletter.alerts.phrases import count
from newsletter.models import Alert, AlertReader, Delivery, Edition
from newsletter.models.alert import AlertReaderState, AlertState
from newsletter.models.delivery import OPEN, SETTLED, DeliveryKind, DeliveryState, MailboxState
from newsletter.replay import alert_editions

#: a reader is told by a mail that is not there: what no proof may hold
MISSING = "missing"
#: alerts that are shown at a time
MOST_UNDERWAY = 10
#: mails of one alert that are shown
MOST_MAILS = 10


@dataclass(frozen=True)
class AlertProof:
    #: state → number of readers in it now; every state has its number
    readers: Mapping[str, int]
    #: state of the mail → number of readers whom it tells; every state has its number, and MISSING
    mails: Mapping[str, int]
    #: (state of the reader or of the mail, reason) → number, the most frequent first
    reasons: Mapping[tuple[str, str], int]
    #: what the mailbox said → number, in the order of `MailboxState`
    said: Mapping[str, int]

    @property
    def adds_up(self) -> bool:
        """Whether everybody whom a mail tells has that mail."""
        return not self.mails[MISSING]

    @property
    def open(self) -> int:
        """How many readers have no fate yet."""
        return self.readers[AlertReaderState.WAITING] + sum(self.mails[state] for state in OPEN)

    @property
    def sentence(self) -> str:
        """`12 readers = 10 mailed + 2 folded; 10 mailed = 9 accepted + 1 queued`, or with ≠."""
        total = sum(self.readers.values())
        if not total:
            return "0 readers"
        told = f"{count(total, 'reader')} = {_sum(self.readers)}"
        mailed = self.readers[AlertReaderState.MAILED]
        there = {state: number for state, number in self.mails.items() if state != MISSING}
        sign = "=" if self.adds_up else "≠"
        return f"{told}; {mailed:,} mailed {sign} {_sum(there)}" if mailed else told

    def to_json(self) -> dict[str, object]:
        return {
            "readers": dict(self.readers),
            "mails": dict(self.mails),
            "reasons": [
                {"state": state, "reason": reason, "count": number}
                for (state, reason), number in self.reasons.items()
            ],
            "mailboxes": dict(self.said),
            "adds_up": self.adds_up,
            "open": self.open,
        }


def _sum(numbers: Mapping[str, int]) -> str:
    return " + ".join(f"{number:,} {name}" for name, number in numbers.items() if number) or "0"


def proof(session: Session, alert: Alert) -> AlertProof:
    """What became of it, counted now."""
    mail = and_(
        AlertReader.state == AlertReaderState.MAILED,
        Delivery.kind == DeliveryKind.ALERT,
        Delivery.occasion_id == AlertReader.edition_id,
        Delivery.subscriber_id == AlertReader.subscriber_id,
    )
    kinds = AlertReader.state, AlertReader.reason, Delivery.state, Delivery.reason, Delivery.mailbox
    rows = session.execute(
        select(*kinds, func.count())
        .outerjoin(Delivery, mail)
        .where(AlertReader.alert_id == alert.id)
        .group_by(*kinds)
    )
    readers = dict.fromkeys(map(str, AlertReaderState), 0)
    mails = dict.fromkeys(map(str, (*SETTLED, *OPEN, MISSING)), 0)
    reasons: Counter[tuple[str, str]] = Counter()
    said: Counter[str] = Counter()
    for state, why, mail_state, mail_why, mailbox, number in rows:
        readers[state] += number
        if state == AlertReaderState.MAILED:
            mails[mail_state or MISSING] += number
        if why and state != AlertReaderState.MAILED:
            reasons[state, why] += number
        if mail_why and mail_state != DeliveryState.ACCEPTED:
            reasons[mail_state, mail_why] += number
        if mailbox:
            said[mailbox] += number
    in_order = {str(state): said[state] for state in MailboxState if said[state]}
    return AlertProof(readers, mails, dict(reasons.most_common()), in_order)


def mails(session: Session, alert: Alert) -> Sequence[Edition]:
    """The mails that tell it, those that most readers share first; one more than are shown, if there are."""
    told = alert_editions(alert).order_by(None).order_by(Edition.readers.desc(), Edition.id)
    return session.scalars(told.limit(MOST_MAILS + 1)).all()


def underway(session: Session) -> Sequence[Alert]:
    """What waits for somebody, for its time, or is just leaving: the first of it, the oldest first."""
    states = (AlertState.DRAFT, AlertState.APPROVED, AlertState.SPREADING)
    query = select(Alert).where(Alert.state.in_(states)).order_by(Alert.id).limit(MOST_UNDERWAY)
    return session.scalars(query).all()


def tallies(session: Session, alert_ids: Collection[int]) -> dict[int, Mapping[str, int]]:
    """Alert id → state → number of its readers in it; every alert and every state has its number."""
    found = {alert_id: dict.fromkeys(map(str, AlertReaderState), 0) for alert_id in alert_ids}
    rows = session.execute(
        select(AlertReader.alert_id, AlertReader.state, func.count())
        .where(AlertReader.alert_id.in_(alert_ids))
        .group_by(AlertReader.alert_id, AlertReader.state)
    )
    for alert_id, state, number in rows:
        found[alert_id or 0][state] = number
    return dict(found)
