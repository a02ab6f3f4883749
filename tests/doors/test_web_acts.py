"""Acting from the mail: each act by its button, only for the link's holder, and back again."""

from datetime import timedelta
from typing import Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from newsletter.content import Company, StoryContent
from newsletter.intake.take_in import take_in
from newsletter.models import Edition, EditionStory, Story
from newsletter.models.delivery import DeliveryState
from newsletter.sources.records import Incoming
from newsletter.store.engine import reading, writing
from subscribers import roster
from subscribers.address import parse
from subscribers.lens import Lens
from subscribers.models import Consent
from subscribers.tokens import Purpose
from tests.builders import a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.readers import ANN, BOB, DAILY, WEEKLY, forms, held, last_line, subscribed, undo_link
from tests.outgoing import digest_to, published
from tests.people import known

COMPANIES = (Company("Mistral AI"), Company("R&D <Lab>"))


def a_told_story(
    web: Web,
    content: StoryContent | None = None,
    *,
    email: str = ANN,
    state: DeliveryState = DeliveryState.ACCEPTED,
) -> int:
    """The number of a story of which the daily told one reader, in a mail that came into this state."""
    story = content or a_story("Weights for all", companies=COMPANIES)
    with writing(web.services.engine) as session:
        take_in(session, [Incoming(story.title, story, "test")], now=web.now)
        story_id = session.scalars(select(Story.id)).one()
        issue = published(session)
        row = EditionStory(position=1, story_id=story_id, revision=1, piece="", because=[], changes=[])
        edition = Edition(issue_id=issue.id, fingerprint="", readers=1, stories=[row])
        session.add(edition)
        session.flush()
        reader = known(session, parse(email))
        session.add(digest_to(reader, issue, edition_id=edition.id, state=state))
    return story_id


def lens(web: Web, email: str = ANN) -> Lens:
    found = web.subscriber(email)
    assert found is not None
    return found.lens


def muted(web: Web, story_id: int) -> int:
    with reading(web.services.engine) as session:
        return len(roster.muted_stories(session, [story_id]))


def lines(web: Web) -> int:
    with reading(web.services.engine) as session:
        return len(session.scalars(select(Consent.id)).all())


def test_the_page_offers_all_acts(web: Web) -> None:
    """Pauses, the weekly instead, the preferences and the way out, each at its link."""
    subscribed(web)
    page = web.client.get(web.act_link(ANN))
    assert list(forms(page)) == ["Pause for 2 weeks", "Pause for 4 weeks", f"Send me {WEEKLY} instead"]
    for link in (web.preferences_link(ANN), web.unsubscribe_link(ANN)):
        assert f'href="{link.removeprefix(web.url)}"' in page.text
    assert ANN not in page.text


@pytest.mark.parametrize("weeks", [2, 4])
def test_a_pause_and_its_undo(web: Web, weeks: int) -> None:
    """Mail stops until that day, which the page names; undo lets it come as before."""
    subscribed(web)
    before = held(web)
    done = web.client.post(f"{web.act_link(ANN)}/pause", data={"weeks": str(weeks)})
    assert "Paused until" in done.text
    assert held(web)["daily"][2] == web.now + timedelta(weeks=weeks)
    assert last_line(web) == ("paused", f"Pause for {weeks} weeks", ["daily"])
    assert "Paused until" in web.client.get(web.act_link(ANN)).text
    web.client.post(undo_link(done))
    assert held(web) == before


@pytest.mark.parametrize("weeks", ["", "3", "1000000", "-2", "2\n"])
def test_no_other_pauses(web: Web, weeks: str) -> None:
    """Only the lengths that are offered are taken."""
    subscribed(web)
    assert web.client.post(f"{web.act_link(ANN)}/pause", data={"weeks": weeks}).status_code == 400
    assert held(web)["daily"][2] is None


