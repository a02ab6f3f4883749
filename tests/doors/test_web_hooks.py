"""The door for SendGrid: what it signed is kept before it is answered, and nothing else gets in."""

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from newsletter.models import Delivery, Event
from newsletter.models.delivery import DeliveryState, MailboxState
from newsletter.models.event import EventKind
from newsletter.store.engine import reading, writing
from newsletter.web import hooks
from newsletter.web.app import create_app
from subscribers import suppression
from subscribers.models import Subscriber
from tests.doors.conftest import NOW, Web, on_one_database
from tests.feedback import a_delivery
from tests.people import fresh_address, subscriber
from tests.sendgrid_signing import NEW_KEY, PUBLIC_KEY, headers, sign
from tests.web_server import WebServer

SAMPLES = Path(__file__).parents[3] / "shared/data/sendgrid/signed-webhook-samples.json"
DOOR = "/hooks/sendgrid"
TIME, SIGNATURE = "x-twilio-email-event-webhook-timestamp", "x-twilio-email-event-webhook-signature"


def open_door(web: Web, web_stage: WebServer, *keys: str) -> Web:
    settings = web.services.settings.model_copy(update={"sendgrid_webhook_key": keys})
    web.services = replace(web.services, settings=settings)
    web_stage.app = create_app(web.services, clock=lambda: web.now)
    return web


@pytest.fixture
def hook(web: Web, web_stage: WebServer) -> Web:
    return open_door(web, web_stage, PUBLIC_KEY)


@pytest.fixture
def mail(hook: Web) -> int:
    """A digest that was handed over to somebody."""
    with writing(hook.services.engine) as session:
        return a_delivery(session, subscriber(session, fresh_address()).id)


def event(name: str, mail: object, key: str = "key", **fields: Any) -> dict[str, Any]:
    known = {"event": name, "sg_event_id": key, "timestamp": int(NOW.timestamp()) - 60}
    return {"email": "ann@inbox.example", "delivery_id": str(mail), **known, **fields}


def tell(hook: Web, *events: Any) -> httpx.Response:
    """Post the events as SendGrid does, with line ends between them."""
    body = b"[" + b",\r\n".join(json.dumps(one).encode() for one in events) + b"]\r\n"
    return post(hook, body)


def post(hook: Web, body: bytes, **changes: str) -> httpx.Response:
    return hook.client.post(DOOR, content=body, headers=headers(body, hook.now) | changes)


def kept(hook: Web) -> list[Event]:
    with reading(hook.services.engine) as session:
        return list(session.scalars(select(Event).order_by(Event.id)))


def test_what_sendgrid_tells_is_kept_and_worked_in(hook: Web, mail: int) -> None:
    """204 means: kept for good, once however often it is told; and its consequences hold."""
    with writing(hook.services.engine) as session:
        session.execute(update(Delivery).values(state=DeliveryState.UNKNOWN))
    bounce = event("bounce", mail, "b", type="bounce", reason="550 5.1.1 <ann@inbox.example> unknown")
    for _ in range(3):
        assert tell(hook, event("processed", mail, "a"), bounce).status_code == 204
    first, second = kept(hook)
    assert (first.kind, second.kind) == (EventKind.PROCESSED, EventKind.HARD_BOUNCE)
    assert second.reason == "550 5.1.1 <(address)> unknown"
    with reading(hook.services.engine) as session:
        row = session.get_one(Delivery, mail)
        assert (row.state, row.mailbox) == (DeliveryState.ACCEPTED, MailboxState.HARD_BOUNCED)


def test_the_reader_of_the_delivery_is_meant(hook: Web, mail: int) -> None:
    """Who is suppressed is whom the delivery went to, whatever address stands in the event."""
    somebody_else = fresh_address()
    with writing(hook.services.engine) as session:
        subscriber(session, somebody_else)
    tell(hook, event("spamreport", mail, email=somebody_else.mailbox))
    with reading(hook.services.engine) as session:
        assert suppression.why(session, somebody_else, hook.services.fingerprints) is None


@on_one_database
def test_unknown_things_are_kept_and_answered(hook: Web) -> None:
    """Kinds and deliveries that we do not know, or none, are no reason to tell us again."""
    events = [event("of the future", 1, "a"), event("delivered", 999, "b"), event("open", "", "c"), 5]
    assert tell(hook, *events).status_code == 204
    assert [one.kind for one in kept(hook)] == [EventKind.OTHER, EventKind.DELIVERED, *[EventKind.OTHER] * 2]


@on_one_database
def test_the_door_is_shut_without_a_key(web: Web, web_stage: WebServer) -> None:
    """Without SENDGRID_WEBHOOK_KEY there is no such door, for anybody."""
    shut = open_door(web, web_stage)
    assert tell(shut, event("delivered", 1)).status_code == 404
    assert kept(shut) == []


