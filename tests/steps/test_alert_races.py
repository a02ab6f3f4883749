"""Two machines at one alert: neither stands in the other's way, misses what it did, or tells it twice."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, text, update

from newsletter import erasure, tasks
from newsletter.alerts.looking import look, look_for_corrections
from newsletter.alerts.pieces import alert_limits
from newsletter.alerts.setbacks import pass_over_first
from newsletter.alerts.sparing import Limits
from newsletter.cli.alerts import cancel
from newsletter.content import StoryContent
from newsletter.models import Story
from newsletter.models.alert import AlertState
from newsletter.store.engine import writing
from newsletter.tick import tick, tick_issues
from newsletter.wiring import Services
from subscribers import consent, roster
from subscribers.address import parse
from subscribers.alert_choices import AlertChoices
from subscribers.consent import Channel
from tests.alerted import MINUTE, NOON, breaks, fates, hold, leave, mails
from tests.builders import a_story
from tests.corrected import corrected
from tests.editors_alerts import a_draft, approved, release, seen, spread, subscribe
from tests.interleaved import beside
from tests.issues import PUBLISH, tell

HOUR = timedelta(hours=1)
ANN = "ann@inbox.example"
NO_QUIET = AlertChoices(quiet_from=0, quiet_until=0, mails_a_day=20)
#: readers are looked for; their mail is made, and all about them has been read
_SPREADS, _MAILS = "newsletter.alerts.spreading:next_given", "newsletter.alerts.mailing:compose"
#: SQLite has one writer at a time: there nothing is in the midst when another one comes
several_writers = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def limits(services: Services) -> Limits:
    assert services.site.alerts
    return alert_limits(services.site.alerts)


def lab(outlets: int = 2) -> StoryContent:
    return a_story("Known", outlets=outlets)


@several_writers
def test_a_story_changes_while_it_spreads(services: Services) -> None:
    """Whoever looks at the newer facts waits for the portion in hand, and neither is broken off."""
    reader = hold(services, "reader@inbox.example", choices=NO_QUIET)
    tell(services, lab(), at=NOON)
    later = NOON + MINUTE

    def goes_on() -> None:
        tell(services, lab(6), at=later)
        tasks.alert(services, later)

    with beside(services, _SPREADS, goes_on):
        tasks.alert(services, NOON)
    tasks.alert(services, later)
    # whichever comes to mail first: the newer facts rest behind the older ones, or stand in their place
    states = sorted(fate.state for fate in fates(services, reader))
    assert states in (["folded", "mailed"], ["dropped", "mailed"])


@several_writers
def test_cancelled_at_a_door_while_it_spreads(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cancels and whoever spreads wait for each other in one order; nobody gets it after that."""
    reader = subscribe(services, "ann")
    alert_id = a_draft(services)
    approved(services, alert_id)
    release(services, 20)
    monkeypatch.setattr("newsletter.cli.alerts.ready", lambda: services)
    with beside(services, "newsletter.alert_desk.letting_go:one_at_a_time", lambda: spread(services, 20)):
        cancel(alert_id)
    assert seen(services, alert_id).state == AlertState.CANCELLED
    spread(services, 21)
    assert {fate.state for fate in fates(services, reader)} <= {"dropped"}
    assert {mail.state for mail in mails(services)} <= {"cancelled"}


@several_writers
def test_a_correction_while_it_is_mailed(services: Services) -> None:
    """What a mail in hand tells is corrected by another one; it is not said to have been dropped, nor told
    after that."""
    reader = hold(services, "reader@inbox.example", choices=NO_QUIET)
    tell(services, lab(), at=NOON)

    def correct() -> None:
        corrected(services, NOON)
        with writing(services.engine) as session:
            look_for_corrections(session, limits(services), now=NOON)

    with beside(services, _MAILS, correct) as correcting:
        tasks.alert(services, NOON)
    assert correcting.waited
    assert leave(services) == {"accepted": 1}
    assert [fate.state for fate in fates(services, reader)] == ["mailed"]
    tasks.alert(services, NOON + 20 * MINUTE)
    assert [fate.state for fate in fates(services, reader)] == ["mailed", "mailed"]


def stop(services: Services) -> None:
    with writing(services.engine) as session:
        reader = roster.find(session, ANN)
        assert reader is not None
        consent.unsubscribe(
            session, reader.public_id, "alerts", channel=Channel.ONE_CLICK, wording="Stop", now=NOON
        )


def forget(services: Services) -> None:
    with writing(services.engine) as session:
        erasure.erase(
            session,
            parse(ANN),
            mail_folder=services.settings.mail_folder,
            channel=Channel.COMMAND,
            fingerprints=services.fingerprints,
            now=NOON,
        )


