"""Subscribe, confirm and unsubscribe, by the bytes that go over the wire."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select

from newsletter.links import CONFIRM_LIFE, unsubscribe_url
from newsletter.models import Delivery
from newsletter.store.engine import reading, writing
from newsletter.web.subscribe import SUBSCRIBE_WORDING
from newsletter.web.unsubscribe import ONE_CLICK_WORDING, UNSUBSCRIBE_WORDING
from subscribers import consent, suppression
from subscribers.address import parse
from subscribers.lens import Lens
from subscribers.models import Consent, Subscriber, SuppressionReason
from subscribers.rhythm import Rhythm
from tests.doors.conftest import Web, on_one_database

ANN = "ann@reader.example"
BOB = "bob@reader.example"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def subscribed(web: Web, email: str = ANN, *newsletters: str) -> None:
    """Make `email` a confirmed subscriber, all by the pages."""
    assert web.ask(email, *newsletters).status_code == 200
    assert web.client.post(web.confirm_link(email, *newsletters)).status_code == 200


def ledger(web: Web) -> list[Consent]:
    with reading(web.services.engine) as session:
        lines = session.scalars(select(Consent).order_by(Consent.id)).all()
        session.expunge_all()
        return list(lines)


def test_asking_keeps_what_was_chosen(web: Web) -> None:
    """The form makes a pending subscriber with their audiences, zone and hour, and confirms nobody."""
    answer = web.client.post(
        "/subscribe",
        data={
            "email": "Ann@Reader.example",
            "newsletters": ["daily", "weekly"],
            "audiences": ["Investors", "Engineers"],
            "timezone": "Asia/Kathmandu",
            "hour": "21",
        },
    )
    assert answer.status_code == 200
    ann = web.subscriber(ANN)
    assert ann is not None
    assert ann.lens == Lens.of(audiences=["Investors", "Engineers"])
    assert ann.rhythm == Rhythm("Asia/Kathmandu", 21)
    assert (ann.state("daily"), ann.state("weekly")) == ("pending", "pending")


def test_asking_queues_the_confirmation_with_its_ledger_line(web: Web) -> None:
    """One mail for all chosen newsletters is queued; the ledger has the words, the way and the address."""
    web.ask(ANN, "daily", "weekly")
    [line] = ledger(web)
    assert (line.act, line.channel, line.wording) == ("requested", "form", SUBSCRIBE_WORDING)
    assert (line.newsletters, line.ip, line.at) == (["daily", "weekly"], "127.0.0.1", web.now)
    assert SUBSCRIBE_WORDING in web.client.get("/subscribe").text
    with reading(web.services.engine) as session:
        [delivery] = session.scalars(select(Delivery))
        assert (delivery.kind, delivery.occasion_id, delivery.state) == ("confirmation", line.id, "queued")


def test_the_answer_never_tells_who_is_known(web: Web) -> None:
    """Unknown, pending, confirmed, unsubscribed and suppressed addresses and robots get the same bytes."""
    pending, confirmed, left, closed = (f"{name}@reader.example" for name in ("p", "c", "u", "s"))
    web.ask(pending)
    subscribed(web, confirmed)
    subscribed(web, left)
    web.client.post(web.unsubscribe_link(left))
    with writing(web.services.engine) as session:
        suppression.suppress(session, parse(closed), SuppressionReason.COMPLAINED, now=web.now)
    answers = [web.ask(email) for email in (pending, confirmed, left, closed, "new@reader.example")]
    robot = {"email": ANN, "newsletters": "daily", "timezone": "UTC", "hour": "7", "website": "x"}
    answers.append(web.client.post("/subscribe", data=robot))
    seen = {
        (answer.status_code, answer.content, *sorted(set(answer.headers.items()) - _date(answer)))
        for answer in answers
    }
    assert len(seen) == 1


def _date(answer: httpx.Response) -> set[tuple[str, str]]:
    return {("date", answer.headers["date"])}


def test_a_robot_is_not_taken_in(web: Web) -> None:
    """Whoever fills in the field that people do not see leaves no trace."""
    form = {"email": ANN, "newsletters": "daily", "timezone": "UTC", "hour": "7", "website": "http://x"}
    assert web.client.post("/subscribe", data=form).status_code == 200
    assert web.subscriber(ANN) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "ann@"),
        ("email", "<script>@reader.example"),
        ("email", "ann@reader.example\r\nBcc: all@reader.example"),
        ("email", ""),
        ("newsletters", []),
        ("newsletters", ["daily", "hourly"]),
        ("audiences", ["Astronauts"]),
        ("timezone", "Mars/Olympus"),
        ("timezone", ""),
        ("hour", "24"),
        ("hour", "seven"),
    ],
)
@on_one_database
def test_a_field_that_does_not_hold_is_named(web: Web, field: str, value: str | list[str]) -> None:
    """The form comes back with the fault at its field and all else kept; nothing is written."""
    form = {"email": ANN, "newsletters": ["weekly"], "timezone": "Asia/Tokyo", "hour": "5", field: value}
    answer = web.client.post("/subscribe", data=form)
    assert answer.status_code == 422
    assert f'id="{field}-fault"' in answer.text
    assert answer.text.count('-fault"') == 2, "the message, and the field that refers to it"
    assert "<script>" not in answer.text
    kept = {
        "email": f'value="{ANN}"',
        "newsletters": 'value="weekly" checked',
        "timezone": 'value="Asia/Tokyo" selected',
        "hour": 'value="5" selected',
    }
    for name, mark in kept.items():
        assert (mark in answer.text) == (name != field)
    with reading(web.services.engine) as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_a_link_shows_and_only_the_button_confirms(web: Web) -> None:
    """Opening the link confirms nothing; pressing does, once, and the used link shows the state."""
    web.ask(ANN, "daily", "weekly")
    link = web.confirm_link(ANN, "daily", "weekly")
    shown = web.client.get(link)
    assert (shown.status_code, "<button>" in shown.text) == (200, True)
    assert "a•••@r•••.example" in shown.text
    assert ANN not in shown.text
    assert web.state(ANN) == "pending"
    for _ in range(2):
        pressed = web.client.post(link)
        assert pressed.status_code == 200
        assert "You are subscribed to Race to AGI Daily and Race to AGI Weekly" in pressed.text
        assert (web.state(ANN), web.state(ANN, "weekly")) == ("confirmed", "confirmed")
    assert "<button>" not in web.client.get(link).text
    assert [line.act for line in ledger(web)] == ["requested", "confirmed"]


def test_a_link_confirms_only_what_was_asked(web: Web) -> None:
    """A link that names one newsletter leaves the other pending."""
    web.ask(ANN, "daily", "weekly")
    web.client.post(web.confirm_link(ANN, "weekly"))
    assert (web.state(ANN), web.state(ANN, "weekly")) == ("pending", "confirmed")


def test_an_old_confirm_link_brings_nobody_back(web: Web) -> None:
    """Who left stays away, whatever links of former days are pressed; the page says how to come back."""
    subscribed(web)
    web.client.post(web.unsubscribe_link(ANN))
    answer = web.client.post(web.confirm_link(ANN))
    assert "You are not subscribed to Race to AGI Daily" in answer.text
    assert 'href="/subscribe"' in answer.text
    assert web.state(ANN) == "unsubscribed"


def test_a_confirm_link_has_its_time(web: Web) -> None:
    """On the last second it works; after it both GET and POST say how old it is, and change nothing."""
    web.ask(ANN)
    link = web.confirm_link(ANN)
    web.now += CONFIRM_LIFE
    assert web.client.get(link).status_code == 200
    web.now += timedelta(days=2)
    for answer in (web.client.get(link), web.client.post(link)):
        assert answer.status_code == 410
        assert "more than 9 days ago" in answer.text
        assert 'href="/subscribe"' in answer.text
    assert web.state(ANN) == "pending"


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
    assert web.client.get(link).text == pressed.text
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
            now=web.now,
        )
    link = web.unsubscribe_link(ANN, "hourly")
    assert "Unsubscribe from hourly?" in web.client.get(link).text
    assert web.client.post(link).status_code == 200
    assert web.state(ANN, "hourly") == "unsubscribed"
