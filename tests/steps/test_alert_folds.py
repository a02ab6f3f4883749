"""Digests after alerts: what was left to them is told, what was told is named in a line, once."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter.corrections.book import as_wrong
from newsletter.corrections.owing import Debts
from newsletter.folds import Fold, folds
from newsletter.ledger import was_told
from newsletter.models import Alert, AlertReader, Correction, Delivery, Edition, EditionStory, Story
from newsletter.models.alert import AlertKind, AlertReaderState, AlertState
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from newsletter.preview import selection_for
from newsletter.rendering.pieces import Form, alert_piece
from newsletter.replay import replay_issue
from newsletter.store.engine import reading, writing
from newsletter.story_life import told_in
from newsletter.tick import tick
from newsletter.wiring import Services
from subscribers import roster
from subscribers.alert_models import AlertChoicesRecord, AlertRuleRecord
from subscribers.alert_rule import AlertRule
from tests.builders import a_story, coverage
from tests.corrected import corrected, mails
from tests.issues import DAY, PUBLISH, SEEN, daily, subscribe, tell

#: 20:00 of the day before in Los Angeles
EVENING = DAY + timedelta(hours=3, minutes=30)


def alert(services: Services, title: str, *readers: str, at: datetime = EVENING, mailed: bool = True) -> int:
    """An alert of the story, mailed to the readers or left to their next digest."""
    with writing(services.engine) as session:
        story = session.scalars(select(Story).where(Story.title == title)).one()
        rule = AlertRule.of({"companies": ["Sample Lab"]})
        definition = rule.definition()
        record = session.scalars(select(AlertRuleRecord)).one_or_none() or AlertRuleRecord(
            fingerprint=rule.fingerprint(), definition=definition, min_outlets=1, min_languages=1
        )
        session.add(record)
        session.flush()
        made = Alert(
            kind=AlertKind.RULES,
            story_id=story.id,
            revision=story.revision,
            state=AlertState.SPREAD,
            made_at=at,
            expires_at=at + timedelta(hours=24),
            companies=[],
            rules=[record.id],
            audiences=[],
            pieces={},
        )
        edition = Edition(fingerprint=f"{title}{at}", readers=len(readers), alerted_at=at, subject="Alert")
        session.add_all([made, edition])
        session.flush()
        piece = alert_piece(made.id, Form.ALERT)
        if mailed:
            session.add(
                EditionStory(
                    edition_id=edition.id,
                    position=1,
                    story_id=story.id,
                    revision=story.revision,
                    piece=piece,
                    because=[],
                    changes=[],
                    rules=[],
                )
            )
        for name in readers:
            reader = roster.find(session, f"{name}@reader.example")
            assert reader
            state = AlertReaderState.MAILED if mailed else AlertReaderState.FOLDED
            session.add(
                AlertReader(
                    alert_id=made.id,
                    subscriber_id=reader.id,
                    story_id=story.id,
                    rules=[record.id],
                    changes=[],
                    state=state,
                    decided_at=at,
                    due_at=at,
                )
            )
            if mailed:
                session.add(
                    Delivery(
                        kind=DeliveryKind.ALERT,
                        occasion_id=edition.id,
                        edition_id=edition.id,
                        subscriber_id=reader.id,
                        newsletter="daily",
                        priority=Priority.ALERT,
                        state=DeliveryState.ACCEPTED,
                        due_at=at,
                        expires_at=at + timedelta(hours=24),
                        attempt=1,
                        queued_at=at,
                        settled_at=at,
                    )
                )
        return made.id


def silent(services: Services, name: str) -> None:
    """That reader wants no line on what an alert told."""
    with writing(services.engine) as session:
        reader = roster.find(session, f"{name}@reader.example")
        assert reader
        session.add(
            AlertChoicesRecord(
                subscriber_id=reader.id,
                quiet_from=0,
                quiet_until=0,
                quiet_days=0,
                in_quiet="hold",
                afterwards="nothing",
                mails_a_day=3,
                from_editors=True,
            )
        )


def texts(services: Services) -> dict[str, str]:
    """Whose mail → its last text."""
    return {to.partition("@")[0].strip("<"): text.replace("\r\n", "\n") for to, _, text in mails(services)}


def test_a_digest_tells_what_was_left_to_it(services: Services) -> None:
    """Whatever the lens says, once: the next digest does not tell it again."""
    tell(services, a_story("Known"), a_story("Poem", audiences=("Poets",), companies=()))
    subscribe(services, "ann@reader.example", audiences=["Poets"])
    subscribe(services, "bob@reader.example", audiences=["Poets"])
    alert(services, "Known", "ann", mailed=False)
    tick(services, PUBLISH + timedelta(hours=3))
    told = texts(services)
    assert "your alert: " in told["ann"]
    assert "\nKnown\n" in told["ann"]
    assert "\nKnown\n" not in told["bob"]
    with reading(services.engine) as session:
        ann = roster.find(session, "ann@reader.example")
        assert ann
        story = session.scalars(select(Story.id).where(Story.title == "Known")).one()
        assert was_told(session, ann.id, story)
        selection = selection_for(session, daily(services), ann)
        assert {pick.candidate.content.title for pick in selection.picks} == {"Known", "Poem"}
    tell(services, a_story("Second poem", audiences=("Poets",), companies=()), at=SEEN + timedelta(days=1))
    tick(services, PUBLISH + timedelta(days=1, hours=3))
    assert "Known" not in texts(services)["ann"]


def test_an_old_story_is_told_where_it_was_left(services: Services) -> None:
    """A fold brings a story into the next issue, though its time is over; after a week it is over, too."""
    tell(services, a_story("Known"), at=SEEN - timedelta(days=30))
    tell(services, a_story("News"))
    subscribe(services, "ann@reader.example")
    subscribe(services, "bob@reader.example")
    alert(services, "Known", "ann", mailed=False)
    alert(services, "Known", "bob", at=EVENING - timedelta(days=8), mailed=False)
    tick(services, PUBLISH + timedelta(hours=3))
    assert "\nKnown\n" in texts(services)["ann"]
    assert "\nKnown\n" not in texts(services)["bob"]


def test_a_digest_tells_all_that_was_left_to_it(services: Services) -> None:
    """Those beyond its places in one line each, and the next digest tells none of them again."""
    titles = [f"Story {number:02}" for number in range(11)]
    tell(services, *(a_story(title, companies=()) for title in titles))
    subscribe(services, "ann@reader.example", audiences=["Poets"])
    for title in titles:
        alert(services, title, "ann", mailed=False)
    tick(services, PUBLISH + timedelta(hours=3))
    above, _, below = texts(services)["ann"].partition("ALSO NEW FOR YOU")
    assert [("\n" + title + "\n" in above) + (title in below) for title in titles] == [1] * 11
    assert below.count("Because: your alert: ") == 3
    with reading(services.engine) as session:
        assert all(one.is_equal for one in replay_issue(session, daily(services).id))
    tell(services, a_story("Poem", audiences=("Poets",), companies=()), at=SEEN + timedelta(days=1))
    tick(services, PUBLISH + timedelta(days=1, hours=3))
    assert "Poem" in texts(services)["ann"]
    assert "Story" not in texts(services)["ann"]


def test_what_was_left_waits_until_a_digest_appears(services: Services) -> None:
    """Somebody reads on Thursdays, and on one of them no machine ran: the next one tells it."""
    tell(services, a_story("Known"))
    subscribe(services, "ann@reader.example", days="3")
    tick(services, PUBLISH)
    tell(services, a_story("Left", companies=()), at=SEEN + timedelta(days=1))
    alert(services, "Left", "ann", at=EVENING + timedelta(days=1), mailed=False)
    for day in range(8, 15):
        assert "Left" not in texts(services).get("ann", "")
        tell(services, a_story(f"News {day}", companies=()), at=SEEN + timedelta(days=day))
        tick(services, PUBLISH + timedelta(days=day, hours=3))
    assert "\nLeft\n" in texts(services)["ann"]


def test_a_line_on_what_an_alert_told(services: Services) -> None:
    """One line, with the day as it was in the reader's zone and what came since, in the first digest only;
    nothing for those who want nothing. What left can be joined again, byte for byte."""
    tell(services, a_story("Known"), a_story("News", companies=()))
    subscribe(services, "ann@reader.example")
    subscribe(services, "lea@reader.example", zone="America/Los_Angeles", hour=20)
    subscribe(services, "bob@reader.example")
    alert(services, "Known", "ann", "lea", "bob")
    silent(services, "bob")
    tell(services, a_story("Known", coverage=coverage(3)), at=EVENING + timedelta(minutes=10))
    tick(services, PUBLISH + timedelta(hours=3))
    tick(services, PUBLISH + timedelta(hours=23, minutes=45))  # 20:15 in Los Angeles
    told = texts(services)
    line = "YOU HEARD OF IT ALREADY\n\nKnown\nYou heard of it on {}; since then +1 outlet\n"
    assert line.format("Thursday") in told["ann"]
    assert line.format("Wednesday") in told["lea"]
    assert "Known" not in told["bob"]
    with reading(services.engine) as session:
        assert all(one.is_equal for one in replay_issue(session, daily(services).id))
        story = session.scalars(select(Story.id).where(Story.title == "Known")).one()
        assert [(one.newsletter != "", one.readers) for one in told_in(session, story) if one.alert_id] == [
            (True, 3)
        ]
    tell(services, a_story("Later", companies=()), at=SEEN + timedelta(days=2))
    tick(services, PUBLISH + timedelta(days=2, hours=3))
    assert "Later" in texts(services)["ann"]
    assert "HEARD OF IT" not in texts(services)["ann"]


def test_a_correction_reaches_whom_an_alert_told(services: Services) -> None:
    """They are to hear of it with the alert's day, and no more once an alert mail told them so."""
    tell(services, a_story("Known"), a_story("News", companies=()))
    subscribe(services, "ann@reader.example")
    alert(services, "Known", "ann")
    number = corrected(services, EVENING + timedelta(minutes=5))
    with reading(services.engine) as session:
        ann = roster.find(session, "ann@reader.example")
        correction = session.get_one(Correction, number)
        assert ann
        debts = Debts(session, [as_wrong(correction)])
        [owed] = debts.of(ann.id)
        assert debts.words(owed).startswith("We told you on Thursday")
    corrects = alert(services, "Known", "ann", at=EVENING + timedelta(minutes=10))
    with writing(services.engine) as session:
        made = session.get_one(Alert, corrects)
        made.kind, made.correction_id = AlertKind.CORRECTION, number
        [told] = session.scalars(
            select(EditionStory).where(EditionStory.piece == alert_piece(corrects, Form.ALERT))
        )
        told.piece = alert_piece(corrects, Form.CORRECTION)
    with reading(services.engine) as session:
        correction = session.get_one(Correction, number)
        assert Debts(session, [as_wrong(correction)]).of(ann.id) == ()


@pytest.mark.parametrize("only", [False, True])
def test_folds_come_in_the_order_of_readers(services: Services, only: bool) -> None:
    """Each reader's folds, with the rule on whose account; those of one reader alone are the same."""
    tell(services, a_story("Known"))
    for name in ("ann", "bob"):
        subscribe(services, f"{name}@reader.example")
    alert(services, "Known", "bob", "ann", mailed=False)
    with reading(services.engine) as session:
        readers = [roster.find(session, f"{name}@reader.example") for name in ("ann", "bob")]
        expected = sorted(reader.id for reader in readers if reader)
        story = session.scalars(select(Story.id)).one()
        rule = session.scalars(select(AlertRuleRecord.id)).one()
        mine = expected[1] if only else None
        found = list(folds(session, [story], since=DAY, until=DAY + timedelta(days=1), subscriber_id=mine))
        assert found == [(one, (Fold(story, rule, False),)) for one in expected if mine in (None, one)]
