"""The API of the desk: who may ask for what, and what a program is told that may not."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from newsletter.editors import keys, people
from newsletter.editors.rules import may
from newsletter.models import ApiKey
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from newsletter.web.api_v1.callers import BY_KEY, ApiRoute
from newsletter.web.api_v1.description import ROOMS
from subscribers.address import parse
from tests.builders import a_story
from tests.doors.api_v1 import API, Program, a_program
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import an_editor, at_desk
from tests.doors.test_web_safety import rows
from tests.issues import SEEN, draft, tell

PROBLEM = "application/problem+json"


def routes() -> Iterator[tuple[str, str, Role]]:
    """Method, path below the API and role of everything there is."""
    for room in ROOMS:
        for route in room.router.routes:
            assert isinstance(route, ApiRoute)
            for method in (route.methods or set()) - {"HEAD"}:
                yield method, route.path.removeprefix(API), route.needs


def everything_but_keys(web: Web) -> dict[str, list[tuple[object, ...]]]:
    """All rows but those that say that a key was used."""
    return {name: found for name, found in rows(web).items() if name not in ("api_key", "throttle")}


@pytest.mark.parametrize("role", Role)
@on_one_database
def test_roles_by_routes(web: Web, role: Role) -> None:
    """On every route a key may do what is for its role and those below, and is told 403 else; then
    nothing happens."""
    program = a_program(web, role)
    before = everything_but_keys(web)
    assert len(list(routes())) >= 30
    for method, path, needed in routes():
        answer = program.ask(method, web.fill_in(path, ""))
        assert (answer.status_code != 403) is may(role, needed), (method, path)
        if answer.status_code == 403:
            assert answer.json()["type"] == f"{web.url}{API}#role"
            assert f"a key of {role}: this takes {needed} or above" in answer.json()["detail"]
    assert everything_but_keys(web) == before, "nothing is there that could be changed"


def test_looking_changes_nothing(web: Web) -> None:
    """No GET and no HEAD of an admin's key changes a row, but that the key was used; HEAD is GET without
    the body, and nothing of an answer may be kept."""
    web.now = SEEN
    tell(web.services, *(a_story(f"Story {n}") for n in range(3)))
    draft(web.services)
    program = a_program(web)
    before, answered = everything_but_keys(web), 0
    for path in [web.fill_in(path, "") for method, path, _ in routes() if method == "GET"]:
        shown, head = program.get(path), program.ask("HEAD", path)
        assert (head.status_code, head.content) == (shown.status_code, b""), path
        assert shown.headers["cache-control"] == "no-store", path
        answered += shown.status_code == 200
    assert answered >= 12
    assert everything_but_keys(web) == before


def _hostile(secret: str) -> Iterator[dict[str, str] | dict[str, bytes]]:
    yield {}
    yield {"cookie": f"desk={secret}"}
    for told in (
        "",
        "Bearer",
        "Bearer null",
        f"Basic {secret}",
        secret,
        f"Bearer {secret[:-1]}",
        f"Bearer {secret}x",
        f"Bearer {secret.swapcase()}",
        f"Bearer {secret.removeprefix(keys.PREFIX)}",
        f"Bearer rtb_{secret.removeprefix(keys.PREFIX)}",
        f"Bearer {secret} {secret}",
        f"Bearer '{secret}'",
        "Bearer ' OR 1=1 --",
        f"Bearer {keys.PREFIX}{'x' * 8_000}",
    ):
        yield {"authorization": told}
    yield {"authorization": "Bearer \xe9\xff".encode("latin-1")}


@on_one_database
def test_whoever_has_no_key_is_told_one_thing(web: Web) -> None:
    """No key, half a key, another's prefix or case, one that has ended: the same 401 on every route,
    before anything of the request is looked at."""
    admin = an_editor(web, Role.ADMIN)
    program, ended = a_program(web), a_program(web, name="old", by=admin)
    with writing(web.services.engine) as session:
        keys.end(session, 2, now=web.now)
    before = rows(web)
    strange = [*_hostile(program.secret), {"authorization": f"Bearer {ended.secret}"}]
    said = set()
    for headers in strange:
        answer = web.client.get(f"{API}/newsletters", headers=headers)  # type: ignore[arg-type]
        assert answer.status_code == 401, headers
        said.add((answer.content, answer.headers["www-authenticate"], answer.headers["content-type"]))
    for method, path, _ in routes():
        answer = web.client.request(method, API + web.fill_in(path, ""), content=b"{", headers=strange[-1])  # type: ignore[arg-type]
        assert answer.status_code == 401, path
        said.add((answer.content, answer.headers["www-authenticate"], answer.headers["content-type"]))
    [(content, challenge, kind)] = said
    assert (challenge, kind) == ("Bearer", PROBLEM)
    assert b"an admin makes a key at the desk" in content
    assert rows(web) == before
    assert Program(web, program.secret).get("/newsletters").status_code == 200
    bare = {"authorization": f"bearer {program.secret}"}
    assert web.client.get(f"{API}/newsletters", headers=bare).status_code == 200, "RFC 9110 §11.1"


@pytest.mark.parametrize("end", ["key", "role", "removal"])
@on_one_database
def test_a_key_ends_at_once(web: Web, end: str) -> None:
    """Ended, or its maker no admin any more, it opens nothing from then on."""
    an_editor(web, Role.ADMIN, "other@desk.example")
    maker = an_editor(web, Role.ADMIN, "ada@desk.example")
    program = a_program(web, by=maker)
    assert program.get("/newsletters").status_code == 200
    with writing(web.services.engine) as session:
        if end == "key":
            keys.end(session, 1, now=web.now)
        elif end == "role":
            people.change_role(
                session, people.get(session, parse("ada@desk.example")), Role.EDITOR, now=web.now
            )
        else:
            people.remove(session, people.get(session, parse("ada@desk.example")), now=web.now)
    assert program.get("/newsletters").status_code == 401


@on_one_database
def test_use_is_noted_now_and_then(web: Web) -> None:
    """When a key was used last is known to the minute, and is not written at every request."""
    program, first = a_program(web), web.now

    def used() -> object:
        with reading(web.services.engine) as session:
            return session.get_one(ApiKey, 1).used_at

    program.get("/newsletters")
    web.now += keys.USED_EVERY - timedelta(seconds=1)
    program.get("/newsletters")
    assert used() == first
    web.now += timedelta(seconds=1)
    program.get("/newsletters")
    assert used() == web.now


@on_one_database
def test_a_key_may_ask_so_often(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its limit a key is told to wait, and for how long; other keys are not."""
    monkeypatch.setattr("newsletter.web.api_v1.callers.BY_KEY", BY_KEY.__class__("api key", 3, BY_KEY.window))
    program, other = a_program(web), a_program(web, name="other")
    told = [program.get("/newsletters") for _ in range(4)]
    assert [answer.status_code for answer in told] == [200, 200, 200, 429]
    assert told[-1].headers["retry-after"] == "60"
    assert other.get("/newsletters").status_code == 200
    web.now += BY_KEY.window
    assert program.get("/newsletters").status_code == 200


