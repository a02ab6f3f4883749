"""What holds for every page: looking changes nothing, links open one door each, answers give nothing away."""

import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import select

from newsletter.links import confirm_url, unsubscribe_url
from newsletter.models import Base
from newsletter.store.engine import open_engine, reading
from newsletter.web.app import create_app
from subscribers.tokens import Purpose, Tokens
from tests.doors.conftest import API_KEYS, Web, on_one_database
from tests.web_server import WebServer

ANN = "ann@reader.example"
#: no such link, or none that takes a POST
REFUSED = (404, 405)
#: of no person's own doors; see test_web_tracking
COUNTING = {Purpose.LINK, Purpose.OPENED, Purpose.READER}


def rows(web: Web) -> dict[str, list[tuple[object, ...]]]:
    """Everything that the database holds."""
    with reading(web.services.engine) as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]
            for table in Base.metadata.sorted_tables
        }


def paths(web: Web, web_stage: WebServer) -> Iterator[tuple[str, set[str]]]:
    """Every path of the application, filled in with what is really there, and its methods."""
    with warnings.catch_warnings(action="ignore"):  # about names in a schema that is never served
        schema = web_stage.app.openapi()  # type: ignore[attr-defined]
    for path, methods in schema["paths"].items():
        yield web.fill_in(path, ANN), {method.upper() for method in methods}


def test_looking_changes_nothing(web: Web, web_stage: WebServer) -> None:
    """No GET, HEAD or OPTIONS, on any path there is, changes a row; HEAD is GET without the body."""
    web.ask(ANN, "daily", "weekly")
    web.client.post(web.confirm_link(ANN))
    before = rows(web)
    looked = 0
    for path, methods in paths(web, web_stage):
        web.client.options(path)
        if "GET" in methods:
            shown, head = web.client.get(path), web.client.head(path)
            assert (head.status_code, head.content) == (shown.status_code, b""), path
            looked += 1
    assert looked >= 12
    assert rows(web) == before


def test_every_answer_carries_the_same_guards(web: Web, web_stage: WebServer) -> None:
    """Pages, errors and plain texts alike: hardly a script, no referrer, no sniffing, no cookie.

    Only the page to subscribe has a script, and it is ours.
    """
    web.ask(ANN)
    answers = [web.client.get(path) for path, _ in paths(web, web_stage)]
    answers += [
        web.client.get("/nowhere"),
        web.client.put("/subscribe"),
        web.client.post("/subscribe", content=b"x" * 70_000),
        web.client.post("/subscribe", data={"email": "ann@"}),
        web.client.post("/api/stories", content=b"{"),
    ]
    assert {answer.status_code for answer in answers} >= {200, 307, 401, 404, 405, 413, 422}
    for answer in answers:
        headers = answer.headers
        guard, _, scripts = headers["content-security-policy"].partition("; script-src ")
        assert guard.startswith("default-src 'none'; "), answer.url
        assert scripts == ("'self'" if answer.url.path == "/subscribe" else "")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/act/x",
        "/confirm/x",
        "/preferences/x",
        "/undo/x",
        "/unsubscribe/x",
        "/mailbox",
        "/mailbox/x.eml",
        "link",
    ],
)
@on_one_database
def test_pages_about_a_person_are_kept_nowhere(web: Web, path: str) -> None:
    """Neither caches nor search engines keep what a link with a token shows, be it an error."""
    web.ask(ANN)
    answer = web.client.get(web.confirm_link(ANN) if path == "link" else path)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex"


@on_one_database
def test_robots_may_read_what_is_for_everybody(web: Web) -> None:
    """The form and the archive are offered to search engines, and no page that is about a person."""
    *rules, last = web.client.get("/robots.txt").text.splitlines()
    assert rules[0] == "User-agent: *"
    # a mail viewed in a browser says by its own header that it is not to be found
    assert set(rules[1:]) == {f"Allow: {path}" for path in ("/subscribe", "/issues", "/view/", "/style.css")}
    assert last == "Disallow: /"


def test_links_open_one_door_each(web: Web) -> None:
    """Every purpose has a door, which refuses the tokens of all others; they change nothing there."""
    web.ask(ANN)
    before = rows(web)
    tokens = web.tokens(ANN)
    assert set(tokens) == set(Purpose) - COUNTING
    for door in tokens:
        assert web.client.get(f"/{door}/{tokens[door]}").status_code == 200, door
        for link in (f"/{door}/{token}" for purpose, token in tokens.items() if purpose != door):
            assert web.client.get(link).status_code == 404, door
            assert web.client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code in REFUSED
    assert rows(web) == before


