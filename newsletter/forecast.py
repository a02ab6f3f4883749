"""What a choice means before it is saved: the next mails, how many a week, how many stories in each.

The last two weeks are replayed for a lens and a rhythm, by the rules that fill real issues. What
editors pin or drop is left out, since it is about one issue.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.desk.planning import PERIODS, REACH, limits, timetable, window_between
from newsletter.memory import Told
from newsletter.models import Newsletter, Story, StoryRevision
from newsletter.newsletters import with_issues
from newsletter.pool import Candidate, Pool
from newsletter.schedule import Occurrence, Timetable, occurrences, reading
from newsletter.selection import Limits, Selection
from newsletter.selection import select as select_stories
from subscribers.lens import Lens
from subscribers.rhythm import Rhythm

#: how much of the past is replayed
REPLAYED = timedelta(days=14)
#: replayed before it and not counted, so that the first issue that counts is like any other
WARM_UP = timedelta(days=7)
#: by then, every rhythm has read an issue of every cadence three times
THREE_READINGS = timedelta(weeks=5)


@dataclass(frozen=True, slots=True)
class Forecast:
    #: when the next three mails may come
    next: tuple[datetime, ...]
    #: as it would have been of late; None while there were no stories to tell
    mails_a_week: float | None
    #: None where no mail would have come
    stories_a_mail: float | None


def forecasts(
    session: Session, starts: Mapping[str, datetime], lens: Lens, rhythm: Rhythm, *, now: datetime
) -> dict[str, Forecast]:
    """What each newsletter in `starts` would mean for a reader who gets its mails from then on."""
    rows = session.scalars(with_issues().where(Newsletter.slug.in_(starts)))
    stories = _recent(session, now)
    return {
        row.slug: forecast(
            timetable(row), limits(row), stories, lens, rhythm, now=now, starts=starts[row.slug]
        )
        for row in rows
    }


def forecast(
    times: Timetable,
    room: Limits,
    stories: Sequence[Candidate],
    lens: Lens,
    rhythm: Rhythm,
    *,
    now: datetime,
    starts: datetime,
) -> Forecast:
    """What the newsletter would mean, had it told `stories` during the last two weeks. Pure."""
    counts = [len(selection.picks) for selection in _replay(times, room, stories, lens, rhythm, now)]
    mails = [count for count in counts if count]
    readings_a_week = len(rhythm.weekdays) if times.cadence == "daily" else 1
    return Forecast(
        next=next_readings(times, rhythm, after=starts),
        mails_a_week=readings_a_week * len(mails) / len(counts) if counts else None,
        stories_a_mail=sum(mails) / len(mails) if mails else None,
    )


def next_readings(times: Timetable, rhythm: Rhythm, *, after: datetime) -> tuple[datetime, ...]:
    """The next three moments after `after` at which the reader may receive an issue. Pure."""
    near = occurrences(times, since=after - times.lead - timedelta(days=2), until=after + THREE_READINGS)
    moments = (reading(rhythm, cadence=times.cadence, publish_at=issue.publish_at) for issue in near)
    return tuple(islice((moment for moment, _ in filter(None, moments) if moment > after), 3))


def _replay(
    times: Timetable,
    room: Limits,
    stories: Sequence[Candidate],
    lens: Lens,
    rhythm: Rhythm,
    now: datetime,
) -> Iterator[Selection]:
    """What each issue that was read would have held; issues before the first story do not count."""
    told: dict[int, Told] = {}
    for before, issue in pairwise(_closed(times, now)):
        timing = reading(rhythm, cadence=times.cadence, publish_at=issue.publish_at)
        if timing is None or not any(story.first_seen_at <= issue.cutoff_at for story in stories):
            continue
        window = window_between(before.cutoff_at, issue.cutoff_at, cadence=times.cadence, days_back=timing[1])
        fresh = [s for s in stories if window.overflow_since < s.first_seen_at <= window.closes]
        selection = select_stories(Pool(fresh), lens, told, window=window, limits=room)
        for pick in selection.picks:
            story = pick.candidate
            told[story.story_id] = Told(story.revision, story.content, issue.publish_at)
        if issue.cutoff_at > now - REPLAYED:
            yield selection


def _closed(times: Timetable, now: datetime) -> list[Occurrence]:
    """The issues that closed by now, from the one before the warm-up on."""
    first = now - REPLAYED - WARM_UP - PERIODS[times.cadence]
    # `occurrences` goes by the moment of planning, which is `lead` before the cut-off
    return occurrences(times, since=first - times.lead, until=now - times.lead)


def _recent(session: Session, now: datetime) -> list[Candidate]:
    """The stories that the replayed issues could have told, as they are known today."""
    floor = now - REPLAYED - WARM_UP - REACH["daily"]
    rows = session.execute(
        select(StoryRevision, Story.first_seen_at)
        .join(Story, (Story.id == StoryRevision.story_id) & (Story.revision == StoryRevision.number))
        .where(Story.first_seen_at > floor)
        .order_by(Story.id)
    )
    return [
        Candidate(revision.story_id, revision.number, revision.content, first_seen_at)
        for revision, first_seen_at in rows
    ]
