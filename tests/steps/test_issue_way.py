"""An issue's way: planned, filled, closed, approved, published, handed over, finished."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from newsletter.content import StoryContent
from newsletter.desk import approval, planning
from newsletter.desk.states import STEPS, IllegalStep, step
from newsletter.intake.take_in import take_in
from newsletter.models import Delivery, Edition, Issue, Newsletter, Piece, Story
from newsletter.models.delivery import DeliveryState
from newsletter.models.issue import IssueState
from newsletter.proof import proof
from newsletter.schedule import occurrence
from newsletter.sources.records import Incoming
from newsletter.store.engine import reading, writing
from newsletter.tick import tick, tick_issues
from newsletter.wiring import Services
from subscribers import consent, roster
from subscribers.address import parse
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.models import SuppressionReason
from subscribers.rhythm import Rhythm
from subscribers.suppression import suppress
from tests.builders import a_story, coverage

#: the daily of 8 January: cut-off 04:00, publication 04:30, both UTC
DAY = datetime(2026, 1, 8, tzinfo=UTC)
CUTOFF = DAY + timedelta(hours=4)
PUBLISH = DAY + timedelta(hours=4, minutes=30)
SEEN = CUTOFF - timedelta(hours=2)


def tell(services: Services, *stories: StoryContent, at: datetime = SEEN) -> None:
    with writing(services.engine) as session:
        take_in(session, [Incoming(s.title, s, "test") for s in stories], now=at)


def subscribe(
    services: Services, email: str, *, hour: int = 7, zone: str = "UTC", days: str = "", **terms: list[str]
) -> None:
    with writing(services.engine) as session:
        consent.attest(
            session,
            parse(email),
            ["daily"],
            lens=Lens.of(**terms),
            rhythm=Rhythm(zone, hour, frozenset(map(int, days)) or frozenset(range(7))),
            name=None,
            source="test",
            channel=Channel.COMMAND,
            fingerprints=services.fingerprints,
            now=DAY - timedelta(days=30),
        )


def states(services: Services) -> dict[str, int]:
    with reading(services.engine) as session:
        return dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all())


def daily(services: Services) -> Issue:
    with reading(services.engine) as session:
        query = select(Issue).join(Newsletter).where(Newsletter.slug == "daily").order_by(Issue.date.desc())
        issue = session.scalars(query).first()
        assert issue is not None
        session.expunge_all()
        return issue


def draft(services: Services) -> int:
    """A draft of the daily of 8 January."""
    with writing(services.engine) as session:
        newsletter = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        issue = planning.plan(session, newsletter, occurrence(planning.timetable(newsletter), DAY.date()))
        assert issue is not None
        return issue.id


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


def test_policy_hold_waits_for_a_person(services: Services) -> None:
    """Under the policy `hold` nothing leaves until somebody approves; then it goes out, late and once."""
    with writing(services.engine) as session:
        session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one().policy = "hold"
    tell(services, a_story())
    subscribe(services, "a@reader.example")
    tick(services, PUBLISH + timedelta(hours=3))
    assert daily(services).state == IssueState.HELD
    assert states(services) == {}
    with writing(services.engine) as session:
        issue = session.get_one(Issue, daily(services).id)
        approval.approve(session, issue, services.renderer, by="Ed", now=PUBLISH + timedelta(hours=4))
    tick(services, PUBLISH + timedelta(hours=4))
    assert states(services) == {"accepted": 1}


def test_approved_content_leaves_whatever_comes_after(services: Services) -> None:
    """A story that changes after the approval leaves as it was approved."""
    tell(services, a_story("Title", tldr=None, about="As approved."))
    subscribe(services, "a@reader.example")
    issue_id = draft(services)
    with writing(services.engine) as session:
        approval.approve(session, session.get_one(Issue, issue_id), services.renderer, by="Ed", now=SEEN)
    tell(services, a_story("Title", tldr=None, about="Changed later."), at=SEEN + timedelta(minutes=5))
    tick(services, PUBLISH + timedelta(hours=3))
    (mail,) = services.settings.mail_folder.glob("*.eml")
    assert b"As approved." in mail.read_bytes()
    assert b"Changed later." not in mail.read_bytes()


def test_tampered_content_voids_the_approval(services: Services) -> None:
    """If what would leave is not what was approved, the issue is held and says why."""
    tell(services, a_story())
    subscribe(services, "a@reader.example")
    issue_id = draft(services)
    with writing(services.engine) as session:
        approval.approve(session, session.get_one(Issue, issue_id), services.renderer, by="Ed", now=SEEN)
    with writing(services.engine) as session:
        piece = session.scalars(select(Piece).where(Piece.name == "shell")).one()
        piece.document = {**piece.document, "text": "something else"}
    tick(services, PUBLISH)
    issue = daily(services)
    assert issue.state == IssueState.HELD
    assert "approve it anew" in (issue.reason or "")
    assert states(services) == {}


def test_pin_and_drop_void_the_approval(services: Services) -> None:
    """A change by an editor makes a draft of an approved issue, and what was dropped never comes back."""
    tell(services, a_story("Keep"), a_story("Lose", outlets=9))
    subscribe(services, "a@reader.example")
    issue_id = draft(services)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        approval.approve(session, issue, services.renderer, by="Ed", now=SEEN)
        stories = {story.title: story.id for story in session.scalars(select(Story))}
        planning.drop(session, issue, stories["Lose"])
        planning.pin(session, issue, stories["Keep"])
        assert issue.state == IssueState.DRAFT
        assert issue.content_hash is None
    tick(services, PUBLISH + timedelta(hours=3))
    tick(services, PUBLISH + timedelta(days=1, hours=3))
    with reading(services.engine) as session:
        told = [s.story_id for e in session.scalars(select(Edition)) for s in e.stories]
    assert told == [stories["Keep"]]


def test_cancel_stops_what_has_not_left(services: Services) -> None:
    """A cancelled issue's queued mails are cancelled, the counts still add up, and nothing leaves."""
    tell(services, a_story())
    subscribe(services, "a@reader.example", hour=7)
    subscribe(services, "b@reader.example", hour=20)
    tick(services, PUBLISH + timedelta(hours=3))
    with writing(services.engine) as session:
        issue = session.get_one(Issue, daily(services).id)
        assert approval.cancel(session, issue, by="Ed", now=PUBLISH + timedelta(hours=4)) == 1
        found = proof(session, issue)
        assert found.adds_up
        assert found.sentence == "2 frozen = 1 accepted + 1 cancelled"
    tick(services, PUBLISH + timedelta(hours=20))
    assert states(services) == {"accepted": 1, "cancelled": 1}


