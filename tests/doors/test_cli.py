"""The command line: what a person types, what they read, and the exit code that scripts rely on."""

import json
import shutil
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from newsletter import importing
from newsletter.config import ROOT
from newsletter.outbox import queue_confirmation
from subscribers.transfer import batches
from tests.command_line import Cli

STORY = {
    "id": "sample-1",
    "title": "A sample lab opens an office",
    "date": "2026-01-08",
    "who_should_care": ["Investors"],
    "coverage": [{"outlet": "The Sample Courier", "url": "https://courier.example/office"}],
}


def story_file(folder: Path, *stories: dict[str, Any]) -> str:
    path = folder / "stories.jsonl"
    path.write_text("\n".join(json.dumps(story) for story in stories), encoding="utf-8")
    return str(path)


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


def test_import_reports_and_is_idempotent(cli: Cli, tmp_path: Path) -> None:
    """One JSON object with three counts and the refusals; the good records are in, the exit code is 1."""
    path = tmp_path / "stories.jsonl"
    path.write_text(json.dumps(STORY) + "\n{broken\n" + json.dumps({**STORY, "id": "x", "title": ""}) + "\n")
    first = cli("stories", "import", str(path), "--json")
    assert first.code == 1
    report = first.json()
    assert (report["added"], report["changed"], report["unchanged"]) == (1, 0, 0)
    assert [(refusal["file"], refusal["line"]) for refusal in report["refused"]] == [
        (str(path), 2),
        (str(path), 3),
    ]
    assert report["refused"][0]["where"] == f"{path}, line 2"
    assert all(refusal["reason"] and refusal["remedy"] for refusal in report["refused"])
    assert cli("stories", "import", str(path), "--json").json()["unchanged"] == 1
    changed = story_file(tmp_path, {**STORY, "tldr": {"text": "Now with a summary.", "label": "AI"}})
    assert cli("stories", "import", changed, "--json").json()["changed"] == 1
    assert cli("stories", "show", "sample-1", "--json").json()["revision"] == 2


def test_a_file_that_cannot_be_read_stops_no_other(cli: Cli, tmp_path: Path) -> None:
    """A missing file and a folder are refused by name, each with its remedy; the others come in."""
    good = story_file(tmp_path, STORY)
    done = cli("stories", "import", "missing.json", str(tmp_path), good, "--json")
    assert done.code == 1
    report = done.json()
    assert report["added"] == 1
    assert [(refusal["file"], refusal["line"]) for refusal in report["refused"]] == [
        ("missing.json", None),
        (str(tmp_path), None),
    ]
    missing, folder = report["refused"]
    assert "No such file" in missing["reason"]
    assert "directory" in folder["reason"]
    assert all(refusal["remedy"] for refusal in report["refused"])
    again = cli("stories", "import", good, "missing.json")
    assert (again.code, "1 unchanged, 1 refused" in again.out) == (1, True)
    assert "refused missing.json: it cannot be read" in again.err


def test_double_opt_in(cli: Cli, tmp_path: Path) -> None:
    """Without --confirmed a subscriber is pending, and the next tick mails them the question."""
    assert "pending" in cli("subscribers", "add", "ines@reader.example").out
    cli("tick")
    (mail,) = (tmp_path / "mail").glob("*.eml")
    assert b"Auto-Submitted: auto-generated" in mail.read_bytes()
    shown = cli("subscribers", "show", "ines@reader.example", "--json").json()
    assert shown["subscriptions"] == {"daily": "pending"}


def test_adding_a_newsletter_keeps_the_rest(cli: Cli) -> None:
    """A second `add` changes what it names, and leaves the reader's other choices as they were."""
    vouched = ("--confirmed", "--source", "test")
    cli(
        "subscribers", "add", "ines@reader.example", "--audience", "Investors", "--follow", "Mistral AI",
        "--timezone", "Europe/Paris", "--hour", "8", *vouched,
    )  # fmt: skip
    assert (
        cli(
            "subscribers", "add", "ines@reader.example", "--newsletter", "weekly", "--hour", "9", *vouched
        ).code
        == 0
    )
    shown = cli("subscribers", "show", "ines@reader.example", "--json").json()
    assert shown["subscriptions"] == {"daily": "confirmed", "weekly": "confirmed"}
    assert shown["lens"] == {"audiences": "investors", "companies": "mistral ai"}
    assert shown["rhythm"] == "09:00 Europe/Paris, every day"


def test_subscriber_import(cli: Cli, tmp_path: Path) -> None:
    """A CSV file comes in with its zones and hours; a bad row is named and stops no other."""
    path = tmp_path / "people.csv"
    path.write_text(
        "email,name,audiences,timezone,hour\n"
        "ines@reader.example,Ines,Investors;Engineers,Europe/Paris,8\n"
        "not an address,,,,\n"
        "otto@reader.example,Otto,,Mars/Base,8\n"
    )
    done = cli("subscribers", "import", str(path), "--newsletter", "daily", "--confirmed", "--source", "fair")
    assert done.code == 1
    assert "1 added" in done.out
    assert "refused line 3" in done.err
    assert "Mars/Base" in done.err
    shown = cli("subscribers", "show", "ines@reader.example", "--json").json()
    assert shown["subscriptions"] == {"daily": "confirmed"}
    assert shown["rhythm"] == "08:00 Europe/Paris, every day"


