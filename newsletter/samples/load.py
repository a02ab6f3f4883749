"""The sample stories as of a day, so that the demo never tells old news, and its readers' alert rules."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from newsletter.sources.record_json import read_record
from newsletter.sources.records import Incoming, Refusal
from subscribers.alert_rule import AlertRule

HERE = Path(__file__).parent
STORIES = HERE / "stories.jsonl"
BREAKING = HERE / "breaking.jsonl"
SUBSCRIBERS = HERE / "subscribers.csv"
RULES = HERE / "rules.json"
#: the newest day in the files
_WRITTEN = date(2026, 1, 8)


def sample_stories(today: date) -> Iterator[Incoming | Refusal]:
    """The sample stories, dated to `today` and the day before.

    Their ids contain the day: on another day they are other stories, on the same day the same.
    """
    return _dated(STORIES, today)


def breaking_story(today: date) -> Iterator[Incoming | Refusal]:
    """The story that breaks on `today`, likewise."""
    return _dated(BREAKING, today)


def sample_rules() -> Iterator[tuple[str, AlertRule]]:
    """Which sample reader, by address, holds which alert rule."""
    for held in json.loads(RULES.read_text(encoding="utf-8")):
        yield held["email"], AlertRule.of(held["words"], **held["thresholds"])


def _dated(path: Path, today: date) -> Iterator[Incoming | Refusal]:
    days = {(_WRITTEN - timedelta(ago)).isoformat(): (today - timedelta(ago)).isoformat() for ago in (0, 1)}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            dated = re.sub("|".join(days), lambda found: days[found[0]], line)
            yield read_record(json.loads(dated), file=path.name, line=number)
