"""What the lines of one person in the ledger came to: joined, confirmed, paused, left. Pure.

A line says what was done; what it came to depends on the lines before it. Who leaves twice has left
once, and who never said yes has not left.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from subscribers.models import Act, SubscriptionState
from subscribers.undo import UNDO_LIFE


class Step(StrEnum):
    """What happened with a subscription, seen by those who count."""

    JOINED = "joined"  # asked, or was vouched for, and was not there before
    CONFIRMED = "confirmed"  # became one who is mailed
    PAUSED = "paused"  # set, changed or ended a pause: the ledger does not tell these apart
    LEFT = "left"  # was confirmed, and is no more


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the ledger, as far as it counts."""

    at: datetime
    act: str
    newsletters: Sequence[str]
    channel: str


@dataclass(frozen=True, slots=True)
class Happened:
    at: datetime
    newsletter: str
    step: Step
    #: the channel by which they joined or left
    channel: str
    #: -1 where a step was undone
    number: int = 1


#: acts after which an undo is not about the subscriptions any more
_OTHERWISE = (Act.CHANGED, Act.PAUSED)


@dataclass(slots=True)
class _Standing:
    """Where somebody stands with one newsletter."""

    state: SubscriptionState | None = None
    #: the channel by which they joined last
    joined_by: str = ""
    #: when the state changed last, from what, and what was counted for it
    since: datetime | None = None
    before: SubscriptionState | None = None
    counted: list[Happened] = field(default_factory=list)

    def go(self, line: Line, newsletter: str, state: SubscriptionState) -> Iterator[Happened]:
        was = self.state
        if was == state:
            return
        steps: list[tuple[Step, str]] = []
        if state is SubscriptionState.UNSUBSCRIBED:
            if was is SubscriptionState.CONFIRMED:
                steps.append((Step.LEFT, line.channel))
        else:
            if was is not SubscriptionState.PENDING:
                self.joined_by = line.channel
                steps.append((Step.JOINED, line.channel))
            if state is SubscriptionState.CONFIRMED:
                steps.append((Step.CONFIRMED, self.joined_by))
        self.state, self.before, self.since = state, was, line.at
        self.counted = [Happened(line.at, newsletter, step, channel) for step, channel in steps]
        yield from self.counted

    def go_back(self, at: datetime) -> Iterator[Happened]:
        self.state, self.since = self.before, None
        for one in self.counted:
            yield Happened(at, one.newsletter, one.step, one.channel, -1)


def steps(lines: Iterable[Line]) -> Iterator[Happened]:
    """What came of all lines of one person, which are given the oldest first."""
    standing: dict[str, _Standing] = {}
    otherwise: datetime | None = None
    for line in lines:
        act = Act(line.act)
        if act in _OTHERWISE:
            otherwise = line.at
        for newsletter in line.newsletters:
            held = standing.setdefault(newsletter, _Standing())
            if act is Act.REQUESTED and held.state is not SubscriptionState.CONFIRMED:
                yield from held.go(line, newsletter, SubscriptionState.PENDING)
            elif act in (Act.CONFIRMED, Act.ATTESTED):
                yield from held.go(line, newsletter, SubscriptionState.CONFIRMED)
            elif act in (Act.UNSUBSCRIBED, Act.ERASED):
                yield from held.go(line, newsletter, SubscriptionState.UNSUBSCRIBED)
            elif act is Act.PAUSED:
                yield Happened(line.at, newsletter, Step.PAUSED, line.channel)
            elif act is Act.RESTORED and _is_undone(held, line.at, otherwise):
                yield from held.go_back(line.at)


def _is_undone(held: _Standing, at: datetime, otherwise: datetime | None) -> bool:
    """Whether an undo at `at` takes back the last change of this subscription, and not something later."""
    if held.since is None or at - held.since > UNDO_LIFE:
        return False
    return otherwise is None or otherwise <= held.since
