"""Ticking through the nights in which clocks change: one mail for each reader and issue, at their hour."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from newsletter.intake.take_in import take_in
from newsletter.models import Delivery, Issue, Newsletter
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.sources.records import Incoming
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.wiring import Services
from subscribers import consent
from subscribers.address import parse
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.rhythm import Rhythm
from tests.builders import a_story

READERS = [
    ("Europe/Paris", 2), ("Europe/Paris", 3), ("America/New_York", 2), ("Africa/Cairo", 0),
    ("Australia/Lord_Howe", 2), ("Asia/Tokyo", 8), ("America/Santiago", 0), ("UTC", 7),
]  # fmt: skip


@pytest.mark.parametrize(
    ("database_url", "night", "home"),
    [
        ("sqlite", date(2026, 3, 29), "Europe/Paris"),
        ("postgresql", date(2026, 3, 29), "Europe/Paris"),
        ("sqlite", date(2026, 10, 25), "America/New_York"),
        ("sqlite", date(2026, 4, 24), "UTC"),
    ],
    indirect=["database_url"],
)
def test_one_mail_for_each_reader_and_issue(services: Services, night: date, home: str) -> None:
    """Days of hourly ticks around a change of clocks: every reader gets every issue exactly once."""
    start = datetime(night.year, night.month, night.day, tzinfo=UTC) - timedelta(days=2)
    with writing(services.engine) as session:
        session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one().timezone = home
        for number, (zone, hour) in enumerate(READERS):
            consent.attest(
                session, parse(f"r{number}@reader.example"), ["daily"],
                lens=Lens(), rhythm=Rhythm(zone, hour), name=None, source="test",
                channel=Channel.COMMAND, fingerprints=services.fingerprints, now=start,
            )  # fmt: skip
    now = start
    while now < start + timedelta(days=5):
        if now.hour == 0 and now.minute == 0:
            story = a_story(f"Story of {now:%d %B}", companies=(), category=None)
            with writing(services.engine) as session:
                take_in(session, [Incoming(story.title, story, "test")], now=now)
        tick(services, now)
        now += timedelta(hours=1)
    with reading(services.engine) as session:
        finished = select(Issue.id).where(Issue.state == "finished")
        per_issue = session.execute(
            select(Delivery.occasion_id, func.count(), func.count(Delivery.subscriber_id.distinct()))
            .where(Delivery.occasion_id.in_(finished), Delivery.kind == DeliveryKind.DIGEST)
            .group_by(Delivery.occasion_id)
        ).all()
        states = set(
            session.scalars(select(Delivery.state).where(Delivery.occasion_id.in_(finished)).distinct())
        )
    assert len(per_issue) >= 3
    assert {(total, readers) for _, total, readers in per_issue} == {(len(READERS), len(READERS))}
    assert states == {DeliveryState.ACCEPTED}


def test_the_database_refuses_a_second_mail(services: Services) -> None:
    """That nobody gets a mail twice is not left to the code: the table has no place for a second row."""
    with writing(services.engine) as session:
        consent.attest(
            session, parse("r@reader.example"), ["daily"],
            lens=Lens(), rhythm=Rhythm(), name=None, source="test", channel=Channel.COMMAND,
            fingerprints=services.fingerprints, now=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
    row = {
        "kind": "digest", "occasion_id": 1, "subscriber_id": 1,
        "priority": 2, "state": "queued", "attempt": 0,
        "due_at": datetime(2026, 1, 1, tzinfo=UTC), "expires_at": datetime(2026, 1, 2, tzinfo=UTC),
        "queued_at": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    with writing(services.engine) as session:
        session.add(Delivery(**row))
    with pytest.raises(IntegrityError), writing(services.engine) as session:
        session.add(Delivery(**row))
