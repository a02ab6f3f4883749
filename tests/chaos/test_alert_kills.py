"""kill -9 within the alerts: each reader is told a story once, whoever dies, or a row says why not."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from newsletter.alerts.matching import anchors
from newsletter.intake.take_in import take_in
from newsletter.models import Alert, AlertReader, Delivery, EditionStory, Story
from newsletter.models.delivery import TOLD, DeliveryState
from newsletter.newsletters import sync
from newsletter.sources.records import Incoming
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import watching
from subscribers.address import parse
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from subscribers.models import Subscriber
from subscribers.transfer.people import Person
from subscribers.transfer.taking import Terms, import_people
from tests.builders import a_story
from tests.chaos.books import check
from tests.chaos.conftest import Driver, MakeWorld
from tests.chaos.points import Moment, Point
from tests.chaos.smtp_sink import smtp_sink
from tests.chaos.storm import blow
from tests.chaos.world import World, new_world

ALERTS = """
[alerts]
name = "Race to AGI Alerts"
description = "A breaking story minutes after it breaks."
gather_minutes = 0
company_rest_hours = 0
story_rest_hours = 0
"""
#: of what the readers want to be alerted; the story that the issue tells is none of it
BREAKING = AlertRule.of({"words": ["breaks out"]})
_LOOK = "newsletter.alerts.looking:look"
_SPREAD = "newsletter.alerting:spread"
_MAIL = "newsletter.alerts.mailing:mail_due"
#: what the alerts do, from the look at a story to the mail in the outbox
POINTS = (
    Point("A1", _LOOK, Moment.CALLED),
    Point("A1", _LOOK, Moment.INSIDE, statement="INSERT INTO alert "),
    Point("A1", _LOOK, Moment.RETURNED),
    Point("A1", _LOOK, Moment.COMMITTED),
    Point("A2", _SPREAD, Moment.INSIDE, statement="INSERT INTO alert_reader"),
    Point("A2", _SPREAD, Moment.RETURNED),
    Point("A2", _SPREAD, Moment.COMMITTED),
    Point("A3", "newsletter.alerting:compile_pieces", Moment.RETURNED),
    Point("A4", _MAIL, Moment.INSIDE, statement="INSERT INTO delivery"),
    Point("A4", _MAIL, Moment.RETURNED),
    Point("A4", _MAIL, Moment.COMMITTED),
)


def open_alerts(world: World, *, seen_at: datetime) -> None:
    """Every reader of the world wants to be alerted of what breaks out; and something did."""
    publication = Path(world.environ["PUBLICATION"])
    publication.write_text(publication.read_text() + ALERTS)
    services = world.services()
    long_ago = seen_at - timedelta(days=2)
    with writing(services.engine) as session:
        sync(session, services.site)
        readers = session.scalars(select(Subscriber)).all()
        terms = Terms(("alerts",), "paper form, autumn fair", "Yes")
        people = [Person(n, parse(one.email), one.rhythm) for n, one in enumerate(readers)]
        import_people(session, people, terms, fingerprints=services.fingerprints, now=long_ago)
        for reader in readers:
            watching.hold(session, reader, BREAKING, anchors(BREAKING), now=long_ago)
            watching.choose(session, reader.id, AlertChoices(quiet_from=0, quiet_until=0, mails_a_day=20))
    happens(services, "A model breaks out", seen_at)
    services.engine.dispose()


def happens(services: Services, title: str, at: datetime) -> None:
    """Another story comes in."""
    story = a_story(title, companies=(), category=None)
    with writing(services.engine) as session:
        take_in(session, [Incoming(title, story, "test")], now=at)


def check_alerts(world: World) -> None:
    """Every story was told once to every reader, by an alert's mail or by the digest, or a row says who
    refused the mail."""
    services = world.services()
    with reading(services.engine) as session:
        rows = session.scalars(select(AlertReader)).all()
        alerts = {alert.id: alert for alert in session.scalars(select(Alert))}
        told = session.execute(
            select(Delivery.subscriber_id, EditionStory.story_id, Delivery.state)
            .join(EditionStory, EditionStory.edition_id == Delivery.edition_id)
            .where(~EditionStory.piece.endswith("/line"))
        ).all()
        stories = session.scalars(select(Story.id)).all()
    services.engine.dispose()
    assert {alert.state for alert in alerts.values()} == {"spread"}
    assert {row.state for row in rows} <= {"mailed", "dropped"}, Counter(row.state for row in rows)
    times = Counter((reader, story) for reader, story, state in told if state in TOLD)
    refused = {(reader, story) for reader, story, state in told if state == DeliveryState.REFUSED}
    assert set(times.values()) == {1}, [one for one, number in times.items() if number > 1]
    assert times.keys() | refused == {(reader, story) for reader in world.readers for story in stories}


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_death_at_every_point_of_an_alert(driver: Driver, make_world: MakeWorld, point: Point) -> None:
    """Whoever dies there, the next one finishes: every reader is alerted once, and told nothing twice."""
    world = make_world()
    open_alerts(world, seen_at=world.now - timedelta(minutes=30))
    driver.die(world, "tick", point)
    world.finish()
    found = check(world)
    assert found == {"accepted": 2 * len(world.readers)}
    check_alerts(world)


def test_a_storm_over_alerts(database_url: str, tmp_path: Path) -> None:
    """Clocks and workers killed at random while stories break: nobody is told twice, and nobody lost."""
    now = datetime.now(UTC)
    with smtp_sink(seed=3, trouble=0.03, seconds=0.01) as sink:
        world = new_world(tmp_path, database_url, sink, readers=60, letters=0, real_time=True)
        open_alerts(world, seen_at=now - timedelta(minutes=5))
        services = world.services()

        def something_happens(chance: Random) -> None:
            happens(services, f"A model breaks out once more, {chance.random()}", datetime.now(UTC))

        toll = blow(world, seed=3, blows=5, disturb=something_happens)
        world.finish()
        services.engine.dispose()
        check(world)
    assert toll.kills
    check_alerts(world)
