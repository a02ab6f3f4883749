"""Readers from a file, at the desk: tried first, taken by a second yes, whatever breaks in between."""

import re
import socket
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from newsletter.models import AuditLine, Delivery
from newsletter.store.engine import reading
from newsletter.web.desk import readers_import
from newsletter.web.desk.import_work import Work
from newsletter.web.desk.uploads import KEPT, SILENCE, Stage, Upload, Uploads, uploads_of
from newsletter.web.pages import FORM_LIMIT, Door, Pages
from subscribers.models import Batch, Subscriber
from subscribers.transfer import batches
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import FROM_HERE, Desk, at_desk
from tests.doors.test_web_safety import rows

PLAIN = b"email,name,timezone\nada@reader.example,Ada,Europe/Paris\nbo@reader\ncy@reader.example,,Mars/Base\n"
VOUCHED = {"newsletters": ["daily"], "consent": "vouch", "source": "double\x00 opt-in\n elsewhere"}
ASKED = {"newsletters": ["daily", "weekly"], "consent": "ask"}


@pytest.fixture(autouse=True)
def own_folder(web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files of this test are nobody else's, on PostgreSQL too."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def send(
    desk: Desk, data: bytes = PLAIN, terms: Mapping[str, object] = VOUCHED, name: str = "people.csv"
) -> httpx.Response:
    return desk.post("/desk/readers/import", data=terms, files={"file": (name, data)})


def settled(desk: Desk, path: str) -> str:
    """The page of a file, or its report, once the work on it is over."""
    for _ in range(400):
        answer = desk.client.get(path, follow_redirects=True)
        assert answer.status_code == 200
        if "data-busy" not in answer.text:
            return " ".join(re.sub("<[^>]+>", " ", answer.text).split())
        time.sleep(0.02)
    raise AssertionError(answer.text)


def people(web: Web) -> int:
    with reading(web.services.engine) as session:
        return session.scalar(select(func.count()).select_from(Subscriber)) or 0


def files(web: Web) -> list[Path]:
    return sorted(uploads_of(web.services)._folder.glob("*.data"))


def the_upload(web: Web) -> Upload:
    [upload] = uploads_of(web.services)
    return upload


def test_a_file_is_tried_then_imported(web: Web) -> None:
    """The dry run says what would happen and changes nothing; then it happens, is told and is logged."""
    with at_desk(web) as desk:
        before = rows(web)
        page = send(desk).headers["location"]
        tried = settled(desk, page)
        assert "Nothing is changed yet" in tried
        assert "Format plain" in tried
        assert "added 1 " in tried
        assert "rows refused 2 " in tried
        assert "3 not an e-mail address" in tried
        assert rows(web) == before
        started = desk.post(f"{page}/start")
        assert started.headers["location"] == page
        report = settled(desk, page)
        assert "people.csv is imported" in report
        assert "added 1 " in report
        assert web.state("ada@reader.example") == "confirmed"
        assert files(web) == []
        assert "people.csv" in desk.get("/desk/readers/import").text
    with reading(web.services.engine) as session:
        batch = session.scalars(select(Batch)).one()
        assert batch.finished_at
        lines = session.scalars(select(AuditLine).order_by(AuditLine.id)).all()
        assert [line.act for line in lines[2:]] == ["import started", "readers imported"]
        assert lines[-1].subject == f"batch {batch.id}"
        assert lines[-1].editor_id == desk.editor_id
        assert "reader.example" not in str([line.detail for line in lines])


def test_without_a_statement_people_are_asked(web: Web) -> None:
    """Whoever's consent nobody vouches for is pending, and gets one mail that asks for all chosen."""
    with at_desk(web) as desk:
        page = send(desk, terms=ASKED).headers["location"]
        assert "will be asked by mail 1 " in settled(desk, page)
        desk.post(f"{page}/start")
        settled(desk, page)
    assert web.state("ada@reader.example", "weekly") == "pending"
    with reading(web.services.engine) as session:
        assert [row.kind for row in session.scalars(select(Delivery)) if row.subscriber_id] == [
            "confirmation"
        ]


@on_one_database
def test_other_terms_are_tried_anew(web: Web) -> None:
    """The same file can be tried for other newsletters without sending it again."""
    with at_desk(web) as desk:
        page = send(desk, terms=ASKED).headers["location"]
        settled(desk, page)
        desk.post(f"{page}/check", data={**VOUCHED, "newsletters": ["weekly"]})
        tried = settled(desk, page)
        assert "For Race to AGI Weekly . They agreed before: double opt-in elsewhere" in tried
        assert "will be asked by mail 0" in tried
        wrong = desk.post(f"{page}/check", data={"consent": "vouch", "newsletters": ["daily"]})
        assert wrong.status_code == 422
        assert "Say where and how they agreed" in wrong.text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04" + b"x" * 100, "save it as CSV"),
        (b"", "email"),
        (b"name,town\nAda,Paris\n", "email"),
    ],
)
@on_one_database
def test_a_file_of_no_people_is_refused(web: Web, data: bytes, says: str) -> None:
    """The page says why and what to do; the file is deleted at once."""
    with at_desk(web) as desk:
        page = send(desk, data).headers["location"]
        refused = settled(desk, page)
        assert "cannot be imported" in refused
        assert says in refused
        assert files(web) == []
        assert desk.post(f"{page}/start").headers["location"] == page
        assert the_upload(web).stage is Stage.REFUSED


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"consent": "ask"}, "Choose at least one newsletter"),
        ({"newsletters": ["daily"], "consent": "vouch", "source": " "}, "Say where and how they agreed"),
        ({"newsletters": ["daily"], "consent": "vouch", "source": "x" * 501}, "in 500 characters"),
        ({"newsletters": ["yearly"]}, "Choose at least one newsletter"),
    ],
)
@on_one_database
def test_incomplete_terms_keep_no_file(web: Web, terms: dict[str, object], says: str) -> None:
    """What is missing is told at its field, and what was filled in stays."""
    with at_desk(web) as desk:
        answer = send(desk, terms=terms)
        assert answer.status_code == 422
        assert says in answer.text
        assert "Choose the file again" in answer.text
        assert files(web) == []
        assert desk.post("/desk/readers/import", data=VOUCHED).status_code == 422
        assert desk.post("/desk/readers/import", data=VOUCHED, files={"file": ("", b"")}).status_code == 422


