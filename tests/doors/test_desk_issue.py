"""The issue's page at the desk: what it shows, what can be done on it, and two editors at once."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import select

from newsletter.desk import approval
from newsletter.desk.changes import find_pick
from newsletter.desk.states import step
from newsletter.models import AuditLine, Issue, IssueChange, Story
from newsletter.models.editor import Role
from newsletter.models.issue import IssueState
from newsletter.store.engine import reading, writing
from tests.builders import a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import FROM_HERE, Desk, at_desk
from tests.issues import CUTOFF, SEEN, draft, tell

HOSTILE = "<script>alert('1')</script> & \"more\""


@pytest.fixture
def issue_id(web: Web) -> int:
    """An issue of the day with ten stories, of which it tells eight."""
    web.now = SEEN
    tell(web.services, *(a_story(f"Story {n}", outlets=12 - n, companies=()) for n in range(10)))
    return draft(web.services)


@pytest.fixture
def ed(web: Web, issue_id: int) -> Iterator[Desk]:
    with at_desk(web, Role.EDITOR, "ed@desk.example") as desk:
        yield desk


def number(web: Web, title: str) -> int:
    with reading(web.services.engine) as session:
        return session.scalars(select(Story.id).where(Story.title == title)).one()


def words(answer: httpx.Response | str) -> str:
    text = answer if isinstance(answer, str) else answer.text
    return " ".join(re.sub("<[^>]+>", " ", text).split())


def told(answer: httpx.Response) -> list[str]:
    """The headlines above the line, in their order."""
    [stories] = re.findall(r'<ol class="stories" id="told".*?</ol>', answer.text, re.DOTALL)
    return re.findall(r"<h3><a[^>]*>(.*?)</a></h3>", stories)


def send(desk: Desk, path: str, version: int, **fields: object) -> httpx.Response:
    """Send a form of the issue's page, and follow where it leads."""
    answer = desk.post(path, {"version": str(version), "revision": "1", **fields})
    return desk.get(answer.headers["location"]) if answer.status_code == 303 else answer


def test_the_page_shows_all_stories_and_why(web: Web, ed: Desk, issue_id: int) -> None:
    """Those told stand in order with facts and reasons, those not told below the line with theirs."""
    page = ed.get(f"/desk/issues/{issue_id}")
    assert told(page) == [f"Story {n}" for n in range(8)]
    text = words(page)
    assert "Research · 12 outlets in 1 language · may advance · for Investors, Researchers" in text
    assert "points: 12 outlets" in text
    above, below = text.split("Here the issue ends: 8 stories at most")
    assert "Story 8" not in above
    assert "points, but: spread: already 3 stories in Research" in below
    assert f'href="/desk/stories/{number(web, "Story 3")}"' in page.text


def test_each_act_is_saved_and_said(web: Web, ed: Desk, issue_id: int) -> None:
    """Each form leads back to the story with what was saved, is in the history, and in the log."""
    one, last = number(web, "Story 1"), number(web, "Story 9")
    at = f"/desk/issues/{issue_id}"
    answer = ed.post(f"{at}/stories/{last}/pin", {"version": "0", "at": f"story-{last}"})
    assert answer.headers["location"] == f"{at}?saved=1&seen=0#story-{last}"
    assert told(ed.get(at))[:2] == ["Story 9", "Story 0"]
    assert "Saved, version 2: freed “Story 9”" in words(send(ed, f"{at}/stories/{last}/unpin", 1))
    assert told(send(ed, f"{at}/stories/{last}/move", 2, place="2"))[:3] == ["Story 0", "Story 9", "Story 1"]
    dropped = send(ed, f"{at}/stories/{one}/drop", 3)
    assert "Story 1" not in told(dropped)
    assert "Dropped, in this issue and those that follow: 1" in words(dropped)
    assert "Story 1" in told(send(ed, f"{at}/stories/{one}/restore", 4))
    assert f'action="{at}/stories/{number(web, "Story 8")}/move" id="move-in-' in dropped.text
    led = send(ed, f"{at}/stories/{one}/lead", 5, audience=["Investors", "Nobody"], **{"as": "Investors"})
    assert told(led)[0] == "Story 1"
    assert "lead for Investors" in words(led)
    written = send(ed, f"{at}/stories/{one}/rewrite", 6, headline="Mine", tldr="Short.", note="Why")
    assert "Original: Story 1" in words(written)
    assert "headline and TL;DR edited" in words(written)
    assert "Good morning." in words(send(ed, f"{at}/intro", 7, intro="Good morning."))
    back = send(ed, f"{at}/take-back", 8, change="7")
    assert "Saved, version 9: took back: rewrote the headline and TL;DR and note of “Story 1”" in words(back)
    assert "Story 1" in told(back)
    with reading(web.services.engine) as session:
        lines = session.scalars(select(AuditLine).where(AuditLine.act == "issue changed")).all()
        changes = session.scalars(select(IssueChange).order_by(IssueChange.version)).all()
        assert [(line.detail or {})["words"] for line in lines] == [change.words for change in changes]
        assert {line.editor_id for line in lines} == {ed.editor_id}
        assert len(lines) == 9


