"""Asking to subscribe by JSON: what the form does, for programs."""

import pytest

from subscribers.lens import Lens
from subscribers.rhythm import Rhythm
from tests.doors.conftest import Web, on_one_database
from tests.doors.readers import ANN, BOB, mails

JSON = {"email": ANN, "newsletters": ["daily"]}


def test_programs_ask_by_json(web: Web) -> None:
    """JSON does what the form does; zone, hour and audiences may be left out."""
    answer = web.client.post(
        "/api/subscribe", json=JSON | {"audiences": ["Investors"], "timezone": "Asia/Tokyo", "hour": 9}
    )
    assert answer.status_code == 202
    ann = web.subscriber(ANN)
    assert ann
    assert (ann.lens, ann.rhythm) == (Lens.of(audiences=["Investors"]), Rhythm("Asia/Tokyo", 9))
    assert ann.state("daily") == "pending"
    usual = web.client.post("/api/subscribe", json=JSON | {"email": BOB})
    assert (usual.status_code, usual.content) == (202, answer.content)
    bob = web.subscriber(BOB)
    assert bob
    assert bob.rhythm == Rhythm("UTC", 7)
    assert mails(web, BOB) == ["confirmation"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "ann@"}, "email"),
        ({"email": None}, "email"),
        ({"newsletters": []}, "newsletters"),
        ({"newsletters": "daily"}, "newsletters"),
        ({"newsletters": [1]}, "newsletters"),
        ({"audiences": ["Astronauts"]}, "audiences"),
        ({"audiences": {}}, "audiences"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": 1}, "timezone"),
        ({"hour": 24}, "hour"),
        ({"hour": 7.5}, "hour"),
        ({"hour": True}, "hour"),
        ({"shoe size": 38}, "shoe size"),
    ],
)
@on_one_database
def test_json_that_does_not_hold_is_answered_by_key(web: Web, change: dict[str, object], field: str) -> None:
    """422 names each key at fault with its remedy, and nothing is written."""
    answer = web.client.post("/api/subscribe", json=JSON | change)
    assert answer.status_code == 422
    assert [*answer.json()["errors"]] == [field]
    assert answer.json()["errors"][field].startswith(("Please", "This key is unknown"))
    assert web.subscriber(ANN) is None


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"\xff", 400), (b"[" * 30_000, 400), (b"[]", 422), (b"", 400)]
)
@on_one_database
def test_what_is_no_json_object_is_refused(web: Web, body: bytes, status: int) -> None:
    """A body that is none is answered in JSON, with the reason, and never with a crash."""
    answer = web.client.post("/api/subscribe", content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
