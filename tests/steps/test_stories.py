"""Stories found again: by number, by id, the newest first."""

from datetime import timedelta

from sqlalchemy import Engine, select

from newsletter.intake.stories import list_stories, story_by_ref
from newsletter.models import Story
from newsletter.store.engine import reading
from tests.builders import a_story
from tests.intakes import LATER, record, tell


def test_stories_are_found_by_number_and_by_id(engine: Engine) -> None:
    """By our number first, by the id of any of its sources, or not at all."""
    tell(
        engine,
        record("a", a_story()),
        record("https://x.example/b", a_story()),
        record("0", a_story("Other")),
    )
    with reading(engine) as session:
        first, other = session.scalars(select(Story).order_by(Story.id)).all()
        for ref in (str(first.id), "a", "https://x.example/b"):
            assert story_by_ref(session, ref) is first
        assert story_by_ref(session, "0") is other
        for ref in ("99999", "9" * 40, "²", "", "none"):
            assert story_by_ref(session, ref) is None


def test_the_newest_stories_are_listed_first(engine: Engine) -> None:
    """By the day of the event, then by when it was seen; no more than asked for."""
    day = a_story().date
    tell(engine, record("a", a_story("Old", date=day - timedelta(1))), record("b", a_story("New")), at=LATER)
    tell(engine, record("c", a_story("Early")))
    with reading(engine) as session:
        assert [story.title for story in list_stories(session, limit=2)] == ["New", "Early"]