def _spoilt(token: str) -> list[str]:
    body, _, signature = token.rpartition(".")
    return [
        token[:-1],
        token + "=",
        token + token[-1:],
        token[:5] + ("A" if token[5] != "A" else "B") + token[6:],
        f"{body}.{signature.swapcase()}",
        body,
        f".{signature}",
        token.replace(".", "%2E%2E"),
        "%00",
        "%ED%A0%80",
        "%F0%9F%92%8C",
        "x" * 10_000,
        token * 50,
    ]


@on_one_database
def test_spoilt_links_do_nothing(web: Web) -> None:
    """Cut, padded, flipped, huge or binary tokens are one friendly 404 at every door; no row changes."""
    web.ask(ANN)
    before = rows(web)
    seen = set()
    for door, token in web.tokens(ANN).items():
        for spoilt in _spoilt(token):
            for method in ("GET", "POST"):
                answer = web.client.request(method, f"/{door}/{spoilt}")
                assert answer.status_code in REFUSED, (door, spoilt)
                if answer.status_code == 404:
                    seen.add(answer.content)
    assert len(seen) == 1
    assert b"Nothing was changed" in seen.pop()
    assert rows(web) == before


def test_links_of_another_key_are_refused(web: Web) -> None:
    """What another instance signed opens nothing here; what an older key of ours signed does."""
    web.ask(ANN)
    ann = web.subscriber(ANN)
    assert ann is not None
    strange = unsubscribe_url(web.url, Tokens(["x" * 32]), ann.public_id, "daily")
    assert web.client.post(strange).status_code == 404
    assert web.state(ANN) == "pending"


def test_a_confirm_link_for_nobody_is_no_link(web: Web) -> None:
    """A link of somebody who was erased confirms nobody, and says so as for any link that is none."""
    link = confirm_url(web.url, web.services.tokens, "nobody", ["daily"], at=web.now)
    for answer in (web.client.get(link), web.client.post(link)):
        assert answer.status_code == 404
        assert "This link does not work" in answer.text


def test_trouble_of_ours_is_told_without_insides(
    web: Web, web_stage: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a database: readyz says 503, healthz lives, pages say sorry, and nobody sees a traceback."""
    lost = replace(web.services, engine=open_engine("sqlite:////nowhere/at/all.db"))
    web_stage.app = create_app(lost, clock=lambda: web.now)
    assert web.client.get("/healthz").status_code == 200
    ready = web.client.get("/readyz")
    assert (ready.status_code, ready.text) == (503, "the database does not answer\n")
    with caplog.at_level(logging.CRITICAL, "uvicorn.error"):
        page = web.ask(ANN)
        # by a connection of its own: a server that broke off closes the one on which it answered
        data = httpx.post(
            f"{web.url}/api/stories",
            json={"id": "x", "title": "Anything", "date": "2026-01-08"},
            headers={"Authorization": f"Bearer {API_KEYS[0]}"},
        )
    assert page.status_code == data.status_code == 500
    assert "Something broke on our side" in page.text
    assert json.loads(data.text) == {"error": "Something broke on our side"}
    for answer in (page, data):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not any(inside in answer.text for inside in ("Traceback", "sqlite", "nowhere", ANN))


def test_ready_means_the_right_schema(web: Web) -> None:
    """readyz is 200 on a migrated database, and 503 with the remedy on one that is behind."""
    assert web.client.get("/readyz").status_code == 200
    with web.services.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    behind = web.client.get("/readyz")
    assert behind.status_code == 503
    assert "newsletter migrate" in behind.text


@on_one_database
def test_no_link_or_address_is_logged(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    """Subscribing, confirming and leaving write neither address nor token into any log."""
    with caplog.at_level(logging.DEBUG):
        web.ask(ANN)
        links = web.confirm_link(ANN), web.preferences_link(ANN), web.unsubscribe_link(ANN)
        for link in links:
            web.client.get(link)
            web.client.post(link)
    # the client's own, and the access log, which pytest hears although the server is told to keep none
    foreign = ("http", "uvicorn.access")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(foreign)]
    secrets = [ANN, *(link.rpartition("/")[2] for link in links)]
    assert not [line for line in ours for secret in secrets if secret in line]


@on_one_database
def test_a_service_below_a_path_keeps_its_links_there(web: Web, web_stage: WebServer) -> None:
    """Where PUBLIC_URL has a path, all links, forms and redirects of the pages begin with it."""
    settings = web.services.settings.model_copy(update={"public_url": "https://news.example/mail"})
    web_stage.app = create_app(replace(web.services, settings=settings))
    assert web.client.get("/").headers["location"] == "/mail/subscribe"
    page = web.client.get("/subscribe").text
    assert 'action="/mail/subscribe"' in page
    assert 'href="/mail/style.css"' in page
    assert 'href="/subscribe"' not in page
