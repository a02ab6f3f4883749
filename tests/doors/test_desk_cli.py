"""Editors at the command line: the first one comes in here, and anybody can be shut out from here."""

import re

import pytest
from sqlalchemy import select

from newsletter.models import AuditLine, EditorSession, SignIn
from newsletter.store.engine import open_engine, reading
from tests.command_line import Cli

ADA = "ada@desk.example"


def test_the_first_admin(cli: Cli) -> None:
    """Adding says how to sign in, and where mail goes into a folder, gives the link at once."""
    added = cli("editors", "add", "Ada@Desk.example", "--role", "admin", "--name", "Ada Sample")
    assert added.code == 0
    assert f"{ADA.replace('ada', 'Ada')}: admin" in added.out
    assert "https://news.racetoagi.example/sign-in, by a link" in added.out
    assert re.search(r"^https://news.racetoagi.example/sign-in/[\w.=-]+$", added.out, re.MULTILINE)
    [listed] = cli("editors", "list", "--json").json()
    assert (listed["email"], listed["role"], listed["name"]) == ("Ada@desk.example", "admin", "Ada Sample")
    assert "Ada Sample" in cli("editors", "list").out


def test_real_mail_brings_the_link(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where real mail leaves, no link that opens the desk is printed on any terminal, and none is made."""
    for name, value in {"MAIL_PROVIDER": "smtp", "SMTP_URL": "smtp://localhost:25"}.items():
        monkeypatch.setenv(name, value)
    added = cli("editors", "add", ADA)
    assert added.code == 0
    assert "/sign-in/" not in added.out


def test_once_is_enough(cli: Cli) -> None:
    """A second adding changes nothing and says what does."""
    cli("editors", "add", ADA, "--role", "editor")
    again = cli("editors", "add", "ADA@desk.example", "--role", "admin")
    assert again.code == 1
    assert "already, as editor: `newsletter editors role EMAIL ROLE`" in again.err
    assert [one["role"] for one in cli("editors", "list", "--json").json()] == ["editor"]


def test_roles_change_and_editors_go(cli: Cli, database_url: str) -> None:
    """Each change is told, is in the log, and whoever was removed can come in again."""
    cli("editors", "add", ADA)
    assert cli("editors", "role", ADA, "approver").out == f"{ADA}: approver\n"
    assert cli("editors", "remove", ADA).code == 0
    assert cli("editors", "list", "--json").json() == []
    assert "newsletter editors add" in cli("editors", "list").out
    for command in (["role", ADA, "admin"], ["remove", ADA]):
        gone = cli("editors", *command)
        assert gone.code == 1
        assert "`newsletter editors list` shows" in gone.err
    assert cli("editors", "add", ADA, "--role", "admin").code == 0
    engine = open_engine(database_url)
    with reading(engine) as session:
        lines = session.execute(
            select(AuditLine.act, AuditLine.subject, AuditLine.detail).order_by(AuditLine.id)
        )
        assert [tuple(line) for line in lines] == [
            ("editor added", "editor 1", {"role": "viewer"}),
            ("role changed", "editor 1", {"before": "viewer", "role": "approver"}),
            ("editor removed", "editor 1", None),
            ("editor added", "editor 1", {"role": "admin"}),
        ]
        assert session.scalars(select(EditorSession)).all() == []
        assert len(session.scalars(select(SignIn)).all()) == 2
    engine.dispose()


def test_what_cannot_be(cli: Cli) -> None:
    """No address, no such role, a name with a line break: nothing is kept, and the exit code says so."""
    assert cli("editors", "add", "ada").code == 1
    assert cli("editors", "add", ADA, "--role", "owner").code == 2
    assert cli("editors", "add", ADA, "--name", "Ada\nBcc: all").code == 1
    assert cli("editors", "list", "--json").json() == []


def test_an_admin_stays(cli: Cli) -> None:
    """The only admin is neither removed nor given another role, and the message says what to do first."""
    cli("editors", "add", ADA, "--role", "admin")
    for command in (["remove", ADA], ["role", ADA, "editor"]):
        done = cli("editors", *command)
        assert (done.code, "is the only admin: make somebody else one first" in done.err) == (1, True)
    assert [one["role"] for one in cli("editors", "list", "--json").json()] == ["admin"]
