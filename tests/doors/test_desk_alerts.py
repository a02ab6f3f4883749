"""Alerts at the desk: from the story's page to the mail, by forms, each done once and as it was shown."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from newsletter.alerting import strike
from newsletter.models import Alert, AuditLine, Story
from newsletter.models.editor import Role
from newsletter.store.engine import reading, writing
from subscribers.segments.saved import save
from tests.builders import NOON, a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import FROM_HERE, Desk, at_desk
from tests.doors.sending import fields, words
from tests.editors_alerts import subscribe
from tests.issues import tell

HERE = "/desk/alerts/1"
WORDS: dict[str, Any] = {
    "line": "It cannot wait.",
    "headline": "",
    "audience": ["Investors", "Policymakers"],
    "segment": "",
}


def begin(web: Web, desk: Desk) -> None:
    """A draft of a story that has just come in, with a reader of alerts whom it may concern."""
    subscribe(web.services, "ann", audiences=["Investors"])
    tell(web.services, a_story("France signs with Mistral AI"), at=NOON)
    with reading(web.services.engine) as session:
        story = session.scalars(select(Story.id)).one()
    assert 'action="/desk/stories/' in desk.get(f"/desk/stories/{story}").text
    assert desk.post(f"/desk/stories/{story}/alerts").headers["location"] == HERE


def press(desk: Desk, act: str, shown: str | None = None, **filled: Any) -> httpx.Response:
    """Press the button of this form on the page as it is now, or as it was `shown`.

    To save and to approve belong to one form, whose fields are sent as they stand, where not `filled`.
    """
    page = shown or desk.get(HERE if act != "cancel" else f"{HERE}/cancel").text
    sent = fields(page, f"alerts/1/{act}") if act not in ("", "approve") else _of_words(page)
    assert sent, f"no form to {act}"
    path = f"{HERE}/{act}" if act else HERE
    return desk.client.post(path, data={**sent, **filled}, headers=FROM_HERE)


def _of_words(page: str) -> dict[str, Any]:
    found = re.search(rf'<form class="panel" method="post" action="{HERE}".*?</form>', page, re.DOTALL)
    if not found:
        return {}
    texts = dict(re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"(?! checked)', found[0]))
    ticked = re.findall(r'name="audience" value="([^"]*)" checked', found[0])
    chosen = re.findall(r'<option value="([^"]*)" selected', found[0])
    return texts | {"audience": ticked, "segment": "".join(chosen)}


def version(web: Web) -> int:
    with reading(web.services.engine) as session:
        return session.scalars(select(Alert.version)).one()


def state(web: Web) -> str:
    with reading(web.services.engine) as session:
        return session.scalars(select(Alert.state)).one()


def test_from_a_story_to_its_readers(web: Web) -> None:
    """Drafted, written, aimed, looked at, approved and let go: the page tells each step, and its proof."""
    with at_desk(web, Role.APPROVER) as desk:
        begin(web, desk)
        assert "aimed at nobody" in desk.get(HERE).text
        assert press(desk, "", **WORDS).status_code == 303
        page = desk.get(HERE).text
        assert "Investors or Policymakers: 1 reader of alerts" in words(page)
        assert "It cannot wait." in desk.get(f"{HERE}/frame").text
        assert press(desk, "approve").status_code == 303
        assert "It leaves Thu 12:01 UTC" in words(desk.get(HERE).text)
        web.now += timedelta(minutes=1)
        strike(web.services, web.now)
        assert "1 reader = 1 mailed; 1 mailed = 1 queued" in desk.get(HERE).text
        assert "Alert: France signs" in desk.get(HERE).text
        assert "France signs" in desk.get("/desk/alerts").text
    with reading(web.services.engine) as session:
        query = select(AuditLine.act).where(AuditLine.subject == "alert 1").order_by(AuditLine.id)
        assert session.scalars(query).all() == ["alert drafted", "alert changed", "alert approved"]


@on_one_database
def test_it_leaves_at_the_time_that_was_chosen(web: Web) -> None:
    """A time is taken in the home zone; without one, or with one that is over, nothing is approved."""
    with at_desk(web, Role.APPROVER) as desk:
        begin(web, desk)
        press(desk, "", **WORDS)
        for at in ("", "soon", "2026-01-08 11:00", "9999-12-31 23:59"):
            answer = press(desk, "approve", at=at, then="yes")
            assert (answer.status_code, state(web)) == (409, "draft"), at
            assert f'name="at" form="words" value="{at}"' in answer.text
        assert press(desk, "approve", at="2026-01-08 15:30", then="yes").status_code == 303
        assert "It leaves Thu 15:30 UTC" in words(desk.get(HERE).text)
        assert "France signs" in desk.get("/desk").text
        assert press(desk, "withdraw").status_code == 303
        assert state(web) == "draft"


@on_one_database
def test_two_editors_write_over_nobody(web: Web) -> None:
    """From an old page nothing is saved: one's own words stay in the form, beside what stands there now."""
    with at_desk(web, Role.EDITOR) as desk, at_desk(web, Role.APPROVER) as other:
        begin(web, desk)
        old = desk.get(HERE).text
        press(other, "", **{**WORDS, "line": "Theirs."})
        answer = press(desk, "", old, **{**WORDS, "line": "Mine."})
        assert answer.status_code == 409
        assert 'value="Mine."' in answer.text
        assert "<q>Theirs.</q>" in answer.text
        assert press(desk, "", answer.text, **{**WORDS, "line": "Mine."}).status_code == 303
        assert 'value="Mine."' in desk.get(HERE).text


