"""Asking to subscribe by the form, here or on another site: what is kept, and what is never told."""

import re
from datetime import timedelta
from html import unescape

import httpx
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import func, select

from newsletter.models import Delivery
from newsletter.store.engine import reading, writing
from newsletter.web.subscribe import SUBSCRIBE_WORDING
from subscribers import suppression
from subscribers.address import parse
from subscribers.lens import Lens
from subscribers.models import Subscriber, SuppressionReason
from subscribers.rhythm import Rhythm
from tests.doors.conftest import Web, on_one_database
from tests.doors.readers import ANN, ledger, subscribed


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
