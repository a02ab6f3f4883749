"""The daily of one day for tests: stories and readers for it, a draft, and what became of its mails."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from newsletter.content import StoryContent
from newsletter.desk import planning
from newsletter.intake.take_in import take_in
from newsletter.models import Delivery, Issue, Newsletter
from newsletter.schedule import occurrence
from newsletter.sources.records import Incoming
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import consent
from subscribers.address import parse
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.rhythm import Rhythm

#: the daily of 8 January: cut-off 04:00, publication 04:30, both UTC
DAY = datetime(2026, 1, 8, tzinfo=UTC)
CUTOFF = DAY + timedelta(hours=4)
PUBLISH = DAY + timedelta(hours=4, minutes=30)
SEEN = CUTOFF - timedelta(hours=2)


def tell(services: Services, *stories: StoryContent, at: datetime = SEEN) -> None:
    with writing(services.engine) as session:
        take_in(session, [Incoming(s.title, s, "test") for s in stories], now=at)


def subscribe(
    services: Services, email: str, *, hour: int = 7, zone: str = "UTC", days: str = "", **terms: list[str]
) -> None:
    with writing(services.engine) as session:
        consent.attest(
            session,
            parse(email),
            ["daily"],
            lens=Lens.of(**terms),
            rhythm=Rhythm(zone, hour, frozenset(map(int, days)) or frozenset(range(7))),
            name=None,
            source="test",
            channel=Channel.COMMAND,
            fingerprints=services.fingerprints,
            now=DAY - timedelta(days=30),
        )


def states(services: Services) -> dict[str, int]:
    with reading(services.engine) as session:
        return dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all())


def daily(services: Services) -> Issue:
    with reading(services.engine) as session:
        query = select(Issue).join(Newsletter).where(Newsletter.slug == "daily").order_by(Issue.date.desc())
        issue = session.scalars(query).first()
        assert issue is not None
        session.expunge_all()
        return issue


def draft(services: Services) -> int:
    """A draft of the daily of 8 January."""
    with writing(services.engine) as session:
        newsletter = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        issue = planning.plan(session, newsletter, occurrence(planning.timetable(newsletter), DAY.date()))
        assert issue is not None
        return issue.id
