"""The desk in a real browser: the way of an admin by clicking, with and without scripts, for everybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from newsletter.models import EditorSession
from newsletter.models.editor import Role
from newsletter.store.engine import reading
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import a_link, an_editor
from tests.doors.test_axe import FOCUSED, REACHABLE, faults
from tests.doors.test_desk_import import own_folder
from tests.doors.test_web_browser import look
from tests.screenshots import kept_on_failure

__all__ = ["own_folder"]

ADA = "ada@desk.example"
#: as Mailchimp writes it
EXPORT = (
    "E-Mail-Adresse,Vorname,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,CONFIRM_IP,CC,EUID,TAGS\n"
    'ines@reader.example,Inès,2,2021-05-01 10:00:00,2021-05-01 10:05:00,192.0.2.7,FR,e1,"vip"\n'
    "jo@reader,Jo,2,2021-05-01 10:00:00,2021-05-01 10:05:00,192.0.2.7,FR,e2,\n"
)


@contextmanager
def window(browser: Browser, web: Web, **options: Any) -> Iterator[Page]:
    """A page in a browser of its own, which asks nobody but us for anything."""
    context = browser.new_context(base_url=web.url, **options)
    page = context.new_page()
    strange: list[str] = []
    page.on(
        "request", lambda sent: None if sent.url.startswith((web.url, "data:")) else strange.append(sent.url)
    )
    page.on("pageerror", lambda error: strange.append(str(error)))
    page.on("console", lambda said: strange.append(said.text) if "Content Security" in said.text else None)
    try:
        with kept_on_failure(page):
            yield page
    finally:
        context.close()
    assert strange == []


def show(page: Page, url: str, html: str) -> None:
    """Open a page of somebody else's."""
    page.route(url, lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(url)


def send_export(page: Page, folder: Path) -> None:
    (folder / "export.csv").write_text(EXPORT, encoding="utf-8")
    page.get_by_label("The file").set_input_files(folder / "export.csv")
    page.get_by_label("They agreed before").check()
    page.get_by_label("Where and how they agreed").fill("double opt-in at our old service")
    page.get_by_role("button", name="Try the file").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_way_of_an_admin(browser: Browser, web: Web, tmp_path: Path, scripts: bool) -> None:
    """Ask for the link, open the mail, sign in, send a file, see what it would do, import it, read the
    report, sign out: all by what stands on the pages."""
    an_editor(web, Role.ADMIN, ADA)
    with window(browser, web, java_script_enabled=scripts) as page:
        page.goto("/desk")
        page.get_by_label("Your email address").fill(ADA)
        page.get_by_role("button", name="Mail me the link").click()
        web.services.dispatcher().run(web.now)
        page.get_by_role("link", name="mailbox").click()
        page.get_by_role("main").get_by_role("link").first.click()
        page.get_by_role("link", name="Sign in to the desk").click()
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Today")).to_be_visible()
        daily = page.get_by_role("listitem").filter(has_text="Race to AGI Daily")
        expect(daily).to_contain_text("Fri 04:00 UTC")

        page.get_by_role("navigation").get_by_role("link", name="Import readers").click()
        send_export(page, tmp_path)
        expect(page.get_by_text("This is what importing it would do")).to_be_visible()
        expect(page.get_by_text("Mailchimp", exact=True)).to_be_visible()
        expect(page.get_by_role("region", name="Refused rows")).to_contain_text("jo@reader")
        assert web.state("ines@reader.example") is None
        page.get_by_role("button", name="Import it").click()
        expect(page.get_by_role("heading", name="export.csv is imported")).to_be_visible()
        assert web.state("ines@reader.example") == "confirmed"
        page.get_by_role("navigation").get_by_role("link", name="Import readers").click()
        expect(page.get_by_role("row", name="export.csv")).to_contain_text("finished")

        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in to the desk")).to_be_visible()
        page.goto("/desk/readers/import")
        expect(page).to_have_url(f"{web.url}/sign-in")
    with reading(web.services.engine) as session:
        [ended] = session.scalars(select(EditorSession.ended_at))
        assert ended is not None


@on_one_database
def test_another_site_cannot_act_for_an_editor(page: Page, web: Web) -> None:
    """A form that another site shows in the editor's browser signs nobody out, and nobody in."""
    an_editor(web, Role.ADMIN, ADA)
    page.goto(a_link(web, ADA))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    answers = {
        f"{web.url}/desk/sign-out": "Sign in to the desk",  # the browser kept the cookie to itself
        a_link(web, ADA): "This is not for you to do",
    }
    for target, heading in answers.items():
        trap = f"{web.url.replace('127.0.0.1', 'localhost')}/prize/{len(target)}"
        show(page, trap, f'<form method="post" action="{target}"><button>Win</button></form>')
        page.get_by_role("button", name="Win").click()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.goto(f"{web.url}/desk")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@on_one_database
def test_the_desk_is_for_everybody(
    browser: Browser, web: Web, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    """On every page: no violation that axe finds, nothing to scroll sideways, enough contrast, one
    heading; each control is reached by keyboard, in order, and one sees where one is."""
    an_editor(web, Role.ADMIN, ADA)
    with window(browser, web, color_scheme=scheme) as page:
        page.goto("/desk/nowhere")
        examine(page, "There is no such page")
        page.goto("/sign-in")
        examine(page, "Sign in to the desk")
        page.get_by_label("Your email address").fill("ada@")
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_be_visible()
        examine(page, "Sign in to the desk")
        page.get_by_label("Your email address").fill(ADA)
        page.get_by_role("button").click()
        examine(page, "Check your inbox")
        page.goto(a_link(web, ADA))
        examine(page, "Sign in to the desk")
        page.get_by_role("button").click()
        examine(page, "Today")
        page.goto("/desk/keys")
        page.get_by_label("Which program it is for").fill("importer")
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_role("heading", name="The key of importer")).to_be_visible()
        examine(page, "Keys")
        page.goto("/api/v1")
        examine(page, "The API of the desk")
        page.goto("/desk/readers/import")
        examine(page, "Import readers")
        page.get_by_label("Race to AGI Daily").uncheck()
        send_export(page, tmp_path)
        expect(page.get_by_text("Choose at least one newsletter")).to_be_visible()
        examine(page, "Import readers")
        page.get_by_label("Race to AGI Daily").check()
        send_export(page, tmp_path)
        expect(page.get_by_role("button", name="Import it")).to_be_visible()
        page.get_by_text("Try it on other terms").click()
        examine(page, "export.csv")
        page.get_by_role("button", name="Import it").click()
        examine(page, "export.csv is imported")


def examine(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    page.wait_for_load_state()
    found = faults(page)
    assert not found, found
    look(page)
    page.set_viewport_size({"width": 375, "height": 800})
    reachable = page.evaluate(REACHABLE)
    reached = []
    page.keyboard.press("Tab")  # from now on the browser shows where the focus is
    page.locator(".skip").focus()
    for _ in reachable:
        focused, visible = page.evaluate(FOCUSED)
        assert visible, f"{page.url}: the focus is not seen on {focused}"
        reached.append(focused)
        page.keyboard.press("Tab")
    assert reached == reachable, page.url
