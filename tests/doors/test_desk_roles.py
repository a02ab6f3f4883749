"""Who may do what at the desk: every route, every role, every way in which a form may be foreign."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from newsletter.editors import people
from newsletter.editors.rules import IDLE_LIFE, LONGEST_LIFE, form_token, may
from newsletter.editors.sessions import SEEN_EVERY
from newsletter.models.editor import Role
from newsletter.store.engine import writing
from newsletter.web.desk.visits import Needs
from subscribers.address import parse
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import FROM_HERE, a_session, an_editor, at_desk, browser_of
from tests.doors.test_web_safety import ANN, paths, rows
from tests.web_server import WebServer

EMAIL = "ada@desk.example"


def desk_routes(web_stage: WebServer) -> Iterator[tuple[str, str, list[Needs]]]:
    """Method and path of everything within the desk, and which roles it says that it needs."""
    for route in all_routes(web_stage):
        if (route.path + "/").startswith("/desk/"):
            needs = [each.call for each in route.dependant.dependencies if isinstance(each.call, Needs)]
            for method in route.methods - {"HEAD"}:
                yield method, route.path, needs


def all_routes(web_stage: WebServer) -> Iterator[Any]:
    assert isinstance(web_stage.app, FastAPI)
    for route in web_stage.app.routes:
        if hasattr(route, "effective_route_contexts"):  # what include_router makes of a router
            yield from route.effective_route_contexts()
        elif isinstance(route, APIRoute):
            yield route


def sent_from_here(web: Web, secret: str, method: str, path: str) -> httpx.Response:
    """What a browser of ours sends in this session; a form without a field but the token."""
    headers = {**FROM_HERE, "cookie": f"desk={secret}"}
    data = None if method == "GET" else {"token": form_token(secret)}
    return web.client.request(method, web.fill_in(path, ""), data=data, headers=headers)


@on_one_database
def test_every_route_declares_its_role(web: Web, web_stage: WebServer) -> None:
    """No route of the desk is without exactly one declared role, however it came to be there."""
    web.ask(ANN)
    found = list(desk_routes(web_stage))
    told = {path for path, _ in paths(web, web_stage) if (path + "/").startswith("/desk/")}
    assert {web.fill_in(path, "") for _, path, _ in found} == told
    assert len(found) >= 8
    assert [(method, path) for method, path, needs in found if len(needs) != 1] == []


@pytest.mark.parametrize("role", Role)
@on_one_database
def test_roles_by_routes(web: Web, web_stage: WebServer, role: Role) -> None:
    """On every route each role may do what is declared for it and those below, and gets 403 else."""
    editor_id = an_editor(web, role, EMAIL)
    for method, path, [needs] in desk_routes(web_stage):
        answer = sent_from_here(web, a_session(web, editor_id), method, path)
        assert (answer.status_code != 403) is may(role, needs.role), (method, path)
        assert answer.headers.get("location") != "/sign-in" or path == "/desk/sign-out"


@on_one_database
def test_strangers_are_shown_the_way(web: Web, web_stage: WebServer) -> None:
    """Without a session every route leads to the sign-in, and nothing happens."""
    before = rows(web)
    for method, path, _ in desk_routes(web_stage):
        path = web.fill_in(path, "")
        for secret in ("", "x" * 43, "\xe9"):
            headers = httpx.Headers({**FROM_HERE, "cookie": f"desk={secret}"}, encoding="latin-1")
            answer = web.client.request(method, path, headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path
    assert rows(web) == before


#: what the browser tells of the page that sends a form, and whose token the form carries
FOREIGN_FORMS: list[tuple[dict[str, str], str | None]] = [
    (FROM_HERE, None),
    (FROM_HERE, ""),
    (FROM_HERE, "f" * 64),
    (FROM_HERE, "é"),
    (FROM_HERE, "another's"),
    ({"sec-fetch-site": "cross-site"}, "ours"),
    ({"sec-fetch-site": "same-site"}, "ours"),
    ({"sec-fetch-site": "none"}, "ours"),
    ({"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1"}, "ours"),
    ({"origin": "https://evil.example"}, "ours"),
    ({"origin": "null"}, "ours"),
    ({}, "ours"),
]


@on_one_database
def test_a_form_must_be_ours(web: Web, web_stage: WebServer) -> None:
    """On every route that changes something: no token, another session's, or another site is 403."""
    editor_id = an_editor(web, Role.ADMIN, EMAIL)
    secret = a_session(web, editor_id)
    tokens = {"ours": form_token(secret), "another's": form_token(a_session(web, editor_id))}
    before = rows(web)
    posts = [web.fill_in(path, "") for method, path, _ in desk_routes(web_stage) if method == "POST"]
    assert len(posts) >= 5
    for path in posts:
        for headers, token in FOREIGN_FORMS:
            data = {} if token is None else {"token": tokens.get(token, token)}
            answer = web.client.post(path, data=data, headers={**headers, "cookie": f"desk={secret}"})
            assert answer.status_code == 403, (path, headers, token)
    assert rows(web) == before


