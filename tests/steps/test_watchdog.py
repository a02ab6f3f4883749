"""The watchdog at work: what it sees in the database, and that each thing is told to each editor once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import select

from newsletter.desk import planning
from newsletter.desk.approval import hold
from newsletter.desk.states import step
from newsletter.dispatch.gates import close
from newsletter.dispatch.steering import open_again, stop
from newsletter.editors import people
from newsletter.models import Delivery, Issue, Newsletter, Notice, Pace
from newsletter.models.delivery import DeliveryKind
from newsletter.models.editor import Role
from newsletter.models.issue import IssueState
from newsletter.preflight.findings import Finding, Severity
from newsletter.schedule import occurrence
from newsletter.store.clock import database_now
from newsletter.store.engine import reading, writing
from newsletter.tasks import bark
from newsletter.tick import tick
from newsletter.watchdog.alarms import Alarm, alarms
from newsletter.watchdog.looking import look
from newsletter.watchdog.notices import note
from newsletter.wiring import Services
from subscribers.address import parse
from tests.builders import a_story
from tests.issues import CUTOFF, DAY, PUBLISH, draft, subscribe, tell

MINUTE = timedelta(minutes=1)
HELD = Alarm("issue:1:held", "The daily is held.")
CLOSED = Alarm("way:provider:folder", "No mail leaves.")


def editors(services: Services, *roles: Role) -> None:
    with writing(services.engine) as session:
        for role in roles:
            people.add(session, parse(f"{role}@desk.example"), role, now=DAY)


BARRING = Finding("placeholders", Severity.BLOCKING, "intro", "it says TK", "write it")


def found(services: Services, now: datetime, *findings: Finding) -> dict[str, str]:
    with reading(services.engine) as session:
        facts = look(session, services.site.audiences, lambda *_: findings, now=now)
    return {alarm.key: alarm.text for alarm in alarms(facts, now=now)}


def noted(services: Services, *holding: Alarm, at: datetime = DAY) -> int:
    with writing(services.engine) as session:
        return note(session, holding, now=at)


def notices(services: Services) -> Sequence[tuple[str, bool, bool]]:
    """Key, whether it was told, and whether it is over, in the order in which they came."""
    with reading(services.engine) as session:
        rows = session.scalars(select(Notice).order_by(Notice.id))
        return [(row.key, row.told_at is not None, row.over_at is not None) for row in rows]


def with_terms(services: Services, **terms: object) -> None:
    with writing(services.engine) as session:
        daily = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        for name, value in terms.items():
            setattr(daily, name, value)


@pytest.mark.parametrize("terms", [{"policy": "hold"}, {"two_persons": True}])
def test_an_issue_that_waits_for_a_person(services: Services, terms: dict[str, object]) -> None:
    """A draft that its policy holds, or that takes two persons, is called out before its cut-off."""
    with_terms(services, **terms)
    tell(services, a_story())
    issue = draft(services)
    assert found(services, CUTOFF - 61 * MINUTE) == {}
    assert list(found(services, CUTOFF - 60 * MINUTE)) == [f"issue:{issue}:first call"]
    assert list(found(services, CUTOFF - 5 * MINUTE)) == [f"issue:{issue}:last call"]


def test_an_issue_that_goes_by_itself(services: Services) -> None:
    """A draft that its policy sends is nobody's worry until preflight bars it, or somebody holds it."""
    tell(services, a_story())
    issue_id = draft(services)
    late = CUTOFF - 5 * MINUTE
    assert found(services, late) == {}
    assert "bars it (1 to mend)" in found(services, late, BARRING)[f"issue:{issue_id}:last call"]
    with writing(services.engine) as session:
        hold(session.get_one(Issue, issue_id), by="Ada")
    assert list(found(services, late)) == [f"issue:{issue_id}:last call"]
    assert "held by Ada" in found(services, CUTOFF + MINUTE)[f"issue:{issue_id}:held"]


def test_an_issue_without_a_story(services: Services) -> None:
    """It is skipped whatever anybody does, so that nobody is called for it."""
    with_terms(services, policy="hold")
    draft(services)
    assert found(services, CUTOFF - 5 * MINUTE, BARRING) == {}


