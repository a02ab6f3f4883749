"""Whose yes an issue takes: one person's or two, and only to the page as it is now."""

import pytest

from newsletter import release
from newsletter.desk import editing
from newsletter.desk.changes import Hand
from newsletter.models import Issue
from newsletter.models.issue import IssueState
from newsletter.release import Actor
from newsletter.store.engine import writing
from newsletter.wiring import Services
from tests.issues import SEEN, daily
from tests.releasing import an_editor, an_issue, approve, change, close


def test_two_persons(services: Services) -> None:
    """Where a newsletter goes by two persons, whoever changed an issue last may not approve it."""
    change(services, two_persons=True)
    issue_id = an_issue(services)
    ada, ben = an_editor(services, "ada"), an_editor(services, "ben")
    with writing(services.engine) as session:
        editing.introduce(session, session.get_one(Issue, issue_id), "Good morning", Hand(SEEN, ada))
    with pytest.raises(release.SamePerson, match="another approver"):
        approve(services, issue_id, by=Actor("Ada", SEEN, ada))
    approve(services, issue_id, by=Actor("Ben", SEEN, ben))
    assert daily(services).approved_by == "Ben"


def test_no_policy_stands_in_for_the_second_person(services: Services) -> None:
    """What one person changed is held at the cut-off where it takes two, though the policy is to send."""
    change(services, two_persons=True)
    issue_id = an_issue(services)
    with writing(services.engine) as session:
        editing.introduce(session, session.get_one(Issue, issue_id), "Good morning", Hand(SEEN))
    issue = close(services)
    assert issue.state == IssueState.HELD
    assert "approved by no other" in (issue.reason or "")


def test_no_old_page_fits_again(services: Services) -> None:
    """An issue that is back where it was is not as an older page shows it."""
    issue_id = an_issue(services)
    seen = set()
    for _ in range(2):
        approve(services, issue_id)
        with writing(services.engine) as session:
            issue = session.get_one(Issue, issue_id)
            release.take_back(session, issue, Actor("Ada", SEEN))
            seen.add(release.mark(issue))
    assert len(seen) == 2


def test_one_person_is_enough_by_default(services: Services) -> None:
    """Without that rule, and for an issue that nobody changed, any approver will do."""
    issue_id, ada = an_issue(services), an_editor(services, "ada")
    with writing(services.engine) as session:
        editing.introduce(session, session.get_one(Issue, issue_id), "Good morning", Hand(SEEN, ada))
    approve(services, issue_id, by=Actor("Ada", SEEN, ada))
    assert daily(services).state == IssueState.APPROVED
