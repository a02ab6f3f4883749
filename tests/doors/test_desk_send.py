"""The tab Send: an issue is let go as it was shown, kept back or stopped; nothing else does any of it."""

from datetime import timedelta

from sqlalchemy import select

from newsletter.desk import editing
from newsletter.desk.changes import Hand
from newsletter.issue_forecast import Forecast, keep
from newsletter.models import Issue, Newsletter
from newsletter.models.editor import Role
from newsletter.models.issue import IssueState
from newsletter.store.engine import writing
from newsletter.tick import tick, tick_issues
from tests.builders import a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import FROM_HERE, at_desk
from tests.doors.sending import acts, an_issue, digests, fields, press, words
from tests.issues import CUTOFF, PUBLISH, SEEN, daily, tell

MINUTE = timedelta(minutes=1)


def test_an_issue_is_approved_as_it_was_shown(web: Web) -> None:
    """After it the page says who, when, what and when it leaves; a second press does nothing more."""
    path = an_issue(web)
    with at_desk(web, Role.APPROVER) as desk:
        shown = desk.get(f"{path}/send").text
        assert press(desk, path, "approve", shown).headers["location"] == f"{path}/send"
        approved = daily(web.services)
        assert approved.content_hash == fields(shown, "approve")["seen"]
        again = press(desk, path, "approve", shown)
        assert again.status_code == 303, "a double click is one act"
        assert daily(web.services).approved_at == approved.approved_at
        page = words(desk.get(f"{path}/send").text)
        for part in ("What leaves is exactly this", "approver@desk.example, Thu 02:00", "Thu 04:30 UTC"):
            assert part in page
        assert str(approved.content_hash) in page
        assert "Taken back, it is a draft again, which is sent at its cut-off all the same." in page
        assert not fields(desk.get(f"{path}/send").text, "approve")
    assert acts(web) == ["issue approved"]


def test_what_changed_since_one_looked_is_not_approved(web: Web) -> None:
    """Neither what an editor changed nor what came in: the page says which, and nothing was done."""
    path = an_issue(web)
    with at_desk(web, Role.APPROVER) as desk:
        shown = desk.get(f"{path}/send").text
        web.now += MINUTE
        tell(web.services, a_story("Came <in> since"), at=web.now)
        tick_issues(web.services, web.now)
        refused = press(desk, path, "approve", shown)
        assert refused.status_code == 409
        assert "Came &lt;in&gt; since" in refused.text
        with writing(web.services.engine) as session:
            issue = session.get_one(Issue, daily(web.services).id)
            editing.introduce(session, issue, "Good morning", Hand(web.now))
        page = words(press(desk, path, "approve", shown).text)
        assert "It changed since you looked" in page
        assert "The command line rewrote the intro" in page
    assert daily(web.services).state == IssueState.DRAFT
    assert acts(web) == []


def test_nothing_leaves_before_the_countdown_is_over(web: Web) -> None:
    """The page counts the minutes down and follows; until then, and while nothing left, one can go back."""
    path = an_issue(web)
    with writing(web.services.engine) as session:
        session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one().policy = "hold"
    tick_issues(web.services, CUTOFF)
    web.now = PUBLISH + timedelta(hours=1)
    with at_desk(web, Role.APPROVER) as desk:
        assert "It can still go out until Thu 16:30 UTC" in words(desk.get(f"{path}/send").text)
        press(desk, path, "approve")
        web.now += timedelta(seconds=53)
        tick(web.services, web.now)
        page = desk.get(f"{path}/send")
        assert "in 4:07 min" in words(page.text)
        assert "data-busy" in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert press(desk, path, "withdraw").status_code == 303
        tick(web.services, web.now + timedelta(hours=3))
        assert digests(web) == []
        press(desk, path, "approve")
        tick(web.services, web.now + 5 * MINUTE)
        assert daily(web.services).state == IssueState.PUBLISHED
        assert not fields(desk.get(f"{path}/send").text, "withdraw")


def test_an_issue_in_flight(web: Web) -> None:
    """Its counts are shown as they are; it is paused, let leave, and cancelled only by a second yes."""
    path = an_issue(web)
    with at_desk(web, Role.APPROVER) as desk:
        tick(web.services, web.now + timedelta(hours=6))
        web.now = SEEN + timedelta(hours=6)
        page = desk.get(f"{path}/send")
        assert "2 frozen = 1 accepted + 1 queued" in page.text
        assert "The next mails leave Thu 20:00 UTC" in words(page.text)
        assert "data-busy" not in page.text, "nothing moves before the evening"
        press(desk, path, "pause")
        assert daily(web.services).reason == "paused by approver@desk.example"
        press(desk, path, "resume")
        asked = desk.get(f"{path}/cancel")
        assert "mail is queued and will not leave 1 has left already, and cannot be called back 1" in words(
            asked.text
        )
        assert digests(web) == ["accepted", "queued"], "asking changes nothing"
        assert press(desk, path, "cancel", asked.text).status_code == 303
        assert "2 frozen = 1 accepted + 1 cancelled" in desk.get(f"{path}/send").text
        assert press(desk, path, "cancel", asked.text).status_code == 303, "a double click is one act"
        assert "nothing to cancel" in desk.get(f"{path}/cancel").text
    assert acts(web) == ["issue paused", "issue resumed", "issue cancelled"]


