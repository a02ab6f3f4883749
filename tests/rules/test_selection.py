"""Selection: which stories a reader gets, in which order, and why."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.content import Company, Impact, StoryContent
from newsletter.judging import Window
from newsletter.memory import Told, news_since
from newsletter.pool import Candidate, Pool
from newsletter.selection import Decision, Limits, Selection, select
from subscribers.lens import Lens
from tests.builders import NOON, a_candidate, a_story, coverage

DAY = timedelta(days=1)
WINDOW = Window(new_since=NOON - DAY, overflow_since=NOON - 2 * DAY, closes=NOON)
LIMITS = Limits(minimum=1, maximum=8)


def choose(
    *candidates: Candidate,
    lens: Lens = Lens(),  # noqa: B008 - a value
    told: dict[int, Told] | None = None,
    window: Window = WINDOW,
    limits: Limits = LIMITS,
) -> Selection:
    return select(Pool(candidates), lens, told or {}, window=window, limits=limits)


def decision_on(selection: Selection, story_id: int) -> Decision:
    return next(d for d in selection.decisions if d.candidate.story_id == story_id)


def ids(selection: Selection) -> list[int]:
    return [decision.candidate.story_id for decision in selection.picks]


def test_audience_decides() -> None:
    """A reader gets the stories written for their audiences, and is told for which."""
    mine = a_candidate(1, a_story(audiences=("Policymakers", "Investors")))
    other = a_candidate(2, a_story(audiences=("Engineers",)))
    selection = choose(mine, other, lens=Lens.of(audiences=["investors"]))
    assert ids(selection) == [1]
    assert decision_on(selection, 1).because == ("Investors", "2 outlets")
    failed = [reason for reason in decision_on(selection, 2).reasons if not reason.passed]
    assert [reason.rule for reason in failed] == ["audience"]


def test_no_choice_means_everything() -> None:
    """A reader without preferences gets stories for every audience."""
    stories = [
        a_candidate(n, a_story(audiences=(name,))) for n, name in enumerate(["Engineers", "Investors"])
    ]
    assert sorted(ids(choose(*stories))) == [0, 1]


def test_story_without_audience_concerns_every_audience() -> None:
    """A story that names nobody is kept from nobody who chose audiences."""
    assert ids(choose(a_candidate(1, a_story(audiences=())), lens=Lens.of(audiences=["Engineers"]))) == [1]


def test_followed_company_brings_a_story_of_another_audience() -> None:
    """A followed company is found among the mentions and in the title, and said as the reason."""
    mentioned = a_candidate(1, a_story(audiences=("Engineers",), companies=(Company("Mistral AI"),)))
    titled = a_candidate(2, a_story("What Mistral AI's deal means", audiences=("Engineers",), companies=()))
    lens = Lens.of(audiences=["Investors"], companies=["mistral ai"])
    selection = choose(mentioned, titled, lens=lens)
    assert set(ids(selection)) == {1, 2}
    assert "follows Mistral AI" in decision_on(selection, 1).because


def test_a_name_is_found_as_a_whole_word() -> None:
    """`Meta` is not found in `metadata`; a name in a script without spaces is found anywhere."""
    lens = Lens.of(companies=["Meta", "智谱"])
    wrong = a_candidate(1, a_story("Better metadata for all", audiences=(), companies=()))
    right = a_candidate(2, a_story("北京智谱发布新模型", audiences=(), companies=()))
    assert ids(choose(wrong, right, lens=lens)) == [2]


def test_topic_is_category_or_word_of_the_title() -> None:
    """A followed topic matches the category and the title; a muted one keeps the story away."""
    category = a_candidate(1, a_story("Something", category="AI Safety", audiences=("Engineers",)))
    title = a_candidate(2, a_story("New AI safety rules", category="Policy", audiences=("Engineers",)))
    other = a_candidate(3, a_story("Chips", category="Policy", audiences=("Engineers",)))
    lens = Lens.of(topics=["ai safety"])
    assert set(ids(choose(category, title, other, lens=lens))) == {1, 2}
    assert ids(choose(category, title, other, lens=Lens.of(muted_topics=["AI Safety"]))) == [3]


def test_mute_beats_everything() -> None:
    """Not even a pinned story of a followed audience passes a mute."""
    story = a_candidate(1, a_story(companies=(Company("Sample Lab"),)), pin=1)
    lens = Lens.of(audiences=["Investors"], muted_companies=["sample lab"])
    assert ids(choose(story, lens=lens)) == []


def test_never_told_twice() -> None:
    """A story told before is left out as long as nothing is new."""
    story = a_candidate(1)
    told = {1: Told(1, story.content, NOON - DAY)}
    selection = choose(story, told=told)
    assert ids(selection) == []
    assert "told on Wednesday 07 January 2026, and nothing new since" in [
        reason.text for reason in decision_on(selection, 1).reasons
    ]


def test_told_again_only_with_what_is_new() -> None:
    """Doubled outlets, another label or a new company bring it back as an update that says so."""
    before = a_story(outlets=3, impact=Impact.ADVANCE, companies=(Company("A"),))
    now = replace(before, impact=Impact.DELAY, coverage=coverage(12), companies=(Company("A"), Company("B")))
    selection = choose(a_candidate(1, now, hours_ago=100), told={1: Told(1, before, NOON - 2 * DAY)})
    assert decision_on(selection, 1).changes == (
        "+9 outlets since Tuesday",
        "label changed: may advance → may delay",
        "now also about B",
    )
    assert ids(selection) == [1]


def test_one_more_outlet_is_no_news() -> None:
    """Coverage that grows a little is not worth a second mail."""
    before, now = a_story(outlets=4), a_story(outlets=5)
    assert news_since(Told(1, before, NOON - DAY), now, now=NOON) == ()


def test_overflow_comes_after_what_is_new() -> None:
    """What had no place in the last issue may come now, behind equals that are new; older ones not."""
    old, new, older = a_candidate(1, hours_ago=30), a_candidate(2, hours_ago=3), a_candidate(3, hours_ago=60)
    assert ids(choose(old, new, older)) == [2, 1]


def test_a_reader_may_ask_for_more_outlets() -> None:
    """Below the number of outlets that a reader asks for, a story is left out, and the reason counts."""
    few, many = a_candidate(1, a_story(outlets=2)), a_candidate(2, a_story(outlets=5))
    selection = choose(few, many, lens=Lens(min_outlets=3))
    assert ids(selection) == [2]
    assert "2 of the 3 outlets that the reader asks for" in [
        reason.text for reason in decision_on(selection, 1).reasons
    ]


def test_a_reader_gets_what_they_can_read() -> None:
    """A story passes if it, or a report of it, is in one of the reader's languages."""
    english = a_candidate(1, a_story(language="en"))
    chinese = a_candidate(2, a_story(language="zh-Hans", coverage=coverage(2)))
    reported = a_candidate(3, a_story(language="zh", coverage=coverage(2, language="en-GB")))
    assert sorted(ids(choose(english, chinese, reported, lens=Lens(languages=frozenset({"en"}))))) == [1, 3]


