"""What programs do beside the issues: corrections, test mails, numbers, what-if, the archive."""

import threading
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from newsletter.models import AuditLine, Correction, Delivery
from newsletter.models.editor import Role
from newsletter.preflight import links, spam
from newsletter.preflight.followed import Followed
from newsletter.store.engine import reading
from tests.builders import a_story
from tests.doors.api_v1 import Program, a_program
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import an_editor, at_desk
from tests.doors.sending import an_issue
from tests.doors.test_desk_numbers import LIMITS, closed_issue
from tests.doors.test_web_mailbox import publish
from tests.issues import tell


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("#")[2]


def acts(web: Web) -> list[tuple[str, object]]:
    """What the log has of programs, with the names of their keys."""
    with reading(web.services.engine) as session:
        lines = session.scalars(select(AuditLine).order_by(AuditLine.id)).all()
        return [(line.act, key) for line in lines if (key := (line.detail or {}).get("key"))]


def test_a_correction_from_the_first_word_to_the_mails(web: Web) -> None:
    """Written by an editor's key, once however often it is sent; confirmed and sent by an approver's."""
    tell(web.services, a_story("A story"), at=web.now)
    editor, approver = a_program(web, Role.EDITOR, name="ed"), a_program(web, Role.APPROVER, name="app")
    sent = {"kind": "correction", "text": "Not ten: nine."}
    written = [editor.ask("POST", "/stories/1/corrections", json=sent) for _ in range(2)]
    assert [answer.status_code for answer in written] == [201, 200]
    assert written[0].json() == written[1].json()
    assert (written[0].json()["revision"], written[0].json()["confirmed_at"]) == (1, None)
    assert kind(approver.ask("POST", "/corrections/1/send")) == (409, "not-possible")
    assert kind(editor.ask("POST", "/corrections/1/confirm")) == (403, "role")
    assert approver.ask("POST", "/corrections/1/confirm").json()["voided"] == []
    assert kind(approver.ask("POST", "/corrections/1/confirm")) == (409, "not-possible")
    for _ in range(2):
        assert approver.ask("POST", "/corrections/1/send").json()["mails"] == 0, "nobody was told"
    assert kind(editor.ask("DELETE", "/corrections/1")) == (409, "not-possible")
    other = editor.ask("POST", "/stories/1/corrections", json={**sent, "kind": "retraction"})
    assert editor.ask("DELETE", f"/corrections/{other.json()['id']}").status_code == 204
    [left] = editor.get("/stories/1/corrections").json()["corrections"]
    assert (left["id"], left["story"], left["text"]) == (1, 1, "Not ten: nine.")
    assert acts(web) == [
        ("correction written", "ed"),
        ("correction confirmed", "app"),
        ("correction sent at once", "app"),
        ("correction written", "ed"),
        ("correction taken away", "ed"),
    ]


@on_one_database
def test_what_is_no_correction_is_refused(web: Web) -> None:
    """Without a text, with too much of it, of a revision or a story that is not: nothing is written."""
    tell(web.services, a_story("A story"), at=web.now)
    program = a_program(web, Role.APPROVER)

    def write(story: int = 1, **changes: Any) -> tuple[int, str]:
        sent = {"kind": "correction", "text": "Nine.", **changes}
        return kind(program.ask("POST", f"/stories/{story}/corrections", json=sent))

    assert write(text=" ") == write(text="x" * 1_501) == write(revision=2) == (422, "invalid")
    assert write(kind="apology") == write(revision="1") == write(by="me") == (422, "invalid")
    assert write(9) == (404, "not-there")
    for method, path in (("POST", "/9/confirm"), ("POST", "/9/send"), ("DELETE", "/9")):
        assert kind(program.ask(method, f"/corrections{path}")) == (404, "not-there")
    with reading(web.services.engine) as session:
        assert session.scalar(select(func.count()).select_from(Correction)) == 0


