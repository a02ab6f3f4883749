"""The desk's first page: what comes next, as it stands in the database."""

import re
from datetime import timedelta

from sqlalchemy import select

from newsletter.desk.planning import plan, timetable
from newsletter.dispatch.steering import stop
from newsletter.models import Issue, Newsletter
from newsletter.models.editor import Role
from newsletter.models.issue import IssueState
from newsletter.schedule import occurrence
from newsletter.store.engine import writing
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import Desk, at_desk


def home(desk: Desk) -> str:
    return " ".join(re.sub("<[^>]+>", " ", desk.get("/desk").text).split())


def an_issue(web: Web, days: int, state: IssueState, reason: str | None = None) -> None:
    """An issue of the daily, so many days from now."""
    with writing(web.services.engine) as session:
        daily = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        daily.timezone = "Europe/Paris"
        issue = plan(session, daily, occurrence(timetable(daily), web.now.date() + timedelta(days=days)))
        assert isinstance(issue, Issue)
        issue.state, issue.reason = state, reason


def test_what_comes_next(web: Web) -> None:
    """Open issues stand there with state, reason and times of their home zone; closed ones do not."""
    an_issue(web, 1, IssueState.HELD, "too <few> stories")
    an_issue(web, -1, IssueState.CANCELLED, "yesterday")
    with at_desk(web, Role.VIEWER) as desk:
        page = home(desk)
        assert "Race to AGI Daily Fri 9 Jan 2026 held too &lt;few&gt; stories" in page
        assert "Fri 04:00 CET in 15 h Fri 04:30 CET in 15 h 30 min" in page
        assert "yesterday" not in page
        assert "Race to AGI Weekly Sun 11 Jan 2026 not planned will be on Sat" in page


def test_what_is_on_its_way(web: Web) -> None:
    """A published issue stands there with its counts as they are now, one finished long ago does not."""
    an_issue(web, 0, IssueState.PAUSED)
    an_issue(web, -9, IssueState.FINISHED)
    with writing(web.services.engine) as session:
        for issue in session.scalars(select(Issue)):
            issue.frozen, issue.finished_at = 3, web.now - timedelta(days=9)
    with at_desk(web, Role.VIEWER) as desk:
        page = home(desk)
        assert "Race to AGI Daily Thu 8 Jan 2026 paused 3 frozen ≠ 0 nothing heard yet" in page
        assert "30 Dec 2025" not in page


def test_a_closed_way_is_shown(web: Web) -> None:
    """What keeps mail back stands on top, with its reason."""
    with writing(web.services.engine) as session:
        stop(session, "newsletter:daily", "complaints at 0.4 %")
    with at_desk(web, Role.VIEWER) as desk:
        assert "newsletter:daily is closed. complaints at 0.4 %" in home(desk)


@on_one_database
def test_nothing_is_hidden_when_nothing_is_planned(web: Web) -> None:
    """Where no issue is to come, the page says which one will be planned, and when."""
    an_issue(web, 0, IssueState.FINISHED)
    with at_desk(web, Role.VIEWER) as desk:
        assert "Race to AGI Daily Fri 9 Jan 2026 not planned will be on Thu" in home(desk)


@on_one_database
def test_one_sees_who_one_is_and_where_one_may_go(web: Web) -> None:
    """Name and role are on the page; rooms that are for others are not offered."""
    with at_desk(web, Role.EDITOR) as editor, at_desk(web, Role.ADMIN) as admin:
        assert "signed in as editor@desk.example, editor" in home(editor)
        assert "Import readers" not in home(editor)
        assert "Import readers" in home(admin)
