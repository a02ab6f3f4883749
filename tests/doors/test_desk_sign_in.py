"""To sign in to the desk: by a link from the mailbox, once, by whoever owns it, and as nobody else."""

import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from newsletter.editors import people
from newsletter.links import SIGN_IN_LIFE
from newsletter.models import AuditLine, Delivery, EditorSession, SignIn
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from newsletter.web.app import create_app
from newsletter.web.desk import sign_in
from newsletter.web.mailfolder import mail_names, read_mail
from subscribers.address import parse
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import FROM_HERE, a_link, an_editor, at_desk, browser_of
from tests.doors.test_web_safety import rows
from tests.web_server import WebServer

ADA, EVE = "ada@desk.example", "eve@nowhere.example"


def ask(web: Web, email: str) -> httpx.Response:
    return web.client.post("/sign-in", data={"email": email}, headers=FROM_HERE)


def asked(web: Web) -> int:
    with reading(web.services.engine) as session:
        return len(session.scalars(select(SignIn)).all())


def test_the_way_in_is_by_mail(web: Web) -> None:
    """Whoever asks is mailed a link at once, before any digest; its button opens the desk."""
    an_editor(web, Role.ADMIN, ADA)
    assert ask(web, " Ada@DESK.example ").status_code == 200
    web.services.dispatcher().run(web.now)
    folder = web.services.settings.mail_folder
    [name] = mail_names(folder)
    mail = read_mail(folder, name)
    assert (mail.envelope.to, mail.envelope.subject) == (ADA, "Sign in to the desk")
    assert "15 minutes" in mail.text
    [link] = mail.links(web.url)
    assert "<button>Sign in</button>" in web.client.get(link).text
    answer = web.client.post(link, headers=FROM_HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    assert ADA in web.client.get("/desk").text
    with reading(web.services.engine) as session:
        delivery = session.scalars(select(Delivery)).one()
        assert (delivery.state, delivery.kind, delivery.subscriber_id) == ("accepted", "sign-in", None)
        acts = session.scalars(select(AuditLine.act).order_by(AuditLine.id)).all()
        assert acts == ["editor added", "signed in"]


def test_nobody_learns_who_the_editors_are(web: Web) -> None:
    """Known, unknown and too often asked for addresses get one and the same answer, and none gets it
    sooner than it takes to queue a mail."""
    an_editor(web, Role.VIEWER, ADA)
    answers = [ask(web, email) for email in (ADA, EVE, *[ADA] * 12)]
    assert all(each.elapsed >= sign_in.LEAST_TIME for each in answers)
    for each in answers:
        del each.headers["date"]
    told = {(each.status_code, each.content, tuple(each.headers.multi_items())) for each in answers}
    assert len(told) == 1
    assert asked(web) == 10
    with reading(web.services.engine) as session:
        assert len(session.scalars(select(Delivery)).all()) == 10


@on_one_database
def test_asking_is_limited_without_locking_out(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """One network can ask for a mailbox ten times a day; its owner still can from another."""
    an_editor(web, Role.VIEWER, ADA)
    for _ in range(15):
        ask(web, ADA)
    assert asked(web) == sign_in.FROM_NETWORK_TO_MAILBOX.most
    monkeypatch.setattr(sign_in, "ip_of", lambda _: "203.0.113.9")
    ask(web, ADA)
    assert asked(web) == sign_in.FROM_NETWORK_TO_MAILBOX.most + 1
    for _ in range(40):
        ask(web, EVE)
    an_editor(web, Role.VIEWER, "bo@desk.example")
    ask(web, "bo@desk.example")
    assert asked(web) == sign_in.FROM_NETWORK_TO_MAILBOX.most + 1, "the network asked too often"


@on_one_database
def test_what_is_no_address_is_told(web: Web) -> None:
    """A typing mistake comes back at the field, with what was typed."""
    answer = ask(web, 'ada@"><b>')
    assert answer.status_code == 422
    assert "Please check the address" in answer.text
    assert "<b>" not in answer.text


def test_scanners_burn_nothing(web: Web) -> None:
    """Any number of GET and HEAD requests leave the link, and every row, as they were."""
    an_editor(web, Role.EDITOR, ADA)
    link = a_link(web, ADA)
    before = rows(web)
    for _ in range(3):
        assert web.client.get(link).status_code == web.client.head(link).status_code == 200
    assert rows(web) == before
    assert web.client.post(link, headers=FROM_HERE).status_code == 303


def test_a_link_works_once(web: Web) -> None:
    """The second press of the button signs nobody in."""
    an_editor(web, Role.EDITOR, ADA)
    link = a_link(web, ADA)
    assert web.client.post(link, headers=FROM_HERE).status_code == 303
    with httpx.Client(base_url=web.url) as thief:
        answer = thief.post(link, headers=FROM_HERE)
        assert answer.status_code == 410
        assert "set-cookie" not in answer.headers
        assert thief.get("/desk").headers["location"] == "/sign-in"


@on_one_database
def test_a_link_works_for_a_quarter_of_an_hour(web: Web) -> None:
    """To the last second it does; then both the page and the button offer another."""
    an_editor(web, Role.EDITOR, ADA)
    early, late = a_link(web, ADA), a_link(web, ADA)
    web.now += SIGN_IN_LIFE
    assert web.client.post(early, headers=FROM_HERE).status_code == 303
    web.now += timedelta(seconds=1)
    for answer in (web.client.get(late), web.client.post(late, headers=FROM_HERE)):
        assert answer.status_code == 410
        assert "Ask for another" in answer.text


@on_one_database
def test_a_removed_editors_link_opens_nothing(web: Web) -> None:
    """A link that was mailed before its editor was removed lets nobody in."""
    an_editor(web, Role.EDITOR, ADA)
    link = a_link(web, ADA)
    with writing(web.services.engine) as session:
        people.remove(session, people.get(session, parse(ADA)), now=web.now)
    assert web.client.post(link, headers=FROM_HERE).status_code == 410
    before = asked(web)
    ask(web, ADA)
    assert asked(web) == before


@on_one_database
@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}])
def test_no_other_site_signs_anybody_in(web: Web, headers: dict[str, str]) -> None:
    """A page elsewhere can neither ask for a link nor use one up in its visitor's browser."""
    an_editor(web, Role.EDITOR, ADA)
    link = a_link(web, ADA)
    before = rows(web)
    assert web.client.post(link, headers=headers).status_code == 403
    assert web.client.post("/sign-in", data={"email": ADA}, headers=headers).status_code == 403
    assert rows(web) == before


