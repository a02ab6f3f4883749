"""The tab Preflight and its command: what is found stands there, and links are followed on demand."""

import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.content import StoryContent
from newsletter.models import AuditLine, Inspection, Issue, LinkCheck, Story
from newsletter.models.editor import Role
from newsletter.models.issue import IssueState
from newsletter.preflight import links, spam
from newsletter.preflight.followed import Followed
from newsletter.rendering.renderer import Renderer, RenderError
from newsletter.store.engine import reading, writing
from tests.builders import a_story
from tests.command_line import STORY, Cli, story_file
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import FROM_HERE, Desk, at_desk
from tests.issues import draft, tell

Told = Callable[[Followed], None]


def an_issue(web: Web, *stories: StoryContent) -> int:
    tell(web.services, *stories)
    return draft(web.services)


def page(desk: Desk, issue_id: int) -> str:
    answer = desk.get(f"/desk/issues/{issue_id}/preflight")
    assert answer.status_code == 200
    return " ".join(re.sub("<[^>]+>", " ", answer.text).split())


def settled(desk: Desk, issue_id: int) -> str:
    """The page as soon as nobody is at work any more."""
    until = time.monotonic() + 10
    while "Following the links." in (shown := page(desk, issue_id)):
        assert time.monotonic() < until
        time.sleep(0.02)
    return shown


