"""Who is to hear of a correction. Pure.

Whoever received a revision that it says was wrong, by a digest or an alert, hears of it once: by the
next digest, a note or an alert.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import NamedTuple


class Wrong(NamedTuple):
    """A correction as far as it decides who hears of it."""

    correction_id: int
    story_id: int
    #: what was told of the story up to this revision was wrong
    revision: int


class ToldOnce(NamedTuple):
    """What one mail told a reader of a story, or that it told of a correction."""

    story_id: int
    revision: int
    at: datetime
    #: the issue that told it, or the alert
    issue_id: int | None
    alert_id: int | None = None


class Owed(NamedTuple):
    """A correction that somebody is to hear, and the issue or alert that told them last what was wrong."""

    correction_id: int
    story_id: int
    issue_id: int | None
    revision: int
    alert_id: int | None = None
    #: of the alert; an issue has its own date
    day: date | None = None


def owed(wrongs: Iterable[Wrong], told: Collection[ToldOnce], heard: Collection[int]) -> tuple[Owed, ...]:
    """Of `wrongs`, in their order, what a reader is to hear who was told `told` and heard `heard`.

    `heard` are numbers of corrections. Whoever got the right revision since is to hear all the same that
    the one before was wrong; whoever got only the right one, nothing.
    """
    found = []
    for wrong in wrongs:
        if wrong.correction_id in heard:
            continue
        received = [one for one in told if one.story_id == wrong.story_id and one.revision <= wrong.revision]
        if received:
            last = max(received, key=lambda one: (one.at, one.issue_id or 0, one.alert_id or 0))
            day = last.at.date() if last.alert_id else None
            found.append(
                Owed(wrong.correction_id, wrong.story_id, last.issue_id, last.revision, last.alert_id, day)
            )
    return tuple(found)