def test_weekly_instead_and_its_undo(web: Web) -> None:
    """The daily ends and the weekly comes without another mail; undo takes both back."""
    subscribed(web)
    before = held(web)
    done = web.client.post(f"{web.act_link(ANN)}/weekly")
    assert f"You receive {WEEKLY} instead" in done.text
    assert (web.state(ANN), web.state(ANN, "weekly")) == ("unsubscribed", "confirmed")
    assert "confirmed without a further mail" in last_line(web)[1]
    web.client.post(undo_link(done))
    assert held(web) == before


@pytest.mark.parametrize("way", ["pending", "unsubscribed", "weekly"])
def test_a_link_brings_nobody_in(web: Web, way: str) -> None:
    """Whoever is not confirmed for a daily gets no weekly by a link, and no pause; nothing is written."""
    newsletter = "weekly" if way == "weekly" else "daily"
    subscribed(web, ANN, newsletter)
    if way != "weekly":
        web.client.post(web.unsubscribe_link(ANN))
    if way == "pending":
        web.now += timedelta(hours=1)
        web.ask(ANN)
    before, written = held(web), lines(web)
    link = web.act_link(ANN, newsletter)
    answer = web.client.post(f"{link}/weekly")
    assert "Undo" not in forms(answer)
    if way != "weekly":
        assert "You do not receive" in web.client.post(f"{link}/pause", data={"weeks": "2"}).text
    assert (held(web), lines(web)) == (before, written)


def test_a_story_is_muted_and_heard_again(web: Web) -> None:
    """The page shows the story; its button mutes it for this reader; undo brings it back."""
    subscribed(web)
    subscribed(web, BOB)
    story_id = a_told_story(web)
    link = f"{web.act_link(ANN)}/story/{story_id}"
    shown = web.client.get(link)
    assert "Weights for all" in shown.text
    assert "Mute this story" in shown.text
    assert muted(web, story_id) == 0
    done = web.client.post(link)
    assert muted(web, story_id) == 1
    assert last_line(web)[:2] == ("changed", "Mute this story")
    assert "You have muted this story" in web.client.get(link).text
    assert "Undo" not in forms(web.client.post(link))
    web.client.post(undo_link(done))
    assert muted(web, story_id) == 0


def test_less_of_a_company(web: Web) -> None:
    """Each company of the story has its button, by which it is muted; undo lets it speak again."""
    subscribed(web)
    link = f"{web.act_link(ANN)}/story/{a_told_story(web)}"
    assert "Mute R&amp;D &lt;Lab&gt;" in web.client.get(link).text
    before = lens(web)
    done = web.client.post(link, data={"company": "mistral ai"})
    assert "You hear nothing more about Mistral AI" in done.text
    assert lens(web).muted_companies == {"mistral ai"}
    assert last_line(web)[:2] == ("changed", "Mute Mistral AI")
    assert "Mute Mistral AI" not in web.client.get(link).text
    web.client.post(undo_link(done))
    assert lens(web) == before


def test_a_form_names_only_what_the_story_does(web: Web) -> None:
    """A company that the story does not mention is refused, and nothing changes."""
    subscribed(web)
    link = f"{web.act_link(ANN)}/story/{a_told_story(web)}"
    before, written = lens(web), lines(web)
    for company in ("", "Another Lab", "x" * 5_000):
        assert web.client.post(link, data={"company": company}).status_code == 400
    assert (lens(web), lines(web)) == (before, written)


def test_another_story_in_the_path_is_no_power(web: Web) -> None:
    """A link acts on stories that its holder was told; any other number is no link, and tells nothing."""
    subscribed(web)
    subscribed(web, BOB)
    other = a_told_story(web, email=BOB)
    assert "Weights for all" in web.client.get(f"{web.act_link(BOB)}/story/{other}").text
    link = f"{web.act_link(ANN)}/story/{other}"
    for answer in (web.client.get(link), web.client.post(link), web.client.get(f"{link}999")):
        assert (answer.status_code, "This link does not work" in answer.text) == (404, True)
        assert "Weights for all" not in answer.text
    assert muted(web, other) == 0
    for number in ("0", "-1", "999999", "9" * 30, "x", "1e3", "%00"):
        for method in ("GET", "POST"):
            answer = web.client.request(method, f"{web.act_link(ANN)}/story/{number}")
            assert answer.status_code == 404, number
    assert lens(web) == Lens()


