"""The mailbox: what the folder holds, shown inert; issues with their proof and previews."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import update

from newsletter.intake.take_in import take_in
from newsletter.mail import Content, Mail
from newsletter.models import Delivery
from newsletter.sources.records import Incoming
from newsletter.store.engine import writing
from newsletter.tick import tick
from newsletter.web.app import create_app
from subscribers.address import parse
from subscribers.lens import Lens
from tests.builders import a_story
from tests.doors.conftest import Web, on_one_database
from tests.people import subscriber
from tests.web_server import WebServer

ANN = "ann@reader.example"
#: hours after the daily of 8 January went to readers in UTC
LATER = datetime(2026, 1, 8, 12, tzinfo=UTC)


def deliver(web: Web, delivery_id: int, *, subject: str = "A subject", html: str = "<p>Hello</p>") -> str:
    """Let the folder provider write a mail; its name in the mailbox."""
    mail = Mail(
        delivery_id=delivery_id,
        sender=web.services.settings.mail_from,
        to=ANN,
        content=Content(subject, html, "Hello in text"),
        slots={},
        headers=(("Message-ID", f"<{delivery_id}@racetoagi.example>"),),
    )
    outcome = web.services.provider.hand_over([mail], lambda: False).outcomes[delivery_id]
    assert outcome.message_id is not None
    return outcome.message_id


def publish(web: Web) -> None:
    """Two stories, two readers, and the tick that tells them."""
    stories = [
        a_story("For investors", audiences=("Investors",)),
        a_story("مهم للباحثين", language="ar", audiences=("Researchers",)),
    ]
    with writing(web.services.engine) as session:
        told = [Incoming(story.title, story, "test") for story in stories]
        take_in(session, told, now=LATER - timedelta(hours=10))
        subscriber(session, parse(ANN), lens=Lens.of(audiences=["Investors"]))
        subscriber(session, parse("bob@reader.example"))
    tick(web.services, LATER)


def test_an_empty_mailbox_says_how_mail_comes(web: Web) -> None:
    """Before the first mail, and before the folder is there, the pages explain instead of failing."""
    assert "0 mails" in web.client.get("/mailbox").text
    assert "no issue yet" in web.client.get("/mailbox/issues").text


@on_one_database
def test_mails_are_listed_the_newest_first(web: Web) -> None:
    """Every mail stands with recipient, subject and time, what came last on top."""
    names = [deliver(web, number, subject=f"Mail <{number}>") for number in (3, 1, 2)]
    page = web.client.get("/mailbox").text
    assert re.findall(r"/mailbox/([\w.-]+\.eml)", page) == names[::-1]
    assert "3 mails" in page
    assert "Mail &lt;1&gt;" in page
    assert ANN in page


@on_one_database
def test_long_mailboxes_have_pages(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older mails are on further pages; none is left out, none comes twice."""
    monkeypatch.setattr("newsletter.web.mailbox.PAGE", 2)
    names = {deliver(web, number) for number in range(5)}
    found = [
        name
        for page in (1, 2, 3)
        for name in re.findall(r"/mailbox/([\w.-]+\.eml)", web.client.get(f"/mailbox?page={page}").text)
    ]
    assert len(found) == len(names)
    assert set(found) == names
    assert "page=4" not in web.client.get("/mailbox?page=3").text


@on_one_database
def test_a_mail_is_shown_with_all_its_parts(web: Web) -> None:
    """Headers, text and html are there; the html stands in a frame of its own, without any rights."""
    name = deliver(web, 7, subject="Ünïcode <b>", html="<p>Hello <script>alert(1)</script></p>")
    page = web.client.get(f"/mailbox/{name}").text
    assert "Ünïcode &lt;b&gt;" in page
    assert "Message-ID" in page
    assert "Hello in text" in page
    assert f'<iframe sandbox title="HTML part of the mail" src="/mailbox/{name}/html">' in page
    assert "alert(1)" not in page


@on_one_database
def test_the_html_of_a_mail_is_inert(web: Web) -> None:
    """Opened on its own, it may run nothing, load nothing, send nothing; only its own style counts."""
    answer = web.client.get(f"/mailbox/{deliver(web, 7)}/html")
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy == ["sandbox", "default-src 'none'", "style-src 'unsafe-inline'", "frame-ancestors 'self'"]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<p>Hello</p>" in answer.text


def test_the_links_of_a_mail_can_be_used(web: Web) -> None:
    """The links to confirm that stands in the inert mail is offered below it, and works."""
    web.ask(ANN)
    web.services.dispatcher().run(web.now)
    name = re.findall(r"/mailbox/([\w.-]+\.eml)", web.client.get("/mailbox").text)[0]
    page = web.client.get(f"/mailbox/{name}").text
    [link] = re.findall(r'<a href="([^"]+)">Confirm the subscription</a>', page)
    assert link.startswith(f"{web.url}/confirm/")
    assert web.client.post(unescape(link)).status_code == 200
    assert web.state(ANN) == "confirmed"