@on_one_database
def test_what_cannot_be_asked_is_told_as_a_problem(web: Web) -> None:
    """Whatever goes wrong has one shape, says where and what to do, and is kept nowhere."""
    program = a_program(web)

    def told(method: str, path: str, **options: object) -> tuple[int, str, str]:
        answer = program.ask(method, path, **options)  # type: ignore[arg-type]
        problem = answer.json()
        assert answer.headers["content-type"] == PROBLEM, path
        assert answer.headers["cache-control"] == "no-store"
        assert problem["status"] == answer.status_code
        assert problem["title"]
        return answer.status_code, problem["type"].rpartition("#")[2], problem["detail"]

    assert told("GET", "/nowhere")[:2] == (404, "not-there")
    assert told("GET", "/issues/99")[:2] == (404, "not-there")
    assert told("GET", "/issues/x")[:2] == (404, "not-there")
    assert told("GET", "/stories/99")[2] == f"there is no story 99: search for it at {API}/stories."
    assert told("PUT", "/issues/1")[:2] == (405, "method")
    assert told("DELETE", "/editors/99")[:2] == (404, "not-there")
    json = {"content-type": "application/json"}
    headers = {**json, "authorization": f"Bearer {program.secret}"}
    broken = web.client.post(f"{API}/editors", content=b'{"email": ', headers=headers)
    assert (broken.status_code, broken.json()["type"].rpartition("#")[2]) == (400, "unreadable")
    assert told("POST", "/editors", content=b"email=ada@desk.example")[:2] == (400, "unreadable")
    assert told("POST", "/editors", json={"x": "y" * 70_000})[:2] == (413, "too-much")
    status, kind, detail = told("POST", "/editors", json={"email": 1, "role": "owner", "more": True})
    assert (status, kind) == (422, "invalid")
    assert "body.email: write a text" in detail
    assert "body.role: write 'viewer', 'editor', 'approver' or 'admin'" in detail
    assert "body.more: there is nothing of this name" in detail
    assert told("POST", "/editors", json={"email": "ada", "role": "viewer"})[:2] == (422, "invalid")
    assert "query.limit: write 100 or less" in told("GET", "/issues?limit=101")[2]
    assert told("GET", "/issues?cursor=x")[:2] == (422, "invalid")


