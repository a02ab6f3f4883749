"""The desk's first page: what is wrong, what comes next, what is on its way, as it stands in the database."""

import re
from datetime import timedelta

from sqlalchemy import select

from newsletter import release
from newsletter.desk.planning import fill, plan, timetable
from newsletter.dispatch.steering import stop
from newsletter.models import Edition, Issue, IssueForecast, Newsletter
from newsletter.models.editor import Role
from newsletter.models.issue import IssueState
from newsletter.schedule import occurrence
from newsletter.store.engine import writing
from newsletter.watchdog.alarms import Alarm
from newsletter.watchdog.notices import note
from tests.builders import a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import Desk, at_desk
from tests.issues import tell


def home(desk: Desk) -> str:
    return " ".join(re.sub("<[^>]+>", " ", desk.get("/desk").text).split())


def an_issue(web: Web, days: int, state: IssueState, reason: str | None = None, **terms: object) -> int:
    """An issue of the daily, so many days from now."""
    with writing(web.services.engine) as session:
        daily = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        daily.timezone = "Europe/Paris"
        issue = plan(session, daily, occurrence(timetable(daily), web.now.date() + timedelta(days=days)))
        assert isinstance(issue, Issue)
        issue.state, issue.reason = state, reason
        for name, value in terms.items():
            setattr(issue, name, value)
        return issue.id


@on_one_database
def test_what_comes_next(web: Web) -> None:
    """Open issues stand there with state, reason, times of their home zone and the ways to their pages."""
    issue_id = an_issue(web, 1, IssueState.HELD, "too <few> stories")
    with at_desk(web, Role.VIEWER) as desk:
        page = home(desk)
        assert "Race to AGI Daily, Fri 9 Jan 2026 held too &lt;few&gt; stories" in page
        assert "Cut-off Fri 04:00 CET in 15 h Publication Fri 04:30 CET in 15 h 30 min" in page
        assert "Race to AGI Weekly, Sun 11 Jan 2026 not planned will be on Sat" in page
        for path in ("", "/preview", "/preflight", "/send"):
            assert f'href="/desk/issues/{issue_id}{path}"' in desk.get("/desk").text


@on_one_database
def test_what_is_missing(web: Web) -> None:
    """A draft tells what it lacks, and what its policy makes of that; one that is whole lacks nothing."""
    issue_id = an_issue(web, 1, IssueState.DRAFT)
    with at_desk(web, Role.VIEWER) as desk:
        assert "Stories 0 Readers not counted yet Missing no story yet Stories Preview" in home(desk)
        tell(web.services, a_story(), at=web.now)
        with writing(web.services.engine) as session:
            fill(session, session.get_one(Issue, issue_id))
        assert "Stories 1 Readers" in home(desk)
        with writing(web.services.engine) as session:
            session.get_one(Issue, issue_id).newsletter.max_stories = 0
        assert "Stories 1 to choose from, at most 0 in a mail" in home(desk)
        assert (
            "Missing not approved: at its cut-off it goes out all the same, unless preflight bars it no intro"
            in home(desk)
        )
        with writing(web.services.engine) as session:
            issue = session.get_one(Issue, issue_id)
            issue.state, issue.intro = IssueState.APPROVED, "Good morning."
        assert "Missing" not in home(desk)


def test_how_many_will_get_it(web: Web) -> None:
    """The last forecast stands there with its age, and whether the issue was changed since."""
    issue_id = an_issue(web, 1, IssueState.DRAFT)
    document = {"mails": 1204, "editions": 31}
    with writing(web.services.engine) as session:
        made_at = web.now - timedelta(minutes=7)
        session.add(IssueForecast(issue_id=issue_id, version=0, made_at=made_at, document=document))
    with at_desk(web, Role.VIEWER) as desk:
        assert "Readers 1,204 in 31 editions counted 7 min ago Missing" in home(desk)
        with writing(web.services.engine) as session:
            session.get_one(Issue, issue_id).version = 1
        assert "counted 7 min ago, before the last change" in home(desk)


def test_what_is_on_its_way(web: Web) -> None:
    """A published issue stands there with how far it is now, one finished today with its proof."""
    an_issue(web, 0, IssueState.PAUSED, frozen=3)
    proved = {"frozen": 5, "finished_at": web.now - timedelta(hours=5)}
    an_issue(web, -1, IssueState.FINISHED, "5 frozen = 5 accepted", **proved)
    an_issue(web, -9, IssueState.FINISHED, finished_at=web.now - timedelta(days=9))
    with at_desk(web, Role.VIEWER) as desk:
        page = home(desk)
        assert "Race to AGI Daily, Thu 8 Jan 2026 paused 0 of 3 settled, 0 to come 3 frozen ≠ 0 there" in page
        assert "Race to AGI Daily, Wed 7 Jan 2026 finished 5 frozen = 5 accepted" in page
        assert "30 Dec 2025" not in page


