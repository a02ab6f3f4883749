"""The commands about stories: what came in, what was refused, and why."""

import json
from pathlib import Path

from tests.command_line import STORY, Cli, story_file


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


def test_a_story_is_corrected(cli: Cli, tmp_path: Path) -> None:
    """One command writes and confirms it, and says whom it concerns; `--now` mails it at once. What
    cannot be used, or is no story, changes nothing and says why."""
    cli("stories", "import", story_file(tmp_path, STORY))
    done = cli("stories", "correct", "sample-1", "--text", "It was nine.", "--retract", "--now")
    assert done.code == 0
    said = " ".join(done.out.split())
    assert said.startswith("retraction 1 of “")
    assert said.endswith("up to revision 1: told to 0 readers 0 mails go out at once")
    for arguments, fault in (
        (("sample-1", "--text", " "), "what is right"),
        (("sample-1", "--text", "x", "--revision", "2"), "from 1 to 1"),
        (("nothing", "--text", "x"), "no story"),
    ):
        refused = cli("stories", "correct", *arguments)
        assert refused.code == 1
        assert fault in refused.err
    assert "correction 2" in cli("stories", "correct", "1", "--text", "Not at all.").out
