"""Standing: whether what waits for a reader is still so, once its story has come further.

An alert that is held over the night tells in the morning what it said in the evening; where that was taken
back meanwhile, it is not told.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy.orm import Session

from newsletter.alerts.known import known
from newsletter.alerts.looking import news_of
from newsletter.alerts.newness import is_taken_back
from newsletter.content import StoryContent
from newsletter.memory import still_says
from newsletter.models import Alert
from subscribers.alert_rule import AlertRule


class Held(NamedTuple):
    """An alert of rules that waits for a reader."""

    #: of its `AlertReader`
    id: int
    subscriber_id: int
    alert: Alert
    #: what it says
    content: StoryContent
    #: those that fired and that the reader still holds
    rules: tuple[AlertRule, ...]


def taken_back(session: Session, waiting: Collection[Held]) -> set[int]:
    """Of what waits, by the ids of the `AlertReader`s, what the newest revision of its story takes back:
    see `newness.is_taken_back`.

    Nothing is read where no story has come further, and what readers know only of stories that say less.
    """
    held = [one for one in waiting if one.alert.story.revision > one.alert.revision]
    if not held:
        return set()
    latest = news_of(session, {one.alert.story_id: one.alert.story.revision for one in held})
    asked: defaultdict[int, set[int]] = defaultdict(set)
    for one in held:
        if not still_says(one.content, latest[one.alert.story_id].content):
            asked[one.alert.story_id].add(one.subscriber_id)
    knew = {story_id: known(session, story_id, readers) for story_id, readers in asked.items()}
    # many readers hold the same rules, and know the same
    decided: dict[tuple[int, tuple[AlertRule, ...], int], bool] = {}
    found = set()
    for one in held:
        before = knew.get(one.alert.story_id, {}).get(one.subscriber_id)
        case = one.alert.id, one.rules, id(before)
        if case not in decided:
            decided[case] = is_taken_back(one.content, latest[one.alert.story_id], one.rules, before)
        if decided[case]:
            found.add(one.id)
    return found