def test_a_muted_story_stays_muted() -> None:
    """A story that the reader muted is not told again, not even with news."""
    story = a_candidate(1, a_story(outlets=9))
    told = {1: Told(1, a_story(outlets=2), NOON - DAY)}
    selection = select(Pool([story]), Lens(), told, {1}, window=WINDOW, limits=LIMITS)
    assert ids(selection) == []
    assert "muted this story" in [reason.text for reason in decision_on(selection, 1).reasons]


def test_after_the_cutoff_is_too_late() -> None:
    """What was seen after the cut-off belongs to the next issue."""
    assert ids(choose(a_candidate(1, hours_ago=-1))) == []


def test_pins_lead_and_drops_vanish() -> None:
    """Pinned stories come first in their order, to every audience; dropped ones never."""
    best = a_candidate(1, a_story(outlets=40))
    first = a_candidate(2, a_story(audiences=("Engineers",), outlets=1), pin=1)
    second = a_candidate(3, a_story(audiences=("Engineers",), outlets=1), pin=2)
    dropped = a_candidate(4, dropped=True)
    selection = choose(best, second, dropped, first, lens=Lens.of(audiences=["Investors"]))
    assert ids(selection) == [2, 3, 1]
    assert "editors' choice" in decision_on(selection, 2).because


