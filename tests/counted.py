"""For tests of counting: a publication whose daily counts, and an issue of it on its way to readers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.intake.take_in import take_in
from newsletter.models import Delivery, Hit, Issue, Link
from newsletter.newsletters import sync
from newsletter.sources.records import Incoming
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.tracking.counting import Visit, count
from newsletter.wiring import Services
from subscribers.address import parse
from subscribers.models import Subscriber
from tests.builders import a_story
from tests.people import known, subscriber

#: the daily of 8 January went to readers in UTC at 07:00
ACCEPTED = datetime(2026, 1, 8, 7, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
ANN, BOB = "ann@reader.example", "bob@reader.example"
#: where links of the story lead
TARGET = "https://outlet1.example/report"


def counting(services: Services, tracking: str) -> Services:
    """The same services, where the daily counts so."""
    newsletters = tuple(
        spec.model_copy(update={"tracking": tracking}) if spec.slug == "daily" else spec
        for spec in services.site.newsletters
    )
    site = services.site.model_copy(update={"newsletters": newsletters})
    with writing(services.engine) as session:
        sync(session, site)
    return replace(services, site=site)


def send(services: Services) -> None:
    """A story told to Ann, who agreed to be counted, and to Bob, who did not."""
    with writing(services.engine) as session:
        story = a_story()
        take_in(session, [Incoming(story.title, story, "test")], now=ACCEPTED - timedelta(hours=5))
        for address in (ANN, BOB):
            subscriber(session, parse(address))
        agree(session, ANN)
    tick(services, ACCEPTED)


def agree(session: Session, address: str, counted: bool = True) -> None:
    session.execute(update(Subscriber).where(Subscriber.email == address).values(counted=counted))


def delivery_to(session: Session, address: str) -> int:
    reader = known(session, parse(address))
    return session.scalars(select(Delivery.id).where(Delivery.subscriber_id == reader.id)).one()


def link_to(session: Session, url: str = TARGET) -> int:
    return session.scalars(select(Link.id).where(Link.url == url)).one()


def links(session: Session) -> list[int]:
    return list(session.scalars(select(Link.id).order_by(Link.id)))


def visit(
    services: Services,
    link_id: int,
    delivery_id: int | None = None,
    *,
    agent: str = FIREFOX,
    after: timedelta = timedelta(minutes=20),
) -> None:
    """Count somebody who comes so long after the mails were accepted."""
    with writing(services.engine) as session:
        issue_id = session.scalars(select(Issue.id).order_by(Issue.id)).first()
        assert issue_id is not None
        count(session, [Visit(issue_id, link_id, delivery_id, agent, ACCEPTED + after)])


def hits(services: Services) -> dict[tuple[int, str], int]:
    """(link, visitor) → how often, of those that came at all."""
    with reading(services.engine) as session:
        rows = session.execute(
            select(Hit.link_id, Hit.visitor, func.sum(Hit.count)).group_by(Hit.link_id, Hit.visitor)
        )
        return {(link, visitor): int(number) for link, visitor, number in rows if number}
