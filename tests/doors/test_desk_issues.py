"""The list of all issues at the desk."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.models import Issue, Newsletter
from newsletter.models.editor import Role
from newsletter.models.issue import IssueState
from newsletter.store.engine import writing
from tests.doors.conftest import Web
from tests.doors.desk import at_desk
from tests.doors.test_desk_issue import words


@pytest.fixture
def many(web: Web) -> None:
    """Thirty days of the daily, one of them held, and one weekly."""
    with writing(web.services.engine) as session:
        ids = dict(session.execute(select(Newsletter.slug, Newsletter.id)).all())
        for days in range(31):
            at = web.now - timedelta(days=days)
            session.add(
                Issue(
                    newsletter_id=ids["weekly" if days == 30 else "daily"],
                    date=at.date(),
                    state=IssueState.HELD if days == 1 else IssueState.FINISHED,
                    reason="by <hand>" if days == 1 else None,
                    since_at=at,
                    cutoff_at=at,
                    publish_at=at,
                    expires_at=at,
                    frozen=1200,
                )
            )


def test_the_newest_stand_first_page_by_page(web: Web, many: None) -> None:
    """Each page leads to the next; a filter holds on all of them; nothing is markup but ours."""
    with at_desk(web, Role.VIEWER) as desk:
        first = desk.get("/desk/issues")
        assert words(first).index("Thu 8 Jan 2026") < words(first).index("Wed 7 Jan 2026")
        assert "held by &lt;hand&gt;" in words(first)
        assert "1,200" in words(first)
        assert first.text.count("<tr>") == 1 + 25
        assert "Page 1 Older" in words(first)
        second = desk.get("/desk/issues?page=2")
        assert second.text.count("<tr>") == 1 + 6
        assert "Newer Page 2" in words(second)
        assert "Race to AGI Weekly, " in words(second)
        assert 'href="/desk/issues/' in second.text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("newsletter=weekly", 1),
        ("state=held", 1),
        ("newsletter=weekly&state=held", 0),
        ("newsletter=%00", 0),
        ("state=nonsense", 0),
        ("page=9", 0),
    ],
)
def test_one_may_look_for_some(web: Web, many: None, query: str, count: int) -> None:
    """By newsletter and by state; for what there is not, the page says so."""
    with at_desk(web, Role.VIEWER) as desk:
        page = desk.get(f"/desk/issues?{query}")
        assert page.text.count("<tr>") == 1 + max(1, count)
        assert ("There are no such issues" in page.text) is (count == 0)