@on_one_database
def test_links_are_followed_after_the_answer(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer comes at once, preflight tells how far it is, and then what came of it."""
    go_on = threading.Event()

    def follow(urls: tuple[str, ...], told: Callable[[Followed], None]) -> None:
        assert go_on.wait(10)
        for url in urls:
            told(Followed(url, 404))

    monkeypatch.setattr(links, "follow", follow)
    monkeypatch.setattr(spam, "is_installed", lambda: False)
    issue_id = int(an_issue(web).rpartition("/")[2])
    program = a_program(web, Role.EDITOR, name="robot")
    path = f"/issues/{issue_id}/preflight"
    assert program.get(path).json()["inspection"] is None
    begun = [program.ask("POST", f"{path}/links") for _ in range(2)]
    assert [answer.status_code for answer in begun] == [202, 202]
    assert begun[1].json()["ended_at"] is None
    go_on.set()
    deadline = monotonic() + 10
    while (found := program.get(path).json())["inspection"]["ended_at"] is None:
        assert monotonic() < deadline
        sleep(0.05)
    assert found["inspection"]["done"] == found["inspection"]["links"] > 0
    assert "links" in {finding["rule"] for finding in found["findings"]}
    assert acts(web) == [("links checked", "robot")]
    program = a_program(web, Role.APPROVER)
    program.change("POST", "/cancel", issue_id)
    assert kind(program.ask("POST", f"{path}/links")) == (409, "not-possible")


def _test_mails(web: Web) -> list[str]:
    paths = web.services.settings.mail_folder.glob("*.eml")
    mails = [message_from_bytes(path.read_bytes(), policy=default) for path in paths]
    return [mail["To"] for mail in mails if mail["Subject"].startswith("[TEST]")]


@on_one_database
def test_a_test_mail(web: Web) -> None:
    """To an editor who proved their mailbox, once for each word; to nobody else, and no delivery is made."""
    issue_id = int(an_issue(web).rpartition("/")[2])
    an_editor(web, Role.EDITOR, "never@desk.example")
    program = a_program(web, Role.EDITOR, name="robot")

    def send(to: str, once: str | None = "one", **more: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {program.secret}"} | ({"idempotency-key": once} if once else {})
        path = f"/api/v1/issues/{issue_id}/send-test"
        return web.client.post(path, json={"to": to, **more}, headers=headers)

    with at_desk(web, Role.VIEWER, "ada@desk.example"):
        for to in ("never@desk.example", "a@reader.example"):
            refused = send(to)
            assert kind(refused) == (409, "not-possible")
            assert "only to editors who have signed in" in refused.json()["detail"]
        assert kind(send("ada@desk.example", None)) == (422, "invalid")
        assert kind(send("ada@desk.example", audience="nobody")) == (422, "invalid")
        assert _test_mails(web) == []
        assert send("ada@desk.example", audience="Investors").json() == {
            "verdict": "accepted",
            "reason": None,
        }
        assert _test_mails(web) == ["ada@desk.example"]
        assert "choose another word" in send("ada@desk.example").json()["detail"]
        for n in range(9):
            assert send("ada@desk.example", f"more {n}").status_code == 200
        assert kind(send("ada@desk.example", "too many")) == (429, "too-often")
    with reading(web.services.engine) as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1, "Ada's link"
    assert acts(web)[:2] == [("test mail handed over", "robot"), ("test mail taken", "robot")]


@on_one_database
def test_numbers(web: Web) -> None:
    """How readers became more or fewer and what became of the issues, as the pages show it."""
    publish(web)
    program = a_program(web, Role.VIEWER)
    found = program.get("/numbers/subscribers", days=7, newsletter="daily").json()
    assert len(found["days"]) == 7
    assert found["total"].keys() == {"joined", "confirmed", "paused", "left"}
    assert found["is_live"]
    [issue] = program.get("/numbers/issues").json()["issues"]
    assert (issue["newsletter"], issue["date"]) == ("daily", "2026-01-08")
    assert kind(program.get("/numbers/issues", days=0)) == (422, "invalid")


@on_one_database
def test_what_if(web: Web) -> None:
    """Other limits over past days, beside those as they are; a newsletter without a past says so."""
    closed_issue(web.services)
    program = a_program(web, Role.VIEWER)
    found = program.ask("POST", "/what-if", json=LIMITS).json()
    assert (found["issues"], found["readers"], found["covered"]) == (1, 1, 1)
    assert (found["now"]["lengths"], found["changed"]["lengths"]) == ({"4": 1}, {"2": 1})
    assert [(one["now"], one["changed"]) for one in found["moved"]] == [(1, 0), (1, 0)]
    assert kind(program.ask("POST", "/what-if", json={**LIMITS, "minimum": 3})) == (422, "invalid")
    assert kind(program.ask("POST", "/what-if", json={**LIMITS, "days": "14"})) == (422, "invalid")
    assert kind(program.ask("POST", "/what-if", json={**LIMITS, "newsletter": "x"})) == (404, "not-there")


@on_one_database
def test_the_archive(web: Web) -> None:
    """The issues that are out, with the addresses of their pages, which open to everybody."""
    publish(web)
    program: Program = a_program(web, Role.VIEWER)
    found = program.get("/archive", limit=1).json()
    assert found["next"] is None
    [past] = found["issues"]
    assert (past["newsletter"], past["date"]) == ("daily", "2026-01-08")
    assert web.client.get(past["url"]).status_code == 200
    assert program.get("/archive", newsletter="weekly").json()["issues"] == []
    assert program.get("/archive", cursor=1).json()["issues"] == []
