"""Issues by the API: read, changed by programs and people at once, approved, held, stopped."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import select

from newsletter import release
from newsletter.models import AuditLine, Issue, Story
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from tests.builders import a_story
from tests.doors.api_v1 import Program, a_program
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import Desk, an_editor, at_desk
from tests.issues import SEEN, draft, subscribe, tell


@pytest.fixture
def issue_id(web: Web) -> int:
    """An issue of the day with ten stories, of which it tells eight."""
    web.now = SEEN
    tell(web.services, *(a_story(f"Story {n}", outlets=12 - n, companies=()) for n in range(10)))
    return draft(web.services)


@pytest.fixture
def program(web: Web, issue_id: int) -> Program:
    an_editor(web, Role.ADMIN, "ada@desk.example")
    return a_program(web, Role.APPROVER, name="robot", by=1)


@pytest.fixture
def desk(web: Web, program: Program) -> Iterator[Desk]:
    with at_desk(web, Role.APPROVER, "bo@desk.example") as desk:
        yield desk


def number(web: Web, title: str) -> int:
    with reading(web.services.engine) as session:
        return session.scalars(select(Story.id).where(Story.title == title)).one()


def told(program: Program, issue_id: int, **query: str) -> list[str]:
    return [pick["headline"] for pick in program.get(f"/issues/{issue_id}", **query).json()["told"]]


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("#")[2]


def lines(web: Web, act: str) -> list[AuditLine]:
    with reading(web.services.engine) as session:
        found = session.scalars(select(AuditLine).where(AuditLine.act == act).order_by(AuditLine.id)).all()
        session.expunge_all()
        return list(found)


def test_an_issue_with_its_reasons(program: Program, issue_id: int) -> None:
    """What is told and what is not, each with its score and every rule that it passed or did not."""
    answer = program.get(f"/issues/{issue_id}", shown=1)
    issue = answer.json()
    assert (issue["newsletter"], issue["date"], issue["state"]) == ("daily", "2026-01-08", "draft")
    assert [pick["place"] for pick in issue["told"]] == list(range(1, 9))
    assert issue["told"][0]["headline"] == "Story 0"
    assert (issue["not_told_count"], len(issue["not_told"]), issue["dropped"]) == (2, 1, [])
    failed = [reason for reason in issue["not_told"][0]["reasons"] if not reason["passed"]]
    assert [reason["rule"] for reason in failed] == ["spread"]
    assert answer.headers["etag"].startswith('"0.')
    assert kind(program.get(f"/issues/{issue_id}", **{"as": "nobody"})) == (422, "invalid")
    assert len(told(program, issue_id, **{"as": "Investors"})) == 8


def test_each_change_is_one_version(web: Web, program: Program, issue_id: int) -> None:
    """All that editors do at the desk can be done, is what it says, and stands in the history and the log."""
    last = number(web, "Story 9")
    picks = f"/picks/{last}"
    for method, path, sent in (
        ("POST", f"{picks}/pin", None),
        ("PATCH", picks, {"headline": "Ninth", "note": "Why it matters."}),
        ("POST", f"/picks/{number(web, 'Story 0')}/drop", None),
        ("POST", f"/picks/{number(web, 'Story 5')}/move", {"place": 2}),
        ("POST", f"/picks/{number(web, 'Story 7')}/lead", {"audiences": ["Investors"]}),
        ("PATCH", "", {"intro": "Good morning."}),
        ("POST", f"/picks/{number(web, 'Story 0')}/restore", None),
        ("POST", f"{picks}/unpin", None),
        ("POST", "/picks", {"story": last}),
    ):
        answer = program.change(method, path, issue_id, json=sent)
        assert answer.status_code == 200, answer.text
        assert answer.json()["change"]["who"] == "ada@desk.example"
        assert answer.headers["etag"] == program.seen(issue_id)
    assert told(program, issue_id)[:3] == ["Ninth", "Story 5", "Story 0"]
    assert told(program, issue_id, **{"as": "Investors"})[0] == "Story 7"
    first = program.get(f"/issues/{issue_id}", **{"as": "Investors"}).json()
    assert first["intro"] == "Good morning."
    [ninth] = [pick for pick in first["told"] if pick["story"] == last]
    assert (ninth["title"], ninth["edited"]) == ("Story 9", ["headline", "note"])
    undone = program.change("POST", "/changes/6/take-back", issue_id).json()
    assert (undone["change"]["undoes"], undone["issue"]["intro"], undone["issue"]["version"]) == (6, None, 10)
    same = program.change("POST", f"{picks}/pin", issue_id).json()
    assert (same["change"], same["issue"]["version"]) == (None, 10), "it is pinned already"
    page = program.get(f"/issues/{issue_id}/changes", limit=8).json()
    rest = program.get(f"/issues/{issue_id}/changes", cursor=page["next"]).json()
    assert [change["version"] for change in page["changes"] + rest["changes"]] == list(range(10, 0, -1))
    assert rest["next"] is None
    written = lines(web, "issue changed")
    assert len(written) == 10
    assert {(line.editor_id, (line.detail or {})["key"]) for line in written} == {(1, "robot")}


def test_nothing_is_written_over_unseen(web: Web, program: Program, desk: Desk, issue_id: int) -> None:
    """Whoever changes an issue that was changed since they read it is told who did what; nothing is done."""
    story, seen = number(web, "Story 3"), program.seen(issue_id)
    form = {"version": "0", "revision": "1", "headline": "Theirs"}
    desk.post(f"/desk/issues/{issue_id}/stories/{story}/rewrite", form)
    answer = program.ask("PATCH", f"/issues/{issue_id}/picks/{story}", seen=seen, json={"headline": "Mine"})
    assert kind(answer) == (412, "changed")
    [change] = answer.json()["changes"]
    assert (change["version"], change["who"]) == (1, "bo@desk.example")
    assert "bo@desk.example rewrote the headline" in answer.json()["detail"]
    assert "Theirs" in told(program, issue_id)
    assert program.change("PATCH", f"/picks/{story}", issue_id, json={"headline": "Mine"}).status_code == 200
    assert "Mine" in told(program, issue_id)
    refused = program.change("POST", "/changes/1/take-back", issue_id)
    assert kind(refused) == (412, "changed"), "others built upon it"
    assert [change["version"] for change in refused.json()["changes"]] == [2]


@pytest.mark.parametrize("seen", [None, "*", "x", '"1"', 'W/"0.0000000000000000"', '"0.0000000000000000"'])
@on_one_database
def test_whoever_changes_says_what_they_saw(program: Program, issue_id: int, seen: str | None) -> None:
    """Without an ETag, and with one that is none of ours, nothing is done."""
    answer = program.ask("POST", f"/issues/{issue_id}/hold", seen=seen, json={})
    assert kind(answer) == ((428, "condition") if seen in (None, "*") else (412, "changed"))
    assert program.get(f"/issues/{issue_id}").json()["state"] == "draft"


def test_two_at_one_moment(web: Web, program: Program, issue_id: int) -> None:
    """Of two programs that saw the same, one changes it and the other is told so."""
    seen, other = program.seen(issue_id), a_program(web, Role.EDITOR, name="other")

    def write(who: Program) -> int:
        return who.ask("PATCH", f"/issues/{issue_id}", seen=seen, json={"intro": who.secret[-4:]}).status_code

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(write, (program, other))) == [200, 412]
    assert program.get(f"/issues/{issue_id}").json()["version"] == 1


@on_one_database
def test_what_does_not_fit_is_refused(web: Web, program: Program, issue_id: int) -> None:
    """Too long a text, a story that is not there, an issue that is out: nothing is done, and it says why."""
    assert kind(program.change("PATCH", "", issue_id, json={"intro": "x" * 2_000})) == (422, "invalid")
    assert kind(program.change("POST", "/picks", issue_id, json={"story": 999})) == (404, "not-there")
    assert kind(program.change("POST", "/picks/999/pin", issue_id)) == (404, "not-there")
    assert kind(program.change("POST", "/changes/9/take-back", issue_id)) == (404, "not-there")
    sent = {"audiences": ["nobody"]}
    assert kind(program.change("POST", "/picks/1/lead", issue_id, json=sent)) == (422, "invalid")
    assert program.change("POST", "/cancel", issue_id).status_code == 200
    assert kind(program.change("PATCH", "", issue_id, json={"intro": "Late."})) == (409, "not-possible")


def test_what_is_approved_is_what_was_looked_at(web: Web, program: Program, issue_id: int) -> None:
    """An approval names the hash that preflight told; after a change it is another, and the old one is
    refused. Sent twice it is done once. A change afterwards voids it."""
    looked = program.get(f"/issues/{issue_id}/preflight")
    assert [found["severity"] for found in looked.json()["findings"] if found["severity"] == "blocking"] == []
    program.change("POST", f"/picks/{number(web, 'Story 4')}/drop", issue_id)
    old = {"seen": looked.json()["seen"]}
    late = program.ask("POST", f"/issues/{issue_id}/approve", seen=looked.headers["etag"], json=old)
    assert kind(late) == (412, "changed")
    assert kind(program.change("POST", "/approve", issue_id, json=old)) == (412, "changed")
    again = program.get(f"/issues/{issue_id}/preflight")
    for _ in range(2):
        sent = {"seen": again.json()["seen"]}
        answer = program.ask("POST", f"/issues/{issue_id}/approve", seen=again.headers["etag"], json=sent)
        assert (answer.status_code, answer.json()["state"]) == (200, "approved")
        assert answer.json()["reason"] == "approved by the key “robot”"
    [line] = lines(web, release.Act.APPROVE)
    assert (line.editor_id, (line.detail or {})["key"]) == (1, "robot")
    voided = program.change("PATCH", "", issue_id, json={"intro": "One more thing."}).json()
    assert (voided["voided"], voided["issue"]["state"], voided["issue"]["approved_by"]) == (
        True,
        "draft",
        None,
    )
    other = a_program(web, Role.APPROVER, name="made at the command line")
    looked = other.get(f"/issues/{issue_id}/preflight")
    for _ in range(2):
        sent = {"seen": looked.json()["seen"]}
        answer = other.ask("POST", f"/issues/{issue_id}/approve", seen=looked.headers["etag"], json=sent)
        assert (answer.status_code, answer.json()["state"]) == (200, "approved")


@on_one_database
def test_two_persons_are_no_person_and_their_key(web: Web, program: Program, issue_id: int) -> None:
    """A key acts for its maker: what they changed themselves they cannot approve by it."""
    with writing(web.services.engine) as session:
        session.get_one(Issue, issue_id).newsletter.two_persons = True
        session.get_one(Issue, issue_id).version, session.get_one(Issue, issue_id).edited_by = 1, 1
    seen = program.get(f"/issues/{issue_id}/preflight").json()["seen"]
    answer = program.change("POST", "/approve", issue_id, json={"seen": seen})
    assert kind(answer) == (409, "not-possible")
    assert "ask another approver" in answer.json()["detail"]


@on_one_database
def test_what_preflight_bars_stays(web: Web, program: Program, issue_id: int) -> None:
    """With a blocking finding nothing is approved, and the answer names each with its remedy."""
    story = number(web, "Story 2")
    program.change("PATCH", f"/picks/{story}", issue_id, json={"note": "TK: ask Ann"})
    looked = program.get(f"/issues/{issue_id}/preflight").json()
    answer = program.change("POST", "/approve", issue_id, json={"seen": looked["seen"]})
    assert kind(answer) == (409, "barred")
    [finding] = answer.json()["findings"]
    assert (finding["story"], finding["severity"]) == (story, "blocking")
    assert finding in looked["findings"]


@on_one_database
def test_hold_let_go_withdraw_and_cancel(web: Web, program: Program, issue_id: int) -> None:
    """Every step that people have is there, and one that the state forbids says which ones it has."""

    def act(path: str, **sent: object) -> tuple[int, str]:
        answer = program.change("POST", path, issue_id, json=sent)
        return answer.status_code, answer.json().get("state") or answer.json()["detail"]

    assert act("/hold", because="Wait for\nthe embargo") == (200, "held")
    assert program.get(f"/issues/{issue_id}").json()["reason"].endswith(": Wait for the embargo")
    assert act("/let-go") == (200, "draft")
    status, detail = act("/pause")
    assert (status, "Steps from here: approved" in detail) == (409, True)
    assert act("/approve", seen=program.get(f"/issues/{issue_id}/preflight").json()["seen"])[1] == "approved"
    assert act("/withdraw") == (200, "draft")
    assert act("/cancel") == (200, "cancelled")
    assert program.get(f"/issues/{issue_id}/proof").json()["frozen"] == 0
    assert program.get(f"/issues/{issue_id}/preflight").json()["seen"] is None


@on_one_database
def test_as_readers_would_get_it(web: Web, program: Program, issue_id: int) -> None:
    """The mail of any lens, with its size and without anybody's links, or why there is none."""
    mail = program.get(f"/issues/{issue_id}/preview", audience="Investors", short="true").json()["mail"]
    assert "Story 0" in mail["subject"]
    assert "@@unsubscribe_url@@" in mail["html"]
    assert mail["size_bytes"] >= len(mail["html"].encode())
    assert "Story 0" in mail["text"]
    none = program.get(f"/issues/{issue_id}/preview", min_outlets="90").json()
    assert (none["mail"], "stories that it takes" in none["skipped"]) == (None, True)
    assert kind(program.get(f"/issues/{issue_id}/preview", audience="nobody")) == (422, "invalid")
    assert kind(program.get(f"/issues/{issue_id}/preview", audiences="Investors")) == (422, "invalid")


