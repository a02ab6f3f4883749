"""Subscribe, confirm and unsubscribe, by the bytes that go over the wire."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import func, select

from newsletter.links import CONFIRM_LIFE, unsubscribe_url
from newsletter.models import Delivery
from newsletter.store.engine import reading, writing
from newsletter.web.subscribe import AGAIN_WORDING, SUBSCRIBE_WORDING
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
        suppression.suppress(
            session,
            parse(closed),
            SuppressionReason.COMPLAINED,
            fingerprints=web.services.fingerprints,
            now=web.now,
        )
    everybody = (pending, confirmed, left, closed, "new@reader.example")
    web.now += timedelta(hours=1)  # so that no limit holds for any of them
    answers = [web.ask(email) for email in everybody]
    robot = {"email": ANN, "newsletters": "daily", "timezone": "UTC", "hour": "7", "website": "x"}
    answers.append(web.client.post("/subscribe", data=robot))
    answers += [web.ask(email) for email in everybody]
    assert len(set(map(bytes_of, answers))) == 1
    web.now += timedelta(hours=1)
    asked = {"newsletters": ["daily"]}
    told = [web.client.post("/api/subscribe", json=asked | {"email": email}) for email in everybody]
    assert len(set(map(bytes_of, told))) == 1


def bytes_of(answer: httpx.Response) -> tuple[object, ...]:
    """All that an answer tells, but for the time of day."""
    headers = sorted(header for header in answer.headers.items() if header[0] != "date")
    return answer.status_code, answer.content, *headers


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
        assert urlsplit(web.preferences_link(ANN)).path in pressed.text
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
        assert "It was made 9 days ago, on 8 Jan 2026, 12:00 UTC" in answer.text
    assert web.state(ANN) == "pending"


def test_an_old_link_gets_a_new_one(web: Web) -> None:
    """The page of an old link asks anew for the same newsletters, and answers as for any other asking."""
    web.ask(ANN, "daily", "weekly")
    link = web.confirm_link(ANN, "weekly")
    web.now += CONFIRM_LIFE + timedelta(days=2)
    again = re.search(r'action="(/confirm/again/[^"]+)"', web.client.get(link).text)
    assert again
    assert AGAIN_WORDING in web.client.get(link).text
    answer = web.client.post(again[1])
    assert (answer.status_code, answer.content) == (200, web.ask(BOB).content)
    line = ledger(web)[1]
    assert (line.act, line.wording, line.newsletters) == ("requested", AGAIN_WORDING, ["weekly"])
    assert len(mails(web, ANN)) == 2
    web.client.post(again[1])
    assert len(mails(web, ANN)) == 2, "not twice in ten minutes"
    assert web.client.post(web.confirm_link(ANN, "weekly")).status_code == 200
    assert (web.state(ANN), web.state(ANN, "weekly")) == ("pending", "confirmed")


def mails(web: Web, email: str) -> list[str]:
    """The kinds of the mails to this address, in the order in which they were queued."""
    with reading(web.services.engine) as session:
        query = select(Delivery.kind).join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        return list(session.scalars(query.where(Subscriber.email == email).order_by(Delivery.id)))


def test_whoever_receives_it_already_gets_their_preferences(web: Web) -> None:
    """Asking for what is confirmed changes nothing: its owner alone learns, by a link, once in a while."""
    subscribed(web)
    web.now += timedelta(hours=1)
    for _ in range(3):
        assert web.ask(ANN).content == web.ask(BOB).content
    assert mails(web, ANN) == ["confirmation", "preferences link"]
    assert [line.act for line in ledger(web) if line.subscriber_id == 1] == [
        "requested", "confirmed", "link asked",
    ]  # fmt: skip
    assert web.state(ANN) == "confirmed"


@pytest.mark.parametrize("script", [True, False])
@on_one_database
def test_the_zone_is_guessed_and_can_be_corrected(browser: Browser, web: Web, script: bool) -> None:
    """The browser's zone is chosen beforehand and the page says so; without a script it is UTC.

    A form that comes back with a fault keeps what was chosen in it.
    """
    context = browser.new_context(timezone_id="Asia/Tokyo", java_script_enabled=script, base_url=web.url)
    page = context.new_page()
    page.goto("/subscribe")
    menu = page.get_by_label("Your time zone")
    expect(menu).to_have_value("Asia/Tokyo" if script else "UTC")
    expect(page.get_by_text("Guessed from your browser")).to_be_visible(visible=script)
    menu.select_option("America/Lima")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(menu).to_have_value("America/Lima")
    page.get_by_label("Your email address").fill(ANN)
    page.get_by_label("Race to AGI Daily").check()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    ann = web.subscriber(ANN)
    assert ann
    assert ann.timezone == "America/Lima"
    context.close()


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


def test_a_form_on_another_site_works(web: Web) -> None:
    """The snippet shown for copying, sent from anywhere, subscribes with the usual zone and hour."""
    page = web.client.get("/embed").text
    snippet = unescape(re.findall(r"<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)[0])
    action = re.search(r'action="([^"]+)"', snippet)
    assert action
    assert action[1] == f"{web.url}/subscribe"
    assert SUBSCRIBE_WORDING in snippet
    assert "style=" not in snippet
    names = set(re.findall(r'name="(\w+)"', snippet))
    assert names == {"email", "newsletters", "website"}
    sent = {"email": ANN, "newsletters": "daily", "website": ""}
    answer = web.client.post(action[1], data=sent, headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 200
    ann = web.subscriber(ANN)
    assert ann
    assert (ann.state("daily"), ann.rhythm) == ("pending", Rhythm("UTC", 7))


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
