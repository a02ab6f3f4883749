"""The order of the house: what every room, word, setting and command must keep to."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from newsletter.cli.main import app
from newsletter.config import Settings, read_settings
from newsletter.store.migrate import MIGRATIONS

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for package in ("newsletter", "subscribers") for path in (ROOT / package).rglob("*.py"))
E_MAILS = sorted(path for path in (ROOT / "templates/email").iterdir() if path.name != "parts")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_says_what_room_it_is(path: Path) -> None:
    """A reader learns from the first lines what a module is for."""
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_room_is_too_large(path: Path) -> None:
    """A module has at most 300 lines; past that, the room wants a wall. Migrations are history."""
    if path.parent != MIGRATIONS / "versions":
        assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name)
def test_name_plates_hold_no_furniture(path: Path) -> None:
    """`__init__.py` is a docstring; that of the models also names the tables."""
    statements = ast.parse(path.read_text()).body[1:]
    assert not statements or path.parent.name == "models"


def test_imports_keep_to_their_floors() -> None:
    """The contracts in pyproject.toml hold: nobody imports upstairs, each library has its room."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_in_the_example() -> None:
    """`.env.example` has all settings and no others, each below a line that explains it."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    settings = [number for number, line in enumerate(lines) if re.match(r"\w+=", line)]
    assert {lines[number].partition("=")[0].lower() for number in settings} == set(Settings.model_fields)
    assert all(lines[number - 1].startswith("# ") for number in settings)


def test_the_example_is_what_holds_without_any_setting() -> None:
    """A copy of `.env.example` as `.env` changes nothing: the values in it are the defaults."""
    assert read_settings({}, ROOT / ".env.example") == read_settings({})


@pytest.mark.parametrize("path", E_MAILS, ids=name)
def test_every_mail_has_its_three_parts(path: Path) -> None:
    """A mail is a folder with a subject, an MJML body and a text body; an alert's subject is joined."""
    subject = set() if path.name == "alert" else {"subject.txt"}
    assert {part.name for part in path.iterdir()} == {"body.mjml", "body.txt"} | subject


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """A command as Typer built it and all below it, by the words that one types."""
    yield path, command
    for word, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{path} {word}")


COMMANDS = dict(commands(typer.main.get_command(app), "newsletter"))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_explains_itself(path: str) -> None:
    """Each command says in its help what it does, and each of its options what it is for."""
    assert COMMANDS[path].help
    options = [param for param in COMMANDS[path].params if param.param_type_name == "option"]
    assert [option.name for option in options if not option.help] == []


def avoided() -> set[str]:
    """The words that GLOSSARY.md avoids and sets in `code`, without the remarks on them."""
    glossary = (ROOT / "GLOSSARY.md").read_text()
    rows = [line.strip("|").split("|") for line in glossary.splitlines() if line.startswith("| **")]
    in_rows = " ".join(row[2] for row in rows if " as " not in row[2] and " for " not in row[2])
    rooms = glossary.rpartition("rooms called")[2]
    return {word.removesuffix("s") for word in re.findall(r"`(\w+)`", in_rows + rooms)}


def names(path: Path) -> Iterator[str]:
    """What a module names itself: the module, its classes, functions, arguments and variables."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.ClassDef(name=found) | ast.FunctionDef(name=found) | ast.arg(arg=found):
                yield found
            case ast.Name(id=found, ctx=ast.Store()):
                yield found


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_names_are_words_of_the_glossary(path: Path) -> None:
    """No name in the code is made of a word that the glossary avoids."""
    words = {
        word.lower().removesuffix("s")
        for found in names(path)
        for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", found)
    }
    assert sorted(words & avoided()) == []


def test_the_glossary_avoids_words() -> None:
    """The test above reads its words from the glossary, so there must be some."""
    assert {"item", "campaign", "user", "blacklist", "util"} <= avoided()


def test_every_library_has_its_reason() -> None:
    """Each dependency is explained in CONTRIBUTING.md, and nothing is explained that is not one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[\[>=<]", line)[0] for line in project["dependencies"]}
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert set(re.findall(r"^\| ([\w.-]+) \| (?!what for)", text, re.MULTILINE)) == wanted
    for line in project["optional-dependencies"]["dev"]:
        assert re.split(r"[\[>=<]", line)[0] in text.rpartition("For tests:")[2]
