"""Release: an issue goes as it was approved, when it may, and by whom it may; whatever bars it is said."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter import release
from newsletter.config import ROOT
from newsletter.desk.approval import NotWhatWasSeen, draft_hash, pieces
from newsletter.desk.states import IllegalStep
from newsletter.models import AuditLine, Issue
from newsletter.models.issue import IssueState
from newsletter.release import Act, Actor
from newsletter.rendering.renderer import Renderer
from newsletter.store.engine import reading, writing
from newsletter.tick import tick, tick_issues
from newsletter.wiring import Services
from tests.builders import a_story
from tests.issues import CUTOFF, PUBLISH, SEEN, daily, states, tell
from tests.releasing import DOUBT, FAULT, MINUTE, STEPS, an_editor, an_issue, approve, change, close


def test_what_comes_after_the_approval_stays_out(services: Services) -> None:
    """A story that comes in, or is told anew, between approval and cut-off is not in the issue."""
    approve(services, an_issue(services))
    approved = daily(services)
    later = SEEN + 10 * MINUTE
    tell(services, a_story("As approved", about="Told anew."), a_story("Late"), at=later)
    for now in (later, CUTOFF, CUTOFF + MINUTE):
        tick_issues(services, now)
        assert daily(services).content_hash == approved.content_hash
    tick(services, PUBLISH + timedelta(hours=3))
    (mail,) = services.settings.mail_folder.glob("*.eml")
    assert b"As approved" in mail.read_bytes()
    assert b"Told anew" not in mail.read_bytes()
    assert b"Late" not in mail.read_bytes()


@pytest.mark.parametrize("what", ["rule", "template"])
def test_changed_rules_and_templates_void_at_once(services: Services, what: str) -> None:
    """The next tick holds what was approved under other rules or templates, long before it would leave."""
    approve(services, an_issue(services))
    if what == "rule":
        change(services, max_stories=3)
    else:
        changed = Renderer(
            ROOT / "templates" / "email",
            site_name="Race to AGI",
            site_url="https://racetoagi.example",
            postal_address="Another Street 1",
        )
        services = replace(services, renderer=changed)
    tick_issues(services, SEEN + MINUTE)
    issue = daily(services)
    assert (issue.state, issue.content_hash, issue.approved_by) == (IssueState.HELD, None, None)
    assert "approve it anew" in (issue.reason or "")
    tick(services, PUBLISH + timedelta(hours=3))
    assert states(services) == {}


def test_nothing_leaves_while_it_can_be_undone(services: Services) -> None:
    """After an approval at the desk the issue is published when the undo window is over, no sooner."""
    issue_id, late = an_issue(services), PUBLISH + timedelta(hours=1)
    change(services, policy="hold")
    tick_issues(services, CUTOFF)
    approve(services, issue_id, by=Actor("Ada", late), minutes=5)
    tick_issues(services, late + timedelta(minutes=4, seconds=59))
    assert daily(services).state == IssueState.APPROVED
    tick_issues(services, late + 5 * MINUTE)
    assert daily(services).state == IssueState.PUBLISHED


@pytest.mark.parametrize(
    ("at", "state"), [(CUTOFF - MINUTE, IssueState.DRAFT), (PUBLISH - MINUTE, IssueState.HELD)]
)
def test_an_approval_can_be_taken_back(services: Services, at: datetime, state: IssueState) -> None:
    """While nothing is published: before the cut-off it is a draft again, later it waits for a person."""
    issue_id = an_issue(services)
    approve(services, issue_id)
    with writing(services.engine) as session:
        release.take_back(session, session.get_one(Issue, issue_id), Actor("Ben", at))
    issue = daily(services)
    assert (issue.state, issue.reason) == (state, "approval taken back by Ben")
    assert (issue.content_hash, issue.approved_at, issue.release_at) == (None, None, None)


def test_what_is_published_cannot_be_taken_back(services: Services) -> None:
    """Nor does the refusal change anything: its mails leave."""
    issue_id = an_issue(services)
    approve(services, issue_id)
    tick_issues(services, PUBLISH)
    with pytest.raises(IllegalStep), writing(services.engine) as session:
        release.take_back(session, session.get_one(Issue, issue_id), Actor("Ben", PUBLISH))
    assert states(services) == {"queued": 1}


def test_only_what_was_seen_is_approved(services: Services) -> None:
    """A story that came in after its approver looked keeps the issue from being approved."""
    issue_id = an_issue(services)
    with reading(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        seen = draft_hash(issue, services.renderer, pieces(session, issue, services.renderer))
    tell(services, a_story("Came in since"))
    tick_issues(services, SEEN)
    with reading(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        assert release.came_in(session, issue, since=SEEN) == []
        since = SEEN - MINUTE
        assert list(release.came_in(session, issue, since=since)) == ["As approved", "Came in since"]
    with pytest.raises(NotWhatWasSeen):
        approve(services, issue_id, seen=seen)
    assert daily(services).state == IssueState.DRAFT


def test_what_blocks_bars_every_approval(services: Services) -> None:
    """Neither a person nor the policy lets an issue go that preflight bars; the reason names the fault,
    and in home time until when it can be mended."""
    issue_id = an_issue(services)
    with writing(services.engine) as session:
        session.get_one(Issue, issue_id).newsletter.timezone = "Europe/Paris"
    with pytest.raises(release.Barred, match="names no source"):
        approve(services, issue_id, DOUBT, FAULT)
    assert daily(services).state == IssueState.DRAFT
    held = close(services, DOUBT, FAULT, FAULT)
    assert held.state == IssueState.HELD
    assert held.reason == (
        "preflight bars it: story 7, analysis: [3] names no source and 1 more; "
        "it can still go out until 2026-01-08 17:30 CET"
    )


def test_warnings_bar_nothing(services: Services) -> None:
    """A person may approve over warnings, and the log counts them; so may the policy."""
    issue_id = an_issue(services)
    approve(services, issue_id, DOUBT, DOUBT)
    with writing(services.engine) as session:
        release.take_back(session, session.get_one(Issue, issue_id), Actor("Ada", SEEN))
        line = session.scalars(select(AuditLine).where(AuditLine.act == Act.APPROVE)).one()
        assert (line.detail or {})["warnings"] == 2
    issue = close(services, DOUBT)
    assert (issue.state, issue.release_at) == (IssueState.APPROVED, None)
    assert issue.approved_by == "policy: send at the cut-off"


def test_no_approval_that_could_not_be_undone_in_time(services: Services) -> None:
    """Where the catch-up window ends before the undo window, the issue could never leave: it is refused."""
    issue_id, end = an_issue(services), daily(services).expires_at
    change(services, policy="hold")
    tick_issues(services, CUTOFF)
    with pytest.raises(release.TooLate):
        approve(services, issue_id, by=Actor("Ada", end - 5 * MINUTE), minutes=5)
    approve(services, issue_id, by=Actor("Ada", end - 6 * MINUTE), minutes=5)


def test_a_hold_and_its_end(services: Services) -> None:
    """Held, an approved issue is no longer approved; let go before the cut-off, its policy sends it."""
    issue_id = an_issue(services)
    approve(services, issue_id)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        release.hold(session, issue, Actor("Ben", SEEN), because="is it true?")
        assert (issue.state, issue.reason) == (IssueState.HELD, "held by Ben: is it true?")
        assert issue.content_hash is None
        with pytest.raises(release.TooLate):
            release.let_go(session, issue, Actor("Ben", CUTOFF))
        release.let_go(session, issue, Actor("Ben", SEEN))
    tick_issues(services, CUTOFF)
    assert daily(services).approved_by == "policy: send at the cut-off"


def test_an_old_page_does_nothing(services: Services) -> None:
    """Whoever acts on a state that is over is told the one that there is, and nothing happens."""
    issue_id = an_issue(services)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        seen = release.mark(issue)
        release.hold(session, issue, Actor("Ben", SEEN), because="wait")
        for act in STEPS.values():
            with pytest.raises(release.NotAsShown, match="held at version 0 by now: held by Ben: wait"):
                act(session, issue, Actor("Ada", SEEN, seen=seen))
        assert issue.state == IssueState.HELD


def test_every_act_stands_in_the_log(services: Services) -> None:
    """Who did what to which issue, in the order in which it was done; the command line by its operator."""
    issue_id, ada = an_issue(services), an_editor(services, "ada")
    by = Actor("Ada", SEEN, ada, "192.0.2.1", seen=None)
    approve(services, issue_id, by=by)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        for act in (Act.TAKE_BACK, Act.HOLD, Act.LET_GO):
            STEPS[act](session, issue, by)
    tick_issues(services, PUBLISH)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        for act in (Act.PAUSE, Act.RESUME, Act.CANCEL):
            STEPS[act](session, issue, replace(by, editor_id=None, name="root"))
        lines = session.scalars(
            select(AuditLine).where(AuditLine.subject == f"issue {issue_id}").order_by(AuditLine.id)
        ).all()
    assert [(line.act, line.editor_id) for line in lines] == [
        *((act, ada) for act in (Act.APPROVE, Act.TAKE_BACK, Act.HOLD, Act.LET_GO)),
        *((act, None) for act in (Act.PAUSE, Act.RESUME, Act.CANCEL)),
    ]
    assert lines[-1].detail == {"operator": "root", "mails": 1}
