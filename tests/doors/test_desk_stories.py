"""The desk's stories: found, looked at, put into an issue; and corrected, by two people."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.content import Analysis, Article, Tldr
from newsletter.models import AuditLine, Correction, Delivery, Issue, Pick
from newsletter.models.delivery import DeliveryKind
from newsletter.models.editor import Role
from newsletter.store.engine import reading
from newsletter.tick import tick
from tests.builders import a_story
from tests.corrected import RIGHT, a_day, corrected, heard, known, written
from tests.doors.conftest import Web
from tests.doors.desk import at_desk
from tests.doors.test_desk_issue import words
from tests.issues import CUTOFF, PUBLISH, SEEN, daily, subscribe, tell

NOON = PUBLISH + timedelta(hours=8)
HOSTILE = "<script>alert(1)</script>\"'&"


def test_stories_are_found(web: Web) -> None:
    """By words of the title in any case, by category and by impact; unknown ones find none."""
    tell(web.services, a_story("Größe zählt"), a_story("Chips & more", category="Policy", impact=None))
    with at_desk(web, Role.VIEWER) as desk:

        def titles(query: str) -> list[str]:
            return re.findall(r'dir="auto">([^<]+)</a>', desk.get(f"/desk/stories?{query}").text)

        assert titles("") == ["Chips &amp; more", "Größe zählt"]
        assert titles("find=MORE chi") == ["Chips &amp; more"]
        assert titles("find=größe") == ["Größe zählt"]
        assert titles("category=Policy") == ["Chips &amp; more"]
        assert titles("impact=advance") == ["Größe zählt"]
        for query in ("find=%25", "find=_", "category=None", "impact=%00", "page=2", f"find={HOSTILE}"):
            assert titles(query) == [], query
        assert desk.get("/desk/stories?page=0").status_code == 404


def test_a_story_is_shown_whole_and_harmless(web: Web) -> None:
    """Texts are texts, links lead to the web alone, and nothing of a story is markup of ours."""
    story = a_story(
        HOSTILE,
        tldr=Tldr(HOSTILE),
        analysis=Analysis(HOSTILE, f"{HOSTILE} *well* ([a](javascript:alert(1))) ([b](https://b.example))"),
        category=HOSTILE,
        audiences=(HOSTILE,),
        coverage=(Article(HOSTILE, "javascript:alert(1)"), Article("B", "https://b.example", "fr", HOSTILE)),
    )
    tell(web.services, story)
    with at_desk(web, Role.VIEWER) as desk:
        page = desk.get("/desk/stories/1")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert 'href="javascript' not in page.text.lower()
        assert "<em>well</em>" in page.text
        assert 'href="https://b.example"' in page.text
        assert "French" in words(page)
        assert "Write a correction" not in words(page)
        assert desk.get("/desk/stories/2").status_code == 404


def test_its_life_is_told(web: Web) -> None:
    """Which issue told it in which revision to how many, and what each revision brought."""
    subscribe(web.services, "ann@reader.example")
    a_day(web.services, 1)
    tell(web.services, a_story("Known", outlets=5, tldr=None), at=NOON)
    with at_desk(web, Role.VIEWER) as desk:
        page = words(desk.get(f"/desk/stories/{known(web.services)}"))
    assert "Race to AGI Daily, Thu 8 Jan 2026 finished 1 1" in page
    assert "2 · TL;DR; +3 outlets" in page
    assert "1 · first seen" in page


def test_a_story_is_added_to_the_next_issue(web: Web) -> None:
    """One button puts it into an open issue, pinned; then the page says so, and offers it no more."""
    tell(web.services, a_story("Old"), at=SEEN - timedelta(days=90))
    tell(web.services, a_story("New"))
    tick(web.services, CUTOFF - timedelta(hours=1))
    web.now = CUTOFF - timedelta(hours=1)
    issue_id = daily(web.services).id
    with at_desk(web, Role.EDITOR) as desk:
        page = desk.get("/desk/stories/1")
        assert "Add to the issue of Thu 8 Jan 2026" in words(page)
        [version] = set(re.findall(rf'issues/{issue_id}/stories">.*?name="version" value="(\d+)"', page.text))
        sent = {"version": version, "at": "story-1", "story": "1"}
        assert desk.post(f"/desk/issues/{issue_id}/stories", sent).status_code == 303
        assert "Pinned in Race to AGI Daily, Thu 8 Jan 2026" in words(desk.get("/desk/stories/1"))
    with reading(web.services.engine) as session:
        assert session.get_one(Pick, (issue_id, 1)).pin == 1


def test_an_issue_shows_the_corrections_that_it_carries(web: Web) -> None:
    """What is told above its stories, and to some of its readers only, stands on its page as well."""
    subscribe(web.services, "ann@reader.example")
    a_day(web.services, 1)
    corrected(web.services, NOON)
    tell(web.services, a_story("News"), at=SEEN + timedelta(days=1))
    tick(web.services, SEEN + timedelta(days=1))
    with at_desk(web, Role.VIEWER) as desk:
        page = words(desk.get(f"/desk/issues/{daily(web.services).id}"))
    assert f"Correction: Known {RIGHT}" in page


def test_a_correction_takes_two(web: Web) -> None:
    """An editor writes it and sees how it will read; nobody hears before an approver confirms it; the
    second button sends it at once, and pressed twice does nothing more."""
    subscribe(web.services, "ann@reader.example")
    a_day(web.services, 1)
    web.now = NOON
    story = f"/desk/stories/{known(web.services)}"
    with at_desk(web, Role.EDITOR) as editor, at_desk(web, Role.APPROVER) as approver:
        sent = {"kind": "correction", "revision": "1", "text": f"{RIGHT}\n{HOSTILE}"}
        path = editor.post(f"{story}/corrections", sent).headers["location"]
        page = editor.get(path)
        assert "Up to 1 reader of what was wrong will hear of it" in words(page)
        assert "We told you on Thursday, January" in page.text.replace("\u00a0", " ")
        assert "<script>alert" not in page.text
        assert "waits for an approver" in words(editor.get(story))
        assert editor.post(f"{path}/confirm").status_code == 403
        assert approver.post(f"{path}/send").status_code == 409
        assert approver.post(f"{path}/confirm").status_code == 303
        assert approver.post(f"{path}/confirm").status_code == 409
        assert editor.post(f"{path}/take-away").status_code == 409
        assert editor.post(f"{path}/send").status_code == 403
        assert "Send it now, to up to 1 reader" in words(approver.get(path))
        for _ in range(2):
            assert approver.post(f"{path}/send").status_code == 303
        assert "1 mail to readers who were told" in words(approver.get(path))
    tick(web.services, NOON)
    assert heard(web.services) == ["ann"]
    with reading(web.services.engine) as session:
        lines = session.scalars(select(AuditLine.act).where(AuditLine.act.startswith("correction"))).all()
        assert lines == ["correction written", "correction confirmed", "correction sent at once"]
        notes = select(func.count()).where(Delivery.kind == DeliveryKind.CORRECTION)
        assert session.scalar(notes) == 1


@pytest.mark.parametrize(
    ("change", "fault"), [({"text": " "}, "Say what was wrong"), ({"revision": "9"}, "from 1 to 1")]
)
def test_a_correction_that_cannot_be_used_is_shown_again(
    web: Web, change: dict[str, str], fault: str
) -> None:
    """The page says what to mend, with what was typed still there; nothing is written down."""
    tell(web.services, a_story("Known"))
    sent = {"kind": "retraction", "revision": "1", "text": "Typed"} | change
    if "revision" in change:
        sent["kind"] = "correction"
    with at_desk(web, Role.EDITOR) as desk:
        page = desk.post("/desk/stories/1/corrections", sent)
        assert page.status_code == 422
        assert fault in words(page)
        assert sent["text"].strip() in page.text
        for made_up in ({"kind": "joke"}, {"kind": "retraction", "revision": "1" * 5_000, "text": ""}):
            assert desk.post("/desk/stories/1/corrections", made_up).status_code in (400, 422)
    with reading(web.services.engine) as session:
        assert session.scalars(select(Correction)).all() == []


def test_what_nobody_confirmed_can_be_taken_away(web: Web) -> None:
    """It leads back to its story; its page is gone then, and every act on it is 404."""
    tell(web.services, a_story("Known"))
    number = written(web.services, NOON)
    with at_desk(web, Role.APPROVER) as desk:
        gone = desk.post(f"/desk/corrections/{number}/take-away")
        assert gone.headers["location"] == "/desk/stories/1#corrections"
        for answer in (
            desk.get(f"/desk/corrections/{number}"),
            desk.post(f"/desk/corrections/{number}/confirm"),
        ):
            assert answer.status_code == 404
    with reading(web.services.engine) as session:
        assert session.scalars(select(Issue)).all() == []
