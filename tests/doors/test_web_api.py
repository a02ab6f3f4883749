"""Stories by the API: who may tell them, and how each way of telling is answered."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from newsletter.models import Story
from newsletter.store.engine import reading
from newsletter.web.api import STORIES_LIMIT
from newsletter.web.app import create_app
from tests.doors.conftest import API_KEYS, Web, on_one_database
from tests.web_server import WebServer

KEY = {"Authorization": f"Bearer {API_KEYS[0]}"}
GOOD = {
    "id": "chips-1",
    "date": "2026-01-08",
    "title": "A chip for every desk",
    "tldr": {"text": "A maker announces a chip.", "label": "AI-summarized", "source_count": 2},
    "coverage": [{"outlet": "The Example", "language": "en", "url": "https://outlet.example/chip"}],
    "who_should_care": ["Engineers"],
}


def post(web: Web, document: object, **headers: str) -> httpx.Response:
    return web.client.post("/api/stories", json=document, headers=KEY | headers)


def stories(web: Web) -> int:
    with reading(web.services.engine) as session:
        return session.scalar(select(func.count()).select_from(Story)) or 0


def numbers(answer: httpx.Response) -> tuple[int, int, int, int]:
    report: dict[str, Any] = answer.json()
    return report["added"], report["changed"], report["unchanged"], len(report["refused"])


def test_a_story_is_added_once(web: Web) -> None:
    """A new story is answered 201, the same again 200 without a change, a changed one 200 as changed."""
    first, again = post(web, GOOD), post(web, [GOOD])
    changed = post(web, GOOD | {"impact_label": "May advance AGI timeline"})
    assert [answer.status_code for answer in (first, again, changed)] == [201, 200, 200]
    assert [numbers(answer) for answer in (first, again, changed)] == [
        (1, 0, 0, 0),
        (0, 0, 1, 0),
        (0, 1, 0, 0),
    ]
    assert stories(web) == 1


def test_one_bad_record_does_not_stop_the_others(web: Web) -> None:
    """What holds is taken in; what does not is named with its place, reason and remedy."""
    answer = post(web, [GOOD, {"id": "half"}, "no record", GOOD | {"id": "2", "title": "Another"}])
    assert answer.status_code == 201
    assert numbers(answer) == (2, 0, 0, 2)
    half, none = answer.json()["refused"]
    assert set(half) == {"where", "file", "line", "reason", "remedy"}
    assert (half["file"], half["line"], half["where"]) == ("record 2", None, "record 2")
    assert none["where"] == "record 3"
    assert "title" in half["reason"]
    assert half["remedy"]


@pytest.mark.parametrize("document", [{"id": "half"}, [{"id": "half"}, None], 7, "text"])
@on_one_database
def test_nothing_but_refusals_is_unprocessable(web: Web, document: object) -> None:
    """Where every record is refused the answer is 422, with the same report."""
    answer = post(web, document)
    assert answer.status_code == 422
    assert answer.json()["refused"]
    assert stories(web) == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"id": 1,}', b"\xff\xfe", b"[" * 200_000, b"id=1&title=x", b"NaN x"]
)
@on_one_database
def test_what_is_no_json_is_told_where(web: Web, body: bytes) -> None:
    """A body that cannot be read is answered 400 with the reason, and nothing is taken in."""
    answer = web.client.post("/api/stories", content=body, headers=KEY)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]


@pytest.mark.parametrize("letter", ["\x00", "\ud800", "\u202e", "\U0001f680"])
def test_no_letter_breaks_the_api(web: Web, letter: str) -> None:
    """Whatever letter a title holds, the record is taken in or refused by name; nothing crashes."""
    body = json.dumps([GOOD | {"title": f"A{letter}B"}, GOOD | {"id": "2"}])
    answer = web.client.post("/api/stories", content=body, headers=KEY)
    assert answer.status_code == 201
    assert sum(numbers(answer)) == 2


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer wrong", f"Basic {API_KEYS[0]}", API_KEYS[0], f"Bearer {API_KEYS[0]}x"],
)
@on_one_database
def test_strangers_are_refused(web: Web, header: str) -> None:
    """Without a key of ours: 401 in the form of RFC 6750, and the body is not looked at."""
    answer = web.client.post("/api/stories", content=b"{", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert API_KEYS[0] not in answer.text


def test_keys_can_be_changed_without_a_gap(web: Web) -> None:
    """Every configured key opens the door, the scheme in any case of letters."""
    for key in API_KEYS:
        assert post(web, GOOD, Authorization=f"bearer {key}").status_code in (200, 201)


def test_without_a_key_the_door_is_shut(web: Web, web_stage: WebServer) -> None:
    """Where no key is configured nobody gets in, and the answer says what to set."""
    shut = web.services.settings.model_copy(update={"api_key": ()})
    web_stage.app = create_app(replace(web.services, settings=shut))
    answer = post(web, GOOD)
    assert answer.status_code == 503
    assert "API_KEY" in answer.json()["error"]


def test_too_much_at_once_is_refused(web: Web) -> None:
    """More than 5 MB are 413, be they announced or not; as much as that is read."""
    fill = b" " * (STORIES_LIMIT - len(json.dumps(GOOD)))
    whole = json.dumps(GOOD).encode() + fill
    assert web.client.post("/api/stories", content=whole, headers=KEY).status_code == 201
    assert web.client.post("/api/stories", content=whole + b" ", headers=KEY).status_code == 413
    pieces = iter([whole, b" "])
    assert web.client.post("/api/stories", content=pieces, headers=KEY).status_code == 413


def test_only_post_is_understood(web: Web) -> None:
    """Asking for stories is answered 405 in JSON, with what is possible instead."""
    answer = web.client.get("/api/stories", headers=KEY)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]


def test_real_stories_come_through(web: Web) -> None:
    """A hundred real records are taken in at once, and again without a change."""
    source = Path(__file__).parents[3] / "shared" / "data" / "stories.jsonl"
    if not source.exists():
        pytest.skip(f"real stories are not at {source}")
    with source.open() as lines:
        records = [json.loads(line) for line, _ in zip(lines, range(100), strict=False)]
    first, again = post(web, records), post(web, records)
    assert (first.status_code, again.status_code) == (201, 200)
    assert numbers(first)[3] == 0
    assert numbers(again)[:2] == (0, 0)