def test_an_export_of_another_service(cli: Cli, tmp_path: Path) -> None:
    """A known export is taken as it is; the report says what it was taken for and what is not kept."""
    path = tmp_path / "members.csv"
    path.write_text(
        "email,First Name,status,tier,unsubscribed_at\n"
        "ines@reader.example,Inès,active,free,\n"
        "otto@reader.example,,inactive,free,\n",
        encoding="cp1252",
    )
    done = cli("subscribers", "import", str(path), "--confirmed", "--source", "moved", "--json").json()
    assert (done["format"], done["added"], done["unsubscribed"]) == ("beehiiv", 1, 1)
    assert done["columns_not_kept"] == ["tier"]
    assert "Windows-1252" in done["note"]
    assert cli("subscribers", "show", "ines@reader.example", "--json").json()["name"] == "Inès"
    again = cli("subscribers", "import", str(path), "--confirmed", "--source", "moved")
    assert "0 added, 0 changed, 2 unchanged, 0 unsubscribed" in again.out
    assert "columns not kept: tier" in again.err


def test_a_dry_run_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    """It reports what the import then does, to the letter, and leaves nobody and no mail behind."""
    path = tmp_path / "people.csv"
    path.write_text("email,hour\nines@reader.example,8\notto@reader.example,25\n")
    dry = cli("subscribers", "import", str(path), "--dry-run", "--json").json()
    assert cli("subscribers", "list", "--json").json() == []
    wet = cli("subscribers", "import", str(path), "--json").json()
    assert (dry.pop("dry_run"), wet.pop("dry_run")) == (True, False)
    assert dry == wet
    assert (wet["added"], wet["asked"], wet["refused"]) == (1, 1, 1)


def test_an_import_that_was_cut_off(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run again, it goes on where it was: everybody is in, asked once, and the report counts all."""
    path = tmp_path / "people.csv"
    path.write_text("email\n" + "".join(f"reader{number}@x.example\n" for number in range(7)))
    calls = count(1)

    def cut_off(*given: Any, **named: Any) -> None:
        if next(calls) == 4:
            raise KeyboardInterrupt
        queue_confirmation(*given, **named)

    monkeypatch.setattr(batches, "PORTION", 2)
    monkeypatch.setattr(importing, "queue_confirmation", cut_off)
    assert cli("subscribers", "import", str(path)).code != 0
    assert len(cli("subscribers", "list", "--json").json()) == 2
    done = cli("subscribers", "import", str(path), "--json")
    assert "going on after 2 records" in done.err
    report = done.json()
    assert (report["added"], report["asked"], report["unchanged"]) == (7, 7, 0)
    assert "7 accepted" in cli("tick").out


def test_export(cli: Cli, tmp_path: Path) -> None:
    """The export goes to stdout, or into a file that its owner alone can read; nothing half done stays."""
    assert "daily" in cli("subscribers", "export", "--newsletter", "hourly").err
    cli("subscribers", "add", "ines@reader.example", "--confirmed", "--source", "test")
    said = cli("subscribers", "export").out
    assert said.splitlines()[1].startswith("ines@reader.example,")
    out = tmp_path / "out" / "people.csv"
    out.parent.mkdir()
    assert cli("subscribers", "export", "--out", str(out)).code == 0
    assert out.read_bytes().decode().replace("\r\n", "\n") == said.replace("\r\n", "\n")
    assert out.stat().st_mode & 0o777 == 0o600
    lines = cli("subscribers", "export", "--newsletter", "daily", "--format", "jsonl").out
    assert json.loads(lines)["email"] == "ines@reader.example"
    missing = cli("subscribers", "export", "--out", str(tmp_path / "nowhere" / "people.csv"))
    assert missing.code == 1
    assert [path.name for path in out.parent.iterdir()] == ["people.csv"]


def test_an_archive_is_no_file_of_people(cli: Cli, tmp_path: Path) -> None:
    """A ZIP is refused with the remedy: to unpack it."""
    path = tmp_path / "audience.zip"
    path.write_bytes(b"PK\x03\x04")
    run = cli("subscribers", "import", str(path))
    assert run.code == 1
    assert "unpack it" in run.err


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


def test_unknown_columns_change_nothing(cli: Cli, tmp_path: Path) -> None:
    """A file with a column that we do not know is refused whole, and the column is named."""
    path = tmp_path / "people.csv"
    path.write_text("email,shoe size\nines@reader.example,38\n")
    run = cli("subscribers", "import", str(path))
    assert run.code == 1
    assert "shoe size" in run.err
    assert cli("subscribers", "list", "--json").json() == []


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


def test_an_erased_address_is_in_no_file(cli: Cli, tmp_path: Path) -> None:
    """After `erase`, the bytes of the database, its log and the mail folder hold the address no more."""
    cli("stories", "import", story_file(tmp_path, STORY), "--seen-at", "2026-01-08T02:00Z")
    cli("subscribers", "add", "canary.ines@reader.example", "--confirmed", "--source", "test")
    cli("tick", "--at", "2026-01-08T07:00Z")
    assert cli("subscribers", "erase", "canary.ines@reader.example").code == 0
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"canary.ines" not in path.read_bytes(), path
    again = cli("subscribers", "add", "canary.ines@reader.example", "--confirmed", "--source", "test")
    assert again.code == 1
    assert "erased" in again.err


def test_adding_says_what_came_of_it(cli: Cli) -> None:
    """`add` names only what is confirmed, what is kept out and why, and fails when nobody was asked."""
    vouched = ("--confirmed", "--source", "test")
    assert cli("subscribers", "add", "new@reader.example").code == 0
    again = cli("subscribers", "add", "new@reader.example", "--newsletter", "weekly")
    assert again.code == 1
    assert "ten minutes" in again.err
    cli("subscribers", "add", "ines@reader.example", *vouched)
    known = cli("subscribers", "add", "ines@reader.example")
    assert (known.code, "confirmed already" in known.out) == (0, True)
