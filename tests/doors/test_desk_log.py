"""The log at the desk: all of it, the newest first, by who and by what, a page at a time."""

import re

from newsletter.editors.audit import audit
from newsletter.models.editor import Role
from newsletter.store.engine import writing
from newsletter.web.desk.log import PAGE
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import Desk, at_desk

ADA = "ada@desk.example"


def lines(desk: Desk, path: str = "/desk/log") -> list[str]:
    """In words, without the moment."""
    found = re.findall("<tr>(.*?)</tr>", desk.get(path).text, re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", " ", row).split()).partition(" UTC ")[2] for row in found[1:]]


def done(web: Web, *acts: str, subject: str = "issue 12", by: int | None = 1) -> None:
    with writing(web.services.engine) as session:
        for act in acts:
            detail = {"version": 3, "forced": False, "to": ["a", "b"], "hash": None}
            audit(session, act, subject, editor_id=by, now=web.now, detail=detail, ip="203.0.113.7")


def test_who_did_what(web: Web) -> None:
    """Each line names who, what, to what, what changed and from where; issues and editors by their names."""
    with at_desk(web, Role.ADMIN, ADA) as desk:
        done(web, "issue approved")
        assert lines(desk) == [
            f"{ADA} issue approved issue 12 forced: no, hash: none, to: a, b, version: 3 203.0.113.7",
            f"{ADA} signed in {ADA} 127.0.0.1",
            f"command line editor added {ADA} role: admin not over the web",
        ]
        assert '<a href="/desk/issues/12">issue 12</a>' in desk.get("/desk/log").text


@on_one_database
def test_what_was_changed_is_told_in_words(web: Web) -> None:
    """What stood there and what was written, and the way to the alert."""
    changed = {"line": [None, "At last."], "audiences": [["Investors"], []]}
    with at_desk(web, Role.ADMIN, ADA) as desk:
        with writing(web.services.engine) as session:
            detail = {"changed": changed, "version": 3}
            audit(session, "alert changed", "alert 7", editor_id=1, now=web.now, detail=detail)
        said = "line: none → At last., audiences: Investors → none, version: 3"
        assert f"{ADA} alert changed alert 7 {said}" in lines(desk)[0]
        assert '<a href="/desk/alerts/7">alert 7</a>' in desk.get("/desk/log").text


def test_the_log_can_be_narrowed_down(web: Web) -> None:
    """By one editor, by the command line, by one act, and by both; what nobody did finds nothing."""
    with at_desk(web, Role.ADMIN, ADA) as desk:
        done(web, "issue held", "issue approved")
        done(web, "issue held", by=None)
        assert len(lines(desk, "/desk/log?editor=1")) == 3
        assert [line.split()[0] for line in lines(desk, "/desk/log?editor=0")] == ["command", "command"]
        assert len(lines(desk, "/desk/log?act=issue+held")) == 2
        [both] = lines(desk, "/desk/log?editor=1&act=issue+held")
        assert both.startswith(f"{ADA} issue held")
        page = desk.get("/desk/log?editor=1&act=issue+held").text
        assert f'<option value="1" selected>{ADA}</option>' in page
        assert "<option selected>issue held</option>" in page
        for nothing in ("editor=7", "act=nothing", "act=%3Cscript%3E"):
            assert "There are no such lines." in desk.get(f"/desk/log?{nothing}").text
            assert "<script>" not in desk.get(f"/desk/log?{nothing}").text


@on_one_database
def test_a_page_at_a_time(web: Web) -> None:
    """Page after page leads to every line once, and each page keeps what was asked for."""
    with at_desk(web, Role.ADMIN, ADA) as desk:
        done(web, *(f"act {n}" for n in range(2 * PAGE)))
        path, met = "/desk/log?editor=1", list[str]()
        while path:
            met += lines(desk, path)
            older = re.search(r'href="(\?editor=1&amp;act=&amp;before=\d+)">Older', desk.get(path).text)
            path = "/desk/log" + older[1].replace("&amp;", "&") if older else ""
        assert [line.split()[2] for line in met] == [*map(str, reversed(range(2 * PAGE))), "in"]


@on_one_database
def test_questions_that_are_none(web: Web) -> None:
    """An editor that is no number is anybody; a line that cannot be is no page."""
    with at_desk(web, Role.ADMIN, ADA) as desk:
        for editor in ("x", "-1", "", "9" * 30):
            assert len(lines(desk, f"/desk/log?editor={editor}")) == 2
        for before in ("0", "x", "9" * 30):
            assert desk.get(f"/desk/log?before={before}").status_code == 404
