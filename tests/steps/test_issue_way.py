"""An issue's way: planned, filled, closed, approved, published, handed over, finished."""

from datetime import timedelta

from sqlalchemy import select

from newsletter.models import Edition, Issue, Story
from newsletter.models.issue import IssueState
from newsletter.proof import proof
from newsletter.store.engine import reading
from newsletter.tick import tick, tick_issues
from newsletter.wiring import Services
from tests.builders import a_story, coverage
from tests.issues import DAY, PUBLISH, SEEN, daily, states, subscribe, tell


def test_one_tick_does_it_all(services: Services) -> None:
    """From stories and subscribers to mails in the folder: one tick, and the counts add up."""
    tell(services, a_story("One"), a_story("Two"))
    for name in "ab":
        subscribe(services, f"{name}@reader.example")
    tick(services, PUBLISH + timedelta(hours=3))
    assert daily(services).state == IssueState.FINISHED
    assert states(services) == {"accepted": 2}
    assert len(list(services.settings.mail_folder.glob("*.eml"))) == 2
    with reading(services.engine) as session:
        assert proof(session, session.get_one(Issue, daily(services).id)).adds_up


def test_ticking_again_changes_nothing(services: Services) -> None:
    """A second tick, and one by another clock, send nothing again."""
    tell(services, a_story())
    subscribe(services, "a@reader.example")
    for _ in range(3):
        tick(services, PUBLISH + timedelta(hours=3))
    assert states(services) == {"accepted": 1}


def test_readers_with_the_same_view_share_an_edition(services: Services) -> None:
    """However many readers, as many editions as there are different mails."""
    tell(services, a_story("For investors", audiences=("Investors",)), a_story("For all", audiences=()))
    for n in range(5):
        subscribe(services, f"i{n}@reader.example", audiences=["Investors"], companies=[f"Nobody {n}"])
    for n in range(3):
        subscribe(services, f"e{n}@reader.example", audiences=["Engineers"])
    tick_issues(services, PUBLISH)
    with reading(services.engine) as session:
        assert sorted(session.scalars(select(Edition.readers))) == [3, 5]
    assert daily(services).reason == "8 mails in 2 editions"


def test_one_mail_is_no_plural(services: Services) -> None:
    """What was frozen is said as people say it."""
    tell(services, a_story())
    subscribe(services, "a@reader.example")
    tick_issues(services, PUBLISH)
    assert daily(services).reason == "1 mail in 1 edition"


def test_each_reader_at_their_hour(services: Services) -> None:
    """Nothing leaves before a reader's hour in their zone has come."""
    tell(services, a_story())
    subscribe(services, "paris@reader.example", zone="Europe/Paris", hour=7)
    subscribe(services, "tokyo@reader.example", zone="Asia/Tokyo", hour=20)
    tick(services, DAY + timedelta(hours=5, minutes=59))
    assert states(services) == {"queued": 2}
    tick(services, DAY + timedelta(hours=6))
    assert states(services) == {"accepted": 1, "queued": 1}
    tick(services, DAY + timedelta(hours=11))
    assert states(services) == {"accepted": 2}


def test_a_story_is_told_once(services: Services) -> None:
    """What a reader was told on one day is not in the next day's mail; a new reader gets it as overflow."""
    tell(services, a_story("Old"))
    subscribe(services, "a@reader.example")
    tick(services, PUBLISH + timedelta(hours=3))
    tell(services, a_story("New"), at=SEEN + timedelta(days=1))
    subscribe(services, "late@reader.example")
    tick(services, PUBLISH + timedelta(days=1, hours=3))
    with reading(services.engine) as session:
        told = [
            (edition.readers, [session.get_one(Story, s.story_id).title for s in edition.stories])
            for edition in session.scalars(select(Edition).order_by(Edition.id))
        ]
    assert told == [(1, ["Old"]), (1, ["New"]), (1, ["New", "Old"])]


def test_a_story_comes_back_with_news(services: Services) -> None:
    """A story whose coverage doubled is told again to those who know it, as an update that says so."""
    tell(services, a_story("Growing", outlets=3))
    subscribe(services, "a@reader.example")
    tick(services, PUBLISH + timedelta(hours=3))
    tell(services, a_story("Growing", coverage=coverage(9)), at=SEEN + timedelta(days=1))
    tick(services, PUBLISH + timedelta(days=1, hours=3))
    mails = sorted(services.settings.mail_folder.glob("*.eml"))
    assert len(mails) == 2
    assert b"+6 outlets since Thursday" in mails[1].read_bytes()


def test_weekend_stories_reach_weekday_readers_on_monday(services: Services) -> None:
    """A reader of Mondays gets on Monday what they did not get on the other days."""
    subscribe(services, "monday@reader.example", days="0")
    for days in range(1, 5):  # Friday 9 to Monday 12 January
        tell(services, a_story(f"Day {days}"), at=SEEN + timedelta(days=days))
        tick(services, PUBLISH + timedelta(days=days, hours=3))
    with reading(services.engine) as session:
        (edition,) = session.scalars(select(Edition).where(Edition.readers > 0)).all()
        assert len(edition.stories) == 4


def test_too_few_stories_skip_with_a_reason(services: Services) -> None:
    """Readers whom nothing concerns get no mail, and the issue says how many and why."""
    tell(services, a_story(audiences=("Engineers",)))
    subscribe(services, "a@reader.example", audiences=["Investors"])
    tick(services, PUBLISH + timedelta(hours=3))
    issue = daily(services)
    assert (issue.state, issue.frozen) == (IssueState.FINISHED, 0)
    with reading(services.engine) as session:
        assert session.scalars(select(Edition.skipped)).one() == "0 of the 1 stories that it takes at least"


def test_no_story_at_all_skips_the_issue(services: Services) -> None:
    """A day without stories makes no mail and no error."""
    subscribe(services, "a@reader.example")
    tick(services, PUBLISH)
    assert daily(services).state == IssueState.SKIPPED
    assert states(services) == {}