def interrupted(web: Web, desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int) -> str:
    """The page of an import whose process died after its first portion."""
    monkeypatch.setattr(batches, "PORTION", 10)
    lines = "".join(f"p{n}@reader.example\n" for n in range(number))
    page = send(desk, f"email\n{lines}".encode(), ASKED).headers["location"]
    settled(desk, page)
    advance, calls = batches.advance, iter([True])

    def dies(*arguments: object, **options: object) -> object:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return advance(*arguments, **options)  # type: ignore[arg-type]

    upload = the_upload(web).model_copy(update={"stage": Stage.IMPORTING})
    uploads_of(web.services).note(upload)
    monkeypatch.setattr(batches, "advance", dies)
    work = Work(Door(web.services, Pages(web.services), lambda: web.now), upload)
    with pytest.raises(KeyboardInterrupt):
        work.take(editor_id=desk.editor_id, ip=None)
    monkeypatch.setattr(batches, "advance", advance)
    return page


def test_a_crash_loses_nothing(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the process died in the middle, the page says so, and goes on where it was."""
    with at_desk(web) as desk:
        page = interrupted(web, desk, monkeypatch, 25)
        assert people(web) == 10
        assert "data-busy" in desk.get(page).text
        assert desk.post(f"{page}/start").headers["location"] == page
        assert people(web) == 10, "as long as it may live, nobody else takes over"
        web.now += SILENCE
        assert "people.csv was interrupted" in settled(desk, page)
        assert "interrupted" in desk.get("/desk/readers/import").text
        desk.post(f"{page}/start")
        assert "added 25 " in settled(desk, page)
    assert people(web) == 25
    with reading(web.services.engine) as session:
        asked = select(func.count(Delivery.subscriber_id))
        assert session.scalar(asked) == 25, "each is asked once"


@on_one_database
def test_a_file_that_nobody_wants(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is deleted when it is discarded, and by the next one when nobody came back for a day."""
    with at_desk(web) as desk:
        page = send(desk).headers["location"]
        settled(desk, page)
        desk.post(f"{page}/discard")
        gone = desk.get(page)
        assert gone.status_code == 404
        assert "This file is not here" in gone.text
        assert files(web) == []
        settled(desk, send(desk).headers["location"])
        left = files(web)
        web.now += KEPT + timedelta(seconds=1)
    with at_desk(web, email="later@desk.example") as desk:
        settled(desk, send(desk).headers["location"])
        assert len(files(web)) == 1
        assert files(web) != left


def test_files_are_private(web: Web, tmp_path: Path) -> None:
    """Nobody else on the machine can read what was sent, and a folder that others can read is not used."""
    with at_desk(web) as desk:
        settled(desk, send(desk).headers["location"])
    folder = uploads_of(web.services)._folder
    assert folder.stat().st_mode & 0o077 == 0
    (tmp_path / "open").mkdir(mode=0o755)
    with (Path("/dev/null")).open("rb") as data, pytest.raises(PermissionError, match="chmod 700"):
        Uploads(tmp_path / "open").keep(
            data, "x", newsletters=(), source=None, stage="checking", beat=web.now
        )


def declared(desk: Desk, length: int) -> bytes:
    """What is answered to an upload that only says how long it will be."""
    host, port = desk.web.url.removeprefix("http://").split(":")
    head = {
        "host": f"{host}:{port}",
        "cookie": f"desk={desk.client.cookies['desk']}",
        "content-type": "multipart/form-data; boundary=x",
        "content-length": str(length),
        **FROM_HERE,
    }
    lines = ["POST /desk/readers/import HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall("\r\n".join([*lines, "", ""]).encode())
        return raw.recv(1024)


@on_one_database
def test_a_body_is_read_from_admins_only(web: Web) -> None:
    """Too much is 413; other pages take no more than a form; strangers are turned away before."""
    with at_desk(web) as desk:
        huge = b"x" * (FORM_LIMIT + 1)
        assert send(desk, b"email\n" + huge).status_code == 303
        assert desk.post("/desk/sign-out", data={"more": huge.decode()}).status_code == 413
        assert declared(desk, readers_import.UPLOAD_LIMIT + 1).startswith(b"HTTP/1.1 413 ")
    before = files(web)
    stranger = web.client.post("/desk/readers/import", files={"file": ("x.csv", PLAIN)}, headers=FROM_HERE)
    assert stranger.headers["location"] == "/sign-in"
    assert files(web) == before


@on_one_database
def test_hostile_names_and_cells_are_text(web: Web) -> None:
    """Markup in the file's name, its columns and its rows is shown as what it is."""
    evil = b'email,"<img src=x onerror=alert(1)>"\n"<script>alert(1)</script>@x",y\n'
    with at_desk(web) as desk:
        page = send(desk, evil, name="../<b>people.csv").headers["location"]
        settled(desk, page)
        text = desk.get(page).text
        assert not any(word in text for word in ("<img src", "<script>alert", "<b>people"))
        assert the_upload(web).file_name == "<b>people.csv"
