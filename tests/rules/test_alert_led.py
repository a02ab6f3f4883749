"""Which stories of the past would have led a digest: as the selection says, found in one go."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.alerts.led import Led, Open
from newsletter.alerts.matching import News
from newsletter.content import Company, Impact
from newsletter.judging import Window
from newsletter.pool import Candidate, Pool
from newsletter.selection import comes_first
from subscribers.lens import Lens
from tests.builders import a_story

NOON = datetime(2026, 1, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LENSES = (
    Lens(),
    Lens.of(companies=["Sample Lab"], muted_topics=["Policy"]),
    Lens(audiences=frozenset({"investors"}), min_outlets=3),
)
#: one of two days, planned twelve hours before it closes
ISSUE = Open(NOON + 24 * HOUR, Window(NOON + 12 * HOUR, NOON - 12 * HOUR, NOON + 36 * HOUR))

arrivals = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.integers(1, 6),
        st.integers(1, 9),
        st.sampled_from((None, Impact.DELAY)),
        st.sampled_from(("Sample Lab", "Other Lab")),
        st.sampled_from(("Research", "Policy")),
    ),
    max_size=25,
)


def news_of(arrivals: list[tuple[int, int, int, Impact | None, str, str]]) -> list[News]:
    """Stories and their revisions, in the order in which they come in."""
    first: dict[int, datetime] = {}
    found: list[News] = []
    revisions = dict.fromkeys(range(1, 7), 0)
    for hour, story, outlets, impact, company, category in sorted(arrivals, key=lambda one: one[0]):
        at = NOON + hour * HOUR + timedelta(minutes=len(found))
        revisions[story] += 1
        content = a_story(
            f"Story {story}", outlets=outlets, impact=impact, companies=(Company(company),), category=category
        )
        found.append(News(story, revisions[story], content, first.setdefault(story, at), at, ()))
    return found


def led(news: News, before: list[News], lens: Lens) -> bool:
    """As one would look at it at that moment, with the newest revision of each story."""
    now, day = news.seen_at, timedelta(days=1)
    is_open = ISSUE.planned_at <= now < ISSUE.window.closes
    window = ISSUE.window if is_open else Window(now - day, now - day, now)
    newest = {one.story_id: one for one in before}
    pool = Pool([as_candidate(one) for one in newest.values()])
    return comes_first(as_candidate(news), pool, lens, window=window)


def as_candidate(one: News) -> Candidate:
    return Candidate(one.story_id, one.revision, one.content, one.first_seen_at)


@settings(max_examples=60)
@given(arrivals, st.sampled_from(LENSES))
def test_the_same_stories_lead(
    arrivals: list[tuple[int, int, int, Impact | None, str, str]], lens: Lens
) -> None:
    """Whatever came in, and whether an issue was open or not: each story led that the selection puts first
    among what was known then."""
    news = news_of(arrivals)
    found = Led(lens, news, [ISSUE])
    assert [found(one) for one in news] == [led(one, news[:place], lens) for place, one in enumerate(news)]
