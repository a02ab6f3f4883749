"""The commands about subscribers: added, imported, exported, erased."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from newsletter import importing
from newsletter.outbox import queue_confirmation
from subscribers.transfer import batches
from tests.command_line import STORY, Cli, story_file


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


def test_unknown_columns_change_nothing(cli: Cli, tmp_path: Path) -> None:
    """A file with a column that we do not know is refused whole, and the column is named."""
    path = tmp_path / "people.csv"
    path.write_text("email,shoe size\nines@reader.example,38\n")
    run = cli("subscribers", "import", str(path))
    assert run.code == 1
    assert "shoe size" in run.err
    assert cli("subscribers", "list", "--json").json() == []


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