@pytest.mark.parametrize(
    ("state", "status"),
    [(DeliveryState.QUEUED, 200), (DeliveryState.UNKNOWN, 200), (DeliveryState.WITHHELD, 404)],
)
def test_told_is_whatever_may_have_reached_them(web: Web, state: DeliveryState, status: int) -> None:
    """A link from any mail that may have arrived works; a mail that never left has told nothing."""
    subscribed(web)
    story_id = a_told_story(web, state=state)
    assert web.client.get(f"{web.act_link(ANN)}/story/{story_id}").status_code == status


@on_one_database
def test_act_links_open_no_other_door(web: Web) -> None:
    """No other token acts, and an act link neither leaves, nor undoes, nor opens the preferences."""
    subscribed(web)
    act = web.act_link(ANN).rpartition("/")[2]
    others = [link.rpartition("/")[2] for link in (web.unsubscribe_link(ANN), web.preferences_link(ANN))]
    tries: list[httpx.Response] = []
    for token in others:
        tries += [web.client.get(f"/act/{token}"), web.client.post(f"/act/{token}/weekly")]
        tries.append(web.client.post(f"/act/{token}/pause", data={"weeks": "2"}))
    tries += [web.client.post(f"/{door}/{act}") for door in ("unsubscribe", "undo", "preferences")]
    assert {answer.status_code for answer in tries} == {404}
    assert held(web)["daily"][0] == "confirmed"


@on_one_database
def test_acts_cannot_be_got(web: Web) -> None:
    """What a scanner may open has no address of an act."""
    subscribed(web)
    before = held(web)
    for act in ("pause", "weekly"):
        assert web.client.get(f"{web.act_link(ANN)}/{act}").status_code == 405
    for act in ("all", "reason"):
        assert web.client.get(f"{web.unsubscribe_link(ANN)}/{act}").status_code == 405
    assert held(web) == before


def test_an_act_link_of_nobody_is_no_link(web: Web) -> None:
    """A link of somebody who is not known any more does nothing, and says so as for any that is none."""
    subscribed(web)
    link = f"/act/{web.services.tokens.make(Purpose.ACT, 'nobody', 'daily')}"
    answers = [web.client.get(link), web.client.post(f"{link}/weekly"), web.client.get(f"{link}/story/1")]
    assert {answer.status_code for answer in answers} == {404}
    assert all("This link does not work" in answer.text for answer in answers)
    assert DAILY not in answers[0].text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@on_one_database
def test_the_pages_are_for_everybody(browser: Browser, web: Web, scheme: Literal["light", "dark"]) -> None:
    """axe finds no WCAG A or AA fault on any page of leaving and acting, and no phone scrolls sideways."""
    subscribed(web)
    subscribed(web, BOB, "daily", "weekly")
    story = a_told_story(web, a_story("x" * 120, companies=(Company("y" * 80), *COMPANIES)))
    link, leave = web.act_link(ANN), web.unsubscribe_link(BOB)
    context = browser.new_context(color_scheme=scheme, viewport={"width": 320, "height": 640})
    page = context.new_page()

    def look() -> None:
        page.wait_for_load_state()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, found.generate_report()

    for path in (link, f"{link}/story/{story}", leave, f"{web.url}/manage"):
        page.goto(path)
        look()
    page.get_by_role("button", name="Mail me the link").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look()
    page.goto(f"{link}/story/{story}")
    page.get_by_role("button", name="Mute this story").click()
    expect(page.get_by_role("heading", name="You hear nothing more of this story")).to_be_visible()
    look()
    page.goto(leave)
    page.get_by_role("button", name="from all newsletters").click()
    expect(page.get_by_label("Reason")).to_be_visible()
    look()
    web.now += timedelta(minutes=11)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Too late to undo")).to_be_visible()
    look()
    context.close()
