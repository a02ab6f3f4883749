"""The keys of programs at the desk and at the command line: made, shown once, used, ended."""

import re

import httpx

from newsletter.models import ApiKey
from newsletter.models.editor import Role
from newsletter.store.engine import reading
from tests.command_line import Cli
from tests.doors.api_v1 import Program
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import Desk, at_desk


def words(answer: httpx.Response) -> str:
    return " ".join(re.sub("<[^>]+>", " ", answer.text).split())


def make(desk: Desk, name: str = "importer", role: str = "editor") -> str:
    """Make a key by the form of the page; its secret as the answer shows it."""
    answer = desk.post("/desk/keys", {"name": name, "role": role})
    assert answer.status_code == 200
    [secret] = re.findall(r"rta_[\w-]{43}", answer.text)
    assert answer.headers["cache-control"] == "no-store"
    return str(secret)


def test_a_key_is_shown_once(web: Web) -> None:
    """The answer to its making shows the secret, which works; no page and no row has it ever again."""
    with at_desk(web, Role.ADMIN, "ada@desk.example") as desk:
        assert "There are no keys yet." in words(desk.get("/desk/keys"))
        secret = make(desk)
        page = desk.get("/desk/keys")
        assert "importer key 1 editor" in words(page)
        assert "by ada@desk.example" in words(page)
        assert "never" in words(page)
        assert "rta_" not in page.text
        program = Program(web, secret)
        assert program.get("/stories").status_code == 200
        assert program.get("/log").status_code == 403
        assert "8 Jan 2026, 12:00 UTC End… " in words(desk.get("/desk/keys")), "when it was used"
        assert "rta_" not in desk.get("/desk/log").text
        assert "name: importer, role: editor" in words(desk.get("/desk/log"))
    with reading(web.services.engine) as session:
        assert secret not in str(vars(session.get_one(ApiKey, 1)))


@on_one_database
def test_a_key_is_ended(web: Web) -> None:
    """From then on it opens nothing, and the page says since when."""
    with at_desk(web) as desk:
        program = Program(web, make(desk))
        assert program.get("/stories").status_code == 200
        assert desk.post("/desk/keys/1/end").headers["location"] == "/desk/keys"
        assert program.get("/stories").status_code == 401
        assert "ended 8 Jan 2026, 12:00 UTC" in words(desk.get("/desk/keys"))
        assert "End…" not in desk.get("/desk/keys").text
        assert desk.post("/desk/keys/1/end").status_code == 303, "it is ended already"
        assert desk.post("/desk/keys/9/end").status_code == 404


@on_one_database
def test_what_cannot_be_made(web: Web) -> None:
    """The form comes back as it was filled in, with what is wrong, and no key was made."""
    with at_desk(web) as desk:
        make(desk, name="<b>importer</b>")
        assert "<b>importer" not in desk.get("/desk/keys").text
        for name, role, fault in (
            ("", "editor", "A key needs a name: say which program it is for."),
            ("<b>importer</b>", "editor", "end it first, or choose another name."),
            ("a\nb", "editor", "Please check the name: it has control characters."),
            ("other", "owner", "Choose a role."),
        ):
            answer = desk.post("/desk/keys", {"name": name, "role": role})
            assert answer.status_code == 422
            assert fault in words(answer)
            assert "rta_" not in answer.text
    with reading(web.services.engine) as session:
        assert session.get(ApiKey, 2) is None


def test_keys_at_the_command_line(cli: Cli) -> None:
    """`add` shows the key once, `list` never does, `end` ends it; what is wrong is said with its remedy."""
    assert "no keys yet" in cli("keys", "list").out
    added = cli("keys", "add", "story importer", "--role", "editor").out.split("\n")
    assert added[0] == "key 1, story importer: editor"
    assert re.fullmatch(r"rta_[\w-]{43}", added[1])
    listed = cli("keys", "list").out
    assert "story importer" in listed
    assert "rta_" not in listed + cli("keys", "list", "--json").out
    again = cli("keys", "add", "story importer")
    assert (again.code, "choose another name" in again.err) == (1, True)
    assert cli("keys", "end", "1").out == "key 1, story importer: ended\n"
    none = cli("keys", "end", "7")
    assert (none.code, "`newsletter keys list` shows those there are" in none.err) == (1, True)
