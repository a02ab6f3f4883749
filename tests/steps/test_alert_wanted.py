"""What a reader wants no more does not leave: neither what is held for them, nor what is in the outbox."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter import tasks
from newsletter.content import Impact
from newsletter.models import Alert, Story
from newsletter.models.alert import AlertKind
from newsletter.store.engine import writing
from newsletter.wiring import Services
from subscribers import muting, watching
from subscribers.alert_choices import AlertChoices, InQuiet
from subscribers.consent import Channel
from subscribers.models import Subscriber
from tests.alerted import MINUTE, NOON, breaks, fates, hold, leave, mails
from tests.builders import a_story

LATER = NOON + 5 * MINUTE
NIGHT = NOON.replace(hour=23)
MORNING = NIGHT + timedelta(hours=8, minutes=1)
NO_QUIET = AlertChoices(quiet_from=0, quiet_until=0)
NEWS = a_story("Sample Lab trains a model", impact=Impact.NEUTRAL)

Act = Callable[[Session, Subscriber], object]


def stop(session: Session, reader: Subscriber) -> None:
    for watch in watching.watches_of(session, reader.id):
        watching.stop(session, watch)


def pause(session: Session, reader: Subscriber) -> None:
    for watch in watching.watches_of(session, reader.id):
        watching.pause(watch, NOON + timedelta(days=7))


def mute_story(session: Session, reader: Subscriber) -> None:
    story = session.scalars(select(Story.id)).first()
    assert story
    muting.mute_story(session, reader, story, channel=Channel.COMMAND, wording="Mute", now=NOON)


def mute_company(session: Session, reader: Subscriber) -> None:
    muting.mute_company(session, reader, "Sample Lab", channel=Channel.COMMAND, wording="Mute", now=NOON)


def end_editors(session: Session, reader: Subscriber) -> None:
    session.execute(update(Alert).values(kind=AlertKind.EDITORS))
    watching.choose(session, reader.id, replace(NO_QUIET, from_editors=False))


WANTS_NO_MORE = [
    (stop, "its alert was stopped or paused"),
    (pause, "its alert was stopped or paused"),
    (mute_story, "muted this story"),
    (mute_company, "muted the company Sample Lab"),
    (end_editors, "wants no alerts from the editors"),
]


def do(services: Services, number: int, act: Act) -> None:
    with writing(services.engine) as session:
        act(session, session.get_one(Subscriber, number))


@pytest.mark.parametrize(("act", "why"), WANTS_NO_MORE)
def test_a_mail_in_the_outbox_that_is_wanted_no_more(services: Services, act: Act, why: str) -> None:
    """It had to wait; meanwhile its reader wants nothing of it. It does not leave, with the reason, and those
    who want it get theirs."""
    reader = hold(services, "ann@inbox.example", choices=NO_QUIET)
    other = hold(services, "bob@inbox.example", choices=NO_QUIET)
    breaks(services, NEWS)
    do(services, reader, act)
    assert leave(services, LATER) == {"withheld": 1, "accepted": 1}
    assert [(mail.state, mail.reason) for mail in mails(services)] == [("withheld", why), ("accepted", None)]
    tasks.alert(services, LATER)
    assert [(fate.state, fate.reason) for fate in fates(services, reader)] == [
        ("dropped", f"its mail was withheld: {why}")
    ]
    assert [fate.state for fate in fates(services, other)] == ["mailed"]


@pytest.mark.parametrize(("act", "why"), WANTS_NO_MORE)
def test_what_is_held_and_wanted_no_more(services: Services, act: Act, why: str) -> None:
    """It waited for the morning, and by then its reader wanted nothing of it."""
    reader = hold(services, "ann@inbox.example", choices=AlertChoices())
    breaks(services, NEWS, at=NIGHT)
    assert [fate.state for fate in fates(services, reader)] == ["waiting"]
    do(services, reader, act)
    tasks.alert(services, MORNING)
    assert mails(services) == []
    assert [(fate.state, fate.reason) for fate in fates(services, reader)] == [("dropped", why)]


def test_what_still_tells_something_wanted_leaves(services: Services) -> None:
    """The mail tells two stories, and one of them was muted since: what leaves is what was frozen."""
    reader = hold(services, "ann@inbox.example", choices=NO_QUIET)
    breaks(services, NEWS, a_story("Sample Lab opens a hall"))
    [mail] = mails(services)
    do(services, reader, mute_story)
    assert leave(services, LATER) == {"accepted": 1}
    assert mail.subscriber_id == reader


@pytest.mark.parametrize(
    ("in_quiet", "impact", "became"),
    [
        (InQuiet.FOLD, Impact.NEUTRAL, {"withheld": 1}),
        (InQuiet.HOLD, Impact.NEUTRAL, {}),
        (InQuiet.HIGHEST, Impact.NEUTRAL, {}),
        (InQuiet.HIGHEST, Impact.ADVANCE, {"accepted": 1}),
    ],
)
def test_a_quiet_that_was_chosen_meanwhile(
    services: Services, in_quiet: InQuiet, impact: Impact, became: dict[str, int]
) -> None:
    """Somebody chooses quiet while a mail waits in the outbox: it does not come into it, but for the highest
    impact where they let that through. It is held until that is over, or the next digest tells it."""
    reader = hold(services, "ann@inbox.example", choices=NO_QUIET)
    breaks(services, a_story("Sample Lab trains a model", impact=impact))
    quiet = AlertChoices(quiet_from=11, quiet_until=14, in_quiet=in_quiet)
    do(services, reader, lambda session, _: watching.choose(session, reader, quiet))
    assert leave(services, LATER) == became
    tasks.alert(services, LATER)
    assert [fate.state for fate in fates(services, reader)] == [
        "folded" if in_quiet is InQuiet.FOLD else "mailed"
    ]
    assert leave(services, NOON + timedelta(hours=2)) == ({"accepted": 1} if not became else {})


def test_what_a_quiet_outlasts_is_no_news_any_more(services: Services) -> None:
    """It would be over only when the story is no news: the next digest tells it."""
    reader = hold(services, "ann@inbox.example", choices=NO_QUIET)
    breaks(services, NEWS)
    quiet = AlertChoices(quiet_days=frozenset({3, 4, 5}))
    do(services, reader, lambda session, _: watching.choose(session, reader, quiet))
    assert leave(services, LATER) == {"withheld": 1}
    tasks.alert(services, LATER)
    assert [fate.state for fate in fates(services, reader)] == ["folded"]