@pytest.fixture(autouse=True)
def no_spamassassin(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without it."""
    monkeypatch.setattr(spam, "is_installed", lambda: False)


@on_one_database
def test_all_clear(web: Web) -> None:
    """An issue without any fault says so, and what was not looked at."""
    issue_id = an_issue(web, a_story(audiences=()))
    with at_desk(web, Role.VIEWER) as desk:
        shown = page(desk, issue_id)
    assert "All clear." in shown
    assert "Nobody has followed the links of this issue yet." in shown
    assert "SpamAssassin is not installed here" in shown
    assert "Check the links" not in shown


def test_what_was_found(web: Web) -> None:
    """What bars the issue stands first, then warnings, by story, each with its remedy and the way there."""
    hostile = "<b>It</b> grew by TK percent"
    issue_id = an_issue(web, a_story(hostile, audiences=(), about="It is the the end."))
    with at_desk(web, Role.VIEWER) as desk:
        text = desk.get(f"/desk/issues/{issue_id}/preflight").text
        shown = page(desk, issue_id)
    assert hostile not in text
    assert shown.index("What bars it") < shown.index("it still holds “TK”") < shown.index("Warnings")
    assert shown.index("Warnings") < shown.index("“the the” stands there twice. Take one away.")
    with reading(web.services.engine) as session:
        story_id = session.scalars(select(Story.id)).one()
    assert f'href="/desk/issues/{issue_id}#story-{story_id}"' in text


@on_one_database
def test_a_broken_template(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that fails is named, and checking links changes nothing meanwhile."""
    issue_id = an_issue(web, a_story())

    def fails(*_: object, **__: object) -> None:
        raise RenderError("digest/body.mjml", "is broken", 7)

    monkeypatch.setattr(Renderer, "shell", fails)
    with at_desk(web) as desk:
        assert "digest/body.mjml, line 7: is broken" in page(desk, issue_id)
        assert desk.post(f"/desk/issues/{issue_id}/preflight/links").status_code == 303
    with reading(web.services.engine) as session:
        assert session.get(Inspection, issue_id) is None


@on_one_database
def test_an_issue_that_left(web: Web) -> None:
    """What has left can no longer be mended: nothing is looked for, and no link is followed."""
    issue_id = an_issue(web, a_story("A TK title"))
    with writing(web.services.engine) as session:
        session.get_one(Issue, issue_id).state = IssueState.FINISHED
    with at_desk(web) as desk:
        shown = page(desk, issue_id)
        desk.post(f"/desk/issues/{issue_id}/preflight/links")
    assert "This issue is finished. Preflight looks at what is still to leave." in shown
    assert "TK”" not in shown
    with reading(web.services.engine) as session:
        assert session.get(Inspection, issue_id) is None


def test_links_are_followed_after_the_answer(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """The button answers at once; the page follows the work, and then tells what came of it."""
    issue_id = an_issue(web, a_story(outlets=3, audiences=()))
    path = f"/desk/issues/{issue_id}/preflight"
    go_on = threading.Event()

    def answer(urls: tuple[str, ...], told: Told) -> None:
        assert go_on.wait(10)
        for url in urls:
            told(Followed(url, {"1": 404, "2": 403}.get(url[14], 200)))

    monkeypatch.setattr(links, "follow", answer)
    with at_desk(web, Role.EDITOR) as desk:
        assert desk.post(f"{path}/links").headers["location"] == path
        busy = page(desk, issue_id)
        assert desk.post(f"{path}/links").headers["location"] == path
        go_on.set()
        shown = settled(desk, issue_id)
    assert "Following the links. You may close this page: it goes on. 0 of 3 links" in busy
    assert "Check the links" not in busy
    assert "3 links were followed less than 1 min ago" in shown
    assert "1 told nothing: their sites shut out programs" in shown
    assert "https://outlet1.example/report is not there (404)" in shown
    with reading(web.services.engine) as session:
        (line,) = session.scalars(select(AuditLine).where(AuditLine.act == "links checked"))
        assert (line.subject, line.detail, line.editor_id) == (
            f"issue {issue_id}",
            {"links": 3},
            desk.editor_id,
        )


@on_one_database
def test_how_a_check_ended(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, and after an interruption, the page says that links were not checked."""
    issue_id = an_issue(web, a_story())

    def nowhere(_urls: tuple[str, ...], _told: Told) -> None:
        raise links.Offline

    monkeypatch.setattr(links, "follow", nowhere)
    with at_desk(web) as desk:
        desk.post(f"/desk/issues/{issue_id}/preflight/links")
        assert "ago, and not checked: nothing answered anywhere; there may be no network" in settled(
            desk, issue_id
        )
        with writing(web.services.engine) as session:
            begun = session.get_one(Inspection, issue_id)
            begun.ended_at, begun.trouble, begun.beat = None, None, web.now - timedelta(minutes=5)
        assert "Interrupted 5 min ago, after 0 of 2 links." in page(desk, issue_id)


@on_one_database
def test_only_editors_ask_the_network(web: Web) -> None:
    """A viewer sees what is known, and starts nothing, whatever they send."""
    issue_id = an_issue(web, a_story())
    with at_desk(web, Role.VIEWER) as desk:
        sent = {"token": desk.token()}
        answer = desk.client.post(f"/desk/issues/{issue_id}/preflight/links", data=sent, headers=FROM_HERE)
        assert answer.status_code == 403
        page(desk, issue_id)
    with reading(web.services.engine) as session:
        assert session.get(Inspection, issue_id) is None
        assert session.scalars(select(LinkCheck)).all() == []


def test_the_command(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It prints each finding with its remedy, as text or JSON, and ends with 1 if one bars the issue."""
    monkeypatch.setattr(links, "follow", lambda urls, told: [told(Followed(url, 404)) for url in urls])
    cli("stories", "import", story_file(tmp_path, STORY), "--seen-at", "2026-01-08T02:00Z")
    (issue,) = cli("issues", "plan", "daily", "--at", "2026-01-08T03:00Z", "--json").json()
    number = str(issue["id"])
    fine = cli("issues", "preflight", number)
    assert fine.code == 0
    assert "BARS IT" not in fine.out
    again = {**STORY, "about": "TODO: say how"}
    cli("stories", "import", story_file(tmp_path, again), "--seen-at", "2026-01-08T02:30Z")
    cli("issues", "plan", "daily", "--at", "2026-01-08T03:00Z")
    barred = cli("issues", "preflight", number, "--links", "--json")
    assert barred.code == 1
    found = barred.json()
    assert {"rule": "leftovers", "severity": "blocking"}.items() <= found[0].items()
    assert cli("issues", "preflight", "99").code == 1
