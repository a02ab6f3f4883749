"""Why a reader got a story, at the desk: for admins, asked by POST, and written down."""

from sqlalchemy import select

from newsletter.models import AuditLine
from newsletter.models.editor import Role
from newsletter.store.engine import reading
from tests.alerted import NOON, breaks, hold, leave
from tests.builders import a_story
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import at_desk

INES = "ines@reader.example"


@on_one_database
def test_an_admin_is_told_why(web: Web) -> None:
    """The page has every rule with its facts, and what became of the alert; the log has who asked, and no
    address stands in a link or in the log."""
    ines = hold(web.services, INES)
    breaks(web.services, a_story("A lab opens an office", outlets=3))
    leave(web.services)
    web.now = NOON
    with at_desk(web) as desk:
        assert "/desk/stories/1/why" in desk.get("/desk/stories/1").text
        answer = desk.post("/desk/stories/1/why", {"email": INES})
        assert answer.status_code == 200
        for words in (
            "Sample Lab, once 2 outlets report it",
            "about Sample Lab",
            "Mailed 2026-01-08 12:00 UTC",
        ):
            assert words in answer.text
        assert INES not in str(answer.url)
    with reading(web.services.engine) as session:
        line = session.scalars(select(AuditLine).where(AuditLine.subject == "story 1")).one()
        assert line.detail == {"subscriber": ines}


@on_one_database
def test_nobody_of_that_address(web: Web) -> None:
    """An address that no reader has, or that is none, is said so beside the field, and kept in it."""
    breaks(web.services, a_story())
    with at_desk(web) as desk:
        for typed in ("nobody@reader.example", "nobody"):
            answer = desk.post("/desk/stories/1/why", {"email": typed})
            assert answer.status_code == 422
            assert "No reader has this address." in answer.text
            assert f'value="{typed}"' in answer.text


@on_one_database
def test_others_are_not_told(web: Web) -> None:
    """An approver sees no readers: neither the link nor the page is theirs."""
    breaks(web.services, a_story())
    with at_desk(web, Role.APPROVER) as desk:
        assert "/why" not in desk.get("/desk/stories/1").text
        assert desk.get("/desk/stories/1/why").status_code == 403