@on_one_database
def test_signing_in_changes_the_session(web: Web) -> None:
    """Each sign-in has a secret of its own; the one that the browser had before is good for nothing."""
    with at_desk(web, Role.EDITOR, ADA) as desk:
        first = desk.client.cookies["desk"]
        desk.client.post(a_link(web, ADA), headers=FROM_HERE)
        assert desk.client.cookies["desk"] != first
        with httpx.Client(base_url=web.url, cookies={"desk": first}) as old:
            assert old.get("/desk").headers["location"] == "/sign-in"
        assert desk.get("/desk").status_code == 200


def test_the_cookie_is_out_of_reach(web: Web, web_stage: WebServer) -> None:
    """Scripts and other sites cannot read it; over https it is bound to this host; the table has a hash."""
    an_editor(web, Role.EDITOR, ADA)
    plain = web.client.post(a_link(web, ADA), headers=FROM_HERE).headers["set-cookie"]
    assert re.fullmatch(r"desk=[\w-]{43}; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax", plain)
    settings = web.services.settings.model_copy(update={"public_url": "https://news.example"})
    web_stage.app = create_app(replace(web.services, settings=settings), clock=lambda: web.now)
    answer = web.client.post(a_link(web, ADA), headers=FROM_HERE)
    safe = answer.headers["set-cookie"]
    assert re.fullmatch(
        r"__Host-desk=[\w-]{43}; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax; Secure", safe
    )
    with reading(web.services.engine) as session:
        kept = session.scalars(select(EditorSession.digest)).all()
    secrets = [cookie.split(";")[0].split("=")[1] for cookie in (plain, safe)]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in kept)
    assert not set(secrets) & set(kept)
    home = web.client.get("/desk", headers={"cookie": f"__Host-desk={secrets[1]}"})
    assert home.headers["strict-transport-security"] == "max-age=31536000"


@on_one_database
def test_two_browsers_are_two_sessions(web: Web) -> None:
    """Signing out in one leaves the other signed in, and clears the cookie."""
    with at_desk(web, Role.VIEWER, ADA) as desk, browser_of(web, ADA) as other:
        answer = desk.post("/desk/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert 'desk=""' in answer.headers["set-cookie"]
        assert desk.get("/desk").status_code == 303
        assert other.get("/desk").status_code == 200
