"""A morning's whole work at the desk, in a real browser: from the mailed link to what everybody can read."""

import email
import email.policy
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from newsletter.intake.take_in import take_in
from newsletter.links import no_reader_links, reader_links
from newsletter.models.editor import Role
from newsletter.samples.load import sample_stories
from newsletter.sources.files import read_file
from newsletter.sources.records import Incoming
from newsletter.store.engine import writing
from newsletter.tick import tick, tick_issues
from newsletter.web.desk.likeness import Look, likeness
from tests import screenshots
from tests.doors.conftest import Web, on_one_database, web, web_stage
from tests.doors.desk import an_editor
from tests.doors.test_desk_browser import window
from tests.issues import DAY, PUBLISH, SEEN, subscribe

__all__ = ["web", "web_stage"]
pytestmark = on_one_database

REAL = Path(__file__).parents[3] / "shared/data/stories.jsonl"
ADA, KIM = "ada@desk.example", "kim@desk.example"
ANN, BOB = "ann@reader.example", "bob@reader.example"
HEADLINE = "As the editors call it"
INTRO = "Good morning. Three things to know."


def samples() -> list[Incoming]:
    return [one for one in sample_stories(DAY.date()) if isinstance(one, Incoming)]


def real_ones() -> list[Incoming]:
    """Those that several outlets report: as uneven, long and in many languages as they are."""
    if not REAL.exists():
        pytest.skip("the shared folder with real stories is not there")
    with REAL.open("rb") as lines:
        read = [one for one in read_file(REAL.name, lines) if isinstance(one, Incoming)]
    return [one for one in read if len(one.content.outlets) > 1]


@pytest.mark.parametrize("stories", [samples, real_ones])
def test_a_morning(browser: Browser, web: Web, stories: Callable[[], list[Incoming]]) -> None:
    """Whoever works through it with mouse and keyboard sends what they saw and nothing else: what is
    changed after the approval does not leave, what is paused waits, and each mail is what was shown."""
    web.now = SEEN
    with writing(web.services.engine) as session:
        take_in(session, stories(), now=SEEN)
    subscribe(web.services, ANN, hour=7, audiences=["Investors"])
    subscribe(web.services, BOB, hour=9)
    an_editor(web, Role.ADMIN, ADA)
    an_editor(web, Role.EDITOR, KIM)
    tick_issues(web.services, web.now)
    with window(browser, web) as ada, window(browser, web) as kim:
        sign_in(ada, web, ADA)
        ada.get_by_role("link", name="Race to AGI Daily, Thu 8 Jan 2026").click()
        arrange(ada)
        write(ada)
        mend_what_bars(ada)
        look_at_it_on_a_phone_at_night(ada)
        sign_in(kim, web, KIM)
        approve_what_was_seen(ada, kim, web)
        shown = {reader: as_shown_to(ada, reader) for reader in (ANN, BOB)}
        leave(ada, web)
        for reader, frames in shown.items():
            html, text = mail_to(web, reader)
            assert frames == [likeness(html, Look.LIGHT), likeness(html, Look.DARK), text]
        ada.get_by_role("link", name="As everybody can read it").click()
        expect(ada.get_by_role("heading", name=HEADLINE)).to_be_visible()
        expect(ada.get_by_text(INTRO)).to_be_visible()


def sign_in(page: Page, web: Web, address: str) -> None:
    """By the link in the newest mail of the folder."""
    page.goto("/desk")
    page.get_by_label("Your email address").fill(address)
    page.get_by_role("button", name="Mail me the link").click()
    tick(web.services, web.now)
    page.get_by_role("link", name="mailbox").click()
    page.get_by_role("link", name=address).first.click()
    page.get_by_role("link", name="Sign in to the desk").click()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Today")).to_be_visible()


def told(page: Page) -> Locator:
    return page.locator("#told > li")


def names(page: Page) -> list[str]:
    return told(page).locator("h3").all_inner_texts()


def saved(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


def arrange(page: Page) -> None:
    """The third story to the top and the then last one out, by keys alone; the second leads for some."""
    before = names(page)
    told(page).nth(2).get_by_role("button", name="Move “").focus()
    for key in ("Space", "ArrowUp", "ArrowUp", "Space"):
        page.keyboard.press(key)
    saved(page, "to place 1")
    assert names(page)[:3] == [before[2], before[0], before[1]]
    told(page).last.get_by_role("button", name="Move “").focus()
    page.keyboard.press("d")
    saved(page, "dropped")
    assert before[-1] not in names(page)
    told(page).nth(1).get_by_text("Edit", exact=True).click()
    told(page).nth(1).get_by_role("checkbox", name="Investors").check()
    told(page).nth(1).get_by_role("button", name="Save the lead").click()
    saved(page, "lead for Investors")


def write(page: Page) -> None:
    """A headline, and an intro that is taken back and written anew."""
    text = told(page).first.get_by_role("textbox", name="Headline")
    told(page).first.get_by_text("Edit", exact=True).click()
    text.fill(HEADLINE)
    text.press("Control+Enter")
    saved(page, "rewrote the headline")
    expect(told(page).first.get_by_text("Original: ").first).to_be_visible()
    page.get_by_text("Write an intro").click()
    for words in ("Good mourning.", INTRO):
        page.get_by_label("Words above the stories").fill(words)
        page.get_by_role("button", name="Save the intro").click()
        saved(page, "rewrote the intro")
        if words != INTRO:
            page.get_by_role("button", name="Undo").click()
            saved(page, "took back: rewrote the intro")


def mend_what_bars(page: Page) -> None:
    """Drop each story that preflight bars, from the link to it."""
    tab(page, "Preflight")
    while (way := page.locator("li.bars").get_by_role("link", name="Go to the story")).count():
        way.first.click()
        page.locator(f"#{page.url.partition('#')[2]}").get_by_role("button", name="Drop: ").click()
        saved(page, "dropped")
        tab(page, "Preflight")
    expect(page.get_by_text(re.compile("All clear|Nothing bars it"))).to_be_visible()


def look_at_it_on_a_phone_at_night(page: Page) -> None:
    """As investors see it: their lead first, nothing to scroll sideways, the dark colours of the mail."""
    tab(page, "Preview")
    for choice in ("Investors", "375 px", "Dark"):
        page.get_by_role("main").get_by_role("link", name=choice, exact=True).click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name=HEADLINE)).to_be_visible()
    expect(frame.get_by_text(INTRO)).to_be_visible()
    assert frame.locator("html").evaluate("html => html.scrollWidth") == 375
    colour = frame.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", colour)[:3])) < 60, colour


