"""What a story takes back while an alert of it is held is not told, and is as if it had never come up."""

from datetime import timedelta

from sqlalchemy import select

from newsletter.alerts.matching import anchors
from newsletter.alerts.pieces import mail_of
from newsletter.alerts.sparing import REPLACED, TAKEN_BACK
from newsletter.content import Company, Impact, Maker, Tldr
from newsletter.models import AlertReader, Edition
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import watching
from subscribers.alert_choices import AlertChoices, InQuiet
from subscribers.alert_rule import AlertRule
from subscribers.models import Subscriber
from tests.alerted import NOON, breaks, fates, hold, leave, mails
from tests.builders import a_story

ABOUT_LAB, HIGH = AlertRule.of({"companies": ["Sample Lab"]}), AlertRule.of({"impacts": ["advance"]})
CALM, TENSE = a_story(impact=Impact.NEUTRAL), a_story(impact=Impact.ADVANCE)
HOUR = timedelta(hours=1)
#: half past midnight, when nobody rests any more from an alert at noon
NIGHT = NOON + 12.5 * HOUR
MORNING = NOON + 19 * HOUR


def texts(services: Services) -> list[str]:
    with reading(services.engine) as session:
        editions = session.scalars(select(Edition).where(Edition.issue_id.is_(None)).order_by(Edition.id))
        return [" ".join(mail_of(session, edition).content.text.split()) for edition in editions]


def test_a_label_that_is_turned_back_in_the_night_is_not_told(services: Services) -> None:
    """Neither to whom the story was told before, nor to whom only the label concerned; when it changes once
    more that is news to both, and the mail says it of what they were really told."""
    told = hold(services, "told@inbox.example", ABOUT_LAB)
    new = hold(services, "new@inbox.example", HIGH)
    breaks(services, CALM)
    leave(services)
    breaks(services, TENSE, at=NIGHT)
    breaks(services, CALM, at=NIGHT + 2 * HOUR)
    assert [fate.state for fate in (*fates(services, told), *fates(services, new))] == [
        "mailed",
        "waiting",
        "waiting",
    ]
    breaks(services, at=MORNING)
    for fate in (fates(services, told)[-1], fates(services, new)[-1]):
        assert (fate.state, fate.reason) == ("dropped", TAKEN_BACK)
    assert len(mails(services)) == 1
    breaks(services, TENSE, at=MORNING + HOUR)
    assert [fates(services, one)[-1].state for one in (told, new)] == ["mailed", "mailed"]
    mailed = texts(services)
    assert len(mailed) == 3
    updates = ["label changed: no clear effect → may advance" in text for text in mailed[1:]]
    assert sorted(updates) == [False, True]


def test_what_waits_is_told_with_newer_facts_however_old_the_story(services: Services) -> None:
    """It came up while the story was fresh; whoever gets it in the morning hears of it as it stands then."""
    reader = hold(
        services, "reader@inbox.example", AlertRule.of({"companies": ["Sample Lab"]}, min_outlets=3)
    )
    breaks(services, a_story(outlets=1), at=NIGHT - 71 * HOUR)
    breaks(services, a_story(outlets=3), at=NIGHT)
    breaks(services, a_story(outlets=9), at=NIGHT + 3 * HOUR)
    breaks(services, at=MORNING)
    assert [fate.state for fate in fates(services, reader)] == ["dropped", "mailed"]
    assert fates(services, reader)[0].reason == REPLACED
    assert "9 outlets" in texts(services)[-1]


def test_another_rule_takes_over_what_waits(services: Services) -> None:
    """By morning the story says nothing any more of what one rule asks for, but meets another one of the
    reader's: they are told it for that."""
    reader = hold(services, "reader@inbox.example", AlertRule.of({"words": ["delayed"]}))
    with writing(services.engine) as session:
        rule = AlertRule.of({}, min_outlets=2)
        held = session.get_one(Subscriber, reader)
        watching.hold(session, held, rule, anchors(rule), now=NOON - HOUR)
    breaks(services, a_story(outlets=1, tldr=Tldr("A model is delayed.", Maker.AI)), at=NIGHT)
    breaks(services, a_story(outlets=2, tldr=Tldr("A model is shown.", Maker.AI)), at=NIGHT + HOUR)
    breaks(services, at=MORNING)
    assert [fate.state for fate in fates(services, reader)] == ["dropped", "mailed"]
    assert "A model is shown." in texts(services)[-1]


def test_what_waits_is_told_as_the_story_stands(services: Services) -> None:
    """A label that is taken away takes the place of what waits, for whom the story concerns all the same."""
    reader = hold(services, "reader@inbox.example", ABOUT_LAB)
    breaks(services, TENSE, at=NIGHT)
    breaks(services, a_story(impact=None), at=NIGHT + HOUR)
    breaks(services, at=MORNING)
    first, second = fates(services, reader)
    assert (first.state, first.reason, second.state) == ("dropped", REPLACED, "mailed")
    [text] = texts(services)
    assert "may advance" not in text


def test_what_is_new_goes_by_what_each_was_told(services: Services) -> None:
    """Of two readers who were spared the same at once, one heard of the story before, and one never did."""
    choices = AlertChoices(in_quiet=InQuiet.FOLD)
    never = hold(services, "never@inbox.example", HIGH, choices=choices)
    told = hold(services, "told@inbox.example", ABOUT_LAB, choices=choices)
    breaks(services, CALM)
    breaks(services, TENSE, at=NIGHT)
    more = a_story(impact=Impact.ADVANCE, companies=(Company("Sample Lab"), Company("Other Lab")))
    breaks(services, more, at=NIGHT + HOUR)
    with reading(services.engine) as session:
        newest = select(AlertReader).order_by(AlertReader.id.desc()).limit(2)
        changes = {row.subscriber_id: row.changes for row in session.scalars(newest)}
    label = "label changed: no clear effect → may advance"
    assert changes == {never: [], told: [label, "now also about Other Lab"]}
