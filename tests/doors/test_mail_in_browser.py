"""The mails in a real browser, as wide as a phone and as a desktop reader, light and dark."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from newsletter.mail import Content
from tests.alert_mails import LINKS as ALERT_LINKS
from tests.alert_mails import SEVERAL, alert
from tests.digests import EDITION, LINKS, NEWSLETTER, RENDERER, digest

LONG_LINK = "https://racetoagi.example/confirm/" + "t0ken-" * 40


@pytest.fixture(params=["digest", "alert", "confirmation", "preferences-link", "data-link"])
def mail(request: pytest.FixtureRequest) -> Content:
    if request.param == "digest":
        return digest(*EDITION).fill(dict.fromkeys(LINKS, LONG_LINK))
    if request.param == "alert":
        return alert(*SEVERAL, line="Checked by us.").content.fill(dict.fromkeys(ALERT_LINKS, LONG_LINK))
    if request.param == "preferences-link":
        return RENDERER.letter("preferences-link").fill({"preferences_url": LONG_LINK})
    if request.param == "data-link":
        return RENDERER.letter("data-link").fill({"data_url": LONG_LINK})
    return RENDERER.confirmation(newsletters=[NEWSLETTER]).fill({"confirm_url": LONG_LINK})


@pytest.fixture(params=[(600, "light"), (375, "light"), (320, "light"), (600, "dark"), (320, "dark")])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    width, scheme = request.param
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    yield page
    page.close()


def test_fits_every_width(page: Page, mail: Content) -> None:
    """Nothing stands out of the window, down to 320 px, and nothing is fetched from the network."""
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.set_content(mail.html, wait_until="networkidle")
    assert fetched == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_legible_without_styles(page: Page, mail: Content) -> None:
    """A mailbox that drops every style sheet shows a mail that still fits and keeps its text sizes."""
    page.set_content(re.sub(r"<style.*?</style>", "", mail.html, flags=re.DOTALL))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    sizes = page.evaluate(
        "[...document.querySelectorAll('p, li, h1, h2')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 14


def test_contrast_as_painted(page: Page, mail: Content) -> None:
    """Every text has 4.5:1 on the paper that the browser paints behind it, in both colour schemes."""
    page.set_content(mail.html)
    faint = page.evaluate(
        """() => {
          const parts = colour => colour.match(/[\\d.]+/g).map(Number);
          const light = colour => {
            const [r, g, b] = parts(colour).map(p => p / 255)
              .map(p => p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const paper = element => {
            for (let e = element; e; e = e.parentElement) {
              const colour = getComputedStyle(e).backgroundColor;
              if (parts(colour)[3] !== 0) return colour;
            }
            return "rgb(255, 255, 255)";
          };
          const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          const faint = [];
          while (texts.nextNode()) {
            const element = texts.currentNode.parentElement;
            if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
            const [one, other] = [light(getComputedStyle(element).color), light(paper(element))];
            const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
            if (ratio < 4.5) faint.push(texts.currentNode.data);
          }
          return faint;
        }"""
    )
    assert faint == []
