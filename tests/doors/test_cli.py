"""The command line: what a person types, what they read, and the exit code that scripts rely on."""

import shutil
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from newsletter.cli import terminal
from newsletter.config import ROOT
from tests.command_line import STORY, Cli, story_file
from tests.doors.conftest import on_one_database


def test_the_main_job(cli: Cli, tmp_path: Path) -> None:
    """Import, subscribe, tick: the digest with the story is in the folder, and the proof adds up."""
    assert cli("stories", "import", story_file(tmp_path, STORY), "--seen-at", "2026-01-08T02:00Z").code == 0
    added = cli(
        "subscribers", "add", "ines@reader.example", "--newsletter", "daily", "--audience", "Investors",
        "--timezone", "Europe/Paris", "--hour", "8", "--confirmed", "--source", "test",
    )  # fmt: skip
    assert added.code == 0, added.err
    assert cli("tick", "--at", "2026-01-08T06:30Z").code == 0
    assert not list((tmp_path / "mail").glob("*.eml")), "08:00 in Paris is 07:00 UTC"
    assert "1 accepted" in cli("tick", "--at", "2026-01-08T07:00Z").out
    (mail,) = (tmp_path / "mail").glob("*.eml")
    assert b"A sample lab opens an office" in mail.read_bytes()
    (issue,) = cli("issues", "list", "--json").json()
    assert issue["state"] == "finished"
    proof = cli("issues", "proof", str(issue["id"]), "--json")
    assert (proof.code, proof.json()["counts"]["accepted"], proof.json()["adds_up"]) == (0, 1, True)


class TwoHoursAhead(datetime):
    """What a machine takes for the time whose clock is wrong."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(hours=2)


def test_a_machine_whose_clock_is_wrong_does_nothing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would publish too early: the tick says what to mend, and does what a person says is due."""
    monkeypatch.setattr(terminal, "datetime", TwoHoursAhead)
    refused = cli("tick")
    assert refused.code == 1
    assert "this machine's clock differs from the database's: set it" in refused.err
    assert cli("issues", "list", "--json").json() == []
    assert cli("tick", "--at", "2026-01-08T06:30Z").code == 0
    assert cli("issues", "list", "--json").json() != []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["editors", "add", "a@b.example", "--role", "king"], "'--role': 'king' is not one of 'viewer',"),
        (["pace", "set", "provider:smtp", "--per-hour", "0"], "'--per-hour': write 1 or more"),
        (["pace", "set", "sender:b.example", "--warm-up-growth", "much"], "write a number"),
        (["worker", "--concurrency", "many"], "'--concurrency': write a whole number"),
    ],
)
@on_one_database
def test_an_option_that_is_wrong(cli: Cli, arguments: list[str], words: str) -> None:
    """Wrong usage is named with what to write instead, and never in the words of a library."""
    run = cli(*arguments)
    said = " ".join(run.err.replace("│", " ").split())
    assert run.code == 2
    assert words in said
    assert not any(raw in said for raw in ("Value error", "Input should"))


