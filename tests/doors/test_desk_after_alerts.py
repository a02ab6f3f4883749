"""What an alert told, as the desk sees it afterwards: in the next digest, and when it was wrong."""

from datetime import timedelta

from newsletter.models.editor import Role
from newsletter.tick import tick
from tests.alerted import breaks, hold, leave
from tests.builders import a_story
from tests.corrected import RIGHT
from tests.doors.conftest import Web
from tests.doors.desk import at_desk
from tests.doors.test_desk_issue import words
from tests.issues import PUBLISH, SEEN, daily, tell


def test_the_line_and_the_correction_of_an_alert(web: Web) -> None:
    """The editions of the next digest name the story in a line, with what it says; whoever corrects the
    story sees that an alert told it, how often, and on which day that will be said."""
    hold(web.services, "ann@inbox.example")
    breaks(web.services, a_story("Known"))
    leave(web.services)
    tell(web.services, a_story("News", companies=()), at=SEEN + timedelta(days=1))
    tick(web.services, PUBLISH + timedelta(days=1, hours=3))
    web.now = PUBLISH + timedelta(days=1, hours=3)
    with at_desk(web, Role.EDITOR) as desk:
        editions = words(desk.get(f"/desk/issues/{daily(web.services).id}/editions"))
        assert "Known line You heard of it on Thursday" in editions
        sent = {"kind": "correction", "revision": "1", "text": RIGHT}
        path = desk.post("/desk/stories/1/corrections", sent).headers["location"]
        page = words(desk.get(path)).replace("\u00a0", " ")
    assert "Up to 1 reader of what was wrong will hear of it" in page
    assert "We told you on Thursday, January 8, 2026" in page
