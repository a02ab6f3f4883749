"""The pages in a real browser: the way of a reader by clicking, and how the pages stand on a phone."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doors.conftest import Web, on_one_database
from tests.doors.test_web_mailbox import ANN, deliver, publish

#: text must stand out from what is behind it by so much (WCAG 2.2, 1.4.3)
CONTRAST = 4.5
#: small phones, phones, desks
WIDTHS = (320, 375, 1000)

#: The least contrast of any text on the page, its own background found by going upwards.
LEAST_CONTRAST = """() => {
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor)
      if (color.length == 3 || color[3] == 1) return color
    }
    return [255, 255, 255]
  }
  const says = (element) => [...element.childNodes].some((node) => node.nodeType == 3 && node.data.trim())
  const texts = [...document.body.querySelectorAll('*')].filter((one) => says(one) && one.checkVisibility())
  const found = texts.map((element) => {
    const color = numbers(getComputedStyle(element).color)
    const [a, b] = [light(color), light(behind(element))].sort((x, y) => y - x)
    return [(a + 0.05) / (b + 0.05), element.textContent.trim()]
  })
  return found.sort((x, y) => x[0] - y[0])[0]
}"""


@pytest.fixture
def quiet(page: Page, web: Web) -> Iterator[Page]:
    """A page that asks nobody but us for anything, and has nothing to complain about."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((web.url, "data:")) else complaints.append(request.url)
        ),
    )
    yield page
    assert complaints == []


def test_the_way_of_a_reader(quiet: Page, web: Web) -> None:
    """Subscribe, open the mail, confirm, and leave again: all by what stands on the pages."""
    page = quiet
    page.goto(web.url)
    page.get_by_label("Your email address").fill(ANN)
    page.get_by_label("Race to AGI Daily").check()
    page.get_by_label("Researchers").check()
    page.get_by_label("Your time zone").select_option("Europe/Paris")
    page.get_by_label("Deliver at").select_option("18:00")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    assert web.state(ANN) == "pending"

    web.services.dispatcher().run(web.now)
    page.get_by_role("main").get_by_role("link", name="mailbox").click()
    page.get_by_role("main").get_by_role("link").first.click()
    page.get_by_role("link", name="Confirm the subscription").click()
    expect(page.get_by_role("heading", name="Shall we send you Race to AGI Daily?")).to_be_visible()
    assert web.state(ANN) == "pending"
    page.get_by_role("button", name="Yes, subscribe me").click()
    expect(page.get_by_role("heading", name="You are subscribed to Race to AGI Daily")).to_be_visible()
    expect(page.get_by_text("18:00 (Europe/Paris)")).to_be_visible()
    assert web.state(ANN) == "confirmed"

    page.goto(web.unsubscribe_link(ANN))
    assert web.state(ANN) == "confirmed"
    page.get_by_role("button", name="Unsubscribe me").click()
    expect(page.get_by_role("heading", name="You are unsubscribed from Race to AGI Daily")).to_be_visible()
    assert web.state(ANN) == "unsubscribed"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="All is as before")).to_be_visible()
    assert web.state(ANN) == "confirmed"


@on_one_database
def test_a_fault_is_found_and_mended_by_keyboard(page: Page, web: Web) -> None:
    """A reader without a mouse gets the form back as it was, is told at the field, and goes on."""
    page.goto(f"{web.url}/subscribe")
    page.get_by_label("Your email address").focus()
    page.keyboard.type("ann@")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    email = page.get_by_label("Your email address")
    expect(email).to_have_value("ann@")
    expect(email).to_have_accessible_description(
        "Please check the address: There must be something after the @-sign."
    )
    expect(page.get_by_label("Race to AGI Daily")).to_be_checked()
    expect(page.get_by_role("alert")).to_be_visible()
    email.fill(ANN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@on_one_database
def test_every_page_fits_and_can_be_read(
    browser: Browser, web: Web, scheme: Literal["light", "dark"]
) -> None:
    """On phones and desks, light and dark: nothing to scroll sideways, and enough contrast."""
    publish(web)
    web.ask("a-very-long-name-for-a-mailbox-of-one-person@a-very-long-name-of-a-domain.example", "weekly")
    name = deliver(web, 99, subject="Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 2)
    web.ask("bea@reader.example", "daily", "weekly")
    context = browser.new_context(color_scheme=scheme, base_url=web.url)
    page = context.new_page()
    for path in (
        "/subscribe",
        web.confirm_link("bea@reader.example", "daily", "weekly"),
        web.confirm_link(ANN),
        web.preferences_link(ANN),
        "/embed",
        web.unsubscribe_link(ANN),
        web.unsubscribe_link("bea@reader.example", "weekly"),
        "/confirm/none",
        "/nowhere",
        "/mailbox",
        f"/mailbox/{name}",
        "/mailbox/issues",
        "/mailbox/issues/1",
        "/mailbox/issues/1/preview",
        "/mailbox/issues/1/preview?email=nobody",
    ):
        page.goto(path)
        look(page)
    page.goto("/subscribe")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page)
    page.goto(web.alerts_link("bea@reader.example"))
    page.get_by_label("Add words").fill("Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 3)
    page.get_by_role("button", name="Show what it would have sent").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page)
    context.close()


def look(page: Page) -> None:
    """The page stands well at every width, under one heading."""
    # its text can be there before its style is
    page.wait_for_load_state()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    contrast, text = page.evaluate(LEAST_CONTRAST)
    assert contrast >= CONTRAST, f"{page.url}: {contrast:.2f} in {text!r}"
    assert page.locator("h1").count() == 1, page.url
