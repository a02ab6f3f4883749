"""My data: behind a fresh link only, all of it as a file, and gone for good when its owner says so."""

import json
import re
from datetime import timedelta
from enum import StrEnum

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from newsletter.models import Delivery
from newsletter.store.engine import reading, writing
from newsletter.web import data as data_page
from newsletter.web.data import DATA_WORDING, EXPORT_WORDING
from subscribers import suppression
from subscribers.address import parse
from subscribers.ledger import WORDING_VERSION, Channel
from subscribers.models import Act, Consent, Subscriber, SubscriptionState, SuppressionReason, Tag
from tests.command_line import Cli
from tests.doors.conftest import Web, on_one_database

ANN, BOB = "ann@reader.example", "bob@reader.example"


def subscribed(web: Web, email: str = ANN) -> Subscriber:
    """A confirmed subscriber with a name, all else by the pages."""
    web.ask(email, "daily", "weekly")
    web.client.post(web.confirm_link(email, "daily", "weekly"))
    with writing(web.services.engine) as session:
        found = session.scalars(select(Subscriber).where(Subscriber.email == email)).one()
        found.name = "Ann Sample"
        session.add(Tag(subscriber_id=found.id, name="early reader"))
        return found


def data_link(web: Web, email: str = ANN) -> str:
    return web.url + web.fill_in("/data/{token}", email)


def deliveries(web: Web, kind: str = "data link") -> list[Delivery]:
    with reading(web.services.engine) as session:
        found = session.scalars(select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id)).all()
        session.expunge_all()
        return list(found)


def acts(web: Web) -> list[str]:
    with reading(web.services.engine) as session:
        return list(session.scalars(select(Consent.act).order_by(Consent.id)))


def test_the_link_comes_by_mail(web: Web) -> None:
    """Asked for on the page, the letter leaves, and the link in it shows the data and stops in an hour."""
    subscribed(web)
    assert web.client.post("/data", data={"email": ANN}).status_code == 200
    web.services.dispatcher().run(web.now)
    [letter] = deliveries(web)
    mail = (web.services.settings.mail_folder / f"{letter.provider_message_id}").read_text()
    [link] = set(re.findall(r"https?://\S+?/data/[\w.=-]+", mail.replace("=\r\n", "").replace("=\n", "")))
    path = "/data/" + link.rpartition("/data/")[2]
    assert "What we know about you" in web.client.get(path).text
    web.now += timedelta(hours=1, seconds=1)
    for method, where in (("GET", ""), ("GET", "/erase"), ("POST", "/erase"), ("POST", "/export")):
        old = web.client.request(method, path + where)
        assert old.status_code == 410
        assert "too old" in old.text
    assert acts(web)[-1] == "link asked"


def test_the_answer_never_tells_who_is_known(web: Web) -> None:
    """Known, unknown, closed and erased addresses and robots get the same bytes; only the known get mail."""
    subscribed(web)
    subscribed(web, BOB)
    web.client.post(f"{data_link(web, BOB)}/erase")
    with writing(web.services.engine) as session:
        suppression.suppress(
            session,
            parse("closed@reader.example"),
            SuppressionReason.BY_HAND,
            fingerprints=web.services.fingerprints,
            now=web.now,
        )
    asked = [{"email": email} for email in (ANN, BOB, "closed@reader.example", "nobody@reader.example")]
    asked += [{"email": ANN}, {"email": ANN, "website": "x"}]
    answers = [web.client.post("/data", data=each) for each in asked]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert len(deliveries(web)) == 1
    assert web.client.post("/data", data={"email": "ann@"}).status_code == 422


def test_the_page_shows_what_is_known(web: Web) -> None:
    """Choices in short, and each line of consent with its words, version, time and way."""
    subscribed(web)
    text = web.client.get(data_link(web)).text
    for part in (
        "Ann Sample",
        "early reader",
        "07:00 (Europe/Paris)",
        "Asked to subscribe",
        f"version {WORDING_VERSION}",
        "127.0.0.1",
    ):
        assert part in text
    assert ANN not in text
    assert "Yes, subscribe me" in text


@pytest.mark.parametrize(
    ("told", "kind"),
    [(data_page.ACTS, Act), (data_page.CHANNELS, Channel), (data_page.STATES, SubscriptionState)],
)
def test_the_page_has_words_for_all_that_is_kept(told: dict[StrEnum, str], kind: type[StrEnum]) -> None:
    """Whatever the ledger and the subscriptions may hold is told in words that a reader understands."""
    assert set(told) == set(kind)


