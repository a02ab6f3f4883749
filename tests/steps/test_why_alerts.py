"""Why an alert reached a reader, or did not: each rule, what they knew, and what became of it."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from newsletter import tasks
from newsletter.alert_desk import editing, letting_go
from newsletter.alerts.explanation import AlertExplanation
from newsletter.alerts.sparing import ORDER
from newsletter.judging import Reason
from newsletter.models import Story
from newsletter.models.alert import AlertKind, AlertReaderState
from newsletter.release import Actor
from newsletter.store.engine import reading, writing
from newsletter.why import ways
from newsletter.wiring import Services
from subscribers import watching
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from subscribers.models import MutedStory, Subscriber, SubscriptionState
from tests.alerted import LAB, MINUTE, NOON, breaks, hold, leave
from tests.builders import a_story, coverage
from tests.issues import tell

STORY = a_story("A lab opens an office", outlets=3)
INES, JO = "ines@reader.example", "jo@reader.example"
HOUR = timedelta(hours=1)


def explained(services: Services, reader: int) -> list[AlertExplanation]:
    with reading(services.engine) as session:
        story = session.scalars(select(Story)).one()
        return ways(
            session, session.get_one(Subscriber, reader), story, services.site, now=NOON + 2 * HOUR
        ).alerts


def failed(*reasons: Reason) -> list[str]:
    return [reason.rule for reason in reasons if not reason.passed]


def test_one_who_was_told(services: Services) -> None:
    """Whoever was alerted finds the rule that was met, by its facts, and what became of the mail."""
    ines = hold(services, INES)
    breaks(services, STORY)
    leave(services)
    [told] = explained(services, ines)
    [asked] = told.rules
    assert (told.kind, told.state, told.revision) == (AlertKind.RULES, AlertReaderState.MAILED, 1)
    assert asked.met
    assert asked.words == "Sample Lab, once 2 outlets report it"
    assert "about Sample Lab" in {reason.text for reason in asked.reasons}
    assert failed(*told.reasons) == []
    assert told.outcome == "mailed 2026-01-08 12:00 UTC"
    assert (told.mail or "").startswith("accepted")


def test_every_rule_that_spares_is_told(services: Services) -> None:
    """Of one that was mailed all that could have kept it back; of another one those up to what did."""
    ines = hold(services, INES)
    jo = hold(services, JO, choices=AlertChoices(quiet_from=11, quiet_until=14))
    breaks(services, STORY)
    [mailed], [held] = explained(services, ines), explained(services, jo)
    assert [reason.rule for reason in mailed.reasons][-len(ORDER) :] == [*ORDER]
    assert [reason.rule for reason in held.reasons][-5:] == ["life", "same", "rest", "budget", "quiet"]
    assert failed(*held.reasons) == ["quiet"]
    assert held.reasons[-1].text.startswith("you want quiet now; waits until 14:00")


def test_a_rule_that_was_stopped_since(services: Services) -> None:
    """It is named with its words and facts all the same, and that it was stopped."""
    ines = hold(services, INES)
    breaks(services, STORY)
    with writing(services.engine) as session:
        [watch] = watching.watches_of(session, ines)
        watching.stop(session, watch)
    [told] = explained(services, ines)
    [asked] = told.rules
    assert asked.met
    assert asked.words == "Sample Lab, once 2 outlets report it"
    assert asked.reasons[0].text == "met then; they have stopped it since"


def test_before_and_after_the_look(services: Services) -> None:
    """A story that nobody looked at yet is told from one that met no rule; each rule says what it lacks."""
    ines = hold(services, INES, replace(LAB, min_outlets=9))
    tell(services, STORY, at=NOON)
    assert explained(services, ines)[0].outcome.startswith("not looked at yet")
    tasks.alert(services, NOON)
    [told] = explained(services, ines)
    assert (told.alert_id, told.state) == (None, None)
    assert told.outcome.startswith("no alert")
    assert failed(*told.rules[0].reasons) == ["outlets"]


def test_rules_that_came_too_late_or_rest(services: Services) -> None:
    """A rule that was not held when the revision came in, and one that is paused, say so, met or not."""
    ines, jo = hold(services, INES), hold(services, JO)
    with writing(services.engine) as session:
        [hers], [his] = watching.watches_of(session, ines), watching.watches_of(session, jo)
        hers.made_at = NOON + HOUR
        watching.pause(his, NOON + HOUR)
    breaks(services, STORY)
    assert failed(*explained(services, ines)[0].rules[0].reasons) == ["held"]
    assert failed(*explained(services, jo)[0].rules[0].reasons) == ["paused"]


def test_what_a_reader_knew_then_counts(services: Services) -> None:
    """A revision without a new fact is no news; of the earlier alert it is still told as it was."""
    ines = hold(services, INES)
    breaks(services, STORY)
    leave(services)
    breaks(services, replace(STORY, coverage=coverage(4)), at=NOON + HOUR)
    newest, first = explained(services, ines)
    assert (newest.revision, first.revision) == (2, 1)
    assert failed(*newest.reasons) == ["told"]
    assert newest.state is None
    assert newest.rules[0].met
    assert failed(*first.reasons) == []
    assert first.state is AlertReaderState.MAILED


def test_mutes_and_leaving(services: Services) -> None:
    """Whoever muted the story, and whoever gets no alerts, is told that, beside the rule that was met."""
    ines, jo = hold(services, INES), hold(services, JO, newsletters=("daily",))
    tell(services, STORY, at=NOON)
    with writing(services.engine) as session:
        story = session.scalars(select(Story)).one()
        session.add(MutedStory(subscriber_id=ines, story_id=story.id, at=NOON))
    tasks.alert(services, NOON)
    assert failed(*explained(services, ines)[0].reasons) == ["mutes"]
    told = explained(services, jo)[0]
    assert failed(*told.reasons) == ["reader"]
    assert told.rules[0].met


def test_what_was_spared_has_its_reason(services: Services) -> None:
    """An alert in the quiet is told with when it is due, and why."""
    ines = hold(services, INES, choices=AlertChoices(quiet_from=11, quiet_until=14))
    breaks(services, STORY)
    [told] = explained(services, ines)
    assert told.state is AlertReaderState.WAITING
    assert told.outcome.startswith("waiting, due 2026-01-08 14:00 UTC: ")
    assert "quiet" in told.outcome


def test_alerts_of_the_editors(services: Services) -> None:
    """It says whether the editors meant the reader, and whether the reader wants theirs."""
    wide = AlertRule.of({"companies": ["Another Lab"]})
    ines = hold(services, INES, wide)
    jo = hold(services, JO, wide, choices=AlertChoices(from_editors=False))
    tell(services, STORY, at=NOON)
    actor, renderer = Actor("Ed", NOON), services.renderer
    life = timedelta(hours=24)
    with writing(services.engine) as session:
        story = session.scalars(select(Story)).one()
        alert = editing.draft(session, story, actor, life=life)
        editing.change(session, alert, editing.Wanted("Now.", audiences=("Investors",)), actor)
        seen = letting_go.draft_hash(session, alert, renderer)
        letting_go.approve(session, alert, renderer, lambda *_: (), actor, seen=seen, life=life)
    tasks.alert(services, NOON + 2 * MINUTE)
    [told] = explained(services, ines)
    assert (told.kind, told.state, told.rules) == (AlertKind.EDITORS, AlertReaderState.MAILED, ())
    assert failed(*told.reasons) == []
    [told] = explained(services, jo)
    assert failed(*told.reasons) == ["editors"]
    assert told.state is None


def test_one_who_has_nothing_to_do_with_alerts(services: Services) -> None:
    """Nothing is said of alerts to a reader of digests alone."""
    ines = hold(services, INES, None, newsletters=("daily",))
    breaks(services, STORY)
    assert explained(services, ines) == []


def test_what_fired_is_told_as_it_was(services: Services) -> None:
    """A rule that sent an alert was met, be it paused since, and its reader got alerts, who left since."""
    ines = hold(services, INES, replace(LAB, leads=True))
    breaks(services, STORY)
    leave(services)
    with writing(services.engine) as session:
        [watch] = watching.watches_of(session, ines)
        watching.pause(watch, NOON + 24 * HOUR)
        for subscription in session.get_one(Subscriber, ines).subscriptions:
            subscription.state = SubscriptionState.UNSUBSCRIBED
    breaks(services, a_story("Something larger", outlets=30), at=NOON + HOUR)
    with reading(services.engine) as session:
        story = session.get_one(Story, 1)
        reader = session.get_one(Subscriber, ines)
        [told] = ways(session, reader, story, services.site, now=NOON + 2 * HOUR).alerts
    assert told.rules[0].met
    assert failed(*told.reasons) == []


def test_whether_it_led_is_asked_of_its_own_moment(services: Services) -> None:
    """A story that would have led when it came in is told so, whatever is larger since."""
    ines = hold(services, INES, AlertRule(min_outlets=3, leads=True))
    with writing(services.engine) as session:
        [watch] = watching.watches_of(session, ines)
        watch.made_at = NOON + 3 * HOUR
    breaks(services, STORY)
    breaks(services, a_story("Something larger", outlets=30), at=NOON + HOUR)
    with reading(services.engine) as session:
        story, reader = session.get_one(Story, 1), session.get_one(Subscriber, ines)
        [told] = ways(session, reader, story, services.site, now=NOON + 2 * HOUR).alerts
    assert failed(*told.rules[0].reasons) == ["held"]
    assert "would lead your digest" in {reason.text for reason in told.rules[0].reasons}


def test_what_waits_says_as_much(services: Services) -> None:
    """A revision without news, while an alert of the story waits, says which one waits."""
    ines = hold(services, INES, choices=AlertChoices(quiet_from=11, quiet_until=14))
    breaks(services, STORY)
    breaks(services, replace(STORY, coverage=coverage(4)), at=NOON + HOUR)
    newest, _ = explained(services, ines)
    assert failed(*newest.reasons) == ["waits"]
    assert newest.outcome == "not for them: see what failed"