def test_mails_that_are_leaving_are_followed(web: Web) -> None:
    """As long as a mail is due or in a worker's hands, the page keeps itself up to date."""
    path = an_issue(web)
    with at_desk(web, Role.VIEWER) as desk:
        tick_issues(web.services, PUBLISH)
        web.now = PUBLISH + timedelta(hours=3)
        assert "Mails are leaving" in desk.get(f"{path}/send").text
        assert "data-busy" in desk.get(f"{path}/send").text
        assert "<form" not in desk.get(f"{path}/send").text.partition("<main")[2], "a viewer looks"


@on_one_database
def test_a_stale_tab_does_nothing(web: Web) -> None:
    """A page from before somebody else's act lets nothing go, stops nothing, and says what happened."""
    path = an_issue(web)
    with at_desk(web, Role.APPROVER) as desk, at_desk(web, Role.EDITOR) as other:
        shown = desk.get(f"{path}/send").text
        asked = desk.get(f"{path}/cancel").text
        press(other, path, "hold", because=" is it\0 \n<true>?")
        for act, page in (("approve", shown), ("hold", shown), ("cancel", asked)):
            answer = press(desk, path, act, page, because="x")
            assert answer.status_code == 409, act
            assert "held by editor@desk.example: is it &lt;true&gt;?" in answer.text
        assert daily(web.services).state == IssueState.HELD
        assert press(desk, path, "let-go").status_code == 303
        assert daily(web.services).state == IssueState.DRAFT
    assert acts(web) == ["issue held", "issue let go"]


@on_one_database
def test_an_act_needs_its_page(web: Web) -> None:
    """A form without what its page showed does nothing, whoever sends it; nor does a GET."""
    path = an_issue(web)
    with at_desk(web, Role.ADMIN) as desk:
        for act in ("approve", "withdraw", "hold", "let-go", "pause", "resume", "cancel"):
            for strange in ({}, {"mark": "é\0", "version": "x" * 99, "shown_at": "9" * 20}):
                assert desk.post(f"{path}/{act}", strange).status_code == 409
            assert desk.get(f"{path}/{act}").status_code == (200 if act == "cancel" else 405)
    assert daily(web.services).state == IssueState.DRAFT
    assert acts(web) == []


@on_one_database
def test_two_persons_are_told_before_they_press(web: Web) -> None:
    """Whoever changed the issue last sees that it is another's to approve, and has no button."""
    path = an_issue(web)
    with at_desk(web, Role.APPROVER, "ada@desk.example") as ada, at_desk(web, Role.ADMIN) as other:
        with writing(web.services.engine) as session:
            issue = session.get_one(Issue, daily(web.services).id)
            issue.newsletter.two_persons = True
            editing.introduce(session, issue, "Good morning", Hand(web.now, ada.editor_id))
        page = ada.get(f"{path}/send").text
        assert "another approver must approve it" in page
        assert not fields(page, "approve")
        theirs = fields(other.get(f"{path}/send").text, "approve")
        sent = {**theirs, "token": fields(page, "hold")["token"]}
        answer = ada.client.post(f"{path}/approve", data=sent, headers=FROM_HERE)
        assert answer.status_code == 409
        assert "goes by two persons" in answer.text
        assert press(other, path, "approve").status_code == 303


@on_one_database
def test_what_is_expected_is_shown(web: Web) -> None:
    """Readers, mails and editions stand there as they were counted last, and at which version."""
    path = an_issue(web)
    with writing(web.services.engine) as session:
        issue = session.get_one(Issue, daily(web.services).id)
        counted = Forecast(1200, 1100, 7, (), 0, (), 60, 40)
        keep(session, issue, 0, counted, now=SEEN)
        issue.version = 2
    with at_desk(web, Role.VIEWER) as desk:
        page = words(desk.get(f"{path}/send").text)
        assert "readers 1,200 mails expected 1,100 editions expected 7" in page
        assert "Counted at version 0" in page


@on_one_database
def test_a_cancelled_draft_says_so(web: Web) -> None:
    """Of an issue that was cancelled before its mails were made the page says that nothing left."""
    path = an_issue(web)
    with at_desk(web, Role.APPROVER) as desk:
        press(desk, path, "cancel", desk.get(f"{path}/cancel").text)
        assert "Nothing of this issue left, and nothing will." in desk.get(f"{path}/send").text
    assert digests(web) == []


def test_what_preflight_bars_does_not_leave(web: Web) -> None:
    """The page names the fault and has no button; neither a form sent all the same nor the cut-off helps."""
    path = an_issue(web)
    with at_desk(web, Role.APPROVER) as desk:
        shown = desk.get(f"{path}/send").text
        with writing(web.services.engine) as session:
            issue = session.get_one(Issue, daily(web.services).id)
            editing.introduce(session, issue, "Lorem ipsum", Hand(web.now))
        page = desk.get(f"{path}/send").text
        assert "Preflight bars it: 1 finding to mend first" in page
        assert not fields(page, "approve")
        sent = {**fields(shown, "approve"), "mark": fields(page, "hold")["mark"]}
        answer = desk.client.post(f"{path}/approve", data=sent, headers=FROM_HERE)
        assert answer.status_code == 409
        assert "preflight bars issue 1: intro:" in answer.text
        tick(web.services, PUBLISH + timedelta(hours=3))
        assert daily(web.services).state == IssueState.HELD
        assert "preflight bars it: intro:" in words(desk.get(f"{path}/send").text)
    assert digests(web) == []