def test_who_leaves_in_between_gets_nothing(services: Services) -> None:
    """Consent is read again at the claim: who left, or was suppressed, is withheld with the reason."""
    tell(services, a_story())
    subscribe(services, "left@reader.example")
    subscribe(services, "bounced@reader.example")
    tick_issues(services, PUBLISH)
    assert states(services) == {"queued": 2}
    with writing(services.engine) as session:
        leaver = roster.find(session, "left@reader.example")
        assert leaver is not None
        consent.unsubscribe(
            session, leaver.public_id, "daily", channel=Channel.ONE_CLICK, wording="", now=PUBLISH
        )
        suppress(
            session,
            parse("bounced@reader.example"),
            SuppressionReason.BOUNCED,
            fingerprints=services.fingerprints,
            now=PUBLISH,
        )
    tick(services, PUBLISH + timedelta(hours=3))
    with reading(services.engine) as session:
        reasons = sorted(filter(None, session.scalars(select(Delivery.reason))))
    assert states(services) == {"withheld": 2}
    assert reasons == ["suppressed: bounced", "unsubscribed"]
    assert daily(services).state == IssueState.FINISHED


def test_after_downtime_the_newest_goes_out_once(services: Services) -> None:
    """Down over several days: the newest due issue goes out late, and only it."""
    tell(services, a_story("Day 0"))
    subscribe(services, "a@reader.example")
    issue_id = draft(services)
    tell(services, a_story("Day 2"), at=SEEN + timedelta(days=2))
    tick(services, PUBLISH + timedelta(days=2, hours=5))
    with reading(services.engine) as session:
        assert session.get_one(Issue, issue_id).state == IssueState.EXPIRED
    assert daily(services).state == IssueState.FINISHED
    assert states(services) == {"accepted": 1}


def test_too_late_is_not_at_all(services: Services) -> None:
    """Past its catch-up window an issue expires, and says so."""
    tell(services, a_story())
    subscribe(services, "a@reader.example")
    issue_id = draft(services)
    tick_issues(services, PUBLISH + timedelta(hours=12))
    with reading(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        assert (issue.state, issue.reason) == ("expired", "not published within its catch-up window")


@pytest.mark.parametrize("origin", list(IssueState))
@pytest.mark.parametrize("to", list(IssueState))
def test_steps(origin: IssueState, to: IssueState) -> None:
    """Every pair of states is either a step that is listed, or refused with the steps there are."""
    issue = Issue(id=7, state=origin)
    if to in STEPS[origin]:
        step(issue, to, "because")
        assert (issue.state, issue.reason) == (to, "because")
    else:
        with pytest.raises(IllegalStep, match="issue 7 is"):
            step(issue, to, None)
        assert issue.state == origin


def test_expired_mail_is_not_sent(services: Services) -> None:
    """A mail that could not leave in its time expires, and the issue still finishes."""
    tell(services, a_story())
    subscribe(services, "a@reader.example")
    tick_issues(services, PUBLISH)
    tick(services, PUBLISH + timedelta(days=1))
    assert states(services)[DeliveryState.EXPIRED] == 1


def test_missed_issues_are_on_record(services: Services) -> None:
    """After a longer silence each issue that nobody was there to plan is a row that says so."""
    tell(services, a_story("Day 0"))
    tick_issues(services, PUBLISH)
    tell(services, a_story("Day 3"), at=SEEN + timedelta(days=3))
    tick_issues(services, PUBLISH + timedelta(days=3))
    with reading(services.engine) as session:
        query = select(Issue).join(Newsletter).where(Newsletter.slug == "daily").order_by(Issue.date)
        states = [(issue.date.day, issue.state) for issue in session.scalars(query)]
    assert states == [(8, "finished"), (9, "expired"), (10, "expired"), (11, "finished")]


def test_a_held_issue_is_filled_until_its_cutoff(services: Services) -> None:
    """What is seen before the cut-off is in the issue, though somebody held it before."""
    tell(services, a_story("Early"), at=SEEN - timedelta(hours=2))
    issue_id = draft(services)
    with writing(services.engine) as session:
        approval.hold(session.get_one(Issue, issue_id), by="Ed")
    tell(services, a_story("Late"))
    tick_issues(services, SEEN + timedelta(minutes=1))
    with reading(services.engine) as session:
        assert len(session.get_one(Issue, issue_id).picks) == 2
