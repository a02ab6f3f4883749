"""Many hands at one issue: whatever they do and in whichever order, nothing is lost, all can be undone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from newsletter.desk import editing
from newsletter.desk.changes import (
    FIELDS,
    Hand,
    Overtaken,
    history,
    take_back,
    taken_back,
    to_take_back,
    value_of,
)
from newsletter.desk.looking import seen_by, stories_about
from newsletter.models import Issue, IssueChange
from newsletter.store.engine import reading
from newsletter.wiring import Services
from tests.builders import a_story
from tests.issues import SEEN, draft, tell
from tests.steps.test_editing import editors, issue_of_four

TEXTS = st.sampled_from(["", "Mine", "One", "In short: Two.", "Two\nlines"])
STORY = st.integers(0, 3)
ACTS = st.one_of(
    st.tuples(st.sampled_from([editing.pin, editing.unpin, editing.drop, editing.restore]), STORY),
    st.tuples(st.just(editing.move), STORY, st.integers(-1, 6)),
    st.tuples(st.just(editing.lead), STORY, st.sampled_from([["Investors"], [], ["Investors", "Engineers"]])),
    st.tuples(
        st.just(editing.rewrite),
        STORY,
        st.fixed_dictionaries({}, optional={"headline": TEXTS, "tldr": TEXTS, "note": TEXTS}),
    ),
    st.tuples(st.just(editing.introduce), TEXTS),
)
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Act = tuple[object, ...]


@contextmanager
def tried(services: Services, issue_id: int) -> Iterator[tuple[Session, Issue]]:
    """A transaction of which nothing stays."""
    with Session(services.engine, expire_on_commit=False) as session:
        yield session, session.get_one(Issue, issue_id)
        session.rollback()


def do(session: Session, issue: Issue, act: Act, hand: Hand) -> IssueChange | None:
    """The act of ACTS; a move of what is dropped is none."""
    step, *rest = act
    if step is editing.introduce:
        return editing.introduce(session, issue, str(rest[0]), hand)
    story_id = sorted(pick.story_id for pick in issue.picks)[rest[0]]  # type: ignore[call-overload]
    if step is editing.move and value_of(issue, f"{story_id}.dropped"):
        return None
    change: IssueChange | None = step(session, issue, story_id, *rest[1:], hand)  # type: ignore[operator]
    return change


def names(issue: Issue) -> list[str]:
    return ["intro", *(f"{pick.story_id}.{field}" for pick in issue.picks for field in FIELDS)]


def all_of(issue: Issue) -> dict[str, object]:
    return {name: value_of(issue, name) for name in names(issue)}


@pytest.fixture
def issue_id(services: Services) -> int:
    return issue_of_four(services)


@FEW
@given(st.lists(ACTS, max_size=6))
def test_all_taken_back_is_the_start(services: Services, issue_id: int, acts: list[Act]) -> None:
    """Undo, again and again, walks back over exactly the changes that were made, to the issue as planned."""
    with tried(services, issue_id) as (session, issue):
        start, order = all_of(issue), [pick.story_id for pick in issue.picks]
        made = [change for act in acts if (change := do(session, issue, act, Hand(SEEN)))]
        walked = []
        while change := to_take_back(session, issue, None):
            walked.append(change.version)
            take_back(session, issue, change.version, Hand(SEEN))
        assert walked == [change.version for change in reversed(made)]
        assert all_of(issue) == start
        assert [pick.story_id for pick in issue.picks] == order


@FEW
@given(st.lists(ACTS, max_size=6))
def test_the_history_says_all(services: Services, issue_id: int, acts: list[Act]) -> None:
    """Each version's before and after join without a gap: nothing changes outside of the history."""
    with tried(services, issue_id) as (session, issue):
        values = all_of(issue)
        for act in acts:
            do(session, issue, act, Hand(SEEN))
        changes = history(session, issue)[::-1]
        assert [change.version for change in changes] == list(range(1, issue.version + 1))
        for change in changes:
            assert change.before == {name: values[name] for name in change.after}
            assert change.before != change.after
            values |= change.after
        assert values == all_of(issue)


@dataclass
class Window:
    """An editor's page: when they looked, and what they saw then."""

    editor_id: int
    seen: int = 0
    values: dict[str, object] = field(default_factory=dict)


@FEW
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), ACTS), max_size=10))
def test_nothing_is_overwritten_unseen(
    services: Services, issue_id: int, turns: list[tuple[int, bool, Act]]
) -> None:
    """Whatever a change writes over is what its editor saw, or what stood so since: three pages, two
    editors, each looking anew or not."""
    with tried(services, issue_id) as (session, issue):
        one, other = editors(session)
        windows = [Window(editor_id, 0, all_of(issue)) for editor_id in (one, other, other)]
        for number, looks, act in turns:
            window = windows[number]
            if looks:
                window.seen, window.values = issue.version, all_of(issue)
            before = all_of(issue)
            try:
                change = do(session, issue, act, Hand(SEEN, window.editor_id, window.seen))
            except Overtaken:
                assert all_of(issue) == before
                continue
            for name in change.after if change else ():
                assert before[name] == window.values[name], name


