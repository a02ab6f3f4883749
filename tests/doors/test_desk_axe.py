"""The desk in full swing is for everybody: on each page, on a phone, in the dark, by keyboard alone."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import a_link
from tests.doors.newsroom import ADA, PAGES, newsroom
from tests.doors.test_axe import FOCUSED, REACHABLE, faults
from tests.doors.test_desk_browser import window
from tests.doors.test_desk_import import own_folder

__all__ = ["own_folder"]
pytestmark = on_one_database

CONTRAST = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
OPEN = "document.querySelectorAll('details').forEach((one) => (one.open = true))"


@pytest.fixture
def page(browser: Browser, web: Web) -> Iterator[Page]:
    """Signed in as Ada, on a phone."""
    with newsroom(web), window(browser, web, viewport={"width": 375, "height": 800}) as page:
        page.goto(a_link(web, ADA))
        page.get_by_role("button", name="Sign in").click()
        yield page


def test_every_page(page: Page) -> None:
    """axe finds no violation with everything unfolded, nor a contrast too low in the dark; no page is
    scrolled sideways or has another heading than one."""
    found = []
    for path in (*PAGES, "what if"):
        open_page(page, path)
        page.evaluate(OPEN)
        found.append(faults(page))
        page.emulate_media(color_scheme="dark")
        dark = Axe().run(page, options=CONTRAST)
        page.emulate_media(color_scheme="light")
        found.append(f"{path}, dark\n{dark.generate_report()}" if dark.violations_count else "")
        if page.evaluate("document.documentElement.scrollWidth") > 375:
            found.append(f"{path} has to be scrolled sideways")
        if page.locator("h1").count() != 1:
            found.append(f"{path} has not one heading")
    assert not any(found), "\n".join(filter(None, found))


def open_page(page: Page, path: str) -> None:
    """By its address, or for what answers a form by its button."""
    if path == "what if":
        page.goto("/desk/what-if")
        page.get_by_role("button", name="Show what would have been").click()
        page.locator("#found").wait_for()
    else:
        page.goto(path)


def test_every_control(page: Page) -> None:
    """Where the system chooses the colours, each is reached by keyboard, in order, and one sees it."""
    page.emulate_media(forced_colors="active")
    for path in PAGES[:-3]:
        page.goto(path)
        reachable = page.evaluate(REACHABLE)
        assert len(reachable) > 10, path
        reached: list[str] = []
        for _ in reachable:
            focused, visible = tabbed(page)
            assert visible, f"{path}: the focus is not seen on {focused}"
            reached.append(focused)
        assert reached == reachable, path


def tabbed(page: Page) -> tuple[str, bool]:
    """What the next press of Tab leads to, and whether one sees it; through the links of a mail in its
    frame, of which the page knows nothing."""
    for _ in range(200):
        page.keyboard.press("Tab")
        focused, visible = page.evaluate(FOCUSED)
        if focused and not focused.startswith("<iframe"):
            return focused, visible
    raise AssertionError(f"{page.url}: the keyboard does not come out of a frame")
