"""Leaving by the page: pause, weekly or all instead, a reason, and undo; and the link by mail."""

import re
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from newsletter.models import Delivery
from newsletter.store.engine import reading, writing
from newsletter.web.unsubscribe import REASONS
from subscribers import suppression
from subscribers.address import parse
from subscribers.models import Consent, Subscription, SuppressionReason
from subscribers.tokens import Purpose
from tests.doors.conftest import Web, on_one_database
from tests.doors.readers import ANN, DAILY, WEEKLY, forms, held, last_line, subscribed, undo_link


def test_the_page_offers_what_fits(web: Web) -> None:
    """Pauses and the weekly stand below the one button; all newsletters only for who has several."""
    subscribed(web)
    assert list(forms(web.client.get(web.unsubscribe_link(ANN)))) == [
        "Unsubscribe me",
        "Pause for 2 weeks",
        "Pause for 4 weeks",
        f"Send me {WEEKLY} instead",
    ]
    subscribed(web, "bob@reader.example", "daily", "weekly")
    for newsletter in ("daily", "weekly"):
        assert list(forms(web.client.get(web.unsubscribe_link("bob@reader.example", newsletter)))) == [
            "Unsubscribe me",
            "Unsubscribe me from all newsletters",
            "Pause for 2 weeks",
            "Pause for 4 weeks",
        ]
    web.ask("cyd@reader.example")
    assert list(forms(web.client.get(web.unsubscribe_link("cyd@reader.example")))) == ["Unsubscribe me"]


def test_leaving_and_coming_back(web: Web) -> None:
    """Undo brings back exactly the row that was left, and the ledger says both."""
    subscribed(web)
    before = held(web)
    left = web.client.post(web.unsubscribe_link(ANN))
    assert web.state(ANN) == "unsubscribed"
    web.now += timedelta(minutes=9)
    back = web.client.post(undo_link(left))
    assert (back.status_code, f"You receive {DAILY}." in back.text) == (200, True)
    assert held(web) == before
    assert last_line(web) == ("restored", "Undo", ["daily"])


def test_leaving_one_tells_what_still_comes(web: Web) -> None:
    """Whoever leaves one newsletter reads which others go on."""
    subscribed(web, ANN, "daily", "weekly")
    assert f"You still receive {WEEKLY}." in web.client.post(web.unsubscribe_link(ANN)).text
    assert "You still receive" not in web.client.post(f"{web.unsubscribe_link(ANN)}/all").text


def test_leaving_all(web: Web) -> None:
    """One press ends every subscription, and one undo brings back every one."""
    subscribed(web, ANN, "daily", "weekly")
    before = held(web)
    left = web.client.post(f"{web.unsubscribe_link(ANN)}/all")
    assert "You are unsubscribed from all newsletters" in left.text
    assert (web.state(ANN), web.state(ANN, "weekly")) == ("unsubscribed", "unsubscribed")
    web.client.post(undo_link(left))
    assert held(web) == before


def test_undo_ends_after_ten_minutes(web: Web) -> None:
    """Later, the button tells that it is too late and where else to go, and changes nothing."""
    subscribed(web)
    left = web.client.post(web.unsubscribe_link(ANN))
    web.now += timedelta(minutes=10, seconds=1)
    for answer in (web.client.get(undo_link(left)), web.client.post(undo_link(left))):
        assert answer.status_code == 410
        assert "Too late to undo" in answer.text
        assert 'href="/manage"' in answer.text
    assert web.state(ANN) == "unsubscribed"


def test_looking_at_undo_undoes_nothing(web: Web) -> None:
    """The undo link can be opened as often as anybody likes; only the button goes back."""
    subscribed(web)
    link = undo_link(web.client.post(web.unsubscribe_link(ANN)))
    for _ in range(2):
        assert forms(web.client.get(link)) == {"Undo": link}
    assert web.state(ANN) == "unsubscribed"
    assert web.client.post(link).status_code == 200
    assert "It was undone already." in web.client.post(link).text


def test_undo_after_a_change_says_so(web: Web) -> None:
    """Who asked to subscribe anew after leaving stays pending: an old undo confirms nobody."""
    subscribed(web)
    left = web.client.post(web.unsubscribe_link(ANN))
    web.now += timedelta(minutes=9, seconds=59)
    with writing(web.services.engine) as session:
        session.scalars(select(Subscription)).one().ask(web.now)
    answer = web.client.post(undo_link(left))
    assert "Nothing was undone" in answer.text
    assert web.state(ANN) == "pending"


def test_nothing_left_nothing_to_undo(web: Web) -> None:
    """Pressing again, long after, offers no undo: there is no step to go back."""
    subscribed(web)
    web.client.post(web.unsubscribe_link(ANN))
    again = web.client.post(web.unsubscribe_link(ANN))
    assert "Undo" not in forms(again)
    assert "Subscribe again" in again.text


def test_a_reason_is_kept(web: Web) -> None:
    """It goes into the ledger, undo stays at hand, and only our own phrases are taken."""
    subscribed(web)
    link = web.unsubscribe_link(ANN)
    left = web.client.post(link)
    assert [reason in left.text for reason in REASONS] == [True] * len(REASONS)
    undo = undo_link(left).rpartition("/")[2]
    assert web.client.post(f"{link}/reason", data={"reason": "I typed this", "undo": undo}).status_code == 400
    assert last_line(web) == ("unsubscribed", "Unsubscribe me", ["daily"])
    told = web.client.post(f"{link}/reason", data={"reason": REASONS[0], "undo": undo})
    assert "Thank you" in told.text
    assert last_line(web) == ("unsubscribed", f"Reason: {REASONS[0]}", ["daily"])
    assert undo_link(told) == undo_link(left)
    web.client.post(undo_link(told))
    assert web.state(ANN) == "confirmed"


