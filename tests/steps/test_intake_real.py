"""Real stories taken in: each once, with all its versions, whichever way it comes."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from newsletter.intake.stories import story_by_ref
from newsletter.models import Story
from newsletter.sources.files import read_file
from newsletter.sources.records import Incoming, Refusal
from newsletter.store.engine import reading
from tests.intakes import LATER, contents, counts, everything, tell

DATA = Path(__file__).parents[3] / "shared" / "data"


def real(name: str) -> Iterable[Incoming | Refusal]:
    path = DATA / name
    if not path.exists():
        pytest.skip("the folder of real input data is not here")
    return read_file(name, path.read_bytes().splitlines(keepends=True))


def test_all_real_stories_come_in_once(engine: Engine) -> None:
    """853 real records: two tell of one event, none is refused, and again nothing changes."""
    assert counts(tell(engine, *real("stories.jsonl"))) == (852, 1, 0)
    before = everything(engine)
    report = tell(engine, *real("stories.jsonl"), at=LATER)
    assert counts(report) == (0, 0, 853)
    assert report.refused == ()
    assert everything(engine) == before


def test_versions_of_real_stories_become_revisions(engine: Engine) -> None:
    """Told under one id day by day, each change is one revision and nothing is lost."""
    versions = [one for one in real("story-versions.jsonl") if isinstance(one, Incoming)]
    documents = [json.loads(line) for line in (DATA / "story-versions.jsonl").read_text().splitlines()]
    for version, document in zip(versions, documents, strict=True):
        tell(engine, replace(version, external_id=document["extra"]["story"]))
    names = {document["extra"]["story"] for document in documents}
    with reading(engine) as session:
        stories = session.scalars(select(Story)).all()
        assert len(stories) == len(names)
        for name in names:
            last = [v for v, d in zip(versions, documents, strict=True) if d["extra"]["story"] == name][-1]
            story = story_by_ref(session, name)
            assert story
            assert story.revisions[-1].content == last.content
            assert [revision.number for revision in story.revisions] == [*range(1, story.revision + 1)]
        assert max(story.revision for story in stories) == 7


def test_text_html_and_json_of_one_page_are_one_story(engine: Engine) -> None:
    """Whichever way a story page comes, it is the same story, and the links join it."""
    fixture = Path(__file__).parents[1] / "fixtures" / "story-page.html"
    html = list(read_file("page.html", fixture.read_bytes().splitlines(keepends=True)))
    assert counts(tell(engine, *real("story-page.txt"))) == (1, 0, 0)
    assert counts(tell(engine, *real("story-page.json"))) == (0, 0, 1)
    assert counts(tell(engine, *html)) == (0, 1, 0)
    assert counts(tell(engine, *real("story-page.txt"), *html, *real("story-page.json"))) == (0, 0, 3)
    [content] = contents(engine)
    assert all(article.url for article in content.coverage)
