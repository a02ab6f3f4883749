"""The preferences page: shown by a link, saved by its button, and what a fault does."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from newsletter.models import Delivery
from newsletter.store.engine import reading, writing
from newsletter.web.preferences import JOIN_WORDING, SAVE_WORDING
from subscribers import suppression
from subscribers.address import parse
from subscribers.lens import Lens
from subscribers.models import SuppressionReason
from subscribers.rhythm import Rhythm
from tests.doors.conftest import Web, on_one_database
from tests.doors.preferences import USUAL, ann, save
from tests.doors.readers import ANN, ledger, subscribed
from tests.doors.test_web_mailbox import LATER, publish


def test_the_page_shows_what_holds(web: Web) -> None:
    """Every choice stands in the form as it is saved, the address masked; the page is kept nowhere."""
    subscribed(web)
    save(
        web,
        audiences=["Investors"],
        more_companies="Sample Lab\nAcme, Other",
        more_muted_topics="robots",
        min_outlets="3",
        languages=["en"],
        weekdays=["mon", "thu"],
        hour="21",
        length="short",
        pause="2026-02-01",
    )
    answer = web.client.get(web.preferences_link(ANN))
    for name, value in (
        ("newsletters", "daily"), ("audiences", "Investors"), ("companies", "sample lab"),
        ("companies", "acme"), ("companies", "other"), ("muted_topics", "robots"), ("languages", "en"),
        ("weekdays", "mon"), ("weekdays", "thu"), ("length", "short"),
    ):  # fmt: skip
        assert re.search(rf'name="{name}" value="{value}"[^>]* checked', answer.text), (name, value)
    assert not re.search(r'value="(weekly|Engineers|tue|full)"[^>]* checked', answer.text)
    assert re.search(r'name="min_outlets"[^>]* value="3"', answer.text)
    assert re.search(r'name="pause"[^>]* value="2026-02-01"', answer.text)
    assert 'value="Europe/Paris" selected' in answer.text
    assert 'value="21" selected' in answer.text
    assert "a•••@r•••.example" in answer.text
    assert ANN not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_saving_keeps_every_choice_with_its_words(web: Web) -> None:
    """Lens and rhythm are what was chosen; the page says what changed; the ledger has the button's words."""
    subscribed(web)
    said = save(
        web,
        audiences=["Engineers"],
        companies=["Acme, Inc."],
        more_companies="Sample Lab, Other Lab\r\n\r\n other  LAB ",
        more_topics="chips",
        more_muted_companies="Dull Corp",
        min_outlets="2",
        languages=["en"],
        weekdays=["mon", "fri"],
        timezone="Asia/Tokyo",
        hour="6",
        length="short",
    )
    found = ann(web)
    assert found.lens == Lens(
        audiences=frozenset({"engineers"}),
        companies=frozenset({"acme, inc.", "sample lab", "other lab"}),
        topics=frozenset({"chips"}),
        muted_companies=frozenset({"dull corp"}),
        languages=frozenset({"en"}),
        min_outlets=2,
        short=True,
    )
    assert found.rhythm == Rhythm("Asia/Tokyo", 6, frozenset({0, 4}))
    for sentence in (
        "You get stories for Engineers.",
        "You follow acme, inc., other lab and sample lab.",
        "You follow chips.",
        "You muted dull corp.",
        "You get stories that at least 2 outlets report.",
        "You read English.",
        "Your digests come in their short form.",
        "Your mails come at 06:00 (Asia/Tokyo), on Mon and Fri.",
    ):
        assert sentence in said
    assert (ledger(web)[-1].act, ledger(web)[-1].wording) == ("changed", SAVE_WORDING)


def test_saving_the_same_again_changes_nothing(web: Web) -> None:
    """The form sent as it was shown writes no line, and the page says that all was so already."""
    subscribed(web)
    before = len(ledger(web))
    assert "Nothing was changed" in save(web)
    assert len(ledger(web)) == before


def test_leaving_acts_at_once_and_joining_asks(web: Web) -> None:
    """Unticked is left; ticked is mailed to the owner to confirm, since a forwarded link must not join."""
    subscribed(web)
    web.now += timedelta(hours=1)
    said = save(web, newsletters=["weekly"])
    assert (web.state(ANN), web.state(ANN, "weekly")) == ("unsubscribed", "pending")
    assert "You no longer receive Race to AGI Daily." in said
    assert "Race to AGI Weekly begins as soon as you confirm it" in said
    assert [(line.act, line.newsletters) for line in ledger(web)[-2:]] == [
        ("unsubscribed", ["daily"]),
        ("requested", ["weekly"]),
    ]
    assert ledger(web)[-1].wording == JOIN_WORDING
    with reading(web.services.engine) as session:
        kinds = list(session.scalars(select(Delivery.kind).order_by(Delivery.id)))
    assert kinds == ["confirmation", "confirmation"]


