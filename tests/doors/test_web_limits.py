"""Abuse: whoever bombs the form reaches the limits and not the mailboxes, and learns nothing of it."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select
from starlette.types import ASGIApp, Receive, Scope, Send

from newsletter.models import Delivery
from newsletter.models.delivery import DeliveryKind
from newsletter.store.engine import reading, writing
from newsletter.web import limits
from newsletter.web.app import create_app
from newsletter.web.limits import (
    FROM_NETWORK,
    HASTY_FROM_NETWORK,
    IN_ALL,
    LETTERS_A_DAY,
    TO_DOMAIN,
    admitted,
    stamp,
    took_time,
)
from newsletter.web.pages import Door, Pages
from subscribers.address import parse
from subscribers.models import Consent, Subscriber, Throttle
from subscribers.throttle import mailbox_of
from tests.doors.conftest import Web, on_one_database
from tests.web_server import WebServer

FIELDS = {"newsletters": "daily", "timezone": "Europe/Paris", "hour": "7"}


class FromAnywhere:
    """In front of the application: a request comes from the address that its header names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        told = dict(scope.get("headers", ())).get(b"x-test-from")
        if told:
            scope = {**scope, "client": (told.decode(), 50_000)}
        await self.app(scope, receive, send)


@pytest.fixture
def anywhere(web: Web, web_stage: WebServer, monkeypatch: pytest.MonkeyPatch) -> Web:
    monkeypatch.setattr(limits, "BEAT", 0.001)  # a thousand letters are asked for here
    web_stage.app = FromAnywhere(create_app(web.services, clock=lambda: web.now))
    return web


def post(web: Web, email: str, ip: str, *, by_json: bool = False, **more: str) -> httpx.Response:
    headers = {"x-test-from": ip}
    if by_json:
        body = {"email": email, "newsletters": ["daily"], "timezone": "Europe/Paris", "hour": 7}
        return web.client.post("/api/subscribe", json=body, headers=headers)
    return web.client.post("/subscribe", data={"email": email, **FIELDS, **more}, headers=headers)


def mailed(web: Web) -> list[str]:
    """Whom a mail was queued for."""
    with reading(web.services.engine) as session:
        return list(
            session.scalars(select(Subscriber.email).join(Delivery, Delivery.subscriber_id == Subscriber.id))
        )


def test_a_bombed_mailbox_gets_three_mails_a_day(anywhere: Web) -> None:
    """From any number of networks, in any spelling, by the form and by JSON: one mail in ten minutes,
    three a day."""
    spellings = [f"vic.tim+{n}@gmail.com" for n in range(8)] + ["victim@gmail.com", "v.ictim@googlemail.com"]
    for day_part in range(5):
        for number, email in enumerate(spellings):
            post(anywhere, email, f"10.{day_part}.{number}.1", by_json=number % 2 == 1)
        anywhere.now += timedelta(minutes=20)
    assert len(mailed(anywhere)) == LETTERS_A_DAY.most
    assert {mailbox_of(parse(email)) for email in mailed(anywhere)} == {"victim@gmail.com"}


@on_one_database
def test_a_flood_is_bounded_and_honest_people_pass(anywhere: Web) -> None:
    """Five hundred posts in one minute from three networks bring few mails, look all alike, and keep
    nobody elsewhere from subscribing."""
    pages = Counter(
        post(anywhere, f"a{n}@flood{n % 7}.example", f"10.0.{n % 3}.{n % 250}", by_json=n % 5 == 0).content
        for n in range(500)
    )
    assert sorted(pages.values()) == [100, 400]
    flooded = mailed(anywhere)
    assert len(flooded) == 3 * HASTY_FROM_NETWORK.most
    honest = [f"reader{n}@home{n}.example" for n in range(20)]
    for number, email in enumerate(honest):
        post(anywhere, email, f"172.16.{number}.9")
    assert set(honest) <= set(mailed(anywhere))
    assert len(mailed(anywhere)) <= IN_ALL.most


def ask_often(web: Web, asked: Iterable[tuple[str, str]], *, slowly: bool = False) -> int:
    """How many of these (address, IP) are admitted at this moment, in one transaction."""
    door = Door(web.services, Pages(web.services), lambda: web.now)
    with writing(web.services.engine) as session:
        return sum(
            admitted(door, session, DeliveryKind.CONFIRMATION, parse(email), ip, web.now, took_time=slowly)
            for email, ip in asked
        )