@on_one_database
def test_an_old_key_opens_while_a_new_one_takes_over(web: Web, web_stage: WebServer) -> None:
    """Of several keys any may have signed."""
    only_new = open_door(web, web_stage, NEW_KEY)
    assert tell(only_new, event("delivered", 1)).status_code == 403
    both = open_door(web, web_stage, NEW_KEY, PUBLIC_KEY)
    assert tell(both, event("delivered", 1)).status_code == 204


@on_one_database
def test_sendgrids_own_sample_is_taken(web: Web, web_stage: WebServer) -> None:
    """What SendGrid itself once signed is taken at its time, and refused as stale a day and more later."""
    if not SAMPLES.exists():
        pytest.skip("the samples are not on this machine")
    for sample in json.loads(SAMPLES.read_text()):
        hook = open_door(web, web_stage, sample["public_key"])
        signed = {TIME: sample["timestamp"], SIGNATURE: sample["signature"]}
        assert hook.client.post(DOOR, content=sample["body"], headers=signed).status_code == 403
        at = NOW.fromtimestamp(int(sample["timestamp"]), tz=NOW.tzinfo)
        for hours, status in ((26, 204), (27, 403), (-1, 403), (0, 204)):
            hook.now = at + timedelta(hours=hours)
            assert hook.client.post(DOOR, content=sample["body"], headers=signed).status_code == status
    assert len(kept(hook)) == 1


BODY = json.dumps([event("delivered", 1)]).encode()
STAMP = str(int(NOW.timestamp()))


@on_one_database
@pytest.mark.parametrize(
    ("body", "changes", "status"),
    [
        (BODY, {SIGNATURE: ""}, 403),
        (BODY, {SIGNATURE: "no base64!"}, 403),
        (BODY, {SIGNATURE: "MAYCAQACAQA="}, 403),  # r = s = 0, CVE-2021-43572
        (BODY, {SIGNATURE: sign(BODY)}, 403),
        (BODY + b" ", {SIGNATURE: sign(STAMP.encode() + BODY)}, 403),
        # the same bytes are signed, with a digit on the other side
        (STAMP[-1:].encode() + BODY, {TIME: STAMP[:-1], SIGNATURE: sign(STAMP.encode() + BODY)}, 403),
        (BODY, {TIME: "", SIGNATURE: sign(BODY)}, 403),
        (BODY, {TIME: f"{STAMP}0"}, 403),
        (BODY, {TIME: "²" * 10}, 403),
        (b" " + BODY, {}, 403),
        (BODY[1:-1], {}, 403),
        (b"", {}, 403),
        (b"[", {}, 400),
        (b"[" * 200_000, {}, 400),
        (b"[\xff]", {}, 400),
        (gzip.compress(BODY), {"content-encoding": "gzip"}, 415),
        (b"[" + b" " * hooks.EVENTS_LIMIT + b"]", {}, 413),
    ],
)
def test_what_is_forged_or_broken_is_refused(
    hook: Web, body: bytes, changes: dict[str, str], status: int
) -> None:
    """Whatever is not signed over these very bytes, now, is refused with 4xx, and nothing of it is kept."""
    raw = {name.encode(): value.encode() for name, value in (headers(body, hook.now) | changes).items()}
    assert hook.client.post(DOOR, content=body, headers=raw).status_code == status
    assert kept(hook) == []


@on_one_database
@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(hours=26), 204),
        (timedelta(hours=26, seconds=1), 403),
        (-timedelta(minutes=5), 204),
        (-timedelta(minutes=5, seconds=1), 403),
    ],
)
def test_what_is_stale_is_refused(hook: Web, age: timedelta, status: int) -> None:
    """SendGrid repeats itself for a day, so a signature holds for 26 hours; its clock may be a bit fast."""
    assert hook.client.post(DOOR, content=BODY, headers=headers(BODY, NOW - age)).status_code == status


@on_one_database
def test_what_cannot_be_worked_in_at_once_is_kept(
    hook: Web, mail: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure behind the commit is left to the clock: what was told is kept, and the answer stays 204."""

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("locked", None, Exception())

    monkeypatch.setattr(hooks, "apply_events", fail)
    assert tell(hook, event("delivered", mail)).status_code == 204
    assert [one.applied_at for one in kept(hook)] == [None]


@on_one_database
def test_no_commit_no_2xx(hook: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the events cannot be kept SendGrid is told so, and asks again."""

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("disk full", None, Exception())

    monkeypatch.setattr(hooks, "store", fail)
    assert tell(hook, event("delivered", 1)).status_code == 500


@on_one_database
def test_nothing_told_subscribes_anybody(hook: Web, mail: int) -> None:
    """Who left stays away, whatever SendGrid tells of its groups afterwards."""
    with reading(hook.services.engine) as session:
        row = session.get_one(Delivery, mail)
    tell(hook, event("group_unsubscribe", mail, "a"), event("group_resubscribe", mail, "b"))
    with reading(hook.services.engine) as session:
        reader = session.get_one(Subscriber, row.subscriber_id)
        assert reader.state("daily") == "unsubscribed"