@on_one_database
def test_who_gets_which_edition(web: Web, program: Program, issue_id: int) -> None:
    """The editions are those that were counted last; to count them anew is for editors."""
    subscribe(web.services, "ann@reader.example")
    subscribe(web.services, "bo@reader.example", audiences=["Investors"])
    assert kind(program.get(f"/issues/{issue_id}/editions")) == (404, "not-there")
    counted = program.ask("POST", f"/issues/{issue_id}/editions/count").json()
    assert (counted["mails"], counted["version"]) == (2, 0)
    assert sum(edition["readers"] for edition in counted["listed"]) == 2
    assert counted["listed"][0]["stories"][0]["headline"] == "Story 0"
    assert program.get(f"/issues/{issue_id}/editions").json() == counted
    [line] = lines(web, "editions counted")
    assert line.detail == {"version": 0, "mails": 2, "key": "robot"}


@on_one_database
def test_pages_of_issues_and_stories(web: Web, program: Program, issue_id: int) -> None:
    """Lists come in pages, each row once, and can be narrowed."""
    assert [one["id"] for one in program.get("/issues", newsletter="daily").json()["issues"]] == [issue_id]
    assert program.get("/issues", newsletter="weekly").json()["issues"] == []
    assert program.get("/issues", state="held").json() == {"issues": [], "next": None}
    assert kind(program.get("/issues", state="sent")) == (422, "invalid")
    seen, cursor = [], None
    while True:
        page = program.get("/stories", limit=4, **({"cursor": cursor} if cursor else {})).json()
        seen += [story["title"] for story in page["stories"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == [f"Story {n}" for n in reversed(range(10))]
    assert [story["title"] for story in program.get("/stories", find="story 3").json()["stories"]] == [
        "Story 3"
    ]
    whole = program.get(f"/stories/{number(web, 'Story 3')}").json()
    assert whole["content"]["title"] == "Story 3"
    assert [revision["number"] for revision in whole["revisions"]] == [1]
    assert [one["slug"] for one in program.get("/newsletters").json()["newsletters"]] == ["daily", "weekly"]
