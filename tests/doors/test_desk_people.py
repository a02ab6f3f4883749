"""The page of the editors: who is there, let in, given a role, shut out, and what the log says of it."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
from sqlalchemy import select

from newsletter.editors import people
from newsletter.models import AuditLine, Editor
from newsletter.models.editor import Role
from newsletter.store.engine import reading
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import FROM_HERE, Desk, an_editor, at_desk, browser_of

ADA, BO = "ada@desk.example", "bo@desk.example"


def words(answer: httpx.Response) -> str:
    return " ".join(re.sub("<[^>]+>", " ", answer.text).split())


def roles(web: Web) -> dict[str, str]:
    with reading(web.services.engine) as session:
        return {editor.email: editor.role for editor in people.everybody(session)}


def newcomer(**changes: str) -> dict[str, str]:
    return {"email": BO, "name": "Bo Sample", "role": "editor", **changes}


@on_one_database
def test_who_is_there(web: Web) -> None:
    """Everybody stands there with their role and when they were last here, as far as that is known."""
    an_editor(web, Role.VIEWER, BO)
    web.now += timedelta(hours=1)
    with at_desk(web, Role.ADMIN, ADA) as desk:
        page = words(desk.get("/desk/editors"))
        assert f"{BO} not in the last 30 days 8 Jan 2026, 12:00 UTC" in page
        assert f"{ADA} you 8 Jan 2026, 13:00 UTC" in page
        assert "<option selected>viewer</option>" in desk.get("/desk/editors").text


def test_a_person_comes_changes_and_goes(web: Web) -> None:
    """Each act holds at once, ends the sessions it must, and is in the log with who did it and from where."""
    with at_desk(web, Role.ADMIN, ADA) as desk:
        assert desk.post("/desk/editors", newcomer()).headers["location"] == "/desk/editors"
        assert roles(web) == {ADA: "admin", BO: "editor"}
        with browser_of(web, BO) as client:
            assert desk.post("/desk/editors/2/role", {"role": "approver"}).status_code == 303
            assert roles(web)[BO] == "approver"
            assert client.get("/desk").headers["location"] == "/sign-in"
        with browser_of(web, BO) as client:
            assert desk.post("/desk/editors/2/remove").status_code == 303
            assert client.get("/desk").headers["location"] == "/sign-in"
        assert roles(web) == {ADA: "admin"}
        assert BO not in desk.get("/desk/editors").text
        assert desk.post("/desk/editors", newcomer(role="viewer")).status_code == 303
        assert roles(web)[BO] == "viewer"
    with reading(web.services.engine) as session:
        lines = session.scalars(
            select(AuditLine).where(AuditLine.subject == "editor 2", AuditLine.act != "signed in")
        ).all()
        assert [line.act for line in lines] == [
            "editor added",
            "role changed",
            "editor removed",
            "editor added",
        ]
        assert {(line.editor_id, line.ip) for line in lines} == {(1, "127.0.0.1")}
        assert lines[1].detail == {"before": "editor", "role": "approver"}


def test_an_admin_stays(web: Web) -> None:
    """The last admin can be neither removed nor demoted; once there is another, both can be done."""
    with at_desk(web, Role.ADMIN, ADA) as desk:
        for act, form in (("role", {"role": "editor"}), ("remove", {})):
            answer = desk.post(f"/desk/editors/1/{act}", form)
            assert answer.status_code == 422
            assert f"{ADA} is the only admin: make somebody else one first." in words(answer)
        assert desk.post("/desk/editors/1/role", {"role": "admin"}).status_code == 303, "nothing changes"
        an_editor(web, Role.ADMIN, BO)
        assert desk.post("/desk/editors/1/role", {"role": "editor"}).status_code == 303
        assert desk.get("/desk/editors").headers["location"] == "/sign-in"
    assert roles(web) == {ADA: "editor", BO: "admin"}


def test_two_admins_cannot_remove_each_other(web: Web) -> None:
    """Both at one moment: one of them stays."""
    with at_desk(web, Role.ADMIN, ADA) as ada, at_desk(web, Role.ADMIN, BO) as bo:
        tokens = [desk.token() for desk in (ada, bo)]

        def remove(desk: Desk, token: str) -> int:
            path = f"/desk/editors/{3 - desk.editor_id}/remove"
            return desk.client.post(path, data={"token": token}, headers=FROM_HERE).status_code

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(remove, (ada, bo), tokens))
    assert len(roles(web)) == 1


@on_one_database
def test_who_cannot_be_let_in(web: Web) -> None:
    """The form comes back as it was filled in, with what is wrong, and nobody was let in."""
    with at_desk(web, Role.ADMIN, ADA) as desk:
        for form, fault in (
            ({"email": "bo"}, "Please check the address: "),
            ({"email": ADA}, "They are an editor already: change the role below."),
            ({"name": "Bo\nBcc: all"}, "Please check the name: it has control characters."),
            ({"role": "owner"}, "Choose a role."),
            ({"role": ""}, "Choose a role."),
        ):
            answer = desk.post("/desk/editors", newcomer(**form))
            assert answer.status_code == 422
            assert fault in words(answer)
            assert f'value="{form.get("email", BO)}"' in answer.text
    with reading(web.services.engine) as session:
        assert [editor.email for editor in session.scalars(select(Editor))] == [ADA]


@on_one_database
def test_what_cannot_be_done(web: Web) -> None:
    """No such role changes nothing; somebody who is gone meanwhile is said to be gone."""
    with at_desk(web, Role.ADMIN, ADA) as desk:
        an_editor(web, Role.EDITOR, BO)
        assert "Choose a role." in words(desk.post("/desk/editors/2/role", {"role": "owner"}))
        assert roles(web)[BO] == "editor"
        desk.post("/desk/editors/2/remove")
        for act, form in (("role", {"role": "admin"}), ("remove", {})):
            answer = desk.post(f"/desk/editors/2/{act}", form)
            assert (answer.status_code, "removed them meanwhile" in words(answer)) == (404, True)
        assert desk.post("/desk/editors/99999999999999999999/remove").status_code == 404


@on_one_database
def test_names_are_text(web: Web) -> None:
    """What an editor is called is no markup here and in the log."""
    with at_desk(web, Role.ADMIN, ADA) as desk:
        desk.post("/desk/editors", newcomer(name="<b>Bo</b>"))
        for path in ("/desk/editors", "/desk/log"):
            assert "<b>Bo" not in desk.get(path).text
            assert "&lt;b&gt;Bo" in desk.get(path).text