def test_two_editors_never_run_over_each_other(web: Web, ed: Desk, issue_id: int) -> None:
    """At one text the second sees the first's beside the own and chooses; at two, both stand, and the
    second is told."""
    one = number(web, "Story 1")
    at = f"/desk/issues/{issue_id}/stories/{one}/rewrite"
    with at_desk(web, Role.EDITOR, "kim@desk.example") as kim:
        form = {"headline": "Story 1", "tldr": "In short: Story 1.", "note": ""}
        send(ed, at, 0, **{**form, "headline": f"Ed's {HOSTILE}"})
        noted = send(kim, at, 0, **{**form, "note": "Kim's"})
        assert "Meanwhile: ed@desk.example rewrote the headline of “Story 1”" in words(noted)
        assert told(noted)[1].startswith("Ed&#39;s &lt;script&gt;")

        refused = send(kim, at, 0, **{**form, "headline": "Kim's own"})
        assert refused.status_code == 409
        assert "ed@desk.example rewrote the headline of “Story 1” version 1" in words(refused)
        assert "Ed&#39;s &lt;script&gt;" in refused.text
        assert "Kim&#39;s own</textarea>" in refused.text
        assert HOSTILE not in refused.text
        sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', refused.text))
        assert sent["version"] == "2"
        assert f'action="{at}"' in refused.text
        insisted = send(kim, at, int(sent["version"]), headline="Kim's own")
        assert told(insisted)[1] == "Kim&#39;s own"
    with reading(web.services.engine) as session:
        pick = find_pick(session.get_one(Issue, issue_id), one)
        assert (pick.headline, pick.note) == ("Kim's own", "Kim's")


def test_a_text_that_was_taken_away_is_shown_as_none(web: Web, ed: Desk, issue_id: int) -> None:
    """Only a headline and a TL;DR fall back to the story's own; an intro that is gone is gone."""
    at = f"/desk/issues/{issue_id}/intro"
    send(ed, at, 0, intro="Good morning.")
    send(ed, at, 1, intro="")
    with at_desk(web, Role.EDITOR, "kim@desk.example") as kim:
        refused = send(kim, at, 1, intro="Good evening.")
        assert "Now: the intro (none) Yours: the intro Good evening." in words(refused)


