"""The proof of an issue: that every mail frozen at its publication has a known fate.

Beside it stands what the mailboxes said of the mails that were accepted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from newsletter.models import Delivery, Issue
from newsletter.models.delivery import OPEN, SETTLED, DeliveryKind, DeliveryState, MailboxState, Priority


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


@dataclass(frozen=True)
class Progress:
    """How far an issue is, where the proof would take too long: it looks at every mail."""

    frozen: int
    #: mails that are there
    mails: int
    #: of which so many have no fate yet
    open: int

    @property
    def adds_up(self) -> bool:
        """Whether no mail is missing and none is too many."""
        return self.mails == self.frozen


def progress(session: Session, issue: Issue) -> Progress:
    """The same counts as of `proof`, but from indexes alone, and without what became of the mails."""
    mails = select(func.count()).where(Delivery.kind == DeliveryKind.DIGEST, Delivery.occasion_id == issue.id)
    unsettled = [select(func.count()).where(*which) for which in _open(issue)]
    still_open = sum(session.scalars(query).one() for query in unsettled)
    return Progress(issue.frozen or 0, session.scalars(mails).one(), still_open)


def is_on_its_way(session: Session, issue: Issue) -> bool:
    """Whether some mail of the issue has no fate yet: asked often, and the proof would count them all."""
    return any(session.scalars(select(Delivery.id).where(*which).limit(1)).first() for which in _open(issue))


def _open(issue: Issue) -> tuple[tuple[ColumnElement[bool], ...], ...]:
    """The mails without a fate, in two parts that share none, each with an index of its own."""
    of_issue = (Delivery.priority == Priority.DIGEST, Delivery.occasion_id == issue.id)
    return (
        (*of_issue, Delivery.state == DeliveryState.QUEUED),
        (*of_issue, Delivery.lease_until.is_not(None), Delivery.state != DeliveryState.QUEUED),
    )
