"""Alerts at the command line: what an operator and an editor type and read."""

import re
import shlex
from pathlib import Path

import pytest

from tests.command_line import STORY, Cli, story_file
from tests.doors.conftest import on_one_database
from tests.pages import text_page

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
INES = "ines@reader.example"
VOUCHED = ("--confirmed", "--source", "asked in person")
BEFORE, AT_NOON = "2026-01-08T08:00Z", "2026-01-08T12:00Z"
BREAKING = {
    **STORY,
    "impact_label": "May delay AGI timeline",
    "companies": [{"name": "Sample Lab"}],
    "coverage": [
        {"outlet": f"Outlet {n}", "url": f"https://outlet{n}.example/1", "language": language}
        for n, language in enumerate(("EN", "FR", "DE"), start=1)
    ],
}


def a_day(cli: Cli, folder: Path, *rule: str) -> None:
    """Ines holds a rule, quiet hours or not; a story breaks at noon, and is looked at."""
    assert cli("alerts", "add", INES, *rule, *VOUCHED, "--at", BEFORE).code == 0
    assert cli("stories", "import", story_file(folder, BREAKING), "--seen-at", AT_NOON).code == 0
    assert cli("tick", "--at", "2026-01-08T12:01Z").code == 0


@on_one_database
def test_the_page_is_true(cli: Cli, tmp_path: Path) -> None:
    """The commands of docs/alerts.md, one after the other on a new instance, do what is said of them."""
    (tmp_path / "story-page.txt").write_text(text_page(), encoding="utf-8")
    blocks = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
    commands = [shlex.split(line, comments=True)[1:] for line in blocks.splitlines()]
    assert len(commands) > 15
    for arguments in commands:
        run = cli(*arguments)
        assert run.code == 0, (arguments, run.err)
    by_rule, by_editors = cli("alerts", "list", "--json").json()
    assert (by_rule["kind"], by_editors["kind"]) == ("rules", "editors")
    assert sum(by_rule["readers"].values()) == 1
    assert by_editors["line"] == "The first deal of its kind in Europe."


def test_a_rule_from_first_to_last(cli: Cli) -> None:
    """A rule is held, told in words as people write them, paused, resumed and stopped."""
    held = cli("alerts", "add", INES, "--company", "Sample Lab", "--outlets", "5", *VOUCHED)
    assert held.out == "rule 1: Sample Lab, once 5 outlets report it\n"
    paused = cli("alerts", "pause", INES, "1", "--until", "2090-01-01")
    assert "paused until 2090-01-01 00:00 UTC" in paused.out
    found = cli("alerts", "rules", INES, "--json").json()
    assert found["rules"][0].items() >= {"rule": 1, "paused_until": "2090-01-01T00:00+00:00"}.items()
    assert found["mailed"] is True
    assert cli("alerts", "resume", INES, "1").code == 0
    assert cli("alerts", "rules", INES, "--json").json()["rules"][0]["paused_until"] is None
    assert cli("alerts", "stop", INES, "1").code == 0
    again = cli("alerts", "stop", INES, "1")
    assert again.code == 1
    assert f"`newsletter alerts rules {INES}`" in again.err


def test_nobody_is_alerted_unasked(cli: Cli) -> None:
    """Whoever did not confirm the alerts gets no rule, and the message says how they can."""
    cli("subscribers", "add", INES, *VOUCHED)
    run = cli("alerts", "add", INES, "--outlets", "5")
    assert run.code == 1
    assert f"subscribers add {INES} --newsletter alerts" in " ".join(run.err.split())
    assert cli("alerts", "rules", INES, "--json").json()["rules"] == []
    assert cli("alerts", "add", INES, "--outlets", "5", *VOUCHED).code == 0


def test_choices_are_kept(cli: Cli) -> None:
    """What is chosen is told back in words; what is not given stays as it was."""
    cli("subscribers", "add", INES, *VOUCHED)
    cli("alerts", "choose", INES, "--quiet", "23-6", "--quiet-days", "sat,sun", "--no-from-editors")
    run = cli("alerts", "choose", INES, "--in-quiet", "fold", "--mails-a-day", "2")
    assert "Quiet from 23:00 to 06:00 and all day on Saturday and Sunday" in run.out
    assert "At most 2 mails a day" in run.out
    assert "No alerts from the editors" in run.out
    assert "No quiet hours" in cli("alerts", "choose", INES, "--quiet", "none", "--quiet-days", "none").out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["add", INES], 2, "say what a story must be or have"),
        (["add", INES, "--fast", "5"], 2, "as in 5/3"),
        (["add", INES, "--impact", "boom"], 2, "advance"),
        (["add", INES, "--audience", "Martians", *VOUCHED], 1, "Policymakers"),
        (["add", "stranger@reader.example", "--leads"], 1, "stranger@reader.example"),
        (["try"], 2, "say what a story must be or have"),
        (["try", INES], 1, "holds no alert rule"),
        (["pause", INES, "1", "--until", "2020-01-01"], 1, "not ahead"),
        (["choose", INES, "--quiet", "late"], 2, "as in 22-7"),
        (["choose", INES, "--mails-a-day", "99"], 1, "from 1 to"),
        (["choose", INES, "--quiet-days", "mon,tue,wed,thu,fri,sat,sun"], 1, "leave one day"),
        (["show", "7"], 1, "newsletter alerts list"),
        (["draft", "7"], 1, "newsletter stories list"),
    ],
)
@on_one_database
def test_bad_input(cli: Cli, arguments: list[str], code: int, words: str) -> None:
    """A mistake names the input and the remedy; what cannot be meant is wrong usage."""
    cli("subscribers", "add", INES, *VOUCHED)
    run = cli("alerts", *arguments)
    assert run.code == code
    assert words in " ".join(run.err.replace("│", " ").split())


