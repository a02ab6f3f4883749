"""One story from what several sources tell."""

from datetime import date
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.content import Article, Company, Impact, Maker, StoryContent, Tldr
from newsletter.intake.merging import event_key, merge
from tests.builders import a_story

DAY = date(2026, 1, 8)

links = st.sampled_from([None, "https://a.example/1", "https://a.example/2"])
articles = st.builds(Article, st.sampled_from(["One", "ONE", "Two"]), links, st.sampled_from([None, "fr"]))
companies = st.builds(Company, st.sampled_from(["Lab", "Chip"]), st.sampled_from([None, "AI Lab"]))
contents = st.builds(
    StoryContent,
    title=st.sampled_from(["Title", "Other"]),
    date=st.just(DAY),
    language=st.sampled_from(["en", "zh"]),
    category=st.sampled_from([None, "Policy", "Safety"]),
    primary_outlet=st.sampled_from([None, "One", "Two"]),
    primary_url=links,
    tldr=st.none() | st.builds(Tldr, st.sampled_from(["a", "b"]), language=st.sampled_from([None, "fr"])),
    impact=st.sampled_from([None, *Impact]),
    audiences=st.sampled_from([(), ("Investors",)]),
    companies=st.lists(companies, max_size=3).map(tuple),
    coverage=st.lists(articles, max_size=4).map(tuple),
    url=links,
)
several = st.lists(contents, min_size=1, max_size=3)


@given(several)
def test_merging_what_was_merged_changes_nothing(told: list[StoryContent]) -> None:
    """The merged story is settled: merged alone, or told again as the newest record, it is the same."""
    merged = merge(told)
    assert merge([merged]) == merged
    assert merge([merged, merged]) == merged


@given(several)
def test_no_source_takes_away_coverage(told: list[StoryContent]) -> None:
    """Every outlet and every link that any source tells is in the story, each once."""
    merged = merge(told)
    keys = [article.key for article in merged.coverage]
    assert len(set(keys)) == len(keys)
    mentioned = {article.key for content in told for article in content.coverage}
    assert {key for key in mentioned if key[1]} <= set(keys)
    assert {outlet for outlet, _ in mentioned} == {outlet for outlet, _ in keys}


@given(several)
def test_the_order_of_sources_does_not_change_which_reports_there_are(told: list[StoryContent]) -> None:
    """Coverage and companies are the same sets in whatever order the sources came."""
    merged = [merge(order) for order in permutations(told)]
    assert len({frozenset(article.key for article in story.coverage) for story in merged}) == 1
    assert len({story.company_terms for story in merged}) == 1


@given(several)
def test_each_part_is_the_newest_that_was_told(told: list[StoryContent]) -> None:
    """A part that the newest record leaves out keeps what an older one says."""
    merged = merge(told)
    assert merged.category == next((one.category for one in reversed(told) if one.category), None)
    assert merged.impact == next((one.impact for one in reversed(told) if one.impact), None)


def test_two_sources_make_one_story() -> None:
    """The text of the newer source, and the reports of both."""
    one = a_story(tldr=Tldr("Old", Maker.AI), coverage=(Article("A", "https://a.example/1"),))
    two = a_story(
        tldr=Tldr("New", Maker.EDITOR), analysis=None, coverage=(Article("B", "https://b.example/1"),)
    )
    merged = merge([one, two])
    assert merged.tldr == two.tldr
    assert merged.analysis == one.analysis
    assert merged.outlets == ("A", "B")


def test_a_later_mention_adds_to_a_report() -> None:
    """A report that comes first without its link and language is still one report afterwards."""
    bare = a_story(coverage=(Article("LeMagIT"), Article("BBC")))
    full = a_story(coverage=(Article("LeMagIT", "https://mag.example/1", "fr", "Titre"),))
    expected = {Article("LeMagIT", "https://mag.example/1", "fr", "Titre"), Article("BBC")}
    assert set(merge([bare, full]).coverage) == set(merge([full, bare]).coverage) == expected


def test_the_newest_page_of_a_story_is_its_page() -> None:
    """The address told last wins, and a source that tells none takes none away."""
    pages = ["https://race.example/old", "https://race.example/new", None]
    told = [a_story(url=url) for url in pages]
    assert merge(told).url == "https://race.example/new"
    assert merge([told[2], told[0]]).url == "https://race.example/old"


def test_a_link_stays_with_its_outlet() -> None:
    """The primary link is never that of another outlet than the primary one."""
    one = a_story(primary_outlet="One", primary_url="https://one.example/")
    two = a_story(primary_outlet="Two", primary_url=None)
    merged = merge([one, two])
    assert (merged.primary_outlet, merged.primary_url) == ("Two", None)


def test_a_valuation_stays_with_its_day() -> None:
    """A newer valuation without a day does not inherit the day of the older one."""
    one = a_story(companies=(Company("Lab", valuation="$1B", valuation_as_of="2026-01"),))
    two = a_story(companies=(Company("lab", "AI Lab", valuation="$2B"),))
    assert merge([one, two]).companies == (Company("lab", "AI Lab", None, "$2B", None),)


def test_languages_stay_true_when_the_title_changes_its_language() -> None:
    """What is in the language of one source says so when the title is of another."""
    chinese = a_story(language="zh", tldr=Tldr("摘要"), coverage=(Article("IT Home"),))
    english = a_story(language="en", tldr=None, coverage=(Article("BBC"),))
    merged = merge([chinese, english])
    assert merged.tldr
    assert merged.tldr.language == "zh"
    assert merged.coverage == (Article("IT Home", language="zh"), Article("BBC"))


def test_events_are_known_by_day_and_title() -> None:
    """Spelling and blanks do not part an event; another day does."""
    assert event_key(DAY, "Mistral AI  wins") == event_key(DAY, " mistral ai WINS ")
    assert event_key(DAY, "Mistral AI wins") != event_key(date(2026, 1, 9), "Mistral AI wins")
