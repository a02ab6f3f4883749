"""The commands about issues: planned, held, approved, tried out, cancelled."""

from pathlib import Path

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
