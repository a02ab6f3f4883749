"""A correction as a note: at once, to exactly those who were told what is wrong and still read us."""

import email
import email.policy
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.desk.correcting import Settled
from newsletter.dispatch import gates
from newsletter.models import Delivery, Issue, Piece
from newsletter.models.delivery import DeliveryKind, DeliveryState, Priority
from newsletter.models.desk import CorrectionKind
from newsletter.publication import publish
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.wiring import Services
from subscribers import consent, pausing, roster
from subscribers.consent import Channel
from tests.builders import a_story
from tests.corrected import (
    RIGHT,
    a_day,
    approved,
    corrected,
    day,
    deliver,
    heard,
    is_noted,
    mails,
    noted,
    written,
)
from tests.issues import CUTOFF, PUBLISH, SEEN, subscribe, tell

NOON = PUBLISH + timedelta(hours=8)
EVIDENCE: dict[str, Any] = {"channel": Channel.LINK, "wording": "Stop", "now": NOON}


def leave(session: Session, name: str) -> None:
    """That reader unsubscribes."""
    reader = roster.find(session, f"{name}@reader.example")
    assert reader
    consent.unsubscribe(session, reader.public_id, "daily", **EVIDENCE)


def pause(session: Session, name: str, until: datetime) -> None:
    """That reader wants no mail until then."""
    reader = roster.find(session, f"{name}@reader.example")
    assert reader
    pausing.pause(session, reader, "daily", until, **EVIDENCE)


def test_a_note_goes_to_those_who_were_told(services: Services) -> None:
    """Whoever was told hears at once, by the newsletter that told them; nobody hears by a digest then."""
    subscribe(services, "ann@reader.example")
    a_day(services, 1)
    subscribe(services, "bob@reader.example")
    number = corrected(services, NOON)
    assert noted(services, number, NOON) == 1
    assert is_noted(services, number)
    tick(services, NOON)
    assert heard(services) == ["ann"]
    a_day(services, 2, revision=2)
    assert heard(services) == ["ann"]


def test_a_second_press_does_nothing(services: Services) -> None:
    """The note goes out once, however often it is asked for."""
    subscribe(services, "ann@reader.example")
    a_day(services, 1)
    number = corrected(services, NOON)
    assert [noted(services, number, NOON) for _ in range(3)] == [1, 0, 0]
    tick(services, NOON)
    assert heard(services) == ["ann"]


def test_not_before_it_is_confirmed_nor_when_it_is_old(services: Services) -> None:
    """What nobody confirmed reaches nobody, and what is older than a month neither."""
    subscribe(services, "ann@reader.example")
    a_day(services, 1)
    with pytest.raises(Settled, match="confirm it first"):
        noted(services, written(services, NOON), NOON)
    with pytest.raises(Settled, match="no news"):
        noted(services, corrected(services, NOON), NOON + timedelta(days=31))


def test_whoever_heard_by_a_digest_gets_no_note(services: Services) -> None:
    """Digest and note share what they told: one reader hears by one of them."""
    for name in ("ann", "bob"):
        subscribe(services, f"{name}@reader.example", days="" if name == "ann" else "0123")  # not on Fridays
    a_day(services, 1)
    number = corrected(services, NOON)
    a_day(services, 2, revision=2)
    assert heard(services) == ["ann"]
    later = NOON + timedelta(days=1)
    assert noted(services, number, later) == 1
    tick(services, later)
    assert heard(services) == ["ann", "bob"]


def test_an_approved_issue_does_not_repeat_a_note(services: Services) -> None:
    """A note that left between approval and publication: the issue has the card, and tells it to nobody."""
    subscribe(services, "ann@reader.example")
    a_day(services, 1)
    number = corrected(services, NOON)
    tell(services, a_story("Known", tldr=None), at=SEEN + day(2))
    issue_id = approved(services, 2)
    with reading(services.engine) as session:
        names = session.scalars(select(Piece.name).where(Piece.issue_id == issue_id)).all()
        assert f"correction/{number}" in names
    now = CUTOFF + day(2)
    noted(services, number, now)
    tick(services, now)
    deliver(services, 2)
    assert heard(services) == ["ann"]
    assert "News of day 2" in mails(services)[-1][2]