@on_one_database
def test_nothing_foreign_is_repeated_as_undo(web: Web) -> None:
    """What a form sends as undo is shown again only if it is an undo of ours, not too old."""
    subscribed(web)
    link = web.unsubscribe_link(ANN)
    web.client.post(link)
    for foreign in ("x", link.rpartition("/")[2], '"><script>'):
        told = web.client.post(f"{link}/reason", data={"reason": REASONS[0], "undo": foreign})
        assert told.status_code == 200
        assert "Undo" not in forms(told)
        assert foreign not in re.sub(r'action="[^"]*"', "", told.text) or foreign == "x"


def test_one_click_only_leaves(web: Web) -> None:
    """What mail programs post ends one subscription with a plain 200: no redirect, no cookie, no page."""
    subscribed(web, ANN, "daily", "weekly")
    body = {"List-Unsubscribe": "One-Click"}
    answer = web.client.post(web.unsubscribe_link(ANN), data=body)
    assert (answer.status_code, answer.text) == (200, "You are unsubscribed.\n")
    assert not {"location", "set-cookie"} & set(answer.headers)
    assert (web.state(ANN), web.state(ANN, "weekly")) == ("unsubscribed", "confirmed")


def manage(web: Web, email: str, **fields: str) -> httpx.Response:
    return web.client.post("/manage", data={"email": email, **fields})


def letters(web: Web) -> list[tuple[str, str]]:
    with reading(web.services.engine) as session:
        rows = session.execute(
            select(Delivery.kind, Consent.act)
            .join(Consent, Consent.id == Delivery.occasion_id)
            .where(Delivery.kind == "preferences link")
        )
        return [(kind, act) for kind, act in rows]


def test_the_link_comes_by_mail(web: Web) -> None:
    """Whoever we know is mailed the link, once in ten minutes, and the ledger says that it was asked for."""
    subscribed(web)
    for _ in range(3):
        assert "Check your inbox" in manage(web, "Ann@Reader.example").text
    assert letters(web) == [("preferences link", "link asked")]
    web.now += timedelta(minutes=11)
    manage(web, ANN)
    assert len(letters(web)) == 2


def test_the_page_never_tells_who_is_known(web: Web) -> None:
    """Known, unknown, suppressed, asked too often, and robots: the same bytes; a letter for one only."""
    closed = "closed@reader.example"
    for email in (ANN, closed):
        subscribed(web, email)
    with writing(web.services.engine) as session:
        suppression.suppress(
            session,
            parse(closed),
            SuppressionReason.BY_HAND,
            fingerprints=web.services.fingerprints,
            now=web.now,
        )
    answers = [manage(web, email) for email in (ANN, ANN, closed, "nobody@reader.example")]
    answers.append(manage(web, "bob@reader.example", website="x"))
    assert len({answer.content for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {200}
    assert len(letters(web)) == 1


def test_a_robot_is_mailed_nothing(web: Web) -> None:
    """Whoever fills in what people do not see gets the page, and no mail leaves."""
    subscribed(web)
    manage(web, ANN, website="https://spam.example")
    assert letters(web) == []


@on_one_database
def test_a_mistyped_address_is_told(web: Web) -> None:
    """An address that is none is named at its field, with what was typed, and nothing is asked."""
    answer = manage(web, 'ann@"><b>')
    assert answer.status_code == 422
    assert "Please check the address" in answer.text
    assert "<b>" not in answer.text


def test_the_letter_holds_its_link_and_no_foreign_word(web: Web) -> None:
    """The link opens the reader's preferences; nothing that was typed into the form is in the mail."""
    subscribed(web)
    letter = web.services.renderer.letter("preferences-link")
    link = web.preferences_link(ANN)
    filled = letter.fill({"preferences_url": link})
    assert link in filled.html
    assert link in filled.text.split()
    assert "ignore this mail" in filled.text
    assert web.services.tokens.read(Purpose.PREFERENCES, link.rpartition("/")[2], now=web.now)


@pytest.fixture
def phone(page: Page) -> Page:
    page.set_viewport_size({"width": 375, "height": 800})
    return page


@on_one_database
def test_leaving_as_a_person_does(phone: Page, web: Web) -> None:
    """On a phone: leave, say why, undo, pause instead, and undo that too; all by its buttons."""
    subscribed(web)
    before = held(web)
    phone.goto(web.unsubscribe_link(ANN))
    phone.get_by_role("button", name="Unsubscribe me").click()
    phone.get_by_label("Reason").select_option(REASONS[1])
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_role("status")).to_have_text("Thank you for telling us.")
    phone.get_by_role("button", name="Undo").click()
    expect(phone.get_by_role("heading", name="All is as before")).to_be_visible()
    phone.goto(web.unsubscribe_link(ANN))
    phone.get_by_role("button", name="Pause for 4 weeks").click()
    expect(phone.get_by_role("heading", name="Paused until February\u00a05,\u00a02026")).to_be_visible()
    phone.get_by_role("button", name="Undo").click()
    expect(phone.get_by_role("heading", name="All is as before")).to_be_visible()
    assert held(web) == before