@on_one_database
def test_a_rule_is_tried(cli: Cli, tmp_path: Path) -> None:
    """`try` says what a rule would have sent, for a reader who is not there yet and for one who is."""
    cli("stories", "import", story_file(tmp_path, BREAKING), "--seen-at", AT_NOON)
    tried = ("--company", "sample lab", "--at", "2026-01-09T12:00Z", "--json")
    found = cli("alerts", "try", *tried).json()
    assert (found["rules"], found["mails"]) == (["Sample Lab"], 1)
    assert found["alerts"][0]["facts"] == ["about Sample Lab"]
    [led] = cli("alerts", "try", "--leads", *tried).json()["alerts"]
    assert led["facts"] == ["about Sample Lab", "would lead your digest"]
    cli("alerts", "add", INES, "--outlets", "9", *VOUCHED)
    assert cli("alerts", "try", INES, "--at", "2026-01-09T12:00Z", "--json").json()["mails"] == 0
    assert cli("alerts", "try", INES, *tried).json()["mails"] == 1


def test_what_became_of_an_alert(cli: Cli, tmp_path: Path) -> None:
    """An alert is listed with its readers, proved with its mails, and explained to the last rule."""
    a_day(cli, tmp_path, "--company", "Sample Lab", "--languages", "3")
    [alert] = cli("alerts", "list", "--json").json()
    assert (alert["kind"], alert["readers"]["mailed"]) == ("rules", 1)
    proof = cli("alerts", "proof", "1", "--json").json()
    assert (proof["adds_up"], proof["mails"]["accepted"]) == (True, 1)
    told = cli("alerts", "proof", "1").out
    assert "1 reader = 1 mailed; 1 mailed = 1 accepted" in told
    assert "mail 1: equal to what left: SHA-256 " in told
    again = cli("alerts", "replay", "1", "--out", str(tmp_path / "past"))
    assert (again.code, again.out) == (0, "1 edition equal to what left\n")
    assert sorted(path.name for path in (tmp_path / "past").iterdir()) == ["1.html", "1.txt"]
    nowhere = cli("alerts", "replay", "1", "--edition", "9")
    assert (nowhere.code, "no edition 9 tells alert 1" in nowhere.err) == (1, True)
    assert "title: A sample lab opens an office" in cli("alerts", "show", "1").out
    [told] = cli("why", INES, "1", "--json").json()
    assert (told["picked"], told["alert"], told["rules"][0]["met"]) == (True, 1, True)
    assert told["mail"].startswith("accepted")
    text = cli("why", INES, "1").out
    assert "3 languages (you asked for 3)" in text
    assert "never told to this reader" in text
    [mail] = Path("mail").glob("*.eml")
    assert b"A sample lab opens an office" in mail.read_bytes()


def test_an_editors_alert_from_first_to_last(cli: Cli, tmp_path: Path) -> None:
    """It is drafted, aimed, seen, barred while it is aimed at nobody, let go as it is then, and stopped."""
    cli("stories", "import", story_file(tmp_path, BREAKING))
    cli("subscribers", "add", INES, "--newsletter", "alerts", "--audience", "Investors", *VOUCHED)
    assert "for nobody yet" in cli("alerts", "draft", "1", "--line", "It cannot wait.").out
    barred = cli("alerts", "approve", "1")
    assert barred.code == 1
    assert "aimed at nobody" in barred.err
    cli("segments", "add", "press", "tag = press")
    drafted = cli("alerts", "draft", "1", "--audience", "Investors", "--segment", "press")
    assert "for Investors, or the segment “press”: 1 reader " in " ".join(drafted.out.split())
    assert "subject: " in cli("alerts", "preview", "1").out
    assert "It cannot wait." in Path("preview/preview.txt").read_text(encoding="utf-8")
    assert "[TEST] Alert: A sample lab" in cli("alerts", "send-test", "1", "ed@desk.example").out
    [trial] = Path("mail").glob("*.eml")
    assert b"ed@desk.example" in trial.read_bytes()
    cli("stories", "import", story_file(tmp_path, {**BREAKING, "tldr": {"text": "It grew meanwhile."}}))
    cli("alerts", "preview", "1")
    assert "It grew meanwhile." in Path("preview/preview.txt").read_text(encoding="utf-8")
    late = cli("alerts", "approve", "1", "--at", "2020-01-01T00:00Z")
    assert late.code == 1
    assert "choose a later time" in late.err
    assert cli("alerts", "approve", "1").code == 0
    assert cli("alerts", "show", "1", "--json").json()["state"] == "approved"
    assert cli("alerts", "cancel", "1").code == 0
    again = cli("alerts", "approve", "1")
    assert again.code == 1
    assert "cancelled" in again.err