@several_writers
def test_a_digest_leaves_while_an_alert_comes_up(services: Services) -> None:
    """Two workers let no more mails through to a reader than they want, whichever had the last place."""
    choices = AlertChoices(quiet_from=0, quiet_until=0, mails_a_day=1)
    hold(services, "reader@inbox.example", choices=choices)
    tell(services, a_story("News of the night", companies=()), at=PUBLISH - 3 * HOUR)
    tick(services, PUBLISH)
    read = PUBLISH + 3 * HOUR

    def breaks_out() -> None:
        breaks(services, lab(), at=read)
        leave(services, read)

    with beside(services, "newsletter.dispatch.claims:_take", breaks_out):
        leave(services, read)
    for minutes in (1, 20):
        tasks.alert(services, read + minutes * MINUTE)
        leave(services, read + minutes * MINUTE)
    assert Counter(mail.state for mail in mails(services, "digest", "alert"))["accepted"] == 1


@several_writers
def test_a_fault_while_another_one_looks(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A story that brings out a fault is passed over, and never the one that another machine looks at."""
    tell(services, a_story("In other hands"), at=NOON)
    tell(services, a_story("At fault"), at=NOON)
    with writing(services.engine) as session:
        first, second = session.scalars(select(Story.id).order_by(Story.id))
        assert look(session, limits(services), now=NOON, portion=1) == [first]
        with writing(services.engine) as beside_it:
            beside_it.execute(text("SET LOCAL lock_timeout = '5s'"))
            assert pass_over_first(beside_it) == second


def test_a_digest_by_a_slow_clock(services: Services) -> None:
    """What came up while a digest waited for its turn, and was told by it, is not told by an alert too."""
    reader = hold(services, "reader@inbox.example", choices=replace(NO_QUIET, quiet_from=4, quiet_until=6))
    tell(services, lab(), at=PUBLISH - 3 * HOUR)
    with writing(services.engine) as session:
        # nobody has looked at it yet
        session.execute(update(Story).values(watched=1))
    tick_issues(services, PUBLISH - MINUTE)
    with writing(services.engine) as session:
        session.execute(update(Story).values(watched=0))
    assert tasks.alert(services, PUBLISH + MINUTE) == {"waiting": 1}
    tick_issues(services, PUBLISH)
    assert len(mails(services, "digest")) == 1
    tasks.alert(services, PUBLISH + 3 * HOUR)
    [fate] = fates(services, reader)
    assert (fate.state, (fate.reason or "").partition(" on ")[0]) == ("dropped", "told by Race to AGI Daily")
    assert not mails(services)


#: a strike that spreads or mails meets a publication, and a publication a strike, with all read or nothing
_PUBLISHES = "newsletter.publication:Grouping", "newsletter.publication:insert_many"


@pytest.mark.parametrize("where", [_SPREADS, _MAILS, *_PUBLISHES])
def test_a_digest_and_an_alert_at_once(services: Services, where: str) -> None:
    """Frozen at one moment by two machines, a story is told each reader once: by the one or by the other."""
    readers = [hold(services, f"{name}@inbox.example", choices=NO_QUIET) for name in ("ann", "bob")]
    tell(services, lab(), at=PUBLISH - 3 * HOUR)
    acts: list[Callable[[Services, datetime], object]] = [tick_issues, tasks.alert]
    first, second = acts if where in _PUBLISHES else reversed(acts)
    with beside(services, where, lambda: second(services, PUBLISH)) as other:
        first(services, PUBLISH)
    assert other.waited
    for _ in range(2):
        tasks.alert(services, PUBLISH + MINUTE)
    told = Counter(mail.subscriber_id for mail in mails(services, "digest", "alert"))
    assert told == dict.fromkeys(readers, 1)


def test_two_strikes_at_once(services: Services) -> None:
    """Two clocks that strike together do together what one would have done: a row and a mail for each."""
    readers = [hold(services, f"reader{n}@inbox.example", choices=NO_QUIET) for n in range(4)]
    tell(services, *(a_story(f"Sample Lab trains model {n}") for n in range(3)), at=NOON)
    start = Barrier(2)

    def strike(_: int) -> Counter[str]:
        start.wait()
        return tasks.alert(services, NOON)

    with ThreadPoolExecutor() as machines:
        done = sum(machines.map(strike, range(2)), Counter[str]())
    assert done == {"mails": 4, "mailed": 12}
    assert [len(fates(services, reader)) for reader in readers] == [3] * 4
    assert tasks.alert(services, NOON) == {}


@pytest.mark.parametrize("where", ["newsletter.alerts.spreading:insert_many", _MAILS])
@pytest.mark.parametrize("leaving", ["stop", "erase"])
def test_somebody_leaves_at_once(services: Services, where: str, leaving: str) -> None:
    """Who stops the alerts, or is forgotten, while theirs is made is not refused, and gets none of it."""
    reader = hold(services, ANN, choices=NO_QUIET)
    tell(services, lab(), at=NOON)
    act = {"stop": stop, "erase": forget}[leaving]
    with beside(services, where, lambda: act(services)):
        tasks.alert(services, NOON)
    assert set(leave(services)) <= {"withheld"}
    tasks.alert(services, NOON)
    assert [fate.state for fate in fates(services, reader)] == ["dropped"]
    assert {mail.state for mail in mails(services)} <= {"withheld"}
