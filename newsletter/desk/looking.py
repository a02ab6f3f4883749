"""An issue as its readers will see it, for whoever edits it: what is told, what is not, and why."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.desk.planning import limits, pool, window
from newsletter.intake.stories import in_title
from newsletter.models import Issue, Story
from newsletter.selection import Selection
from newsletter.selection import select as select_stories
from subscribers.lens import Lens


def seen_by(session: Session, issue: Issue, audience: str | None = None) -> Selection:
    """What readers of `audience` are told who were told nothing before; without it, who chose nothing.

    An issue too short to be sent to them is shown all the same: its editors are about to mend it.
    """
    lens = Lens.of(audiences=[audience] if audience else [])
    room = replace(limits(issue.newsletter), minimum=0)
    return select_stories(pool(session, issue), lens, {}, window=window(issue), limits=room)


def stories_about(
    session: Session, words: str, *, before: int | None = None, limit: int = 20
) -> Sequence[Story]:
    """Stories whose title has all these words or parts of words, those taken in last first.

    `before`: only those that were taken in before that one.
    """
    wanted = in_title(words)
    if before is not None:
        wanted.append(Story.id < before)
    return session.scalars(select(Story).where(*wanted).order_by(Story.id.desc()).limit(limit)).all()
