"""The accessibility gate: axe-core finds no fault of WCAG A or AA on any public page, nor the keyboard."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from newsletter.links import CONFIRM_LIFE
from tests.doors.conftest import Web, on_one_database
from tests.doors.test_web_mailbox import ANN, LATER, publish
from tests.web_server import WebServer

BEA = "bea@reader.example"
RULES = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
}
Scheme = Literal["light", "dark"]

#: What can be reached by keyboard: links, fields that are shown, buttons; radio buttons as one.
REACHABLE = """() => {
  const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
  const shown = all.filter((one) =>
    one.tabIndex >= 0 && one.type != 'hidden' && one.checkVisibility() && !one.closest('[aria-hidden]'))
  return shown.filter((one) => one.type != 'radio' || one.checked).map((one) => one.outerHTML.slice(0, 120))
}"""
#: Where the focus is, and whether one can see it, on the element or on the box around it.
FOCUSED = """() => {
  const one = document.activeElement
  const rings = [one, one.closest('.choice')].filter(Boolean)
  const seen = rings.some((at) => parseFloat(getComputedStyle(at).outlineWidth) >= 2
    && getComputedStyle(at).outlineStyle != 'none')
  return [one == document.body ? null : one.outerHTML.slice(0, 120), seen]
}"""


@contextmanager
def phone(browser: Browser, web: Web, scheme: Scheme) -> Iterator[Page]:
    context = browser.new_context(
        color_scheme=scheme, base_url=web.url, viewport={"width": 375, "height": 800}
    )
    yield context.new_page()
    context.close()


def links(web: Web, web_stage: WebServer) -> list[str]:
    """Every page that a link opens, for a subscriber who was mailed before."""
    with warnings.catch_warnings(action="ignore"):  # about names in a schema that is never served
        schema = web_stage.app.openapi()  # type: ignore[attr-defined]
    public = [path for path, methods in schema["paths"].items() if "get" in methods]
    no_pages = (
        "/healthz",
        "/readyz",
        "/metrics",
        "/style.css",
        "/zone.js",
        "/issue.js",
        "/robots.txt",
        "/api",
        "/l/",
        "/o/",
    )
    inside = ("/mailbox", "/desk", *no_pages)
    pages = [path for path in public if not path.startswith(inside) and not path.endswith(".atom")]
    return [web.fill_in(path, ANN) for path in pages]


def faults(page: Page) -> str:
    found = Axe().run(page, options=RULES)
    return f"{page.url}\n{found.generate_report()}" if found.violations_count else ""


def press(page: Page, name: str) -> str:
    """Press a button, and what axe finds on the page that answers."""
    page.get_by_role("button", name=name).first.click()
    page.wait_for_load_state()
    return faults(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@on_one_database
def test_every_page_is_for_everybody(
    browser: Browser, web: Web, web_stage: WebServer, scheme: Scheme
) -> None:
    """No violation on any page that a link opens, nor on those that answer a form, light and dark."""
    publish(web)
    web.now = LATER
    found = []
    with phone(browser, web, scheme) as page:
        for link in [*links(web, web_stage), "/nowhere", "/confirm/cut-off"]:
            page.goto(link)
            found.append(faults(page))
        page.goto("/subscribe")
        found.append(press(page, "Subscribe"))
        page.get_by_label("Your email address").fill(BEA)
        page.get_by_label("Race to AGI Daily").check()
        found.append(press(page, "Subscribe"))
        page.goto(web.confirm_link(BEA))
        found.append(press(page, "Yes, subscribe me"))
        page.goto(web.preferences_link(BEA))
        page.get_by_label("Add companies to follow").fill("Sample Lab")
        found.append(press(page, "Show what this means"))
        found.append(press(page, "Save my preferences"))
        page.get_by_label("Outlets that must report a story").fill("0")
        page.get_by_role("checkbox", name="Monday").uncheck()
        found.append(press(page, "Save my preferences"))
        page.goto(web.alerts_link(BEA))
        page.get_by_label("Add words").fill("story")
        found.append(press(page, "Show what it would have sent"))
        found.append(press(page, "Save this alert"))
        page.get_by_label("Mails a day at most").fill("0")
        found.append(press(page, "Save how I am alerted"))
        page.get_by_role("link", name="Narrow it").click()
        found.append(faults(page))
        page.goto(web.unsubscribe_link(BEA))
        found.append(press(page, "Unsubscribe me"))
        old = web.confirm_link(BEA)
        web.now += CONFIRM_LIFE + timedelta(days=1)
        page.goto(old)
        found.append(faults(page))
    assert not any(found), "\n".join(found)
    assert len(found) >= 15


@on_one_database
def test_every_control_is_reached_by_keyboard(browser: Browser, web: Web, web_stage: WebServer) -> None:
    """Tab goes through all that can be used, in the order of the page, and one sees where one is."""
    publish(web)
    web.now = LATER
    with phone(browser, web, "light") as page:
        for link in links(web, web_stage):
            page.goto(link)
            reachable = page.evaluate(REACHABLE)
            reached: list[str | None] = []
            for _ in reachable:
                page.keyboard.press("Tab")
                focused, visible = page.evaluate(FOCUSED)
                # a date is one control with a tab stop for each of its parts
                while reached and focused == reached[-1] and "date" in focused:
                    page.keyboard.press("Tab")
                    focused, visible = page.evaluate(FOCUSED)
                assert visible, f"{link}: the focus is not seen on {focused}"
                reached.append(focused)
            assert reached == reachable, link