def test_spread_over_companies_and_categories() -> None:
    """The third story about a company gives way to others, but fills a place that stays free."""
    crowd = [
        a_candidate(n, a_story(f"Crowd {n}", outlets=30, category=None, companies=(Company("Giant"),)))
        for n in (1, 2, 3)
    ]
    small = [a_candidate(n, a_story(f"Small {n}", outlets=1, category=None, companies=())) for n in (4, 5)]
    narrow = choose(*crowd, *small, limits=Limits(minimum=1, maximum=4))
    assert sorted(ids(narrow)) == [1, 2, 4, 5]
    spread = [reason.text for reason in decision_on(narrow, 3).reasons if not reason.passed]
    assert spread == ["spread: already 2 stories about Giant"]
    assert len(ids(choose(*crowd, *small))) == 5


def test_below_the_minimum_nothing_is_told() -> None:
    """Too few stories make no issue, and the reason says how many there were."""
    selection = choose(a_candidate(1), limits=Limits(minimum=2, maximum=8))
    assert selection.picks == ()
    assert selection.skipped == "1 of the 2 stories that it takes at least"


def test_more_coverage_ranks_higher() -> None:
    """Among equals the story that more outlets report comes first."""
    stories = [
        a_candidate(n, a_story(f"Story {n}", outlets=n, companies=(), category=None)) for n in (1, 4, 16)
    ]
    assert ids(choose(*stories)) == [16, 4, 1]


WORDS = st.sampled_from(["Investors", "Engineers", "Giant", "Sample Lab", "Research", "Policy", "Mars"])
LENSES = st.builds(
    lambda a, c, t, mc, mt, languages, outlets: replace(
        Lens.of(audiences=a, companies=c, topics=t, muted_companies=mc, muted_topics=mt),
        languages=frozenset(languages),
        min_outlets=outlets,
    ),
    *[st.lists(WORDS, max_size=2)] * 5,
    st.lists(st.sampled_from(["en", "fr"]), max_size=1),
    st.integers(1, 3),
)


def stories(number: int) -> st.SearchStrategy[StoryContent]:
    return st.builds(
        a_story,
        st.just(f"Story {number} of Mars"),
        outlets=st.integers(1, 9),
        category=st.sampled_from(["Research", "Policy", None]),
        audiences=st.lists(st.sampled_from(["Investors", "Engineers"]), unique=True).map(tuple),
        companies=st.lists(st.sampled_from([Company("Giant"), Company("Sample Lab")]), unique=True).map(
            tuple
        ),
    )


@st.composite
def pools(draw: st.DrawFn) -> list[Candidate]:
    count = draw(st.integers(0, 8))
    return [
        a_candidate(n, draw(stories(n)), hours_ago=draw(st.integers(-5, 60)), dropped=draw(st.booleans()))
        for n in range(count)
    ]


@given(pools(), LENSES, st.integers(1, 3), st.integers(3, 5))
@settings(max_examples=150)
def test_selection_is_whole_and_consistent(
    candidates: list[Candidate], lens: Lens, minimum: int, maximum: int
) -> None:
    """Every candidate is decided on once, with reasons; a pick failed no rule and the rest failed one."""
    selection = choose(*candidates, lens=lens, limits=Limits(minimum=minimum, maximum=maximum))
    assert sorted(d.candidate.story_id for d in selection.decisions) == list(range(len(candidates)))
    assert [d.place for d in selection.picks] == list(range(1, len(selection.picks) + 1))
    assert len(selection.picks) <= maximum
    assert (selection.skipped is None) == (len(selection.picks) >= minimum)
    for decision in selection.decisions:
        assert (decision.place is not None) == all(reason.passed for reason in decision.reasons)


@given(pools(), LENSES)
@settings(max_examples=150)
def test_projection_changes_nothing(candidates: list[Candidate], lens: Lens) -> None:
    """A lens reduced to what matters for the pool selects exactly the same, with the same reasons."""
    pool = Pool(candidates)
    whole = select(pool, lens, {}, window=WINDOW, limits=LIMITS)
    projected = select(pool, pool.project(lens), {}, window=WINDOW, limits=LIMITS)
    assert whole == projected


@given(pools(), LENSES)
@settings(max_examples=50)
def test_order_of_candidates_does_not_matter(candidates: list[Candidate], lens: Lens) -> None:
    """The same stories in another order give the same mail."""
    assert choose(*candidates, lens=lens).picks == choose(*reversed(candidates), lens=lens).picks