def test_everything_can_be_taken_away(web: Web) -> None:
    """The file holds all that any table says of the person, the taking itself included."""
    subscribed(web)
    answer = web.client.post(f"{data_link(web)}/export")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    data = json.loads(answer.text)
    assert (data["email"], data["name"], data["tags"]) == (ANN, "Ann Sample", ["early reader"])
    assert data["rhythm"]["timezone"] == "Europe/Paris"
    assert {held["newsletter"]: held["state"] for held in data["subscriptions"]} == {
        "daily": "confirmed",
        "weekly": "confirmed",
    }
    assert [line["act"] for line in data["consent"]] == ["requested", "confirmed", "exported"]
    assert data["consent"][-1]["wording"] == EXPORT_WORDING
    assert [mail["kind"] for mail in data["deliveries"]] == ["confirmation"]
    assert data["muted_stories"] == []
    assert data["suppression"] is None


def test_a_closed_address_is_told_however_it_is_known(web: Web) -> None:
    """Whoever was erased and asks again reads that the address is closed, though only its mark was left."""
    subscribed(web)
    web.client.post(f"{data_link(web)}/erase")
    web.now += timedelta(hours=1)
    web.ask(ANN)
    data = json.loads(web.client.post(f"{data_link(web)}/export").text)
    assert data["suppression"]["reason"] == "erased"
    assert "Address closed" in web.client.get(data_link(web)).text


def test_erasing_is_for_good(web: Web) -> None:
    """One press, and nobody is known by the address or any old link; pressing again says the same."""
    person = subscribed(web)
    link, leave = data_link(web), web.unsubscribe_link(ANN)
    assert "Erase all about" in web.client.get(f"{link}/erase").text
    assert web.subscriber(ANN)
    first, again = (web.client.post(f"{link}/erase") for _ in range(2))
    assert (first.status_code, first.content) == (200, again.content)
    assert web.client.get(link).content == first.content
    assert web.subscriber(ANN) is None
    assert web.client.post(leave).status_code == 200
    assert acts(web).count("erased") == 1
    with reading(web.services.engine) as session:
        assert session.get_one(Subscriber, person.id).name is None


def test_whoever_was_erased_may_come_back(web: Web) -> None:
    """The form asks them again, and their confirmation makes them a subscriber like any other."""
    subscribed(web)
    web.client.post(f"{data_link(web)}/erase")
    web.now += timedelta(hours=1)
    web.ask(ANN)
    assert web.state(ANN) == "pending"
    web.client.post(web.confirm_link(ANN))
    assert web.state(ANN) == "confirmed"
    assert "you are subscribed to" in web.client.get(web.confirm_link(ANN)).text.casefold()


@on_one_database
def test_a_preferences_link_does_not_show_data(web: Web) -> None:
    """Mails are forwarded: no link but the fresh one from the mailbox opens this door."""
    subscribed(web)
    for purpose, token in web.tokens(ANN).items():
        expected = 200 if purpose == "data" else 404
        assert web.client.get(f"/data/{token}").status_code == expected, purpose


@on_one_database
@pytest.mark.parametrize("width", [320, 800])
def test_the_pages_work_on_a_phone(web: Web, page: Page, width: int) -> None:
    """Nothing runs over the edge, and erasing works by the keyboard alone."""
    subscribed(web)
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(data_link(web))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Go on to erase").press("Enter")
    page.get_by_role("button", name="Erase all about me").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Erase all about me").press("Enter")
    page.get_by_role("heading", name="Your data is erased").wait_for()
    assert web.subscriber(ANN) is None


def test_the_command_forgets_too(cli: Cli) -> None:
    """`subscribers erase` does what the page does, and fails with the remedy for somebody unknown."""
    cli("subscribers", "add", ANN, "--confirmed", "--source", "paper form")
    assert cli("subscribers", "show", ANN).code == 0
    assert "flags" not in cli("subscribers", "show", ANN).out
    cli("subscribers", "add", "info@mailinator.com", "--confirmed", "--source", "paper form")
    assert "flags: disposable domain, role address" in cli("subscribers", "show", "info@mailinator.com").out
    assert cli("subscribers", "erase", "info@mailinator.com").code == 0
    done = cli("subscribers", "erase", ANN.upper())
    assert (done.code, done.err) == (0, "")
    assert "erased" in done.out
    assert ANN not in done.out
    assert cli("subscribers", "list", "--json").json() == []
    unknown = cli("subscribers", "erase", ANN)
    assert unknown.code == 1
    assert "nothing is kept" in unknown.err
    kept_out = cli("subscribers", "add", ANN, "--confirmed", "--source", "paper form")
    assert kept_out.code == 1
    assert "erased" in kept_out.err


def test_the_words_of_the_link_are_kept(web: Web) -> None:
    """That a link was asked for is in the ledger, in the words of its button."""
    subscribed(web)
    web.client.post("/data", data={"email": ANN})
    with reading(web.services.engine) as session:
        line = session.scalars(select(Consent).order_by(Consent.id.desc())).first()
        assert line is not None
        assert (line.act, line.wording, line.channel) == ("link asked", DATA_WORDING, "form")
    assert DATA_WORDING in web.client.get("/data").text
