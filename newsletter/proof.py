"""The proof of an issue: that every mail frozen at its publication has a known fate.

Beside it stands what the mailboxes said of the mails that were accepted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.models import Delivery, Issue
from newsletter.models.delivery import OPEN, SETTLED, DeliveryKind, DeliveryState, MailboxState


@dataclass(frozen=True)
class Proof:
    #: counted at publication
    frozen: int
    #: state → number of deliveries in it now; every state has its number
    counts: Mapping[str, int]
    #: (state, reason) → number, for those that were not accepted
    reasons: Mapping[tuple[str, str], int]
    #: what the mailbox said → number of deliveries, in the order of `MailboxState`
    said: Mapping[str, int]

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

    @property
    def mailboxes(self) -> str:
        """`mailboxes: 8 delivered, 1 hard bounced`, or that none said anything yet."""
        parts = [f"{number} {said}" for said, number in self.said.items()]
        return f"mailboxes: {', '.join(parts) or 'nothing heard yet'}"

    def to_json(self) -> dict[str, object]:
        return {
            "frozen": self.frozen,
            "counts": dict(self.counts),
            "reasons": [
                {"state": state, "reason": reason, "count": number}
                for (state, reason), number in self.reasons.items()
            ],
            "mailboxes": dict(self.said),
            "adds_up": self.adds_up,
            "open": self.open,
        }


def proof(session: Session, issue: Issue) -> Proof:
    """The fates of the issue's deliveries, counted now."""
    rows = session.execute(
        select(Delivery.state, Delivery.reason, Delivery.mailbox, func.count())
        .where(Delivery.kind == DeliveryKind.DIGEST, Delivery.occasion_id == issue.id)
        .group_by(Delivery.state, Delivery.reason, Delivery.mailbox)
        .order_by(Delivery.state, Delivery.reason)
    ).all()
    counts = dict.fromkeys((str(state) for state in (*SETTLED, *OPEN)), 0)
    reasons: Counter[tuple[str, str]] = Counter()
    said: Counter[str] = Counter()
    for state, reason, mailbox, number in rows:
        counts[state] += number
        if reason and state != DeliveryState.ACCEPTED:
            reasons[state, reason] += number
        if mailbox:
            said[mailbox] += number
    in_order = {str(state): said[state] for state in MailboxState if said[state]}
    return Proof(issue.frozen or 0, counts, reasons, in_order)