@on_one_database
def test_letters_that_no_database_keeps_are_refused(web: Web) -> None:
    """NUL and halves of letters are told to be left out, wherever they stand."""
    program = a_program(web)
    for text in (b'"\\ud800"', b'"a\\u0000b"'):
        body = b'{"email": "bo@desk.example", "role": "viewer", "name": ' + text + b"}"
        headers = {"authorization": f"Bearer {program.secret}", "content-type": "application/json"}
        answer = web.client.post(f"{API}/editors", content=body, headers=headers)
        assert answer.status_code == 422, text
        assert "leave out the characters" in answer.json()["detail"]
    assert program.get("/stories", find="a\0b").status_code == 422


@on_one_database
def test_trouble_of_ours_is_told_without_insides(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours is a problem too, and shows nothing of how we work."""
    program = a_program(web)

    def crash(*_: object, **__: object) -> None:
        raise KeyError("inside")

    monkeypatch.setattr("newsletter.web.api_v1.people.read_log", crash)
    answer = program.get("/log")
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "inside" not in answer.text


@on_one_database
def test_editors_come_and_go(web: Web) -> None:
    """What a program does to the editors holds, and stands in the log under its maker and its key."""
    an_editor(web, Role.ADMIN, "ada@desk.example")
    program = a_program(web, name="directory", by=1)
    added = program.ask("POST", "/editors", json={"email": "bo@desk.example", "role": "editor", "name": "Bo"})
    assert (added.status_code, added.json()["role"]) == (201, "editor")
    again = program.ask("POST", "/editors", json={"email": "bo@desk.example", "role": "editor"})
    assert (again.status_code, again.json()["type"].rpartition("#")[2]) == (409, "not-possible")
    assert program.ask("PATCH", "/editors/2", json={"role": "approver"}).json()["role"] == "approver"
    assert [one["name"] for one in program.get("/editors").json()["editors"]] == [None, "Bo"]
    assert program.ask("DELETE", "/editors/2").status_code == 204
    assert program.ask("DELETE", "/editors/1").status_code == 409, "somebody must be there"
    log = program.get("/log", limit=2).json()
    acts = [(line["act"], line["who"], line["detail"]["key"]) for line in log["lines"]]
    assert acts == [(act, "ada@desk.example", "directory") for act in ("editor removed", "role changed")]
    older = program.get("/log", cursor=log["next"], by=1).json()
    assert [line["act"] for line in older["lines"]] == ["editor added", "key made"]
    assert older["next"] is None


@on_one_database
def test_cookies_open_nothing(web: Web) -> None:
    """Whoever is signed in at the desk is a stranger to the API: no page can ask in their name."""
    with at_desk(web) as desk:
        assert desk.get(f"{API}/newsletters").status_code == 401
