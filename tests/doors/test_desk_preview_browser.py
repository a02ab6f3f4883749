"""The preview in a real browser: hostile texts do nothing in any frame, and the pages are for everybody."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, Dialog, expect

from newsletter.models.editor import Role
from newsletter.web.desk.likeness import Look
from tests.builders import a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import a_link, an_editor
from tests.doors.test_axe import faults
from tests.doors.test_desk_browser import ADA, examine, window
from tests.doors.test_desk_preview import HOSTILE, published
from tests.doors.test_web_browser import look
from tests.issues import SEEN, draft, subscribe, tell

#: were it run, the page would lose its name or go elsewhere
SCRIPT = (
    "<script>top.document.title = parent.name = 'taken'</script><meta http-equiv=refresh content=0;/taken>"
)


@on_one_database
def test_nothing_in_a_frame_does_anything(browser: Browser, web: Web) -> None:
    """However a mail is shown, no text of it runs, loads or leads away; nor do its links, in the frame and
    opened on its own."""
    web.now = SEEN
    tell(
        web.services, a_story(f"{HOSTILE}{SCRIPT}", audiences=(), about=SCRIPT), a_story("Two", audiences=())
    )
    path = f"/desk/issues/{draft(web.services)}/preview"
    an_editor(web, Role.ADMIN, ADA)
    alerts: list[str] = []

    def refuse(asked: Dialog) -> None:
        alerts.append(asked.message)
        asked.dismiss()

    with window(browser, web) as page:
        page.goto(a_link(web, ADA))
        page.get_by_role("button", name="Sign in").click()
        page.on("dialog", refuse)
        for look in Look:
            page.goto(f"{path}?look={look}")
            frame = page.frame_locator("iframe")
            told = frame.get_by_role("heading", level=2).first
            expect(told).to_contain_text("alert(1)")
            frame.get_by_role("link", name="Outlet 1").first.click()
            expect(told).to_contain_text("alert(1)")
            assert "Preview: " in page.title()
        # opened on its own no script runs in it, not even one by which a test could look into it
        page.goto(alone := f"{web.url}{path}/frame")
        for _ in range(3):
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        page.wait_for_timeout(300)
        assert page.url == alone
        assert len(page.context.pages) == 1
    assert not alerts


@pytest.mark.parametrize("scheme", ["light", "dark"])
@on_one_database
def test_it_is_for_everybody(browser: Browser, web: Web, scheme: Literal["light", "dark"]) -> None:
    """No violation that axe finds, nothing to scroll sideways, and all is reached by keyboard."""
    issue_id = published(web)
    an_editor(web, Role.ADMIN, ADA)
    subscribe(web.services, "late@reader.example")
    heading = "Race to AGI Daily, Thu 8 Jan 2026"
    with window(browser, web, color_scheme=scheme) as page:
        page.goto(a_link(web, ADA))
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"/desk/issues/{issue_id}/preview?companies=Sample+Lab&width=320")
        page.get_by_text("Why these stories").click()
        page.get_by_text("One reader").click()
        look(page)
        assert not faults(page)
        page.get_by_role("link", name="Text", exact=True).click()
        examine(page, heading)
        page.get_by_role("link", name="All editions").click()
        examine(page, heading)
        page.get_by_role("link", name="Chips").first.click()
        expect(page.get_by_text("equal to what left")).to_be_visible()
        look(page)
        assert not faults(page)