STRANGE_NAMES = (
    "..%2Fsecret.key",
    "..%2Foutside.eml",
    "%2e%2e%2foutside.eml",
    "..%5Coutside.eml",
    "%2Fetc%2Fpasswd",
    ".hidden.eml",
    "...eml",
    "x.eml%00.txt",
    "x.eml%0A",
    "nothing.eml",
    "mail.txt",
    "folder.eml",
)


@on_one_database
def test_only_mails_of_the_folder_can_be_opened(web: Web) -> None:
    """No name reaches a file outside of the folder, a hidden one, or one that is no mail."""
    deliver(web, 1)
    folder = web.services.settings.mail_folder
    for file in (folder.parent / "outside.eml", folder / ".hidden.eml", folder / "mail.txt"):
        file.write_text("Subject: hush\n\nhush")
    (folder / "folder.eml").mkdir()
    for name in STRANGE_NAMES:
        for path in (f"/mailbox/{name}", f"/mailbox/{name}/html"):
            answer = web.client.get(path)
            assert answer.status_code == 404, path
            assert "hush" not in answer.text, path
    assert web.client.get("/mailbox").status_code == 200


@on_one_database
def test_no_mailbox_where_mail_really_leaves(web: Web, web_stage: WebServer) -> None:
    """With any other provider nobody can look at mails or issues, and no page speaks of it."""
    real = web.services.settings.model_copy(update={"mail_provider": "smtp"})
    web_stage.app = create_app(replace(web.services, settings=real))
    name = deliver(web, 1)
    for path in ("/mailbox", f"/mailbox/{name}", f"/mailbox/{name}/html", "/mailbox/issues"):
        assert web.client.get(path).status_code == 404
    assert "mailbox" not in web.client.get("/subscribe").text.casefold()


def test_an_issue_shows_its_proof(web: Web) -> None:
    """Of a published issue, the page has the state, the counts that add up, and the subjects."""
    publish(web)
    listed = web.client.get("/mailbox/issues").text
    [number] = set(re.findall(r"/mailbox/issues/(\d+)", listed)[:1])
    page = web.client.get(f"/mailbox/issues/{number}").text
    assert "2 frozen = 2 accepted" in page
    assert '<span class="state">finished</span>' in page
    assert 'class="fault"' not in page


def test_an_issue_shows_what_mailboxes_said(web: Web) -> None:
    """Beside the proof stands what was heard of its mails, and nothing before anything was."""
    publish(web)
    assert "What the mailboxes said" not in web.client.get("/mailbox/issues/1").text
    with writing(web.services.engine) as session:
        session.execute(update(Delivery).values(mailbox="delivered"))
    assert '<tr><td>delivered</td><td class="number">2</td></tr>' in web.client.get("/mailbox/issues/1").text


@pytest.mark.parametrize(
    ("query", "seen", "unseen"),
    [
        ("", "For investors", None),
        ("audience=Researchers", "مهم للباحثين", "For investors"),
        (f"email={ANN}", "For investors", "مهم للباحثين"),
    ],
)
def test_a_preview_is_the_mail_itself(web: Web, query: str, seen: str, unseen: str | None) -> None:
    """For an audience or one subscriber, the page and its inert frame show what they get."""
    publish(web)
    page = web.client.get(f"/mailbox/issues/1/preview?{query}")
    assert page.status_code == 200
    [frame] = re.findall(r'<iframe sandbox [^>]*src="([^"]+)"', page.text)
    html = web.client.get(unescape(frame))
    assert html.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    for text in (page.text, html.text):
        assert seen in text
        assert unseen is None or unseen not in text


@pytest.mark.parametrize(
    ("query", "reason"),
    [("email=nobody@reader.example", "nobody@reader.example"), ("email=nobody", "is not an e-mail address")],
)
def test_a_preview_for_nobody_says_so(web: Web, query: str, reason: str) -> None:
    """An address that is none, or of nobody, is a page with the reason, not a crash."""
    publish(web)
    answer = web.client.get(f"/mailbox/issues/1/preview?{query}")
    assert answer.status_code == 422
    assert reason in answer.text
    assert web.client.get(f"/mailbox/issues/1/preview/html?{query}").status_code == 404


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "9223372036854775807", "9223372036854775808"])
def test_an_issue_that_is_none_is_not_found(web: Web, number: str) -> None:
    """Any number or word in the place of an issue is a page that says there is none."""
    for path in (f"/mailbox/issues/{number}", f"/mailbox/issues/{number}/preview"):
        assert web.client.get(path).status_code == 404
