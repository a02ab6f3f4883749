"""How a reader wants to be alerted: at rest when, how much mail a day, and what a digest says afterwards.

A pure value; what instants it means is decided in `newsletter.alerts`.
"""

from dataclasses import dataclass
from enum import StrEnum

from subscribers.rhythm import EVERY_DAY, InvalidRhythm, parse_hour

#: mails a day that a reader may choose at most
MOST_MAILS = 20


class InQuiet(StrEnum):
    """What becomes of an alert at a time at which its reader wants quiet."""

    HOLD = "hold"  # it waits until the quiet is over
    FOLD = "fold"  # the next digest tells it
    HIGHEST = "highest"  # of the highest impact it comes all the same; any other waits as with HOLD


class Afterwards(StrEnum):
    """What the next digest says of a story that an alert told."""

    LINE = "line"  # that you heard of it, and what came since, in a line
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class AlertChoices:
    """The defaults are those of a reader who chose nothing. InvalidRhythm for what cannot be kept."""

    #: wall-clock hours in the reader's zone, from the first up to the second; equal: no quiet hours
    quiet_from: int = 22
    quiet_until: int = 7
    #: whole days of quiet; 0 is Monday
    quiet_days: frozenset[int] = frozenset()
    in_quiet: InQuiet = InQuiet.HOLD
    afterwards: Afterwards = Afterwards.LINE
    #: digests and alerts together, on one day in the reader's zone
    mails_a_day: int = 3
    #: whether they want the alerts that editors send to their audiences
    from_editors: bool = True

    def __post_init__(self) -> None:
        parse_hour(self.quiet_from)
        parse_hour(self.quiet_until)
        if not self.quiet_days < EVERY_DAY:
            raise InvalidRhythm(
                "no days at all without quiet, or days that are none",
                "leave one day from Monday to Sunday at least, or stop the alerts",
            )
        if not 1 <= self.mails_a_day <= MOST_MAILS:
            raise InvalidRhythm(f"{self.mails_a_day} mails a day", f"choose from 1 to {MOST_MAILS}")
