"""A desk in full swing: mails that left and that are leaving, drafts with work in them, corrections."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import select

from newsletter.desk import approval
from newsletter.editors import people
from newsletter.intake.take_in import take_in
from newsletter.models import Issue, Newsletter, Pick
from newsletter.models.editor import Role
from newsletter.sources.records import Incoming
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from subscribers.address import parse
from tests.builders import a_story
from tests.doors.conftest import Web
from tests.doors.desk import Desk, browser_of
from tests.doors.sending import press
from tests.issues import SEEN, subscribe

ADA = "ada@desk.example"
NAMES = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon")
#: a text of so many characters at most, as it is written where that text belongs
Say = Callable[[str, int], str]
EXPORT = "email,name,timezone\nines@reader.example,{},Europe/Paris\njo@reader,,\n"
#: a page of each kind, as `newsroom` leaves them: 1 is finished, 2 leaves, 3 is held, 4 is a draft
PAGES = (
    "/desk",
    "/desk/issues",
    "/desk/issues/1",
    "/desk/issues/1/send",
    "/desk/issues/1/preview?width=320",
    "/desk/issues/4?find=story",
    "/desk/issues/4/preview?width=375",
    "/desk/issues/4/preview?part=text",
    "/desk/issues/4/preflight",
    "/desk/issues/4/editions",
    "/desk/issues/4/send",
    "/desk/issues/4/cancel",
    "/desk/issues/3/send",
    "/desk/editions/1",
    "/desk/stories",
    "/desk/stories/1",
    "/desk/stories/1/why",
    "/desk/alerts",
    "/desk/alerts/1",
    "/desk/alerts/1/cancel",
    "/desk/corrections/1",
    "/desk/corrections/3",
    "/desk/readers/import",
    "/desk/readers/imports/1",
    "/desk/numbers",
    "/desk/what-if",
    "/desk/editors",
    "/desk/keys",
    "/desk/log",
    "/issues",
    "/issues/daily/2026-01-09",
    "/issues/daily/2026-01-09/investors",
)
DAY = timedelta(days=1)
FRIDAY = SEEN + DAY


def plainly(text: str, longest: int) -> str:
    return text[:longest]


def news(day: int) -> list[Incoming]:
    stories = [a_story(f"{name} of day {day}", outlets=12 - n) for n, name in enumerate(NAMES)]
    return [Incoming(story.title, story, "test") for story in stories]


@contextmanager
def newsroom(
    web: Web, stories: Callable[[int], Sequence[Incoming]] = news, say: Say = plainly
) -> Iterator[Desk]:
    """The desk of Ada, an admin, on the third day, a Sunday: the first day's issue is finished, a mail
    of the second is still to leave, that of the third and that of the week are drafts; one was edited.

    `stories` makes those of a day, and `say` writes what editors do.
    """
    subscribe(web.services, "ann@reader.example", hour=7, audiences=["Investors"])
    deliver(web, stories(1), FRIDAY)
    subscribe(web.services, "bob@reader.example", hour=23)
    deliver(web, stories(2), FRIDAY + DAY)
    web.now = FRIDAY + 2 * DAY
    with writing(web.services.engine) as session:
        ada = people.add(session, parse(ADA), Role.ADMIN, name=say("Ada", 200), now=web.now).id
        people.add(session, parse("kim@desk.example"), Role.VIEWER, now=web.now)
        take_in(session, stories(3), now=web.now)
    tick(web.services, web.now)
    web.now = FRIDAY + 2 * DAY + timedelta(hours=1)
    with browser_of(web, ADA) as client:
        desk = Desk(web, ada, client)
        edit(desk, say)
        correct(desk, say)
        alert(desk, say)
        keep_books(desk, say)
        yield desk


def deliver(web: Web, stories: Sequence[Incoming], at: datetime) -> None:
    """All of that day that is due by its eighth hour, whatever preflight says of it."""
    with writing(web.services.engine) as session:
        take_in(session, stories, now=at)
    tick(web.services, at)
    with writing(web.services.engine) as session:
        issue = session.scalars(select(Issue).where(Issue.state == "draft")).one()
        approval.approve(session, issue, web.services.renderer, by="Ed", now=at)
    for hours in (3, 6):
        tick(web.services, at + timedelta(hours=hours))


def post(desk: Desk, path: str, **fields: str) -> None:
    answer = desk.post(path, fields)
    assert answer.status_code == 303, (path, answer.text)


def drafts(web: Web) -> tuple[Issue, Issue]:
    """The daily, and the weekly."""
    with reading(web.services.engine) as session:
        query = select(Issue).join(Newsletter).where(Issue.state == "draft").order_by(Newsletter.slug)
        daily, weekly = session.scalars(query)
        session.expunge_all()
        return daily, weekly


def edit(desk: Desk, say: Say) -> None:
    """Each act there is, on the daily; the weekly is held."""
    issue, weekly = drafts(desk.web)
    with reading(desk.web.services.engine) as session:
        query = select(Pick.story_id).where(Pick.issue_id == issue.id).order_by(Pick.position, Pick.story_id)
        first, second, third, fourth, *_ = session.scalars(query)
    texts = {"headline": say("Rewritten", 250), "tldr": say("In short.", 2000), "note": say("A note.", 1500)}
    texts["revision"] = "1"
    acts: list[tuple[str, dict[str, str]]] = [
        (f"stories/{first}/rewrite", texts),
        (f"stories/{second}/pin", {}),
        (f"stories/{third}/lead", {"audience": "Investors"}),
        (f"stories/{fourth}/drop", {}),
        ("stories", {"story": "1"}),
        ("intro", {"intro": say("Good morning.", 1500)}),
    ]
    for version, (act, fields) in enumerate(acts):
        post(desk, f"/desk/issues/{issue.id}/{act}", version=str(version), **fields)
    assert drafts(desk.web)[0].version == len(acts)
    page = desk.get(f"/desk/issues/{weekly.id}/send").text
    answer = press(desk, f"/desk/issues/{weekly.id}", "hold", page, because=say("Wait for it", 200))
    assert answer.status_code == 303
    post(desk, f"/desk/issues/{issue.id}/editions/count")


def correct(desk: Desk, say: Say) -> None:
    """One correction that is told, a retraction that is, and a correction that nobody confirmed."""
    for number, kind in enumerate(("correction", "retraction", "correction"), start=1):
        text = say("It was nine, and not ninety.", 1500)
        post(desk, f"/desk/stories/{number}/corrections", kind=kind, text=text, revision="1")
        if number < 3:
            post(desk, f"/desk/corrections/{number}/confirm")


def alert(desk: Desk, say: Say) -> None:
    """One that is drafted and aimed."""
    post(desk, "/desk/stories/4/alerts")
    words = {"line": say("It cannot wait.", 300), "headline": say("At once", 250)}
    post(desk, "/desk/alerts/1", version="1", audience="Investors", **words)


def keep_books(desk: Desk, say: Say) -> None:
    """A key for a program, a file of readers that is imported, and one that was tried."""
    assert desk.post("/desk/keys", {"name": say("A program", 200), "role": "viewer"}).status_code == 200
    for name in ("first.csv", say("second", 60) + ".csv"):
        terms = {"newsletters": ["daily"], "consent": "vouch", "source": say("by double opt-in", 200)}
        data = EXPORT.format(say("Ines", 100)).encode()
        answer = desk.post("/desk/readers/import", data=terms, files={"file": (name, data)})
        assert answer.status_code == 303, answer.text
        settle(desk, answer.headers["location"])
        if name == "first.csv":
            post(desk, f"{answer.headers['location']}/start")
            settle(desk, answer.headers["location"])


def settle(desk: Desk, path: str) -> None:
    """Wait until the work on a file is over."""
    for _ in range(400):
        if "data-busy" not in desk.client.get(path, follow_redirects=True).text:
            return
        time.sleep(0.02)
    raise AssertionError(path)