def test_a_network_a_domain_and_all_have_their_limits(web: Web) -> None:
    """Each limit holds by itself: from one network, to one domain, and in all within a minute."""
    from_one = [(f"a{n}@d{n}.example", f"192.0.2.{n}") for n in range(100)]
    assert ask_often(web, from_one) == HASTY_FROM_NETWORK.most
    web.now += timedelta(minutes=10)
    assert ask_often(web, from_one, slowly=True) == FROM_NETWORK.most
    web.now += timedelta(hours=1)
    to_one = 0
    for minute in range(4):
        to_one += ask_often(web, ((f"m{minute}n{n}@one.example", f"10.{minute}.{n}.1") for n in range(100)))
        web.now += timedelta(minutes=1)
    assert to_one == TO_DOMAIN.most
    web.now += timedelta(hours=1)
    in_all = [(f"b{n}@e{n}.example", f"10.{n}.0.1") for n in range(200)]
    assert ask_often(web, in_all) == IN_ALL.most


def test_limits_hold_across_restarts(web: Web, web_stage: WebServer) -> None:
    """Another process knows what was counted by this one."""
    asked = [(f"a{n}@d{n}.example", "192.0.2.1") for n in range(HASTY_FROM_NETWORK.most)]
    assert ask_often(web, asked) == len(asked)
    anew = replace(web, services=replace(web.services))
    assert ask_often(anew, [("late@d.example", "192.0.2.200")]) == 0
    with reading(web.services.engine) as session:
        assert all(re.fullmatch("[0-9a-f]{64}", mark) for mark in session.scalars(select(Throttle.subject)))


def test_every_letter_has_its_limit(anywhere: Web) -> None:
    """The links to preferences and data are limited like confirmations; each leaves the others alone."""
    anywhere.ask("ann@reader.example")
    anywhere.client.post(anywhere.confirm_link("ann@reader.example"))
    for door in ("/manage", "/data"):
        for number in range(10):
            data = {"email": "ann@reader.example"}
            anywhere.client.post(door, data=data, headers={"x-test-from": f"10.9.{number}.1"})
    with reading(anywhere.services.engine) as session:
        kinds = dict(session.execute(select(Delivery.kind, func.count()).group_by(Delivery.kind)).all())
    assert kinds == {"confirmation": 1, "preferences link": 1, "data link": 1}


def test_leaving_is_never_limited(anywhere: Web) -> None:
    """However many requests come from a network, everybody there can unsubscribe."""
    anywhere.ask("ann@reader.example")
    anywhere.client.post(anywhere.confirm_link("ann@reader.example"))
    for number in range(HASTY_FROM_NETWORK.most * 2):
        post(anywhere, f"a{number}@d{number}.example", "127.0.0.9")
    leave = anywhere.unsubscribe_link("ann@reader.example")
    assert anywhere.client.post(leave, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert anywhere.state("ann@reader.example") == "unsubscribed"


def test_a_robot_in_the_trap_asks_nobody(anywhere: Web) -> None:
    """Whoever fills in what people do not see reads the usual page, and no row is written."""
    trapped = post(anywhere, "ann@reader.example", "192.0.2.1", website="https://spam.example")
    assert trapped.content == post(anywhere, "bob@reader.example", "192.0.2.1").content
    with reading(anywhere.services.engine) as session:
        assert session.scalar(select(func.count()).select_from(Consent)) == 1


@on_one_database
def test_the_stamp_tells_how_long_the_form_was_open(web: Web) -> None:
    """Signed by us, and in somebody's hands between two seconds and a day; nothing else counts."""
    door = Door(web.services, Pages(web.services), lambda: web.now)
    mark, marks = stamp(door), web.services.fingerprints
    shown, _, signature = mark.partition(".")
    assert mark in web.client.get("/subscribe").text
    for seconds, expected in ((0, False), (1.9, False), (2, True), (86_399, True), (86_400, False)):
        assert took_time(marks, mark, web.now + timedelta(seconds=seconds)) is expected, seconds
    later = web.now + timedelta(minutes=1)
    for forged in (
        "",
        ".",
        shown,
        f"{int(shown) - 60}.{signature}",
        f"{shown}.{'0' * 64}",
        f"{mark}é",
        "x.y",
    ):
        assert not took_time(marks, forged, later), forged


@on_one_database
def test_a_form_that_took_its_time_has_the_wider_limit(anywhere: Web) -> None:
    """An office may subscribe at once by our form; programs from there may not."""
    mark = re.findall(r'name="stamp" value="([^"]+)"', anywhere.client.get("/subscribe").text)[0]
    anywhere.now += timedelta(seconds=30)
    for number in range(HASTY_FROM_NETWORK.most + 5):
        post(anywhere, f"a{number}@d{number}.example", "192.0.2.1", stamp=mark)
    assert len(mailed(anywhere)) == HASTY_FROM_NETWORK.most + 5
    assert limits.FROM_NETWORK.most > HASTY_FROM_NETWORK.most + 5
