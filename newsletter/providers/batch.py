"""The ledger of one `hand_over`: each mail that is offered gets exactly one outcome, whatever happens.

A provider works through the batch and settles mail by mail. Where nothing more can be handed over
in this call it raises Halt, and those that still wait were not offered.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

from newsletter.mail import Enough, Halted, HandedOver, Mail, Misconfigured, Outcome, Verdict
from newsletter.providers.checks import Unfit

_Prepared = TypeVar("_Prepared")


class Halt(Exception):
    """The provider takes nothing more for now."""

    def __init__(self, reason: str, retry_after: timedelta | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(reason)


class Batch:
    def __init__(self, mails: Sequence[Mail], most: int, enough: Enough) -> None:
        if len(mails) > most:
            raise ValueError(f"{len(mails)} mails in one call; at most {most} are taken")
        self._waiting = {mail.delivery_id: mail for mail in mails}
        if len(self._waiting) < len(mails):
            raise ValueError("a delivery stands twice in one call")
        self._outcomes: dict[int, Outcome] = {}
        #: whether to leave the rest for another time
        self.enough = enough

    @property
    def waiting(self) -> bool:
        """Whether any mail has no outcome yet."""
        return bool(self._waiting)

    def settle(self, mail: Mail, outcome: Outcome) -> None:
        del self._waiting[mail.delivery_id]
        self._outcomes[mail.delivery_id] = outcome

    def prepare(self, make: Callable[[Mail], _Prepared]) -> Iterator[tuple[Mail, _Prepared]]:
        """Each waiting mail with what `make` makes of it, until it is enough; the unfit are refused."""
        for mail in list(self._waiting.values()):
            if self.enough():
                return
            try:
                made = make(mail)
            except Unfit as fault:
                self.settle(mail, Outcome(Verdict.REFUSED, str(fault)))
            else:
                yield mail, made

    def run(self, work: Callable[["Batch"], None]) -> HandedOver:
        """Let `work` settle the mails; what became of them.

        Misconfigured passes on only while nothing may have been taken: after that, what is
        already known must not be lost, and the next call will raise it.
        """
        try:
            work(self)
        except Halt as halt:
            return HandedOver(self._outcomes, Halted(str(halt), halt.retry_after))
        except Misconfigured as fault:
            if not any(o.verdict in (Verdict.ACCEPTED, Verdict.UNKNOWN) for o in self._outcomes.values()):
                raise
            return HandedOver(self._outcomes, Halted(str(fault)))
        return HandedOver(self._outcomes)
