"""What the README and the desk's page say is true: commands run, JSON is taken, files are there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.sources.files import read_file
from newsletter.sources.records import Incoming
from tests.pages import text_page

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


DESK = (ROOT / "docs" / "desk.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README + DESK, re.DOTALL)


def commands() -> list[list[str]]:
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line for line in words if line[:1] == ["newsletter"]]


def test_its_commands_run(tmp_path: Path) -> None:
    """Their commands, one after the other on a new instance, do what is said of them."""
    (tmp_path / "story-page.txt").write_text(text_page(), encoding="utf-8")
    environ = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"sqlite:///{tmp_path}/newsletter.db",
        "MAIL_FOLDER": f"{tmp_path}/mail",
    }
    for _, *arguments in [line for line in commands() if line[1] != "run"]:
        run = [sys.executable, "-m", "newsletter", *arguments]
        done = subprocess.run(
            run, cwd=tmp_path, env={**environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        assert done.returncode == 0, (arguments, done.stderr)
    (mail,) = (tmp_path / "mail").glob("*.eml")
    assert b"A sample lab signs a framework deal" in mail.read_bytes()


def test_its_story_is_taken() -> None:
    """The JSON that it shows is a story as we read it, with nothing lost."""
    (shown,) = blocks("json")
    (told,) = read_file("README.json", [shown.encode()])
    assert isinstance(told, Incoming)
    document = json.loads(shown)
    assert told.content.title == document["title"]
    assert [article.outlet for article in told.content.coverage] == [
        entry["outlet"] for entry in document["coverage"]
    ]
    assert told.content.companies[0].valuation == "$1.0B"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^):#]+)\)", README))))
def test_its_links_lead_somewhere(target: str) -> None:
    """Every file that it links is there."""
    assert (ROOT / target).exists()
