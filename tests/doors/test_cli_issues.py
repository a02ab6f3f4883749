"""The commands about issues: planned, held, approved, tried out, cancelled."""

from pathlib import Path

from sqlalchemy import Engine, select

from newsletter.models import AuditLine
from newsletter.store.engine import reading
from tests.command_line import STORY, Cli, story_file


def test_hold_and_cancel(cli: Cli, tmp_path: Path) -> None:
    """An issue is planned, held, approved and cancelled by its number; an illegal step is refused."""
    cli("stories", "import", story_file(tmp_path, STORY), "--seen-at", "2026-01-08T02:00Z")
    (issue,) = cli("issues", "plan", "daily", "--at", "2026-01-08T03:00Z", "--json").json()
    number = str(issue["id"])
    assert cli("issues", "hold", number).code == 0
    assert cli("issues", "approve", number).code == 0
    assert cli("issues", "preview", number, "--audience", "Investors", "--out", "shown").code == 0
    assert "A sample lab opens an office" in (tmp_path / "shown/preview.html").read_text()
    assert cli("issues", "preview", number, "--audience", "Engineers").code == 1
    assert cli("issues", "cancel", number).code == 0
    again = cli("issues", "approve", number)
    assert again.code == 1
    assert "cancelled" in again.err


def test_test_mail(cli: Cli, tmp_path: Path) -> None:
    """A test mail is marked, and nobody counts as told."""
    cli("stories", "import", story_file(tmp_path, STORY), "--seen-at", "2026-01-08T02:00Z")
    (issue,) = cli("issues", "plan", "daily", "--at", "2026-01-08T03:00Z", "--json").json()
    assert cli("send-test", str(issue["id"]), "ed@desk.example").code == 0
    (mail,) = (tmp_path / "mail").glob("*.eml")
    assert b"[TEST]" in mail.read_bytes()
    assert cli("issues", "show", str(issue["id"]), "--json").json()["state"] == "draft"


def test_planning_again_fills_again(cli: Cli, tmp_path: Path) -> None:
    """A draft that is planned again holds what has come in since; a cancelled issue cannot be curated."""
    cli("stories", "import", story_file(tmp_path, STORY), "--seen-at", "2026-01-08T02:00Z")
    plan = ("issues", "plan", "daily", "--at", "2026-01-08T03:00Z", "--json")
    (issue,) = cli(*plan).json()
    more = {**STORY, "id": "sample-2", "title": "Another office"}
    cli("stories", "import", story_file(tmp_path, more), "--seen-at", "2026-01-08T02:30Z")
    (again,) = cli(*plan).json()
    assert (issue["stories"], again["stories"]) == (1, 2)
    cli("issues", "cancel", str(issue["id"]))
    run = cli("issues", "pin", str(issue["id"]), "sample-2")
    assert run.code == 1
    assert "cancelled" in run.err


def test_changes_are_told_and_taken_back(cli: Cli, tmp_path: Path) -> None:
    """What was done to an issue stands in its history, can be undone and done again, and is shown."""
    cli("stories", "import", story_file(tmp_path, STORY), "--seen-at", "2026-01-08T02:00Z")
    (issue,) = cli("issues", "plan", "daily", "--at", "2026-01-08T03:00Z", "--json").json()
    number = str(issue["id"])
    cli("issues", "pin", number, "sample-1")
    assert "pinned" in cli("issues", "show", number).out
    assert "took back: pinned" in cli("issues", "undo", number, "1").out
    (pick,) = cli("issues", "show", number, "--json").json()["picks"]
    assert (pick["pinned"], pick["rank"], pick["lead_for"], pick["edited"]) == (False, None, [], [])
    told = cli("issues", "history", number, "--json").json()
    assert [(one["version"], one["by"], one["undoes"]) for one in told] == [
        (2, "command line", 1),
        (1, "command line", None),
    ]
    assert "command line" in cli("issues", "history", number).out
    again = cli("issues", "undo", number, "1")
    assert again.code == 1
    assert "version 2: took back" in again.err
    assert "no version 9" in cli("issues", "undo", number, "9").err


def test_what_is_done_to_an_issue_stands_in_the_log(cli: Cli, engine: Engine, tmp_path: Path) -> None:
    """Each act of the command line has its line, by no editor, with the operator's name."""
    cli("stories", "import", story_file(tmp_path, STORY), "--seen-at", "2026-01-08T02:00Z")
    (issue,) = cli("issues", "plan", "daily", "--at", "2026-01-08T03:00Z", "--json").json()
    cli("issues", "hold", str(issue["id"]), "--because", "is it true?")
    assert "is it true?" in cli("issues", "show", str(issue["id"])).out
    cli("issues", "approve", str(issue["id"]))
    cli("issues", "cancel", str(issue["id"]))
    with reading(engine) as session:
        lines = session.scalars(select(AuditLine).where(AuditLine.subject == f"issue {issue['id']}")).all()
    assert [line.act for line in lines] == ["issue held", "issue approved", "issue cancelled"]
    assert {line.editor_id for line in lines} == {None}
    assert all((line.detail or {})["operator"] for line in lines)


def test_what_preflight_bars_is_not_approved(cli: Cli, tmp_path: Path) -> None:
    """The command line lets nothing go that the desk would not: it says what is to be mended."""
    leftover = {**STORY, "title": "Headline TK"}
    cli("stories", "import", story_file(tmp_path, leftover), "--seen-at", "2026-01-08T02:00Z")
    (issue,) = cli("issues", "plan", "daily", "--at", "2026-01-08T03:00Z", "--json").json()
    run = cli("issues", "approve", str(issue["id"]))
    assert run.code == 1
    assert "preflight bars issue" in run.err
    assert cli("issues", "show", str(issue["id"]), "--json").json()["state"] == "draft"
