"""Taking stories in, and all that the database holds of them then."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select

from newsletter.content import StoryContent
from newsletter.intake.take_in import Report, take_in
from newsletter.models import Base, Story
from newsletter.sources.records import Incoming, Refusal
from newsletter.store.engine import reading, writing
from tests.builders import NOON

LATER = NOON + timedelta(hours=1)


def tell(engine: Engine, *told: Incoming | Refusal, at: datetime = NOON) -> Report:
    with writing(engine) as session:
        return take_in(session, told, now=at)


def record(external_id: str, content: StoryContent) -> Incoming:
    return Incoming(external_id, content, f"record {external_id}")


def counts(report: Report) -> tuple[int, int, int]:
    return report.added, report.changed, report.unchanged


def everything(engine: Engine) -> dict[str, list[Any]]:
    """All rows of the intake's tables."""
    rows = {}
    with reading(engine) as session:
        for name in ("story", "story_revision", "story_record", "coverage", "mention"):
            table = Base.metadata.tables[name]
            rows[name] = list(session.execute(select(table).order_by(*table.primary_key.columns)))
    return rows


def contents(engine: Engine) -> list[StoryContent]:
    """The stories as known now, oldest first."""
    with reading(engine) as session:
        return [story.revisions[-1].content for story in session.scalars(select(Story).order_by(Story.id))]
