"""An editors' alert from its draft to its readers: aimed, approved as seen, taken back, let go, stopped."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.alert_desk.counting import proof
from newsletter.alert_desk.editing import IllegalStep, Overtaken, Wanted, change, draft
from newsletter.alert_desk.foreseeing import foresee
from newsletter.alert_desk.letting_go import (
    BadTime,
    Barred,
    NotWhatWasSeen,
    SamePerson,
    cancel,
    draft_hash,
    take_back,
)
from newsletter.alerts.aim import aimed_at
from newsletter.alerts.pieces import alert_limits
from newsletter.desk import correcting
from newsletter.desk.correcting import By
from newsletter.models import Alert, AuditLine, Delivery, Story
from newsletter.models.alert import AlertState
from newsletter.models.delivery import DeliveryKind
from newsletter.models.desk import CorrectionKind
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers.alert_choices import AlertChoices, InQuiet
from subscribers.segments.parsing import BadRule
from subscribers.watching import choose
from tests.builders import NOON, a_story
from tests.editors_alerts import (
    ADA,
    AIMED,
    LIFE,
    MINUTE,
    a_draft,
    approved,
    do,
    fates,
    release,
    seen,
    spread,
    subscribe,
    two_persons,
)
from tests.issues import tell
from tests.releasing import an_editor


def aimed(services: Services, wanted: Wanted) -> set[int]:
    with reading(services.engine) as session:
        alert = Alert(audiences=list(wanted.audiences), segment=wanted.segment or None)
        return set(session.scalars(aimed_at(session, alert, now=NOON)))


def test_an_alert_reaches_whom_it_is_aimed_at(services: Services) -> None:
    """Readers of its audiences, who chose none, or who are in its segment, and nobody who takes no alerts."""
    ann = subscribe(services, "ann", audiences=["Investors"])
    bob = subscribe(services, "bob")
    cid = subscribe(services, "cid", audiences=["Engineers"], zone="Europe/Paris")
    subscribe(services, "dan", "daily", audiences=["Investors"])
    eve = subscribe(services, "eve", audiences=["Investors"])
    with writing(services.engine) as session:
        choose(session, eve, AlertChoices(from_editors=False))
    assert aimed(services, Wanted(audiences=("Investors",))) == {ann, bob}
    assert aimed(services, Wanted(segment="zone = Europe/Paris")) == {cid}
    assert aimed(services, Wanted(audiences=("Investors",), segment="zone = Europe/Paris")) == {ann, bob, cid}
    assert aimed(services, Wanted()) == set()


def test_a_story_has_one_open_draft(services: Services) -> None:
    """Whoever begins an alert of a story goes on with the one that is being worked at; all is logged."""
    number = a_draft(services)
    with writing(services.engine) as session:
        assert draft(session, session.scalars(select(Story)).one(), ADA, life=LIFE).id == number
        acts = session.scalars(select(AuditLine.act).order_by(AuditLine.id)).all()
        assert acts == ["alert drafted", "alert changed"]


def test_nothing_is_done_from_an_old_page(services: Services) -> None:
    """Whoever looked at an earlier version changes nothing, approves nothing and stops nothing."""
    number = a_draft(services)
    old = replace(ADA, seen="1")
    with pytest.raises(Overtaken):
        do(services, number, lambda s, alert: change(s, alert, Wanted(line="Mine"), old))
    with pytest.raises(Overtaken):
        approved(services, number, old)
    with pytest.raises(Overtaken):
        do(services, number, lambda s, alert: cancel(s, alert, old))
    alert = seen(services, number)
    assert (alert.state, alert.version, alert.line) == (AlertState.DRAFT, 2, "It cannot wait.")


def test_a_segment_that_is_none_is_refused(services: Services) -> None:
    """A rule that cannot be read is told at once, and nothing of the form is kept."""
    number = a_draft(services)
    with pytest.raises(BadRule):
        do(services, number, lambda s, a: change(s, a, Wanted(line="New", segment="zone ="), ADA))
    assert seen(services, number).line == "It cannot wait."


def test_only_what_was_seen_is_approved(services: Services) -> None:
    """A hash of other content, or a story that changed since, approves nothing."""
    number = a_draft(services)
    with reading(services.engine) as session:
        shown = draft_hash(session, session.get_one(Alert, number), services.renderer)
    tell(services, a_story("France signs with Mistral AI", outlets=6), at=NOON + MINUTE)
    with pytest.raises(NotWhatWasSeen):
        approved(services, number, shown=shown)
    assert seen(services, number).state == AlertState.DRAFT


@pytest.mark.parametrize("because", ["aimed at nobody", "retracted"])
def test_preflight_bars(services: Services, because: str) -> None:
    """Nobody approves an alert that is for nobody, or of a story that was taken back."""
    number = a_draft(services, Wanted(line="Now") if because == "aimed at nobody" else AIMED)
    if because == "retracted":
        with writing(services.engine) as session:
            story = session.scalars(select(Story)).one()
            wrong = correcting.write(
                session, story, kind=CorrectionKind.RETRACTION, text="It was made up.", by=By(NOON)
            )
            correcting.confirm(session, wrong.id, by=By(NOON))
    with pytest.raises(Barred, match=because):
        approved(services, number)


def test_it_takes_two_persons(services: Services) -> None:
    """Where alerts go by two persons, whoever changed it last cannot approve it; another one can."""
    two_persons(services)
    ann, bob = (replace(ADA, editor_id=an_editor(services, name)) for name in ("ann", "bob"))
    number = a_draft(services, actor=ann)
    with pytest.raises(SamePerson):
        approved(services, number, ann)
    approved(services, number, bob)
    assert seen(services, number).state == AlertState.APPROVED


def test_it_can_be_taken_back_until_it_leaves(services: Services) -> None:
    """Within the undo window it becomes a draft again; once it is let go, only cancelling is left."""
    subscribe(services, "ann")
    number = a_draft(services)
    approved(services, number)
    do(services, number, lambda s, alert: take_back(s, alert, ADA))
    assert (seen(services, number).state, seen(services, number).pieces) == (AlertState.DRAFT, {})
    approved(services, number)
    assert release(services, 0.9) == []
    assert len(release(services, 1)) == 1
    with pytest.raises(IllegalStep):
        do(services, number, lambda s, alert: take_back(s, alert, ADA))


@pytest.mark.parametrize("after", [-MINUTE, timedelta(seconds=30), timedelta(days=8)])
def test_a_time_that_is_none(services: Services, after: timedelta) -> None:
    """No alert leaves in the past, before it could be taken back, or when it is no news any more."""
    number = a_draft(services)
    with pytest.raises(BadTime):
        approved(services, number, after=after)


def test_a_change_voids_the_approval(services: Services) -> None:
    """An editor's change, and a revision of the story, make it a draft again, and it says why."""
    number = a_draft(services)
    approved(services, number, after=timedelta(hours=1))
    do(services, number, lambda s, alert: change(s, alert, Wanted("Else", "", ("Investors",)), ADA))
    assert seen(services, number).reason == "changed by Ada after its approval: approve it anew"
    approved(services, number, after=timedelta(hours=1))
    tell(services, a_story("France signs with Mistral AI", outlets=6), at=NOON + MINUTE)
    release(services, 2)
    alert = seen(services, number)
    assert alert.state == AlertState.DRAFT
    assert "its story changed" in str(alert.reason)
    assert alert.approved_by is None


