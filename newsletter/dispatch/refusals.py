"""Refusals: when what became of single mails tells that it is the provider, or we, and not the mails."""

from collections.abc import Mapping

from newsletter.feedback.rules import blames_us
from newsletter.mail import Halted, Outcome, Verdict

#: so many mails put back in portions of nothing else: it is the provider
ALL_PUT_BACK = 5
#: so many mails refused by policy, and none taken in between: it is we
ALL_BLOCKED = 20


class Refusals:
    """What one worker was told, portion by portion.

    After a halt the next mail of the kind is one too many, until one is taken.
    """

    def __init__(self) -> None:
        #: mails refused by policy since the last one that was taken
        self.blocked = 0
        #: mails put back since anything else became of one
        self.put_back = 0

    def doubt(self) -> None:
        """The way was closed until just now, by whichever worker: one refused by policy is one too many."""
        self.blocked = max(self.blocked, ALL_BLOCKED - 1)

    def most(self, portion: int) -> int:
        """How many mails to offer at once: one while each may be refused for what we are."""
        return 1 if self.blocked else portion

    def halt(self, outcomes: Mapping[int, Outcome]) -> Halted | None:
        """Why nothing more should be offered after a portion that ended so; None where it may go on."""
        last = self._count(outcomes)
        if last is not None and self.blocked >= ALL_BLOCKED:
            return Halted(f"it refused {self.blocked} mails in a row by policy, the last with: {last}")
        put_back = [one.reason for one in outcomes.values() if one.verdict is Verdict.NOT_TAKEN]
        if len(put_back) < len(outcomes):
            self.put_back = 0
        else:
            self.put_back += len(put_back)
        if put_back and self.put_back >= ALL_PUT_BACK:
            return Halted(f"of {self.put_back} mails it took none, the last time with: {put_back[-1]}")
        return None

    def _count(self, outcomes: Mapping[int, Outcome]) -> str | None:
        """Count on; returns the words by which the last one was refused, if any was and none taken since."""
        last = None
        for outcome in outcomes.values():
            if outcome.verdict is Verdict.ACCEPTED:
                self.blocked, last = 0, None
            elif outcome.verdict is Verdict.REFUSED and blames_us(outcome.reason):
                self.blocked, last = self.blocked + 1, outcome.reason
        return last
