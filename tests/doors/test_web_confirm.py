"""Confirming by the link in the mail: by its button, in its time, and only what was asked."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

from newsletter.links import CONFIRM_LIFE
from newsletter.web.subscribe import AGAIN_WORDING
from tests.doors.conftest import Web
from tests.doors.readers import ANN, BOB, ledger, mails, subscribed


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