def test_quiet_for_an_audience(services: Services) -> None:
    """Who chose an audience for which nothing was told for days is noticed; whoever chose none never is."""
    subscribe(services, "ann@inbox.example", audiences=["Engineers"])
    subscribe(services, "bob@inbox.example", audiences=["Investors"])
    long_ago(services)
    tell(services, a_story("For engineers", audiences=("Engineers",)))
    tick(services, PUBLISH)
    words = "Race to AGI Daily has had no story for Investors for 3 days."
    assert found(services, PUBLISH + 2 * MINUTE) == {"audience:daily:Investors": words}
    tell(services, a_story("For everybody", audiences=()), at=DAY + timedelta(hours=20))
    tick(services, PUBLISH + timedelta(days=1))
    assert found(services, PUBLISH + timedelta(days=1, minutes=2)) == {}


def long_ago(services: Services) -> None:
    """The daily has appeared for a while."""
    with writing(services.engine) as session:
        daily = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        first = planning.plan(
            session, daily, occurrence(planning.timetable(daily), (DAY - timedelta(days=10)).date())
        )
        assert first is not None
        step(first, IssueState.SKIPPED, "no story yet")


def test_a_newsletter_that_reaches_nobody(services: Services) -> None:
    """Days after the last issue that reached anybody it is noticed; without readers there is no silence."""
    tell(services, a_story())
    tick(services, PUBLISH)
    late = PUBLISH + timedelta(days=4)
    assert "newsletter:daily" not in found(services, late)
    subscribe(services, "ann@inbox.example")
    assert "has reached nobody yet" in found(services, late)["newsletter:daily"]
    with writing(services.engine) as session:
        session.scalars(select(Issue)).one().frozen = 1
    assert found(services, late)["newsletter:daily"].endswith("nobody since Thu 8 Jan, 04:30 UTC.")


def test_the_intake_falls_silent(services: Services) -> None:
    """Stories and what changes in them are news; after their usual pace silence is noticed, and it ends."""
    for n in range(6):
        tell(services, a_story(f"Story {n}"), at=DAY + timedelta(hours=12 * n))
    tell(services, a_story("Story 0", outlets=9), at=DAY + timedelta(hours=72))
    assert found(services, DAY + timedelta(hours=72 + 48)) == {}
    assert list(found(services, DAY + timedelta(hours=72 + 49))) == ["intake"]
    tell(services, a_story("At last"), at=DAY + timedelta(hours=72 + 50))
    assert found(services, DAY + timedelta(hours=72 + 51)) == {}


def test_closed_ways(services: Services) -> None:
    """A way that keeps closing, or that was stopped, is noticed; a domain or a first rest is not."""
    with writing(services.engine) as session:
        close(session, "domain:slow.example", "too many", wait=timedelta(hours=2))
        close(session, "provider:smtp", "busy")
        close(session, "sender:racetoagi.example", "asked to wait", wait=timedelta(hours=1))
        stop(session, "newsletter:daily", "complaints at 0.4 %")
    ways = found(services, DAY)
    assert list(ways) == ["way:newsletter:daily", "way:sender:racetoagi.example"]
    assert ways["way:newsletter:daily"].endswith("until somebody sees to it: complaints at 0.4 %")
    with writing(services.engine) as session:
        for way in ("newsletter:daily", "sender:racetoagi.example"):
            open_again(session, way)
    assert found(services, DAY) == {}


@pytest.mark.parametrize(
    ("times", "minutes_ago", "is_long"),
    [
        (4, 0, False),  # 30 s, 1, 2 and 4 minutes
        (5, 0, True),
        (5, 5, True),  # being tried
        (5, 15, False),  # nothing has waited for it since
    ],
)
def test_a_way_that_keeps_closing(services: Services, times: int, minutes_ago: int, is_long: bool) -> None:
    """How often in a row tells how long, as each time lasts longer; a way that nobody tries is let be."""
    with writing(services.engine) as session:
        close(session, "provider:smtp", "busy")
        row = session.get_one(Pace, "provider:smtp")
        row.closed_times = times
        row.closed_until = database_now(session) - minutes_ago * MINUTE
    assert list(found(services, DAY)) == ["way:provider:smtp"] * is_long


