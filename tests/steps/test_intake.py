"""What sources tell becomes stories with revisions, once, on both databases."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select

from newsletter.content import Article, Company
from newsletter.intake import take_in as intake
from newsletter.intake.take_in import take_in
from newsletter.models import CoverageEntry, Mention, Story, StoryRecord
from newsletter.sources.records import Refusal
from newsletter.store.engine import reading, writing
from tests.builders import NOON, a_story
from tests.intakes import LATER, contents, counts, everything, record, tell


def test_a_new_story_is_kept_whole(engine: Engine) -> None:
    """Its content comes back equal, with its record, its coverage and its companies."""
    content = a_story()
    assert counts(tell(engine, record("a", content))) == (1, 0, 0)
    with reading(engine) as session:
        story = session.scalars(select(Story)).one()
        assert (story.title, story.date, story.revision) == (content.title, content.date, 1)
        assert story.first_seen_at == story.changed_at == NOON
        assert [revision.content for revision in story.revisions] == [content]
        assert [told.content for told in story.records] == [content]
        assert story.revisions[0].fingerprint == content.fingerprint()
        coverage = session.execute(
            select(CoverageEntry.outlet_key, CoverageEntry.language, CoverageEntry.first_seen_at)
        )
        assert set(map(tuple, coverage)) == {("outlet 1", "en", NOON), ("outlet 2", "en", NOON)}
        assert session.scalars(select(Mention.company_key)).all() == ["sample lab"]


def test_telling_again_changes_nothing(engine: Engine) -> None:
    """Not one row is written when the same records come again, in any order."""
    told = [
        record("a", a_story()),
        record("b", a_story("Another", outlets=5)),
        record("c", a_story(outlets=4)),
    ]
    tell(engine, *told)
    before = everything(engine)
    for again in (told, told[::-1], [*told, *told]):
        assert counts(tell(engine, *again, at=LATER)) == (0, 0, len(again))
    assert everything(engine) == before


def test_a_changed_story_is_a_new_revision(engine: Engine) -> None:
    """The older revision stays as it was; the story goes by its new title."""
    old = a_story("A titel")
    new = replace(old, title="A title", companies=(Company("Other Lab"),), coverage=old.coverage[:1])
    tell(engine, record("a", old))
    assert counts(tell(engine, record("a", new), at=LATER)) == (0, 1, 0)
    with reading(engine) as session:
        story = session.scalars(select(Story)).one()
        assert (story.title, story.revision) == ("A title", 2)
        assert (story.first_seen_at, story.changed_at) == (NOON, LATER)
        assert [revision.content for revision in story.revisions] == [old, new]
        assert [revision.seen_at for revision in story.revisions] == [NOON, LATER]
        assert session.scalars(select(Mention.company_key)).all() == ["other lab"]
    assert counts(tell(engine, record("other source", new))) == (0, 0, 1)


def test_one_event_of_two_sources_is_one_story(engine: Engine) -> None:
    """Their coverage is joined, and each keeps its own record."""
    one, two = Article("One", "https://one.example/"), Article("Two", "https://two.example/", "fr")
    assert counts(tell(engine, record("a", a_story(coverage=(one,))))) == (1, 0, 0)
    spelt = a_story("A MODEL  passes a test", coverage=(two,))
    assert counts(tell(engine, record("b", spelt), at=LATER)) == (0, 1, 0)
    [content] = contents(engine)
    assert content.coverage == (one, two)
    with reading(engine) as session:
        seen = session.execute(select(CoverageEntry.outlet_key, CoverageEntry.first_seen_at))
        assert set(map(tuple, seen)) == {("one", NOON), ("two", LATER)}
        assert session.scalar(select(func.count()).select_from(StoryRecord)) == 2


def test_records_of_one_event_in_one_file_are_one_story(engine: Engine) -> None:
    """It makes no difference whether records come together or one by one."""
    told = [record(str(n), a_story(coverage=(Article(f"O{n}"),))) for n in range(4)]
    assert counts(tell(engine, *told, record("0", a_story(coverage=(Article("New"),))))) == (1, 4, 0)
    [content] = contents(engine)
    assert content.outlets == ("New", "O1", "O2", "O3")


def test_a_report_keeps_the_moment_it_was_first_seen(engine: Engine) -> None:
    """Also when its link becomes known only later: it is the same report."""
    tell(engine, record("a", a_story(coverage=(Article("One"),))))
    tell(engine, record("b", a_story(coverage=(Article("One", "https://one.example/"),))), at=LATER)
    with reading(engine) as session:
        [entry] = session.scalars(select(CoverageEntry))
        assert (entry.url, entry.first_seen_at) == ("https://one.example/", NOON)


def test_a_record_that_adds_nothing_changes_nothing(engine: Engine) -> None:
    """What the story knows already makes no revision, yet the source's record is kept."""
    whole = a_story()
    part = replace(whole, coverage=whole.coverage[:1], analysis=None)
    tell(engine, record("a", whole))
    assert counts(tell(engine, record("b", part), at=LATER)) == (0, 0, 1)
    with reading(engine) as session:
        assert session.scalars(select(Story.revision)).one() == 1
        assert session.scalars(select(StoryRecord.external_id)).all() == ["a", "b"]