@on_one_database
def test_what_cannot_be_kept_is_said(web: Web) -> None:
    """A line that is too long, and a segment that is none, come back with the words and the reason."""
    with at_desk(web, Role.EDITOR) as desk:
        begin(web, desk)
        for wrong in ({"line": "x" * 301}, {"segment": "zone ="}):
            answer = press(desk, "", **{**WORDS, **wrong})
            assert answer.status_code == 422
            assert 'role="alert"' in answer.text
        with writing(web.services.engine) as session:
            save(session, "paris", "zone = Europe/Paris", now=NOON)
        assert press(desk, "", **{**WORDS, "segment": "zone = Europe/Paris"}).status_code == 303
        assert "the segment “paris”" in words(desk.get(HERE).text)


@on_one_database
def test_an_old_approval_does_nothing(web: Web) -> None:
    """What changed since its approver looked is not approved; a second click is passed over in silence."""
    with at_desk(web, Role.APPROVER) as desk:
        begin(web, desk)
        press(desk, "", **WORDS)
        old = desk.get(HERE).text
        tell(web.services, a_story("France signs with Mistral AI", outlets=7), at=NOON)
        assert press(desk, "approve", old).status_code == 409
        shown = desk.get(HERE).text
        assert press(desk, "approve", shown).status_code == 303
        before = version(web)
        assert press(desk, "approve", shown).status_code == 303
        assert (state(web), version(web)) == ("approved", before)


@on_one_database
def test_nothing_leaves_without_what_was_written_last(web: Web) -> None:
    """Who writes and approves without saving is told so; what they wrote stands there, to be saved."""
    with at_desk(web, Role.APPROVER) as desk:
        begin(web, desk)
        press(desk, "", **WORDS)
        for unsaved in ({"line": "Think of this."}, {"audience": ["Investors"]}, {"line": "x" * 301}):
            answer = press(desk, "approve", **unsaved)
            assert (answer.status_code, state(web)) == (409, "draft"), unsaved
        assert "what you wrote is not in alert 1 yet" in press(desk, "approve", line="Think of this.").text
        assert 'value="Think of this."' in press(desk, "approve", line="Think of this.").text
        assert press(desk, "approve").status_code == 303


@on_one_database
def test_what_nobody_would_be_told_is_said_to_be_so(web: Web) -> None:
    """Before it is approved, and afterwards; and as long as it is a draft, it stops no mail to cancel it."""
    with at_desk(web, Role.APPROVER) as desk:
        subscribe(web.services, "ann", audiences=["Investors"], muted_companies=["Sample Lab"])
        tell(web.services, a_story("France signs with Mistral AI"), at=NOON)
        desk.post("/desk/stories/1/alerts")
        press(desk, "", **WORDS)
        assert "Nobody was told it yet." in desk.get(f"{HERE}/cancel").text
        assert "Nobody would be told it" in desk.get(HERE).text
        press(desk, "approve")
        web.now += timedelta(minutes=1)
        strike(web.services, web.now)
        assert "0 readers" in desk.get(HERE).text


@on_one_database
def test_cancelled_it_is_over(web: Web) -> None:
    """The page asks once more, says what it stops, and leads back."""
    with at_desk(web, Role.APPROVER) as desk:
        begin(web, desk)
        press(desk, "", **WORDS)
        press(desk, "approve")
        web.now += timedelta(minutes=1)
        strike(web.services, web.now)
        assert "reader will not get it any more 1" in words(desk.get(f"{HERE}/cancel").text)
        assert press(desk, "cancel").status_code == 303
        assert "1 reader = 1 dropped" in desk.get(HERE).text
        assert "There is nothing to cancel" in desk.get(f"{HERE}/cancel").text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
@on_one_database
def test_who_may_not_sees_no_buttons(web: Web, role: Role) -> None:
    """A viewer finds no form but the way out; an editor writes and tests, and lets nothing go or stops it."""
    with at_desk(web, Role.APPROVER) as desk, at_desk(web, role) as other:
        begin(web, desk)
        press(desk, "", **WORDS)
        page = other.get(HERE).text
        forms = re.findall(r'<form[^>]*action="([^"]*)"', page)
        own = [HERE, f"{HERE}/send-test"] if role is Role.EDITOR else []
        assert forms == ["/desk/sign-out", *own]
        assert "cancel" not in page