def test_joining_a_closed_address_is_not_promised(web: Web) -> None:
    """Where no mail can reach the reader, the page says so, and that nothing could be added."""
    subscribed(web)
    with writing(web.services.engine) as session:
        suppression.suppress(
            session,
            parse(ANN),
            SuppressionReason.BY_HAND,
            fingerprints=web.services.fingerprints,
            now=web.now,
        )
    web.now += timedelta(hours=1)
    said = save(web, newsletters=["daily", "weekly"])
    assert "this address is closed for our mail (by hand)" in said
    assert "Race to AGI Weekly could not be added now" in said
    assert web.state(ANN, "weekly") is None


def test_a_pause_ends_on_its_day_in_the_readers_zone(web: Web) -> None:
    """Mail comes again from the midnight that begins the chosen day; emptied, the pause ends."""
    subscribed(web)
    said = save(web, pause="2026-02-01")
    assert "No mail comes before February 1, 2026." in said.replace("\N{NO-BREAK SPACE}", " ")
    [held] = ann(web).subscriptions
    assert held.paused_until == datetime(2026, 1, 31, 23, tzinfo=UTC), "midnight in Paris"
    assert "Nothing was changed" in save(web, pause="2026-02-01")
    assert "Mail comes again." in save(web)
    [held] = ann(web).subscriptions
    assert held.paused_until is None
    assert [line.act for line in ledger(web)][-2:] == ["paused", "paused"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("newsletters", ["hourly"]),
        ("audiences", ["Astronauts"]),
        ("more_companies", "x" * 101),
        ("more_topics", ",".join(f"topic {n}" for n in range(51))),
        ("min_outlets", "0"),
        ("min_outlets", "100"),
        ("min_outlets", "many"),
        ("min_outlets", "0009" + "9" * 5000),
        ("min_outlets", ""),
        ("languages", ["tlh"]),
        ("weekdays", []),
        ("weekdays", ["someday"]),
        ("timezone", "Mars/Olympus"),
        ("hour", "24"),
        ("length", "endless"),
        ("pause", "tomorrow"),
        ("pause", "2026-01-08"),
        ("pause", "2027-06-01"),
    ],
)
@on_one_database
def test_a_fault_keeps_everything_from_being_saved(web: Web, field: str, value: str | list[str]) -> None:
    """The fault stands at its field, what was chosen stays in the form, and not one choice is saved."""
    subscribed(web)
    before = ann(web), len(ledger(web))
    changes = {"newsletters": [], "audiences": ["Engineers"], "hour": "22", "length": "short", field: value}
    answer = web.client.post(web.preferences_link(ANN), data=USUAL | changes)
    assert answer.status_code == 422
    assert re.findall(r'id="(\w+)-fault"', answer.text) == [field.removeprefix("more_")]
    assert "Nothing was saved" in answer.text
    if field != "length":
        assert re.search(r'value="short"[^>]* checked', answer.text)
    after = ann(web)
    assert (after.lens, after.rhythm, after.state("daily")) == (
        before[0].lens,
        before[0].rhythm,
        "confirmed",
    )
    assert len(ledger(web)) == before[1]


@on_one_database
def test_nobody_follows_what_they_mute(web: Web) -> None:
    """A company on both sides is a fault at the mutes, in every spelling of it."""
    subscribed(web)
    answer = web.client.post(
        web.preferences_link(ANN),
        data=USUAL | {"companies": ["Sample Lab"], "more_muted_companies": "sample  lab"},
    )
    assert answer.status_code == 422
    assert "You follow sample lab as well" in answer.text


@on_one_database
def test_what_is_typed_is_shown_as_text(web: Web) -> None:
    """Markup in a topic is a topic with odd letters, wherever the page shows it."""
    subscribed(web)
    page = web.client.post(
        web.preferences_link(ANN), data=USUAL | {"more_topics": "<b onload=x>chips</b>"}
    ).text
    assert "<b onload" not in page
    assert "&lt;b onload=x&gt;chips&lt;/b&gt;" in page


@on_one_database
def test_the_way_of_a_reader_who_wants_less(page: Page, web: Web) -> None:
    """By keyboard and clicks alone: choose, look what it means, save, and read what was saved."""
    publish(web)
    web.now = LATER
    page.goto(web.preferences_link(ANN))
    for day in ("Saturday", "Sunday"):
        page.get_by_role("checkbox", name=day, exact=True).uncheck()
    page.get_by_label("Add topics to follow").fill("chips")
    page.get_by_label("Deliver at").select_option("18:00")
    page.get_by_role("button", name="Show what this means").click()
    expect(page.get_by_text("Not saved yet.")).to_be_visible()
    expect(page.get_by_role("heading", name="What this means")).to_be_in_viewport()
    expect(page.get_by_text("Thursday 8 January, 18:00 (UTC+00:00)")).to_be_visible()
    page.get_by_label("Pause: mail again from").fill(date(2026, 2, 1).isoformat())
    page.get_by_role("button", name="Save my preferences").click()
    expect(page.get_by_role("status")).to_contain_text("Your mails come at 18:00 (UTC), on Mon, Tue")
    expect(page.get_by_role("status")).to_contain_text("No mail comes before February 1, 2026.")
    assert ann(web).rhythm == Rhythm("UTC", 18, frozenset(range(5)))
