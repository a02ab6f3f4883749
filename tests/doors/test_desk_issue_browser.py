"""A morning's work at an issue in a real browser: by mouse, by keyboard, without scripts, two at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from newsletter.editors import people
from newsletter.models import Issue
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from subscribers.address import parse
from tests.builders import a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import a_link
from tests.doors.test_axe import faults
from tests.doors.test_desk_browser import examine, window
from tests.doors.test_web_browser import look
from tests.issues import SEEN, draft, tell

pytestmark = on_one_database

NAMES = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon")


@pytest.fixture
def path(web: Web) -> str:
    """The page of an issue with five stories; Ed and Kim are editors."""
    web.now = SEEN
    tell(web.services, *(a_story(name, outlets=12 - n, companies=()) for n, name in enumerate(NAMES)))
    with writing(web.services.engine) as session:
        for name in ("Ed", "Kim"):
            people.add(session, parse(f"{name}@desk.example"), Role.EDITOR, name=name, now=SEEN)
    return f"/desk/issues/{draft(web.services)}"


@contextmanager
def at_issue(browser: Browser, web: Web, path: str, name: str, **options: Any) -> Iterator[Page]:
    """The issue's page in a browser in which this editor signed in."""
    with window(browser, web, **options) as page:
        page.goto(a_link(web, f"{name}@desk.example"))
        page.get_by_role("button", name="Sign in").click()
        page.goto(path)
        yield page


def order(page: Page) -> str:
    """The first letters of the stories told, in their order."""
    return "".join(name[0] for name in page.locator("#told h3").all_inner_texts())


def row(page: Page, name: str) -> Locator:
    return page.locator("#told > li", has=page.get_by_role("heading", name=name))


def handle(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"Move “{name}”")


def text(page: Page, name: str, label: str) -> Locator:
    """A text of that story, to be written."""
    return row(page, name).get_by_role("textbox", name=label)


def version(web: Web, path: str) -> int:
    with reading(web.services.engine) as session:
        return session.get_one(Issue, int(path.rpartition("/")[2])).version