def test_too_old_it_expires(services: Services) -> None:
    """Let go by nobody within its life, as when nothing ran, it goes out to nobody."""
    number = a_draft(services)
    approved(services, number)
    release(services, 25 * 60)
    assert seen(services, number).state == AlertState.EXPIRED


def test_what_is_foreseen_happens(services: Services) -> None:
    """The counts before the approval are those of its readers afterwards, whose proof adds up."""
    subscribe(services, "ann", "alerts", audiences=["Investors"])
    subscribe(services, "bob", "alerts", zone="Asia/Tokyo")  # 21:00 there
    subscribe(services, "cid", "alerts", zone="Australia/Sydney")  # 23:00 there
    dan = subscribe(services, "dan", "alerts", "daily", zone="Australia/Sydney")
    with writing(services.engine) as session:
        choose(session, dan, AlertChoices(in_quiet=InQuiet.FOLD))
    number = a_draft(services)
    assert services.site.alerts is not None
    with reading(services.engine) as session:
        alert = session.get_one(Alert, number)
        found = foresee(session, alert, alert_limits(services.site.alerts), now=NOON + MINUTE)
    assert (found.readers, list(found.fates.values())) == (4, [2, 1, 1, 0])
    assert found.reasons == {"quiet hours or days": 2}
    approved(services, number)
    spread(services)
    assert fates(services, number) == {"mailed": 2, "waiting": 1, "folded": 1}
    with reading(services.engine) as session:
        told = proof(session, session.get_one(Alert, number))
    assert told.adds_up
    assert told.sentence == "4 readers = 1 waiting + 2 mailed + 1 folded; 2 mailed = 2 queued"


def test_a_mail_that_is_missing_does_not_add_up(services: Services) -> None:
    """The proof says so where a reader counts as mailed, and no mail is there."""
    subscribe(services, "ann")
    number = a_draft(services)
    approved(services, number)
    spread(services)
    with writing(services.engine) as session:
        session.delete(session.scalars(select(Delivery).where(Delivery.kind == DeliveryKind.ALERT)).one())
        session.flush()
        told = proof(session, session.get_one(Alert, number))
    assert not told.adds_up
    assert told.sentence == "1 reader = 1 mailed; 1 mailed ≠ 0"


def test_cancelled_it_stops(services: Services) -> None:
    """What waits is dropped and what is queued is cancelled; a second story of a mail is told by another."""
    subscribe(services, "ann")
    subscribe(services, "cid", zone="Australia/Sydney")
    first = a_draft(services)
    tell(services, a_story("Another story", companies=()), at=NOON)
    with writing(services.engine) as session:
        story = session.scalars(select(Story).where(Story.title == "Another story")).one()
        alert = draft(session, story, ADA, life=LIFE)
        change(session, alert, AIMED, ADA)
        second = alert.id
    for number in (first, second):
        approved(services, number)
    spread(services)
    assert fates(services, first) == fates(services, second) == {"mailed": 1, "waiting": 1}
    stopped = []
    do(services, first, lambda s, alert: stopped.append(cancel(s, alert, ADA)))
    assert stopped == [1]
    assert fates(services, first) == {"dropped": 2}
    assert fates(services, second) == {"waiting": 2}
    spread(services, 2)
    assert fates(services, second) == {"mailed": 1, "waiting": 1}
    with reading(services.engine) as session:
        mails = session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
    assert mails == ["cancelled", "queued"]