def test_what_went_otherwise(web: Web) -> None:
    """Whatever did not go as an editor approved it stands there for a week, with its reason."""
    to_come = an_issue(web, 1, IssueState.DRAFT)
    an_issue(web, -1, IssueState.SKIPPED, "no story was seen")
    an_issue(web, -2, IssueState.FINISHED, "fine", frozen=7, approved_by="policy: send at the cut-off")
    without = an_issue(web, -3, IssueState.FINISHED, "fine", frozen=7, approved_by="Ada")
    an_issue(web, -4, IssueState.EXPIRED, "missed")
    an_issue(web, -5, IssueState.CANCELLED, "cancelled by Ada")
    an_issue(web, -8, IssueState.CANCELLED, "long ago")
    why = "0 of the 1 stories that it takes at least"
    with writing(web.services.engine) as session:
        for fingerprint, skipped in (("f" * 32, None), (f"skipped: {why}", why)):
            edition = Edition(issue_id=without, fingerprint=fingerprint, readers=2, skipped=skipped)
            session.add(edition)
    with at_desk(web, Role.VIEWER) as desk:
        with writing(web.services.engine) as session:
            ada = release.Actor("Ada", web.now, editor_id=desk.editor_id)
            release.hold(session, session.get_one(Issue, to_come), ada, because="wait for the ruling")
        page = home(desk).partition("Went otherwise")[2]
        for told in (
            "Fri 9 Jan Thu 13:00 CET held issue held by viewer@desk.example: wait for the ruling",
            "Race to AGI Daily, Wed 7 Jan Wed 04:30 CET skipped no story was seen",
            "Tue 6 Jan Tue 04:30 CET finished nobody approved it: it went out by its policy",
            f"Mon 5 Jan Mon 04:30 CET finished no mail for 2 readers: {why}",
            "Sun 4 Jan Sun 04:30 CET expired missed",
            "Sat 3 Jan Sat 04:30 CET cancelled cancelled by Ada",
        ):
            assert told in page
        assert page.index("7 Jan") < page.index("6 Jan") < page.index("3 Jan")
        assert "long ago" not in page
        assert page.count("no mail for") == 1


@on_one_database
def test_warnings(web: Web) -> None:
    """What the watchdog found stands on top while it holds, with the way to its issue; then it is history."""
    issue_id = an_issue(web, 1, IssueState.HELD)
    held = Alarm(f"issue:{issue_id}:held", "The daily is held.")
    with writing(web.services.engine) as session:
        note(session, [held, Alarm("intake", "No story <came> in.")], now=web.now)
    with at_desk(web, Role.VIEWER) as desk:
        top = home(desk).partition("Next issues")[0]
        assert "The daily is held. See to it since 8 Jan 2026, 12:00 UTC" in top
        assert "No story &lt;came&gt; in." in top
        assert f'<a href="/desk/issues/{issue_id}/send">See to it</a>' in desk.get("/desk").text
        with writing(web.services.engine) as session:
            note(session, [held], now=web.now)
        top, _, rest = home(desk).partition("Next issues")
        assert "No story" not in top
        assert "Warning, over now Thu 12:00 UTC No story &lt;came&gt; in." in rest


@on_one_database
def test_a_closed_way_is_shown(web: Web) -> None:
    """What keeps mail back stands on top with its reason, once, though the watchdog barks too."""
    with writing(web.services.engine) as session:
        stop(session, "newsletter:daily", "complaints at 0.4 %")
        note(session, [Alarm("way:newsletter:daily", "No mail leaves.")], now=web.now)
    with at_desk(web, Role.VIEWER) as desk:
        assert "newsletter:daily is closed. complaints at 0.4 %" in home(desk)
        assert "No mail leaves." not in home(desk)


@on_one_database
def test_nothing_is_hidden_when_nothing_is_planned(web: Web) -> None:
    """Where no issue is to come, the page says which one will be planned, and when; and that all is well."""
    an_issue(web, 0, IssueState.FINISHED)
    with at_desk(web, Role.VIEWER) as desk:
        assert "Race to AGI Daily, Fri 9 Jan 2026 not planned will be on Thu" in home(desk)
        assert "Nothing: no issue was held, skipped or stopped, and none went out unapproved." in home(desk)


@on_one_database
def test_one_sees_who_one_is_and_where_one_may_go(web: Web) -> None:
    """Name and role are on the page; rooms that are for others are not offered."""
    with at_desk(web, Role.EDITOR) as editor, at_desk(web, Role.ADMIN) as admin:
        assert "editor@desk.example editor Sign out" in home(editor)
        for room in ("Import readers", "Editors", "Log"):
            assert f">{room}</a>" not in editor.get("/desk").text
            assert f">{room}</a>" in admin.get("/desk").text
