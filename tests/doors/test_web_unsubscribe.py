"""Unsubscribing by the bytes that go over the wire: by one click, by the page, for ever."""

from datetime import timedelta

import pytest

from newsletter.links import unsubscribe_url
from newsletter.store.engine import writing
from newsletter.web.unsubscribe import ONE_CLICK_WORDING, UNSUBSCRIBE_WORDING
from subscribers import consent
from subscribers.address import parse
from tests.doors.conftest import Web
from tests.doors.readers import ANN, BOB, ledger, subscribed, undo_link

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_one_click_as_mail_programs_do_it(web: Web) -> None:
    """RFC 8058: both encodings are answered 200 in place, without redirect or cookie; twice as well."""
    for email, sent in (
        (ANN, {"data": ONE_CLICK}),
        (BOB, {"files": {"List-Unsubscribe": (None, "One-Click")}}),
    ):
        subscribed(web, email)
        for _ in range(2):
            answer = web.client.post(web.unsubscribe_link(email), **sent)
            assert (answer.status_code, answer.text) == (200, "You are unsubscribed.\n")
            assert answer.headers["content-type"].startswith("text/plain")
            assert not {"location", "set-cookie"} & set(answer.headers)
        assert web.state(email) == "unsubscribed"
        last = ledger(web)[-1]
        assert (last.act, last.channel, last.wording) == ("unsubscribed", "one-click", ONE_CLICK_WORDING)


def test_a_person_unsubscribes_by_the_page(web: Web) -> None:
    """Opening the link changes nothing; its button does, and the page says from what."""
    subscribed(web)
    link = web.unsubscribe_link(ANN)
    shown = web.client.get(link)
    assert f"<button>{UNSUBSCRIBE_WORDING}</button>" in shown.text
    assert ANN not in shown.text
    assert web.state(ANN) == "confirmed"
    pressed = web.client.post(link)
    assert pressed.status_code == 200
    assert "You are unsubscribed from Race to AGI Daily" in pressed.text
    assert web.state(ANN) == "unsubscribed"
    assert "You are unsubscribed from Race to AGI Daily" in web.client.get(link).text
    assert (ledger(web)[-1].channel, ledger(web)[-1].wording) == ("link", UNSUBSCRIBE_WORDING)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        ("text/plain", b"List-Unsubscribe=One-Click"),
        ("multipart/form-data", b"--cut off"),
        ("multipart/form-data; boundary=x", b"\x00\xff"),
        ("application/json", b"{"),
        ("application/x-www-form-urlencoded", b"email=bob%40reader.example&newsletter=weekly&token=x"),
        ("", b""),
    ],
)
def test_no_body_keeps_anybody_from_leaving(web: Web, content_type: str, body: bytes) -> None:
    """Who leaves what is in the link alone: a mangled body does not hinder, a forged one hits nobody."""
    subscribed(web, ANN, "daily", "weekly")
    subscribed(web, BOB, "daily", "weekly")
    answer = web.client.post(web.unsubscribe_link(ANN), content=body, headers={"content-type": content_type})
    assert answer.status_code == 200
    assert (web.state(ANN), web.state(ANN, "weekly")) == ("unsubscribed", "confirmed")
    assert (web.state(BOB), web.state(BOB, "weekly")) == ("confirmed", "confirmed")


def test_an_unsubscribe_link_works_for_ever(web: Web) -> None:
    """A mail that is read ten years later can still be left from."""
    subscribed(web)
    link = web.unsubscribe_link(ANN)
    web.now += timedelta(days=3653)
    assert web.client.post(link, data=ONE_CLICK).status_code == 200
    assert web.state(ANN) == "unsubscribed"


def test_whoever_is_unknown_may_still_leave(web: Web) -> None:
    """A link of somebody who was erased gets the same friendly answers as any other."""
    subscribed(web)
    web.client.post(web.unsubscribe_link(ANN))
    known = web.unsubscribe_link(ANN)
    unknown = unsubscribe_url(web.url, web.services.tokens, "nobody", "daily")
    for send in (web.client.get, web.client.post):
        assert send(unknown).status_code == 200
        assert send(unknown).text == send(known).text


def test_a_newsletter_given_up_can_be_left(web: Web) -> None:
    """A link that names a newsletter which the site no longer has works, and calls it by its slug."""
    with writing(web.services.engine) as session:
        consent.attest(
            session,
            parse(ANN),
            ["hourly"],
            source="a former form",
            channel=consent.Channel.COMMAND,
            fingerprints=web.services.fingerprints,
            now=web.now,
        )
    link = web.unsubscribe_link(ANN, "hourly")
    assert "Unsubscribe from hourly?" in web.client.get(link).text
    assert web.client.post(link).status_code == 200
    assert web.state(ANN, "hourly") == "unsubscribed"


def test_one_click_after_the_page_is_the_last_word(web: Web) -> None:
    """Whoever left by the page and says so again in the mail program is not brought back by Undo."""
    subscribed(web)
    left = web.client.post(web.unsubscribe_link(ANN))
    web.now += timedelta(minutes=5)
    assert web.client.post(web.unsubscribe_link(ANN), data=ONE_CLICK).status_code == 200
    web.now += timedelta(minutes=1)
    assert "Nothing was undone" in web.client.post(undo_link(left)).text
    assert web.state(ANN) == "unsubscribed"


def test_one_click_leaves_other_undos_alone(web: Web) -> None:
    """The undo of leaving one newsletter holds, whatever was said of another since."""
    subscribed(web, ANN, "daily", "weekly")
    left = web.client.post(web.unsubscribe_link(ANN))
    web.now += timedelta(minutes=1)
    web.client.post(web.unsubscribe_link(ANN, "weekly"), data=ONE_CLICK)
    web.client.post(undo_link(left))
    assert (web.state(ANN), web.state(ANN, "weekly")) == ("confirmed", "unsubscribed")
