"""An issue in the hands of its editors: held, filled, approved, changed, cancelled."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.desk import approval, editing
from newsletter.desk.changes import Hand
from newsletter.desk.states import STEPS, IllegalStep, step
from newsletter.models import Delivery, Edition, Issue, Newsletter, Piece, Story
from newsletter.models.issue import IssueState
from newsletter.proof import proof
from newsletter.store.engine import reading, writing
from newsletter.tick import tick, tick_issues
from newsletter.wiring import Services
from subscribers import consent, roster
from subscribers.address import parse
from subscribers.consent import Channel
from subscribers.models import SuppressionReason
from subscribers.suppression import suppress
from tests.builders import a_story
from tests.issues import PUBLISH, SEEN, daily, draft, states, subscribe, tell

HAND = Hand(SEEN)


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
        editing.drop(session, issue, stories["Lose"], HAND)
        editing.pin(session, issue, stories["Keep"], HAND)
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