def approve_what_was_seen(ada: Page, kim: Page, web: Web) -> None:
    """Kim, at the same time, changes what Ada approved: that voids it, and Ada's old page lets nothing go."""
    tab(ada, "Send")
    ada.get_by_role("button", name="Approve version").click()
    expect(ada.get_by_role("heading", name="What leaves is exactly this")).to_be_visible()
    kim.goto(ada.url.removesuffix("/send"))
    told(kim).last.get_by_role("button", name="Drop: ").click()
    saved(kim, "The approval is void")
    ada.get_by_role("button", name="Take back the approval").click()
    expect(ada.get_by_text("It changed since you looked")).to_be_visible()
    expect(ada.get_by_text(f"{KIM} dropped")).to_be_visible()
    tick(web.services, web.now)
    ada.get_by_role("link", name="Send").first.click()
    ada.get_by_role("button", name="Approve version").click()
    ada.get_by_role("button", name="Take back the approval").click()
    expect(ada.locator(".state", has_text="draft")).to_be_visible()
    ada.get_by_role("button", name="Approve version").click()
    expect(ada.locator(".state", has_text="approved")).to_be_visible()


def as_shown_to(page: Page, reader: str) -> list[str]:
    """What the preview shows of that reader's mail: as html in the light and in the dark, as text."""
    tab(page, "Preview")
    page.get_by_text("One reader").click()
    page.get_by_label("Their email address").fill(reader)
    page.locator("form", has=page.get_by_label("Their email address")).get_by_role("button").click()
    expect(page.get_by_role("heading", name=f"As the reader {reader}")).to_be_visible()
    frames = []
    for look in ("Light", "Dark"):
        page.get_by_role("link", name=look, exact=True).click()
        source = page.locator("iframe").get_attribute("src")
        assert source is not None
        frames.append(page.request.get(source).text())
    page.get_by_role("link", name="Text", exact=True).click()
    return [*frames, page.locator("pre").inner_text()]


def leave(page: Page, web: Web) -> None:
    """Published at its time; paused after the first reader's hour, the second waits until it may go on."""
    tab(page, "Send")
    web.now = PUBLISH
    tick(web.services, web.now)
    page.reload()
    expect(page.get_by_text("2 frozen = 2 queued")).to_be_visible()
    web.now = PUBLISH + timedelta(hours=3)
    tick(web.services, web.now)
    page.reload()
    expect(page.get_by_text("2 frozen = 1 accepted + 1 queued")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    web.now += timedelta(hours=2)
    tick(web.services, web.now)
    page.reload()
    expect(page.get_by_text("2 frozen = 1 accepted + 1 queued")).to_be_visible()
    page.get_by_role("button", name="Let the rest leave").click()
    tick(web.services, web.now)
    page.reload()
    expect(page.get_by_text("2 frozen = 2 accepted")).to_have_count(2)


def mail_to(web: Web, reader: str) -> tuple[str, str]:
    """The html and the text of the mail that this reader got, with links that are nobody's."""
    subscriber = web.subscriber(reader)
    assert subscriber is not None
    own = reader_links(web.url, web.services.tokens, subscriber.public_id, "daily")
    nobody = no_reader_links(web.url)
    found = []
    for path in web.services.settings.mail_folder.glob("*.eml"):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if mail["To"] == reader:
            for kind in ("html", "plain"):
                part = mail.get_body((kind,))
                assert part is not None
                content = part.get_content().replace("\r\n", "\n")
                for name, link in own.items():
                    content = content.replace(link, nobody[name])
                found.append(content)
    [html, text] = found
    return html, text.strip()


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="This issue").get_by_role("link", name=name).click()
    page.wait_for_load_state()


def fail(browser: Browser, web: Web) -> None:
    with window(browser, web) as page:
        page.goto("/sign-in")
        raise AssertionError


def test_a_failure_keeps_a_picture(
    browser: Browser, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the browser showed when its test failed can be looked at afterwards."""
    monkeypatch.setattr(screenshots, "FOLDER", tmp_path)
    with pytest.raises(AssertionError):
        fail(browser, web)
    [picture] = tmp_path.glob("*.png")
    assert picture.name.startswith("test_morning.py-test_a_failure_keeps_a_picture")
    assert picture.stat().st_size > 1000