@on_one_database
def test_an_old_browser_may_work_here(web: Web) -> None:
    """Where a browser tells no site but its origin, ours is enough."""
    with at_desk(web, Role.VIEWER, EMAIL) as desk:
        data = {"token": desk.token()}
        assert desk.client.post("/desk/sign-out", data=data, headers={"origin": web.url}).status_code == 303


@pytest.mark.parametrize("end", ["role", "removal"])
def test_a_change_of_the_editor_ends_their_sessions(web: Web, end: str) -> None:
    """With another role, or none, every browser of theirs is out at once; those of others stay."""
    with at_desk(web, Role.ADMIN, EMAIL) as desk, browser_of(web, EMAIL) as second, at_desk(web) as other:
        with writing(web.services.engine) as session:
            editor = people.get(session, parse(EMAIL))
            if end == "role":
                people.change_role(session, editor, Role.VIEWER, now=web.now)
            else:
                people.remove(session, editor, now=web.now)
        for client in (desk.client, second):
            assert client.get("/desk").headers["location"] == "/sign-in"
        assert other.get("/desk").status_code == 200


@on_one_database
def test_a_session_ends_when_nobody_is_there(web: Web) -> None:
    """Half a day without a sign ends it; whoever is there stays, but not beyond two weeks."""
    with at_desk(web, Role.VIEWER, EMAIL) as desk:
        began = web.now
        while web.now - began < LONGEST_LIFE:
            assert desk.get("/desk").status_code == 200
            web.now += IDLE_LIFE - timedelta(minutes=1)
        assert desk.get("/desk").status_code == 303
    with browser_of(web, EMAIL) as client:
        web.now += IDLE_LIFE
        assert client.get("/desk").status_code == 303


def test_looking_at_the_desk_changes_nothing(web: Web, web_stage: WebServer) -> None:
    """No GET or HEAD of an admin changes a row; only that they are there is noted, now and then."""
    with at_desk(web, Role.ADMIN, EMAIL) as desk:
        before = rows(web)
        for method, path, _ in desk_routes(web_stage):
            if method == "GET":
                shown = desk.get(path := web.fill_in(path, ""))
                head = desk.client.head(path)
                assert (head.status_code, head.content) == (shown.status_code, b"")
        assert rows(web) == before
        web.now += SEEN_EVERY
        desk.get("/desk")
        after = rows(web)
        assert before.pop("editor_session") != after.pop("editor_session")
        assert before == after


@on_one_database
def test_the_desk_is_guarded(web: Web) -> None:
    """Pages of the desk run no foreign script, stand in no frame, and are kept nowhere."""
    with at_desk(web, Role.ADMIN, EMAIL) as desk:
        for path in ("/desk", "/desk/readers/import", "/desk/readers/imports/1"):
            headers = desk.get(path).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; ")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "script-src" not in policy
            assert (headers["cache-control"], headers["x-robots-tag"]) == ("no-store", "noindex")
            assert headers["x-content-type-options"] == "nosniff"
        assert "camera=()" in desk.get("/desk").headers["permissions-policy"]
        assert desk.get("/desk").headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in desk.get("/desk").headers, "this one is plain http"


@on_one_database
def test_names_are_shown_as_text(web: Web) -> None:
    """An editor's name is no markup on the pages of the desk."""
    with writing(web.services.engine) as session:
        name = "<script>alert(1)</script>"
        people.add(session, parse(EMAIL), Role.ADMIN, name=name, now=web.now)
    with browser_of(web, EMAIL) as client:
        page = client.get("/desk").text
        assert name not in page
        assert "&lt;script&gt;alert(1)" in page


@on_one_database
def test_a_wrong_turn_leads_on(web: Web) -> None:
    """Whoever is signed in and asks for what is not there, or not theirs, still has the way to the rest."""
    with at_desk(web, Role.VIEWER, EMAIL) as desk:
        for path, status in (("/desk/nowhere", 404), ("/desk/editors", 403)):
            answer = desk.get(path)
            assert (answer.status_code, 'href="/desk/issues"' in answer.text) == (status, True)
        assert 'href="/desk/issues"' not in web.client.get("/desk/nowhere").text
