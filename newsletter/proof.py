"""The proof of an issue: that every mail frozen at its publication has a known fate."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.models import Delivery, Issue
from newsletter.models.delivery import OPEN, SETTLED, DeliveryKind, DeliveryState


@dataclass(frozen=True)
class Proof:
    #: counted at publication
    frozen: int
    #: state → number of deliveries in it now; every state has its number
    counts: Mapping[str, int]
    #: (state, reason) → number, for those that were not accepted
    reasons: Mapping[tuple[str, str], int]

    @property
    def adds_up(self) -> bool:
        """Whether no mail is missing and none is too many."""
        return sum(self.counts.values()) == self.frozen

    @property
    def open(self) -> int:
        """How many mails are still on their way."""
        return sum(self.counts[state] for state in OPEN)

    @property
    def sentence(self) -> str:
        """`12 frozen = 10 accepted + 1 withheld + 1 queued`, or with ≠ where it does not add up."""
        parts = [f"{number} {state}" for state, number in self.counts.items() if number]
        if not self.frozen and not parts:
            return "no mail was frozen"
        return f"{self.frozen} frozen {'=' if self.adds_up else '≠'} {' + '.join(parts) or '0'}"

    def to_json(self) -> dict[str, object]:
        return {
            "frozen": self.frozen,
            "counts": dict(self.counts),
            "reasons": [
                {"state": state, "reason": reason, "count": number}
                for (state, reason), number in self.reasons.items()
            ],
            "adds_up": self.adds_up,
            "open": self.open,
        }


def proof(session: Session, issue: Issue) -> Proof:
    """The fates of the issue's deliveries, counted now."""
    rows = session.execute(
        select(Delivery.state, Delivery.reason, func.count())
        .where(Delivery.kind == DeliveryKind.DIGEST, Delivery.occasion_id == issue.id)
        .group_by(Delivery.state, Delivery.reason)
        .order_by(Delivery.state, Delivery.reason)
    ).all()
    counts = dict.fromkeys((str(state) for state in (*SETTLED, *OPEN)), 0)
    for state, _, number in rows:
        counts[state] += number
    reasons = {
        (state, reason): number
        for state, reason, number in rows
        if reason and state != DeliveryState.ACCEPTED
    }
    return Proof(issue.frozen or 0, counts, reasons)