def said(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


def test_stories_are_moved_by_mouse_and_by_keyboard(browser: Browser, web: Web, path: str) -> None:
    """A story is dragged to a place that is shown, and lifted, moved, put down or left by keys; each is
    saved at once, the focus stays, and Ctrl+Z takes it back, but not from within a text."""
    with at_issue(browser, web, path, "Ed", viewport={"width": 1280, "height": 1400}) as page:
        assert order(page) == "ABGDE"
        handle(page, "Delta").hover()
        page.mouse.down()
        for depth in (60, 6, 5, 4):
            row(page, "Beta").hover(position={"x": 200, "y": depth})
        expect(row(page, "Beta")).to_have_class("story goes-before")
        page.mouse.up()
        said(page, "Saved, version 1: moved “Delta” to place 2.")
        assert order(page) == "ADBGE"

        handle(page, "Epsilon").focus()
        page.keyboard.press("Space")
        said(page, "Lifted “Epsilon”, place 5 of 5.")
        for _ in range(9):
            page.keyboard.press("ArrowUp")
        said(page, "Place 1 of 5.")
        page.keyboard.press("Escape")
        said(page, "Left “Epsilon” where it was.")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        expect(row(page, "Beta")).to_have_class("story goes-before")
        page.keyboard.press("Space")
        said(page, "Saved, version 2: moved “Epsilon” to place 3.")
        assert order(page) == "ADEBG"
        expect(handle(page, "Epsilon")).to_be_focused()

        page.keyboard.press("p")
        said(page, "Saved, version 3: pinned “Epsilon”.")
        assert order(page) == "EADBG"
        expect(row(page, "Epsilon").get_by_role("button", name="Unpin")).to_be_visible()
        handle(page, "Alpha").focus()
        page.keyboard.press("d")
        said(page, "Saved, version 4: dropped “Alpha”.")
        expect(row(page, "Delta")).to_be_focused()
        page.keyboard.press("Control+z")
        said(page, "Saved, version 5: took back: dropped “Alpha”.")
        page.keyboard.press("Control+z")
        said(page, "Saved, version 6: took back: pinned “Epsilon”.")
        assert order(page) == "ADEBG"

        page.get_by_text("Write an intro").click()
        page.keyboard.press("Tab")
        page.keyboard.type("pd")
        page.keyboard.press("Control+z")
        assert version(web, path) == 6


def test_two_editors_at_once(browser: Browser, web: Web, path: str) -> None:
    """The second is told of the first's change and keeps what they are writing; at one text they choose
    between both; what neither touched merges."""
    with at_issue(browser, web, path, "Ed") as ed, at_issue(browser, web, path, "Kim") as kim:
        for page in (ed, kim):
            row(page, "Alpha").get_by_text("Edit", exact=True).click()
        note, headline = (text(kim, "Alpha", label) for label in ("Note", "Headline"))
        note.fill("Kim's note")

        text(ed, "Alpha", "Headline").fill("Alpha, said anew")
        text(ed, "Alpha", "Headline").press("Control+Enter")
        said(ed, "Saved, version 1: rewrote the headline of “Alpha”.")
        ed.get_by_role("button", name="Drop: Gamma").click()
        said(ed, "Saved, version 2")
        kim.evaluate("dispatchEvent(new Event('focus'))")
        said(kim, "Ed dropped “Gamma”, less than 1 min ago, and 1 more.")
        expect(headline).to_have_value("Alpha")
        kim.get_by_role("button", name="Show it").click()
        expect(headline).to_have_value("Alpha, said anew")
        expect(note).to_have_value("Kim's note")
        assert order(kim) == "ABDE"
        note.press("Control+Enter")
        said(kim, "Saved, version 3: rewrote the note of “Alpha, said anew”. Meanwhile: Ed dropped “Gamma”")

        text(ed, "Alpha", "Note").fill("Ed's note")
        row(ed, "Beta").get_by_text("Edit", exact=True).click()
        text(ed, "Beta", "Note").fill("Half a sentence")
        row(ed, "Alpha").get_by_role("button", name="Save the texts").click()
        choice = ed.get_by_role("dialog", name="This was changed meanwhile")
        expect(choice.get_by_role("listitem")).to_contain_text("Kim rewrote the note")
        expect(choice.get_by_text("Kim's note", exact=True)).to_be_visible()
        assert not faults(ed)
        choice.get_by_label("Yours: the note").fill("Ed's and Kim's note")
        choice.get_by_role("button", name="Use mine").click()
        said(ed, "Saved, version 4")
        expect(choice).to_have_count(0)
        expect(text(ed, "Alpha", "Note")).to_have_value("Ed's and Kim's note")
        expect(text(ed, "Beta", "Note")).to_have_value("Half a sentence")

        note.fill("Kim's again")
        row(kim, "Alpha").get_by_role("button", name="Save the texts").click()
        kim.get_by_role("dialog").get_by_role("link", name="Keep theirs").click()
        expect(note).to_have_value("Ed's and Kim's note")
        assert version(web, path) == 4


def test_a_text_outlives_story_network_and_session(browser: Browser, web: Web, path: str) -> None:
    """What is being written stays in sight when the network or the session fails, and when somebody
    drops the story."""
    with at_issue(browser, web, path, "Ed") as ed, at_issue(browser, web, path, "Kim") as kim:
        row(kim, "Beta").get_by_text("Edit", exact=True).click()
        text(kim, "Beta", "Note").fill("Long in the making")
        kim.context.set_offline(True)
        row(kim, "Beta").get_by_role("button", name="Save the texts").click()
        said(kim, "Not saved: the desk cannot be reached.")
        kim.context.set_offline(False)
        beside = kim.context.new_page()
        beside.goto("/desk")
        beside.get_by_role("button", name="Sign out").click()
        row(kim, "Beta").get_by_role("button", name="Save the texts").click()
        said(kim, "Not saved: Sign in to the desk. Your texts are still here.")
        beside.goto(a_link(web, "Kim@desk.example"))
        beside.get_by_role("button", name="Sign in").click()
        kim.get_by_role("button", name="Load the page anew").click()
        expect(text(kim, "Beta", "Note")).to_have_value("Long in the making")

        ed.get_by_role("button", name="Drop: Beta").click()
        said(ed, "Saved, version 1")
        kim.get_by_role("button", name="Pin: Gamma").click()
        said(kim, "Saved, version 2")
        expect(kim.get_by_text("belongs to a story that is not told any more")).to_be_visible()
        expect(kim.locator("#note-2")).to_have_value("Long in the making")


def test_all_of_it_without_scripts(browser: Browser, web: Web, path: str) -> None:
    """Move, rewrite, be overtaken and insist, drop, restore, undo: by links and buttons alone."""
    with at_issue(browser, web, path, "Ed", java_script_enabled=False) as page:
        page.get_by_role("button", name="Move down: Alpha").click()
        expect(page.get_by_text("Saved, version 1: moved “Alpha” to place 2.")).to_be_visible()
        assert order(page) == "BAGDE"
        row(page, "Alpha").get_by_text("Edit", exact=True).click()
        with at_issue(browser, web, path, "Kim", java_script_enabled=False) as kim:
            row(kim, "Alpha").get_by_text("Edit", exact=True).click()
            text(kim, "Alpha", "Headline").fill("Kim's")
            row(kim, "Alpha").get_by_role("button", name="Save the texts").click()
        text(page, "Alpha", "Headline").fill("Ed's")
        row(page, "Alpha").get_by_role("button", name="Save the texts").click()
        expect(page.get_by_text("Kim's", exact=True)).to_be_visible()
        page.get_by_role("button", name="Use mine").click()
        expect(row(page, "Ed's").get_by_text("Original: Alpha")).to_have_count(2)
        page.get_by_role("button", name="Drop: Gamma").click()
        page.get_by_role("button", name="Restore: Gamma").click()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("took back: restored “Gamma”").first).to_be_visible()
        assert version(web, path) == 6


def test_the_issue_is_for_everybody(browser: Browser, web: Web, path: str) -> None:
    """No fault that axe finds on the page with all its forms open, dark or light; each control is
    reached by keyboard, on a phone as well."""
    with at_issue(browser, web, path, "Ed", color_scheme="dark") as page:
        page.get_by_role("button", name="Pin: Beta").click()
        said(page, "Saved, version 1")
        page.goto(f"{path}?saved=1&find=a")
        row(page, "Alpha").get_by_text("Edit", exact=True).click()
        examine(page, "What was changed")
        page.emulate_media(color_scheme="light")
        look(page)
        assert not faults(page)
        page.goto("/desk/issues")
        examine(page, "Issues")
