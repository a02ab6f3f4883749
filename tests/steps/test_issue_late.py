"""Issues and mails that are late: the newest goes out once, what is too old not at all."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.orm import Session

from newsletter.desk.states import step
from newsletter.models import Issue, Newsletter
from newsletter.models.delivery import DeliveryState
from newsletter.models.issue import IssueState
from newsletter.store.engine import reading, writing
from newsletter.tick import tick, tick_issues
from newsletter.wiring import Services
from tests.builders import a_story
from tests.issues import PUBLISH, SEEN, daily, draft, states, subscribe, tell


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


def test_a_broken_issue_keeps_none_back(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours that one issue brings out holds that issue, by name, and the others go out."""
    tell(services, a_story())
    subscribe(services, "a@reader.example")
    broken = draft(services)
    with writing(services.engine) as session:
        weekly = session.scalars(select(Newsletter).where(Newsletter.slug == "weekly")).one()
        weekly.weekday, weekly.cutoff, weekly.publish, weekly.min_stories = 3, "04:00:00", "04:30:00", 1

    def close(session: Session, issue: Issue, *arguments: object, now: datetime) -> None:
        if issue.id == broken:
            raise AttributeError("a fault of ours")
        step(issue, IssueState.SKIPPED, "closed")

    monkeypatch.setattr("newsletter.tick.close", close)
    ticked = tick(services, PUBLISH)
    assert [line for line in ticked.troubles if "(AttributeError)" in line]
    with reading(services.engine) as session:
        found = {issue.newsletter.slug: issue.state for issue in session.scalars(select(Issue))}
    assert found == {"daily": IssueState.HELD, "weekly": IssueState.SKIPPED}


def test_a_database_that_is_away_is_no_fault_of_an_issue(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When all connections are in use, the tick breaks off and the next one goes on: no issue is held."""
    tell(services, a_story())
    subscribe(services, "a@reader.example")
    draft(services)

    def busy(*_: object, **__: object) -> None:
        raise NoConnectionLeft("all connections are in use")

    with monkeypatch.context() as patched:
        patched.setattr("newsletter.tick.close", busy)
        with pytest.raises(NoConnectionLeft):
            tick(services, PUBLISH)
    tick(services, PUBLISH)
    assert daily(services).state == IssueState.PUBLISHED