def test_titles_may_be_exchanged(engine: Engine) -> None:
    """A story may take the title that another one gave up, within one intake."""
    tell(engine, record("a", a_story("First")), record("b", a_story("Second")))
    tell(engine, record("a", a_story("Third")), record("b", a_story("First")), record("c", a_story("Second")))
    assert [content.title for content in contents(engine)] == ["Third", "First", "Second"]


def test_two_stories_may_come_to_share_a_title(engine: Engine) -> None:
    """They stay two, since readers may know both; nothing is refused."""
    tell(engine, record("a", a_story("First")), record("b", a_story("Second")))
    assert counts(tell(engine, record("b", a_story("First")), at=LATER)) == (0, 1, 0)
    assert [content.title for content in contents(engine)] == ["First", "First"]


def test_refusals_are_reported_and_harm_nobody(engine: Engine) -> None:
    """A report names each refused record and counts the others."""
    refusal = Refusal("x.jsonl", 2, "title is missing", "give it one")
    report = tell(engine, record("a", a_story()), refusal, record("b", a_story("Other")))
    assert report.to_json() == {
        "added": 2,
        "changed": 0,
        "unchanged": 0,
        "refused": [
            {
                "where": "x.jsonl, line 2",
                "file": "x.jsonl",
                "line": 2,
                "reason": "title is missing",
                "remedy": "give it one",
            }
        ],
    }
    assert json.dumps(report.to_json())


def test_what_the_database_refuses_harms_no_other(engine: Engine) -> None:
    """PostgreSQL cannot keep a NUL: that record alone is refused, by its name."""
    report = tell(
        engine, record("a", a_story("One")), record("b", a_story("N\0L")), record("c", a_story("Three"))
    )
    if engine.dialect.name == "postgresql":
        assert [refusal.where for refusal in report.refused] == ["record b"]
        assert "NUL" in report.refused[0].reason
    assert [content.title for content in contents(engine) if "\0" not in content.title] == ["One", "Three"]


def test_a_story_learns_its_page(engine: Engine) -> None:
    """What was stored before stories had a page is unchanged when told again; its page is news."""
    content = a_story()
    tell(engine, record("a", content))
    with writing(engine) as session:
        for row in session.scalars(select(StoryRecord)):
            row.document = {name: value for name, value in row.document.items() if name != "url"}
        for story in session.scalars(select(Story)):
            [revision] = story.revisions
            revision.document = {name: value for name, value in revision.document.items() if name != "url"}
    assert contents(engine) == [content]
    assert counts(tell(engine, record("a", content), at=LATER)) == (0, 0, 1)
    told = replace(content, url="https://race.example/1")
    assert counts(tell(engine, record("a", told), at=LATER)) == (0, 1, 0)
    assert contents(engine) == [told]


def test_nothing_is_kept_without_a_commit(engine: Engine) -> None:
    """The step leaves the transaction to its door."""
    with pytest.raises(ZeroDivisionError), writing(engine) as session:  # noqa: PT012
        take_in(session, [record("a", a_story())], now=NOON)
        raise ZeroDivisionError
    assert contents(engine) == []


def test_the_size_of_a_chunk_does_not_matter(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of one story find each other across chunks."""
    monkeypatch.setattr(intake, "CHUNK", 2)
    told = [record(str(n), a_story(f"Title {n % 3}", coverage=(Article(f"O{n}"),))) for n in range(9)]
    assert counts(tell(engine, *told)) == (3, 6, 0)
    assert [content.outlets for content in contents(engine)] == [
        tuple(f"O{n}" for n in range(9) if n % 3 == title) for title in range(3)
    ]


def test_two_intakes_at_once_double_nothing(engine: Engine) -> None:
    """The same file told by several at a time makes each story once, and no one fails."""
    told = [record(str(n), a_story(f"Title {n}")) for n in range(60)]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: tell(engine, *told), range(4)))
    assert sum(report.added for report in reports) == 60
    assert sum(report.unchanged for report in reports) == 180
    assert len(contents(engine)) == 60
