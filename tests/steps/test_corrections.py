"""Corrections in digests: exactly those hear of one who were told what is wrong, and once."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.corrections.book import corrections_of
from newsletter.desk import correcting, editing
from newsletter.desk.changes import Hand
from newsletter.desk.correcting import BadCorrection, By, Settled
from newsletter.ledger import was_told
from newsletter.models import AuditLine, Delivery, Edition, EditionStory, Issue, Piece, Story
from newsletter.models.delivery import DeliveryState
from newsletter.models.desk import CorrectionKind
from newsletter.models.issue import IssueState
from newsletter.preview import preview
from newsletter.replay import replay_issue
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.why import why
from newsletter.wiring import Services
from subscribers import roster
from tests.builders import a_story
from tests.corrected import RIGHT, a_day, approved, corrected, day, deliver, heard, known, mails, written
from tests.issues import CUTOFF, PUBLISH, SEEN, daily, subscribe, tell

NOON = PUBLISH + timedelta(hours=8)


def told_on_day_one(services: Services) -> None:
    """Ann was told the first revision."""
    subscribe(services, "ann@reader.example")
    a_day(services, 1)


def test_those_who_were_told_it_hear_once(services: Services) -> None:
    """Told yesterday, corrected: its readers hear in their next digest and never again; those who come
    later, and are told the right revision, never."""
    told_on_day_one(services)
    corrected(services, NOON)
    subscribe(services, "bob@reader.example")
    a_day(services, 2, revision=2)
    assert heard(services) == ["ann"]
    a_day(services, 3, revision=2)
    assert heard(services) == ["ann"]


def test_it_stands_above_the_stories(services: Services) -> None:
    """The card says what was told, when, and what is right; subject and counts are those of the stories."""
    told_on_day_one(services)
    corrected(services, NOON)
    a_day(services, 2, revision=2)
    [(_, subject, text)] = [mail for mail in mails(services) if RIGHT in mail[2]]
    assert subject == "News of day 2"
    assert "1 story ·" in text
    assert (
        text.index("CORRECTION: Known") < text.index("We told you on Thursday, January") < text.index(RIGHT)
    )
    assert text.index(RIGHT) < text.rindex("News of day 2")


def test_nobody_hears_before_it_is_confirmed(services: Services) -> None:
    """What an editor wrote waits for an approver, and is gone without a trace for readers when taken away."""
    told_on_day_one(services)
    number = written(services, NOON)
    a_day(services, 2)
    assert heard(services) == []
    with writing(services.engine) as session:
        assert corrections_of(session, [1, 2, 3]) == {}
        correcting.take_away(session, number, by=By(NOON))
    with pytest.raises(LookupError, match="taken away"), writing(services.engine) as session:
        correcting.confirm(session, number, by=By(NOON))


def test_a_digest_that_does_not_come_lets_it_wait(services: Services) -> None:
    """Whoever gets no mail, or whose mail was withheld, hears in the next one that they get."""
    told_on_day_one(services)
    corrected(services, NOON)
    tell(services, a_story("Known", tldr=None, audiences=("Nobody",)), at=SEEN + day(2))
    deliver(services, 2)  # nothing to tell
    assert heard(services) == []
    tell(services, a_story("News of day 3"), at=SEEN + day(3))
    tick_without_mails(services, 3)
    with writing(services.engine) as session:
        for delivery in session.scalars(select(Delivery).where(Delivery.state == DeliveryState.QUEUED)):
            delivery.state = DeliveryState.WITHHELD
    a_day(services, 4, revision=2)
    assert heard(services) == ["ann"]


def tick_without_mails(services: Services, number: int) -> None:
    """The issue of that day is published, and its mails are not due yet."""
    tick(services, PUBLISH + day(number))


def test_the_ledger_takes_it_for_no_telling(services: Services) -> None:
    """An edition that corrects a story has not told it; what was told by others stays told."""
    told_on_day_one(services)
    corrected(services, NOON)
    a_day(services, 2, revision=2)
    story_id = known(services)
    with writing(services.engine) as session:
        [row] = session.scalars(select(EditionStory).where(EditionStory.piece.startswith("correction/")))
        assert row.story_id == story_id
        ann = roster.find(session, "ann@reader.example")
        assert ann is not None
        assert was_told(session, ann.id, row.story_id)
        for telling in session.scalars(select(EditionStory).where(EditionStory.piece.not_like("corr%"))):
            session.delete(telling)
        session.flush()
        assert not was_told(session, ann.id, row.story_id)


def test_a_retracted_story_is_told_to_nobody(services: Services) -> None:
    """From then on no issue tells it, whoever pins it; `why` says that it was retracted."""
    told_on_day_one(services)
    subscribe(services, "bob@reader.example")
    corrected(services, NOON, kind=CorrectionKind.RETRACTION)
    a_day(services, 2)
    assert heard(services) == ["ann"]
    [_, (_, _, to_bob)] = sorted(mail for mail in mails(services) if "News of day 2" in mail[2])
    assert "Known" not in to_bob
    with reading(services.engine) as session:
        bob = roster.find(session, "bob@reader.example")
        assert bob is not None
        newest = why(session, bob, session.get_one(Story, known(services)))[0]
        assert ("retracted", False) in {(reason.rule, reason.passed) for reason in newest.decision.reasons}


def test_it_voids_an_approval_of_the_wrong_story(services: Services) -> None:
    """An approved issue that would tell what is wrong is a draft again, and says why."""
    told_on_day_one(services)
    subscribe(services, "bob@reader.example")
    issue_id = approved(services, 2)
    corrected(services, CUTOFF + day(2) - timedelta(minutes=30), kind=CorrectionKind.RETRACTION)
    with reading(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        assert issue.state == IssueState.DRAFT
        assert issue.reason == "“Known” needed a retraction after its approval: approve it anew"


def test_any_other_approved_issue_leaves_as_approved(services: Services) -> None:
    """It carries no correction that came after its approval; the next issue tells it."""
    told_on_day_one(services)
    tell(services, a_story("Known", tldr=None, about="right now"), at=SEEN + day(2))
    issue_id = approved(services, 2)
    corrected(services, CUTOFF + day(2) - timedelta(minutes=30))
    deliver(services, 2)
    assert heard(services) == []
    with reading(services.engine) as session:
        assert session.get_one(Issue, issue_id).published_at is not None
        assert not session.scalars(select(Piece).where(Piece.name.startswith("correction/"))).all()
    a_day(services, 3, revision=2)
    assert heard(services) == ["ann"]


def test_its_card_is_part_of_what_was_approved(services: Services) -> None:
    """The card is a piece of the issue: an edition with it is replayed byte by byte, whatever comes."""
    told_on_day_one(services)
    corrected(services, NOON)
    a_day(services, 2, revision=2)
    with writing(services.engine) as session:
        issue_id = daily(services).id
        assert [one.is_equal for one in replay_issue(session, issue_id)] == [True]
        [piece] = session.scalars(select(Piece).where(Piece.name.startswith("correction/")))
        assert RIGHT in piece.document["text"]
        piece.document = piece.document | {"text": "changed"}
        session.flush()
        assert [one.differs for one in replay_issue(session, issue_id)] == [True]


def test_readers_who_hear_have_editions_of_their_own(services: Services) -> None:
    """Two readers of one lens share an edition, but for what only one of them is to hear."""
    told_on_day_one(services)
    subscribe(services, "bob@reader.example")
    corrected(services, NOON)
    a_day(services, 2, revision=2)
    with reading(services.engine) as session:
        counts = session.scalars(select(Edition.readers).where(Edition.issue_id == daily(services).id)).all()
        assert counts == [1, 1]


@pytest.mark.parametrize(
    ("text", "revision", "fault"),
    [
        ("  \n \0", None, "what is right"),
        ("x" * 1_501, None, "1,500"),
        ("x", 2, "1 to 1"),
        ("x", 0, "1 to 1"),
    ],
)
def test_what_cannot_be_used_is_refused(
    services: Services, text: str, revision: int | None, fault: str
) -> None:
    """A correction says something, not too much, and of a revision that there is."""
    tell(services, a_story("Known"))
    with writing(services.engine) as session:
        story = session.scalars(select(Story)).one()
        with pytest.raises(BadCorrection, match=fault):
            correcting.write(
                session, story, kind=CorrectionKind.CORRECTION, text=text, revision=revision, by=By(NOON)
            )


def test_every_act_is_logged_and_done_once(services: Services) -> None:
    """Writing and confirming stand in the log; what is confirmed is not confirmed again, nor taken away."""
    told_on_day_one(services)
    number = corrected(services, NOON)
    for act in (correcting.confirm, correcting.take_away):
        with pytest.raises(Settled, match="confirmed"), writing(services.engine) as session:
            act(session, number, by=By(NOON))
    with reading(services.engine) as session:
        lines = session.scalars(select(AuditLine).where(AuditLine.act.startswith("correction"))).all()
        assert [line.act for line in lines] == ["correction written", "correction confirmed"]
        [correction] = corrections_of(session, [known(services)])[known(services)]
        assert (correction.id, correction.text) == (number, RIGHT)


def test_no_issue_leaves_with_what_is_known_to_be_wrong(services: Services) -> None:
    """Preflight bars a revision that a correction says is wrong, until there is another, or its editors
    rewrote it; then it warns."""
    told_on_day_one(services)
    corrected(services, NOON)
    tick(services, SEEN + day(2))

    def found() -> list[tuple[str, str]]:
        with reading(services.engine) as session:
            issue = session.get_one(Issue, daily(services).id)
            findings = services.look_over(session, issue, SEEN + day(2))
            return [(one.rule, one.severity) for one in findings if one.rule == "corrections"]

    assert found() == [("corrections", "blocking")]
    story_id = known(services)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, daily(services).id)
        editing.rewrite(session, issue, story_id, {"tldr": "Nine percent."}, Hand(SEEN + day(2)))
    assert found() == [("corrections", "warning")]
    tell(services, a_story("Known", tldr=None), at=SEEN + day(2))
    tick(services, SEEN + day(2))
    assert found() == []


def test_a_preview_shows_what_its_reader_is_to_hear(services: Services) -> None:
    """As one reader, an issue has the correction that this reader will get, before it leaves and after."""
    told_on_day_one(services)
    subscribe(services, "bob@reader.example")
    corrected(services, NOON)
    tell(services, a_story("Known", tldr=None), a_story("News of day 2"), at=SEEN + day(2))
    tick(services, SEEN + day(2))

    def shows(name: str) -> bool:
        with reading(services.engine) as session:
            issue = session.get_one(Issue, daily(services).id)
            shown = preview(session, issue, services.renderer, email=f"{name}@reader.example")
            return RIGHT in shown.content.text

    assert [shows("ann"), shows("bob")] == [True, False]
    deliver(services, 2)
    assert [shows("ann"), shows("bob")] == [True, False]
    assert heard(services) == ["ann"]
