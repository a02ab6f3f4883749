"""Nobody is alerted of what they know, or want to hear nothing of; and who hears of a correction."""

from datetime import timedelta

from sqlalchemy import func, select, update

from newsletter.alerts.known import known, mailed_lately, told_since
from newsletter.alerts.sparing import Mailed
from newsletter.content import Company, Impact
from newsletter.desk import correcting
from newsletter.models import Alert, AlertReader, Correction, Issue, Story
from newsletter.models.alert import AlertKind, AlertReaderState
from newsletter.models.desk import CorrectionKind
from newsletter.store.engine import writing
from newsletter.tick import tick_issues
from newsletter.wiring import Services
from subscribers.alert_rule import AlertRule
from subscribers.lens import Lens
from subscribers.models import MutedStory
from tests.alert_finding import (
    LAB,
    LIFE,
    NOW,
    SOON,
    look_and_spread,
    mail_them,
    reader,
    reasons,
    rows,
    waiting,
)
from tests.builders import a_story
from tests.issues import PUBLISH, tell


def test_what_they_muted_is_no_news(services: Services) -> None:
    """The story, a company or a topic of it."""
    with writing(services.engine) as session:
        reader(session, "ann", LAB)
        reader(session, "company", LAB, lens=Lens.of(muted_companies=["Other Lab"]))
        reader(session, "topic", LAB, lens=Lens.of(muted_topics=["Research"]))
        story = reader(session, "story", LAB)
    tell(services, a_story(companies=(Company("Sample Lab"), Company("Other Lab"))), at=NOW)
    with writing(services.engine) as session:
        session.add(MutedStory(subscriber_id=story, story_id=1, at=NOW))
    look_and_spread(services)
    assert waiting(services) == ["ann"]


def test_then_there_is_silence_until_a_new_fact(services: Services) -> None:
    """A revision without news reaches nobody who was alerted; one with news says what is new."""
    with writing(services.engine) as session:
        reader(session, "ann", LAB)
    tell(services, a_story(outlets=4), at=NOW)
    look_and_spread(services)
    mail_them(services)
    tell(services, a_story(outlets=5), at=SOON)
    look_and_spread(services, now=SOON)
    assert waiting(services) == []
    tell(services, a_story(outlets=8), at=SOON)
    look_and_spread(services, now=SOON)
    [row] = rows(services)
    assert row.changes == ["+4 outlets since Thursday"]
    # what waits says as much; another label is news again
    tell(services, a_story(outlets=9), at=SOON)
    look_and_spread(services, now=SOON)
    assert len(rows(services)) == 1
    tell(services, a_story(outlets=9, impact=Impact.DELAY), at=SOON)
    look_and_spread(services, now=SOON)
    assert len(rows(services)) == 2


def test_what_a_digest_told_is_known(services: Services) -> None:
    """No alert tells it again; what a digest tells while an alert waits is noticed."""
    with writing(services.engine) as session:
        ann = reader(session, "ann", LAB, newsletters=["alerts", "daily"])
    tell(services, a_story(outlets=4), at=PUBLISH - timedelta(hours=2))
    look_and_spread(services, now=PUBLISH - timedelta(hours=2))
    [row] = rows(services)
    for minutes in (-60, -20, 0):
        tick_issues(services, PUBLISH + timedelta(minutes=minutes))
    with writing(services.engine) as session:
        assert session.scalar(select(func.count(Issue.published_at))) == 1
        told = known(session, 1, [ann, ann + 1])
        assert set(told) == {ann}
        assert told[ann].told.revision == 1
        assert told[ann].how.startswith("told by Race to AGI Daily on Thursday")
        assert known(session, 1, [ann], before=PUBLISH) == {}
        assert told_since(session, [row.id]) == {row.id: told[ann].how}
        session.execute(update(AlertReader).values(state=AlertReaderState.DROPPED, reason="told"))
    tell(services, a_story(outlets=5), at=NOW)
    look_and_spread(services)
    assert waiting(services) == []


def correct(services: Services, kind: CorrectionKind = CorrectionKind.CORRECTION) -> None:
    by = correcting.By(SOON)
    with writing(services.engine) as session:
        story = session.get_one(Story, 1)
        correction = correcting.write(session, story, kind=kind, text="It was nine.", by=by)
        correcting.confirm(session, correction.id, by=by)


def test_a_correction_goes_to_those_who_were_alerted(services: Services) -> None:
    """To them once; what still waits to tell what is wrong does not leave any more."""
    with writing(services.engine) as session:
        reader(session, "ann", LAB)
        reader(session, "bob", AlertRule.of({"audiences": ["Investors"]}), since=SOON)
    tell(services, a_story(), at=NOW)
    look_and_spread(services)
    mail_them(services)
    tell(services, a_story(outlets=4, audiences=("Investors",)), at=SOON)
    look_and_spread(services, now=SOON)
    assert waiting(services) == ["ann", "bob"]
    correct(services)
    look_and_spread(services, now=SOON)
    look_and_spread(services, now=SOON)
    assert waiting(services) == ["ann"]
    assert [row.reason for row in rows(services, AlertReaderState.DROPPED)][-1] == "it needed a correction"
    with writing(services.engine) as session:
        [alert] = session.scalars(select(Alert).where(Alert.kind == AlertKind.CORRECTION))
        assert alert.correction_id == session.scalars(select(Correction.id)).one()


def test_a_retracted_story_alerts_nobody(services: Services) -> None:
    """Whatever comes in of it later."""
    tell(services, a_story(), at=NOW)
    with writing(services.engine) as session:
        reader(session, "ann", LAB)
    correct(services, CorrectionKind.RETRACTION)
    tell(services, a_story(outlets=9), at=SOON)
    look_and_spread(services, now=SOON)
    assert reasons(services) == []


def test_the_mails_of_late_are_found(services: Services) -> None:
    """With their stories and companies, of those asked for, after the instant asked for."""
    with writing(services.engine) as session:
        ann, bob = reader(session, "ann", LAB), reader(session, "bob", LAB)
    tell(
        services, a_story("One"), a_story("Two", companies=(Company("Sample Lab"), Company("Chips"))), at=NOW
    )
    look_and_spread(services)
    mail_them(services, at=NOW)
    with writing(services.engine) as session:
        mail = Mailed(NOW, frozenset({1, 2}), frozenset({"sample lab", "chips"}))
        assert mailed_lately(session, [ann], NOW - LIFE, now=NOW) == {ann: [mail]}
        assert mailed_lately(session, [ann, bob], NOW, now=NOW) == {}