def test_why(cli: Cli, tmp_path: Path) -> None:
    """`why` names every rule, for a story that came and for one that did not."""
    other = {**STORY, "id": "sample-2", "title": "Chips get cheaper", "who_should_care": ["Engineers"]}
    cli("stories", "import", story_file(tmp_path, STORY, other), "--seen-at", "2026-01-08T02:00Z")
    cli(
        "subscribers", "add", "ines@reader.example", "--audience", "Investors", "--confirmed",
        "--source", "test",
    )  # fmt: skip
    cli("tick", "--at", "2026-01-08T08:00Z")
    (came,) = cli("why", "ines@reader.example", "sample-1", "--json").json()
    assert came["picked"]
    assert came["mail"].startswith("accepted")
    text = cli("why", "ines@reader.example", "sample-2").out
    assert "left out" in text
    assert "for Engineers; about no company or topic that the reader follows" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["subscribers", "add", "nobody"], ["nobody", "@"]),
        (["subscribers", "add", "a@b.example", "--timezone", "Mars/Base"], ["Mars/Base", "Europe/Paris"]),
        (["subscribers", "add", "a@b.example", "--hour", "25"], ["25", "0 to 23"]),
        (["subscribers", "add", "a@b.example", "--audience", "Martians"], ["Martians", "Policymakers"]),
        (["subscribers", "add", "a@b.example", "--newsletter", "hourly"], ["hourly", "daily"]),
        (["stories", "import", "missing.json"], ["missing.json"]),
        (["stories", "show", "77"], ["77", "stories list"]),
        (["issues", "show", "77"], ["77", "issues list"]),
        (["issues", "approve", "77"], ["77", "issues list"]),
        (["tick", "--at", "tomorrow"], ["tomorrow", "2026-11-24T07:00Z"]),
        (["why", "a@b.example", "1"], ["1", "stories list"]),
        (["stories", "show", "[/red] a[b]"], ["[/red] a[b]", "stories list"]),
        (["tick", "--at", "9999-12-31T23:59Z"], ["9999-12-31", "year"]),
        (["subscribers", "add", "a@b.example", "--name", "a\nb"], ["name"]),
    ],
)
def test_bad_input(cli: Cli, arguments: list[str], words: list[str]) -> None:
    """Bad input ends with exit code 1 and one message that names the input and the remedy."""
    run = cli(*arguments)
    assert run.code == 1
    assert "Traceback" not in run.err
    for word in words:
        assert word in run.err


def test_wrong_usage(cli: Cli) -> None:
    """An unknown command or a missing argument is wrong usage: exit code 2."""
    assert cli("stories", "import").code == 2
    assert cli("subscribers", "add", "a@b.example", "--confirmed").code == 2


def test_settings_are_reported_all_at_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fault of the settings is named, with the variable and the remedy, in one go."""
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("MAIL_FROM", "nobody")
    run = cli("stories", "list")
    assert run.code == 1
    assert "PORT" in run.err
    assert "MAIL_FROM" in run.err


def test_check(cli: Cli) -> None:
    """`check` says that all is well, and names what is not."""
    run = cli("check")
    assert run.code == 0, run.err
    assert "up to date" in run.out


def test_a_provider_that_is_down(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that cannot hand over says which provider and why, ends with 1, and loses nothing."""
    cli("stories", "import", story_file(tmp_path, STORY), "--seen-at", "2026-01-08T02:00Z")
    cli("subscribers", "add", "ines@reader.example", "--confirmed", "--source", "test")
    monkeypatch.setenv("MAIL_PROVIDER", "smtp")
    monkeypatch.setenv("SMTP_URL", "smtp://localhost:9?tls=none")
    down = cli("tick", "--at", "2026-01-08T07:00Z")
    assert down.code == 1
    assert "smtp takes no mail" in down.err
    monkeypatch.setenv("MAIL_PROVIDER", "folder")
    assert "1 accepted" in cli("tick", "--at", "2026-01-08T07:30Z").out


def test_a_template_that_fails(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An issue that cannot be rendered is held, the template and its line are named, nothing leaves."""
    templates = tmp_path / "templates"
    shutil.copytree(ROOT / "templates" / "email", templates / "email")
    (templates / "email/digest/body.mjml").write_text("{{ nothing_of_that_name }}")
    monkeypatch.setattr("newsletter.wiring.ROOT", tmp_path)
    cli("stories", "import", story_file(tmp_path, STORY), "--seen-at", "2026-01-08T02:00Z")
    cli("subscribers", "add", "ines@reader.example", "--confirmed", "--source", "test")
    run = cli("tick", "--at", "2026-01-08T07:00Z")
    assert run.code == 1
    assert "digest/body.mjml, line 1" in run.err
    assert "newsletter issues approve" in run.err
    (issue,) = cli("issues", "list", "--json").json()
    assert (issue["state"], issue["frozen"]) == ("held", None)


@pytest.mark.parametrize("url", ["foo", "mysql://localhost/x"])
def test_an_unknown_database(cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A database that we cannot work on is a fault of the settings, named with the remedy."""
    monkeypatch.setenv("DATABASE_URL", url)
    run = cli("check")
    assert run.code == 1
    assert "DATABASE_URL" in run.err
    assert "sqlite:///" in run.err