def test_many_hands_at_the_same_moment(web: Web, ed: Desk, issue_id: int) -> None:
    """Of six pins at once each gets a place of its own; of six headlines at once one is saved, and five
    are asked about."""
    ids, at = [number(web, f"Story {n}") for n in range(6)], f"/desk/issues/{issue_id}/stories"
    token = ed.token()

    def sent(path: str, **fields: str) -> int:
        form = {"token": token, "revision": "1", **fields}
        return ed.client.post(f"{at}/{path}", data=form, headers=FROM_HERE).status_code

    with ThreadPoolExecutor(6) as hands:
        assert set(hands.map(lambda one: sent(f"{one}/pin", version="0"), ids)) == {303}
        texts = [f"Headline {n}" for n in range(6)]
        answers = hands.map(lambda text: sent(f"{ids[0]}/rewrite", version="6", headline=text), texts)
        assert sorted(answers) == [303, 409, 409, 409, 409, 409]
    with reading(web.services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        assert sorted(pick.pin for pick in issue.picks if pick.pin) == [1, 2, 3, 4, 5, 6]
        assert issue.version == 7


def test_what_was_changed_again_is_not_taken_back(web: Web, ed: Desk, issue_id: int) -> None:
    """The history says which change came after it; there is nothing to insist on."""
    at = f"/desk/issues/{issue_id}"
    send(ed, f"{at}/intro", 0, intro="First")
    send(ed, f"{at}/intro", 1, intro="Second")
    refused = send(ed, f"{at}/take-back", 2, change="1")
    assert refused.status_code == 409
    assert "You rewrote the intro version 2" in words(refused)
    assert "Use mine" not in refused.text
    assert send(ed, f"{at}/take-back", 2, change="99").status_code == 409


@on_one_database
def test_an_approval_is_voided_visibly(web: Web, ed: Desk, issue_id: int) -> None:
    """Before the buttons the page says what a change would do; afterwards the state says that it did."""
    at = f"/desk/issues/{issue_id}"
    with writing(web.services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        approval.approve(session, issue, web.services.renderer, by="Ada", now=SEEN)
    before, _ = words(ed.get(at)).split("Story 0", 1)
    assert "Approved by Ada: any change voids the approval" in before
    after = words(send(ed, f"{at}/intro", 0, intro="x"))
    assert "draft changed after its approval: approve it anew" in after
    assert "Saved, version 1: rewrote the intro. The approval is void." in after
    assert "The approval is void." not in words(send(ed, f"{at}/intro", 1, intro="y"))
    web.now = CUTOFF
    assert "The cut-off is over" in words(ed.get(at))


@on_one_database
def test_an_issue_that_has_left_is_left_alone(web: Web, ed: Desk, issue_id: int) -> None:
    """A form from before it left changes nothing and says why; the page has no forms any more."""
    at = f"/desk/issues/{issue_id}"
    with writing(web.services.engine) as session:
        step(session.get_one(Issue, issue_id), IssueState.CANCELLED, "by hand")
    refused = send(ed, f"{at}/intro", 0, intro="Too late")
    assert refused.status_code == 409
    assert "Too late: the issue is cancelled" in words(refused)
    page = ed.get(at)
    assert "what it says can no longer be changed" in words(page)
    assert "data-save" not in page.text


@on_one_database
def test_any_story_can_be_added(web: Web, ed: Desk, issue_id: int) -> None:
    """A story of long ago is found by words of its title, and stands in the issue once it is added."""
    tell(web.services, a_story("An old treaty"), at=SEEN.replace(year=2024))
    old, at = number(web, "An old treaty"), f"/desk/issues/{issue_id}"
    assert "An old treaty 8 Jan 2026 Add" in words(ed.get(f"{at}?find=treaty+OLD"))
    assert "No story has these words" in words(ed.get(f"{at}?find=treaty+new"))
    added = send(ed, f"{at}/stories", 0, story=str(old), find="treaty")
    assert told(added)[0] == "An old treaty"
    assert "An old treaty 8 Jan 2026 pinned" in words(added)
    assert send(ed, f"{at}/stories", 1, story="999").status_code == 409
    assert "An old treaty" not in told(send(ed, f"{at}/take-back", 1, change="1"))


@on_one_database
def test_too_long_a_text_is_kept_for_shortening(web: Web, ed: Desk, issue_id: int) -> None:
    """Nothing is saved, nothing is lost: the text stands there again with what it may have."""
    at, text = f"/desk/issues/{issue_id}", "long " * 400
    refused = send(ed, f"{at}/intro", 0, intro=text)
    assert refused.status_code == 422
    assert "The intro is too long the intro may have 1500 characters" in words(refused)
    assert text.strip() in refused.text
    assert "Good" in words(send(ed, f"{at}/intro", 0, intro="Good"))


@on_one_database
def test_an_open_page_hears_of_changes(web: Web, ed: Desk, issue_id: int) -> None:
    """What came after a version is told in sentences, without the page."""
    at = f"/desk/issues/{issue_id}"
    send(ed, f"{at}/intro", 0, intro="Hello")
    with at_desk(web, Role.VIEWER) as viewer:
        heard = viewer.get(f"{at}/changes?since=0")
        told_so = {
            "version": 1,
            "state": "draft",
            "news": ["ed@desk.example rewrote the intro, less than 1 min ago"],
        }
        assert heard.json() == told_so
        assert viewer.get(f"{at}/changes?since=1").json() == told_so | {"news": []}
        assert "data-save" not in viewer.get(at).text
        assert viewer.get("/issue.js").status_code == 200
        assert "script-src 'self'" in viewer.get(at).headers["content-security-policy"]


@on_one_database
def test_forms_that_somebody_made_up(web: Web, ed: Desk, issue_id: int) -> None:
    """Numbers that are none, stories and audiences that there are not: refused, and nothing changes."""
    at, one = f"/desk/issues/{issue_id}", number(web, "Story 1")
    assert ed.post(f"{at}/intro", {"intro": "x"}).status_code == 400
    assert ed.post(f"{at}/intro", {"intro": "x", "version": "²"}).status_code == 400
    assert send(ed, f"{at}/stories/{one}/move", 0, place="-1").status_code == 400
    assert send(ed, f"{at}/stories/99/pin", 0).status_code == 409
    assert ed.post("/desk/issues/99/intro", {"intro": "x", "version": "0"}).status_code == 404
    for query in ("as=Nobody", "shown=-1", "saved=x", f"find={'x' * 201}"):
        assert ed.get(f"{at}?{query}").status_code == 404
    assert ed.get(f"{at}?saved=99&seen=99&shown=0&find=%00").status_code == 200
    with reading(web.services.engine) as session:
        assert session.get_one(Issue, issue_id).version == 0