def test_only_those_who_are_still_subscribed(services: Services) -> None:
    """Whoever left the newsletter that told them gets no mail, and whoever paused it hears afterwards."""
    for name in ("ann", "bob", "eve"):
        subscribe(services, f"{name}@reader.example")
    a_day(services, 1)
    number = corrected(services, NOON)
    with writing(services.engine) as session:
        leave(session, "bob")
        pause(session, "eve", NOON + timedelta(days=2))
    assert noted(services, number, NOON) == 1
    tick(services, NOON)
    assert heard(services) == ["ann"]
    a_day(services, 4, revision=2)
    assert heard(services) == ["ann", "eve"]


def test_the_mail_of_a_note(services: Services) -> None:
    """It says what was told, when and by which newsletter; it leaves in the lane of alerts, and its reader
    can unsubscribe with one click."""
    subscribe(services, "ann@reader.example")
    a_day(services, 1)
    number = corrected(services, NOON, kind=CorrectionKind.RETRACTION)
    noted(services, number, NOON)
    with reading(services.engine) as session:
        [row] = session.scalars(select(Delivery).where(Delivery.kind == DeliveryKind.CORRECTION))
        assert (row.priority, row.newsletter, row.occasion_id) == (Priority.ALERT, "daily", number)
    tick(services, NOON)
    [(_, subject, text)] = [mail for mail in mails(services) if RIGHT in mail[2]]
    assert subject == "Retraction: Known"
    for words in ("We told you on Thursday, January", "We take this story back.", "told you this story"):
        assert words in " ".join(text.split())
    assert "@@" not in text
    files = [path.read_bytes() for path in services.settings.mail_folder.glob("*.eml")]
    [mail] = [one for one in map(_parsed, files) if one["Subject"] == subject]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"]
    assert mail["Message-ID"].startswith(f"<correction.{number}.")


def _parsed(data: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)


def test_a_newsletter_that_is_stopped_sends_no_notes(services: Services) -> None:
    """What stops a newsletter's digests, such as too many complaints, keeps its notes back as well."""
    subscribe(services, "ann@reader.example")
    a_day(services, 1)
    noted(services, corrected(services, NOON), NOON)
    way = gates.newsletter_way("daily")
    with writing(services.engine) as session:
        gates.close_until_mended(session, way, "too many complaints")
    tick(services, NOON)
    assert heard(services) == []
    with writing(services.engine) as session:
        gates.reopen(session, way)
    tick(services, NOON)
    assert heard(services) == ["ann"]


def test_consent_is_read_again_when_it_leaves(services: Services) -> None:
    """Whoever leaves between the press and the hand-over gets no mail."""
    subscribe(services, "ann@reader.example")
    a_day(services, 1)
    noted(services, corrected(services, NOON), NOON)
    with writing(services.engine) as session:
        leave(session, "ann")
    tick(services, NOON)
    assert heard(services) == []
    with reading(services.engine) as session:
        [row] = session.scalars(select(Delivery).where(Delivery.kind == DeliveryKind.CORRECTION))
        assert (row.state, row.reason) == (DeliveryState.WITHHELD, "unsubscribed")


def test_a_note_waits_for_an_issue_that_is_being_published(services: Services) -> None:
    """Whoever presses while an issue is frozen that tells the correction sends it to nobody twice."""
    subscribe(services, "ann@reader.example")
    a_day(services, 1)
    number = corrected(services, NOON)
    tell(services, a_story("Known", tldr=None), at=SEEN + day(2))
    issue_id = approved(services, 2)
    with ThreadPoolExecutor(1) as hands:
        with writing(services.engine) as session:
            issue = session.get_one(Issue, issue_id)
            assert publish(session, issue, services.renderer, now=issue.publish_at)
            pressed = hands.submit(noted, services, number, issue.publish_at)
            assert not wait([pressed], timeout=0.3).done
        assert pressed.result(timeout=30) == 0
    deliver(services, 2)
    assert heard(services) == ["ann"]
