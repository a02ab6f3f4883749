"""The pages Numbers and What if, and the commands beside them."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.models import Issue
from newsletter.models.editor import Role
from newsletter.models.issue import IssueState
from newsletter.store.engine import writing
from newsletter.tasks import count_days
from newsletter.wiring import Services
from tests.builders import a_story
from tests.command_line import Cli
from tests.counted import send
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import at_desk
from tests.issues import draft, subscribe, tell

EVE = "eve@desk.example"
LIMITS = {"newsletter": "daily", "days": 14, "minimum": 1, "maximum": 2, "per_company": 2, "per_category": 3}


def closed_issue(services: Services) -> None:
    """Four stories for investors, told in an issue that is over, and a reader of it."""
    tell(
        services,
        *(a_story(f"Story {n}", audiences=("Investors",), companies=(), category=None) for n in range(4)),
    )
    subscribe(services, "ann@reader.example", audiences=["Investors"])
    issue_id = draft(services)
    with writing(services.engine) as session:
        session.get_one(Issue, issue_id).state = IssueState.FINISHED


def test_numbers_are_shown_to_every_viewer(web: Web) -> None:
    """Charts with a title, a description and their table; issues with rates; nobody's address."""
    send(web.services)
    web.now = datetime(2026, 1, 20, 12, tzinfo=UTC)
    with at_desk(web, Role.VIEWER, EVE) as desk:
        before = desk.get("/desk/numbers").text
        assert "not counted yet" in before
        count_days(web.services, web.now)
        for days in (30, 90, 365):
            page = desk.get(f"/desk/numbers?days={days}").text
            assert "not counted yet" not in page
            assert len(re.findall(r'<svg class="chart"[^>]*role="img"', page)) == 4
            for name in re.findall(r'aria-labelledby="([\w-]+)-title [\w-]+-desc"', page):
                assert f'<title id="{name}-title">' in page
                assert f'<desc id="{name}-desc">' in page
            assert page.count("As a table") == 4
            assert "Race to AGI Daily, 8 Jan 2026" in page
            assert "reader.example" not in page
            assert "style=" not in page
            assert "<script" not in page
        assert "Race to AGI Weekly" in desk.get("/desk/numbers?newsletter=weekly").text
        assert desk.get("/desk/numbers?newsletter=%3Cb%3E").status_code == 200
        assert desk.get("/desk/numbers?days=0").status_code == 404


@on_one_database
def test_numbers_as_files(web: Web) -> None:
    """Both files are CSV that a spreadsheet opens, with a line for each day and for each issue."""
    send(web.services)
    web.now = datetime(2026, 1, 20, 12, tzinfo=UTC)
    count_days(web.services, web.now)
    with at_desk(web, Role.VIEWER, EVE) as desk:
        for name, line in (
            ("subscribers", {}),
            ("issues", {"accepted": "2", "frozen": "2", "left": "0", "opened": ""}),
        ):
            answer = desk.get(f"/desk/numbers/{name}.csv?days=365")
            assert answer.headers["content-type"].startswith("text/csv")
            assert f'filename="{name}.csv"' in answer.headers["content-disposition"]
            assert answer.text.split("\r\n")[0].startswith(("day,newsletter,part", "date,newsletter,issue"))
            if line:
                [found] = csv.DictReader(io.StringIO(answer.text, newline=""))
                assert found.items() >= line.items()


def test_what_if_shows_now_and_changed(web: Web) -> None:
    """A smaller maximum is shown beside the one of now: mails, stories, and what nobody would be told."""
    closed_issue(web.services)
    with at_desk(web, Role.VIEWER, EVE) as desk:
        form = desk.get("/desk/what-if").text
        assert 'name="maximum" type="number" inputmode="numeric" min="1" max="50" required value="8"' in form
        answer = desk.post("/desk/what-if", LIMITS)
        assert answer.status_code == 200
        assert "All 1 readers were looked at, in 1 group of those who get the same." in answer.text
        assert "goes out" in answer.text
        assert "Changed: 2 of 4 new stories" in answer.text
        assert 'value="2"' in answer.text


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"maximum": "many"}, "Please enter a whole number from 1 to 50."),
        ({"days": "99"}, "Please enter a whole number from 1 to 31."),
        ({"minimum": 3}, "Please ask for no more stories at least than at most."),
        ({"newsletter": "weekly"}, "has closed in the last 14 days"),
        ({"newsletter": "<b>"}, "no newsletter &lt;b&gt;"),
    ],
)
@on_one_database
def test_a_form_that_cannot_be_run_says_why(web: Web, change: dict[str, str], fault: str) -> None:
    """Each fault stands at its field, and what was typed stays."""
    with at_desk(web, Role.VIEWER, EVE) as desk:
        answer = desk.post("/desk/what-if", {**LIMITS, **change})
        assert answer.status_code == 422
        assert fault in answer.text
        assert 'aria-invalid="true"' in answer.text


def test_numbers_at_the_command_line(services: Services, cli: Cli) -> None:
    """The same numbers as text, as JSON and as CSV; days that nobody counted are told."""
    subscribe(services, "ann@reader.example", audiences=["Investors"])
    count_days(services, datetime.now(UTC))
    told = cli("numbers", "--days", "365")
    assert "confirmed subscriptions: 1" in told.out
    assert "no issue was published in these days" in told.out
    document = cli("numbers", "--json").json()
    assert set(document) >= {"total", "days", "audiences", "channels", "issues", "days_not_counted"}
    assert cli("numbers", "--csv").out.startswith("day,newsletter,part,joined")
    assert cli("numbers", "--csv", "--json").code == 1


@on_one_database
def test_what_if_at_the_command_line(services: Services, cli: Cli) -> None:
    """Limits that are not given stay; without a past it says so, and ends with 1."""
    done = cli("what-if", "daily", "--days", "14", "--max-stories", "5")
    assert done.code == 1
    assert "no issue of Race to AGI Daily has closed in the last 14 days" in done.err
    assert cli("what-if", "gone").code == 1
    assert "give both options" in cli("what-if", "daily", "--min-stories", "9").err
    closed_issue(services)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, 1)
        issue.date = datetime.now(UTC).date() - timedelta(days=1)
    found = cli("what-if", "daily", "--max-stories", "2", "--json").json()
    assert (found["now"]["stories_per_mail"], found["changed"]["stories_per_mail"]) == (4.0, 2.0)
    assert "stories per mail" in cli("what-if", "daily", "--max-stories", "2").out