def test_what_is_left_alone_says_nothing(services: Services) -> None:
    """Whoever saves a form with three texts, and changed one, leaves the other two to whom they met."""
    issue_id = issue_of_four(services)
    with tried(services, issue_id) as (session, issue):
        one, other = editors(session)
        story = issue.picks[0].story_id
        editing.rewrite(session, issue, story, {"headline": "Theirs"}, Hand(SEEN, one, 0))
        form = {"headline": "One", "tldr": "In short: One.\r\n", "note": "Look"}
        change = editing.rewrite(session, issue, story, form, Hand(SEEN, other, 0), revision=1)
        assert change is not None
        assert change.after == {f"{story}.note": "Look"}
        assert change.words == "rewrote the note of “Theirs”"


def test_one_is_not_overtaken_by_oneself_unseen(services: Services) -> None:
    """What the same editor wrote in another window is not overwritten either."""
    issue_id = issue_of_four(services)
    with tried(services, issue_id) as (session, issue):
        one, _ = editors(session)
        editing.introduce(session, issue, "In one window", Hand(SEEN, one, 0))
        with pytest.raises(Overtaken):
            editing.introduce(session, issue, "In another", Hand(SEEN, one, 0))


def test_taken_back_and_brought_back(services: Services) -> None:
    """Taking back what was taken back brings it back, and is called so, however often."""
    issue_id = issue_of_four(services)
    with tried(services, issue_id) as (session, issue):
        editing.introduce(session, issue, "Hello", Hand(SEEN))
        for version in (1, 2, 3):
            take_back(session, issue, version, Hand(SEEN))
        words = [change.words for change in history(session, issue)]
        assert words[:3] == [
            "took back: rewrote the intro",
            "brought back: rewrote the intro",
            "took back: rewrote the intro",
        ]
        assert to_take_back(session, issue, None) is None
        assert taken_back(history(session, issue)) == {1, 3}


def test_moving_goes_by_what_is_told(services: Services) -> None:
    """A place is one among the stories told: what was crowded out before is not pulled in by a move."""
    tell(
        services,
        *(a_story(f"Chips {n}", outlets=12 - n, companies=(), category="Chips") for n in range(5)),
        *(a_story(f"Other {n}", outlets=4, companies=(), category=f"Kind {n}") for n in range(6)),
    )
    issue_id = draft(services)
    with tried(services, issue_id) as (session, issue):
        told = [d.candidate.story_id for d in seen_by(session, issue).picks]
        crowded = {p.story_id for p in issue.picks} - set(told)
        assert crowded
        editing.move(session, issue, told[7], 6, Hand(SEEN))
        after = [d.candidate.story_id for d in seen_by(session, issue).picks]
        assert after == [*told[:5], told[7], *told[5:7]]
        put_in = min(crowded)
        editing.move(session, issue, put_in, 8, Hand(SEEN))
        assert [d.candidate.story_id for d in seen_by(session, issue).picks] == [*after[:7], put_in]


def test_a_text_that_the_story_itself_says_is_no_rewriting(services: Services) -> None:
    """Sent back as the story has it, with other line ends and spaces, a text is the original."""
    issue_id = issue_of_four(services)
    with tried(services, issue_id) as (session, issue):
        story = issue.picks[0].story_id
        texts = {"headline": " One\r\n", "tldr": "In short: One. "}
        assert editing.rewrite(session, issue, story, texts, Hand(SEEN)) is None
        editing.rewrite(session, issue, story, {"headline": "A\nB\x00"}, Hand(SEEN))
        assert value_of(issue, f"{story}.headline") == "A B"
        editing.rewrite(session, issue, story, {"headline": "One"}, Hand(SEEN))
        assert value_of(issue, f"{story}.headline") is None


def test_stories_are_found_by_words(services: Services) -> None:
    """All the words count, in any case and order, and none of them is a pattern."""
    tell(services, a_story("Lab opens 100% office"), a_story("Office closes"))
    with reading(services.engine) as session:
        found = {
            words: [story.title for story in stories_about(session, words)]
            for words in ("office", "OPENS lab", "100%", "0_%", "\0")
        }
    assert found["office"] == ["Office closes", "Lab opens 100% office"]
    assert found["OPENS lab"] == found["100%"] == ["Lab opens 100% office"]
    assert found["0_%"] == []
