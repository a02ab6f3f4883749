"""The sample stories as of a day, so that the demo never tells old news."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from newsletter.sources.record_json import read_record
from newsletter.sources.records import Incoming, Refusal

STORIES = Path(__file__).with_name("stories.jsonl")
SUBSCRIBERS = Path(__file__).with_name("subscribers.csv")
#: the newest day in the file
_WRITTEN = date(2026, 1, 8)


def sample_stories(today: date) -> Iterator[Incoming | Refusal]:
    """The sample stories, dated to `today` and the day before.

    Their ids contain the day: on another day they are other stories, on the same day the same.
    """
    days = {(_WRITTEN - timedelta(ago)).isoformat(): (today - timedelta(ago)).isoformat() for ago in (0, 1)}
    with STORIES.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            dated = re.sub("|".join(days), lambda found: days[found[0]], line)
            yield read_record(json.loads(dated), file=STORIES.name, line=number)
