"""Alerts and the digest after them: what was left to it, and what it says in a line. The rule alone."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.content import Company, Impact
from newsletter.judging import Window
from newsletter.memory import Told
from newsletter.pool import Candidate, Pool
from newsletter.selection import Limits, Selection, select
from subscribers.lens import Lens
from tests.builders import NOON, a_candidate, a_story

WINDOW = Window(NOON - timedelta(days=1), NOON - timedelta(days=2), NOON)
POETS = Lens(audiences=frozenset({"poets"}), languages=frozenset({"xx"}), min_outlets=9)
ALERT = "your alert: Sample Lab"


def an_alert(candidate: Candidate, *, hours_ago: float = 20, outlets: int = 2) -> Told:
    """That an alert told it, when so many outlets had it."""
    content = a_story(candidate.content.title, outlets=outlets, companies=())
    return Told(1, content, NOON - timedelta(hours=hours_ago), alerted=True)


def chosen(
    candidates: list[Candidate],
    *,
    lens: Lens = POETS,
    told: dict[int, Told] | None = None,
    muted: tuple[int, ...] = (),
    folded: tuple[int, ...] = (),
    maximum: int = 8,
    minimum: int = 0,
    lines: bool = False,
) -> Selection:
    return select(
        Pool(candidates),
        lens,
        told or {},
        muted,
        window=WINDOW,
        limits=Limits(minimum, maximum),
        folded=dict.fromkeys(folded, ALERT),
        lines=lines,
    )


def ids(selection: Selection) -> list[int]:
    return [pick.candidate.story_id for pick in selection.picks]


def test_a_fold_is_told_whatever_the_lens_says() -> None:
    """Neither audience, age, coverage nor language keeps it out, and the mail says which alert it was."""
    old = a_candidate(1, hours_ago=300)
    assert ids(chosen([old])) == []
    selection = chosen([old], folded=(1,))
    assert ids(selection) == [1]
    assert ALERT in selection.picks[0].because


def test_a_fold_stands_after_pins_and_before_all_others() -> None:
    """Editors place what leads; then comes what was left to this mail, then what they ranked."""
    pinned, ranked, folded = a_candidate(1, pin=1), a_candidate(2, rank=1), a_candidate(3, hours_ago=40)
    assert ids(chosen([folded, ranked, pinned], lens=Lens(), folded=(3,))) == [1, 3, 2]


def test_a_fold_waits_for_no_others() -> None:
    """However few stories there are beside it, there is a mail that tells it."""
    assert ids(chosen([a_candidate(1)], folded=(1,), minimum=5)) == [1]
    assert ids(chosen([a_candidate(1)], lens=Lens(), minimum=5)) == []


def test_some_words_are_stronger_than_a_fold() -> None:
    """What editors dropped or took back, readers muted, or were told since, is not told."""
    for candidate in (a_candidate(1, dropped=True), a_candidate(1, retracted=True)):
        assert ids(chosen([candidate], folded=(1,))) == []
    story = a_candidate(1)
    assert ids(chosen([story], folded=(1,), muted=(1,))) == []
    told = {1: Told(1, story.content, NOON - timedelta(hours=3))}
    assert ids(chosen([story], folded=(1,), told=told)) == []


def test_folds_beyond_the_places_are_told_in_brief() -> None:
    """Every fold is told: behind the places stand those in brief, and nothing crowds one out; what was no
    fold finds no place."""
    selection = chosen([a_candidate(n) for n in range(1, 7)], folded=(1, 2, 3, 4, 5), maximum=3, lens=Lens())
    assert len(ids(selection)) == 3
    assert {*ids(selection), *(fold.candidate.story_id for fold in selection.folds)} == {1, 2, 3, 4, 5}
    assert [fold.place for fold in selection.folds] == [4, 5]
    assert all(reason.passed for fold in selection.folds for reason in fold.reasons)
    same = [a_candidate(n, a_story(f"Story {n}")) for n in range(1, 6)]  # of one company and category
    assert len(ids(chosen(same, folded=(1, 2, 3, 4, 5)))) == 5


def test_a_line_says_what_came_since() -> None:
    """What an alert told, and is no news since, is named once with its day and the outlets since."""
    story = a_candidate(1, a_story("Known", outlets=3, companies=()))
    selection = chosen([story], told={1: an_alert(story)}, lines=True)
    assert ids(selection) == []
    assert [line.heard for line in selection.lines] == ["You heard of it on Wednesday; since then +1 outlet"]
    assert chosen([story], told={1: an_alert(story)}).lines == ()


def test_news_is_told_as_an_update_and_not_in_a_line() -> None:
    """With a new fact since the alert the story is told again, as ever."""
    story = a_candidate(1, a_story("Known", outlets=8, companies=()))
    selection = chosen([story], lens=Lens(), told={1: an_alert(story)}, lines=True)
    assert ids(selection) == [1]
    assert selection.picks[0].changes == ("+6 outlets since Wednesday",)
    assert selection.lines == ()


def test_news_without_a_place_is_told_in_the_line() -> None:
    """What finds no place in a full mail, or is no concern of the lens, still gets its line, with what is
    new; who wants no lines gets none, and in either case the update may come with the next mail."""
    fuller = a_candidate(1, a_story("Fuller", outlets=30, companies=()))
    told = {2: an_alert(a_candidate(2))}
    news = a_candidate(
        2, a_story("Known", outlets=8, companies=(Company("Sample Lab"),), impact=Impact.DELAY)
    )
    words = (
        "You heard of it on Wednesday; since then +6 outlets, "
        "label changed: may advance → may delay, now also about Sample Lab"
    )
    for lens in (Lens(), POETS):
        selection = chosen([fuller, news], lens=lens, told=told, maximum=1, lines=True)
        assert ids(selection) == ([1] if lens is not POETS else [])
        assert [line.heard for line in selection.lines] == [words]
    assert chosen([fuller, news], lens=Lens(), told=told, maximum=1).lines == ()
    after = {2: replace(told[2], alerted=False)}
    assert ids(chosen([news], lens=Lens(), told=after, maximum=1)) == [2]


def test_every_alerted_story_has_its_line() -> None:
    """However many alerts came since the last digest: the next one names all their stories."""
    stories = [a_candidate(n) for n in range(60)]
    told = {one.story_id: an_alert(one) for one in stories}
    assert len(chosen(stories, told=told, lines=True).lines) == 60


def test_what_an_alert_told_after_the_cut_off_is_no_news_backwards() -> None:
    """An alert may tell more than the issue knows: its older facts are no changes."""
    old = a_candidate(1, a_story("Known", companies=(), impact=Impact.NEUTRAL))
    later = a_story("Known", companies=(), impact=Impact.ADVANCE, outlets=5)
    told = {1: Told(2, later, NOON - timedelta(hours=1), alerted=True)}
    selection = chosen([old], lens=Lens(), told=told, lines=True)
    assert ids(selection) == []
    assert [line.heard for line in selection.lines] == ["You heard of it on Thursday"]


def test_no_line_without_need() -> None:
    """None for what a digest told, what was dropped, taken back or muted, nor in a mail that is skipped."""
    story = a_candidate(1)
    told = {1: an_alert(story)}
    assert chosen([story], told={1: Told(1, story.content, NOON)}, lines=True).lines == ()
    assert chosen([a_candidate(1, dropped=True)], told=told, lines=True).lines == ()
    assert chosen([a_candidate(1, retracted=True)], told=told, lines=True).lines == ()
    assert chosen([story], told=told, muted=(1,), lines=True).lines == ()
    assert chosen([story], told=told, lines=True, minimum=1).lines == ()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("new", "folded", "alerted", "told")), st.integers(1, 9)), max_size=12
    ),
    st.integers(1, 6),
    st.booleans(),
)
def test_everything_is_told_once(stories: list[tuple[str, int]], maximum: int, lines: bool) -> None:
    """No story stands in a mail twice; folds come before all others; lines neither fill nor empty it."""
    candidates = [
        a_candidate(n, a_story(f"Story {n}", outlets=outlets, companies=(), category=None))
        for n, (_, outlets) in enumerate(stories)
    ]
    kinds = {n: kind for n, (kind, _) in enumerate(stories)}
    folded = tuple(n for n, kind in kinds.items() if kind == "folded")
    told = {n: an_alert(candidates[n]) for n, kind in kinds.items() if kind == "alerted"}
    told |= {n: Told(1, candidates[n].content, NOON) for n, kind in kinds.items() if kind == "told"}
    selection = chosen(candidates, lens=Lens(), folded=folded, told=told, maximum=maximum, lines=lines)
    below = (*selection.folds, *selection.lines)
    named = [*ids(selection), *(one.candidate.story_id for one in below)]
    assert len(named) == len(set(named))
    assert set(folded) <= set(named)
    assert [kinds[n] == "folded" for n in ids(selection)] == sorted(
        (kinds[n] == "folded" for n in ids(selection)), reverse=True
    )
    alerted = {n for n, kind in kinds.items() if kind == "alerted"}
    assert {line.candidate.story_id for line in selection.lines} == (
        alerted - set(ids(selection)) if lines else set()
    )
    without = chosen(candidates, lens=Lens(), folded=folded, told=told, maximum=maximum)
    assert without.decisions == selection.decisions