def test_counts_that_do_not_add_up(services: Services) -> None:
    """An issue without open mails whose counts are off is noticed; one on its way or finished is not."""
    subscribe(services, "ann@inbox.example")
    tell(services, a_story())
    tick(services, PUBLISH)
    assert found(services, PUBLISH) == {}
    with writing(services.engine) as session:
        issue = session.scalars(select(Issue)).one()
        issue.frozen = 2
    assert found(services, PUBLISH) == {}
    with writing(services.engine) as session:
        session.scalars(select(Delivery)).one().state = "accepted"
    assert found(services, PUBLISH)[f"issue:{issue.id}:counts"].endswith("2 frozen ≠ 1 accepted")


def test_each_thing_is_told_once(services: Services) -> None:
    """What lasts is one notice and one mail; what comes back after it was over is told anew."""
    editors(services, Role.EDITOR)
    assert [noted(services, HELD, at=DAY + n * MINUTE) for n in (0, 1, 30)] == [1, 0, 0]
    assert noted(services, at=DAY + 31 * MINUTE) == 0
    assert notices(services) == [("issue:1:held", True, True)]
    assert noted(services, HELD, at=DAY + 32 * MINUTE) == 1
    assert notices(services)[1:] == [("issue:1:held", True, False)]


def test_not_more_than_a_mail_in_ten_minutes(services: Services) -> None:
    """What is found soon after a mail waits for the next one; if it is over by then, it is not told."""
    editors(services, Role.EDITOR)
    brief = Alarm("way:sender:a.example", "Soon over.")
    assert noted(services, HELD) == 1
    assert noted(services, HELD, CLOSED, brief, at=DAY + MINUTE) == 0
    assert noted(services, HELD, CLOSED, at=DAY + 9 * MINUTE) == 0
    assert noted(services, HELD, CLOSED, at=DAY + 10 * MINUTE) == 1
    assert sorted(notices(services)) == [
        ("issue:1:held", True, False),
        ("way:provider:folder", True, False),
        ("way:sender:a.example", False, True),
    ]


def test_two_clocks_tell_once(services: Services) -> None:
    """However many clocks bark at one time, there is one notice of each thing, and one mail."""
    editors(services, Role.EDITOR)
    with ThreadPoolExecutor(4) as threads:
        queued = list(threads.map(lambda _: noted(services, HELD, CLOSED), range(4)))
    assert sorted(queued) == [0, 0, 0, 1]
    assert sorted(notices(services)) == [(HELD.key, True, False), (CLOSED.key, True, False)]


def test_who_is_told(services: Services) -> None:
    """Editors, approvers and admins, each once; no viewer, and nobody who was removed."""
    editors(services, *Role)
    with writing(services.engine) as session:
        people.remove(session, people.get(session, parse("approver@desk.example")), now=DAY)
    assert noted(services, HELD) == 2
    with reading(services.engine) as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.editor_id)).all()
        told = {people.get_by_number(session, row.editor_id or 0).role for row in rows}
        assert {(row.kind, row.occasion_id) for row in rows} == {(DeliveryKind.NOTICE, 1)}
    assert told == {"editor", "admin"}


def test_nobody_to_tell(services: Services) -> None:
    """Without editors the notice stands on the desk alone, and whoever comes later is not told of old."""
    assert noted(services, HELD) == 0
    editors(services, Role.ADMIN)
    assert noted(services, HELD, at=DAY + 60 * MINUTE) == 0


def test_the_mail(services: Services) -> None:
    """Found by the clock, it leaves with the same tick: what was found together, as text, with the way in."""
    editors(services, Role.EDITOR)
    with writing(services.engine) as session:
        for way in ("sender:a.example", "sender:b.example"):
            stop(session, way, "<b>5 % @@bounced@@</b>")
    tick(services, DAY)
    bark(services, DAY + MINUTE)
    [file] = services.settings.mail_folder.glob("*.eml")
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (mail["to"], mail["subject"]) == ("editor@desk.example", "Desk: 2 warnings")
    html, text = (mail.get_body((kind,)) for kind in ("html", "plain"))
    assert html is not None
    assert text is not None
    assert "<b>5 %" not in html.get_content()
    assert "<b>5 % @" in " ".join(text.get_content().split())
    for part in (html, text):
        assert "https://news.racetoagi.example/desk" in part.get_content()
        assert all(f"sender:{name}.example" in part.get_content() for name in "ab")
