"""The world that the crash tests break: one issue of one daily, its readers, and some letters that wait."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, select, text

from newsletter.config import read_settings
from newsletter.intake.take_in import take_in
from newsletter.models import Issue
from newsletter.newsletters import sync
from newsletter.outbox import queue_confirmation
from newsletter.rendering.pieces import TELLING
from newsletter.rendering.renderer import Renderer
from newsletter.sources.records import Incoming
from newsletter.store.engine import open_engine, reading, writing
from newsletter.store.migrate import migrate
from newsletter.tick import tick
from newsletter.wiring import Services, build
from subscribers.address import parse
from subscribers.enrolment import Applicant, enrol
from subscribers.ledger import Channel, Evidence
from subscribers.lens import Lens
from subscribers.models import Act, Subscriber
from subscribers.rhythm import Rhythm
from subscribers.transfer.people import Person
from subscribers.transfer.taking import Terms, import_people
from tests.builders import a_story
from tests.chaos.sinks import Sink
from tests.conftest import SETTINGS

#: closes at ten and appears at eleven; without a lead nothing is planned before it closes
PUBLICATION = """
name = "Race to AGI"
url = "https://racetoagi.example"
audiences = ["Investors", "Researchers"]

[[newsletters]]
slug = "daily"
name = "Race to AGI Daily"
description = "The day's stories."
cadence = "daily"
timezone = "{zone}"
cutoff = "10:00:00"
publish = "11:00:00"
lead_hours = 1
default_hour = 11
"""


@cache
def _renderer() -> Renderer:
    """One that has compiled all that the issue is made of: no test here is about that."""
    renderer = build(read_settings(SETTINGS)).renderer
    story = a_story("A model passes a test", companies=(), category=None)
    renderer.shell(newsletter="Race to AGI Daily", description="The day's stories.", date=date(2026, 1, 8))
    for form in TELLING:
        renderer.card(story, form, headline=None, note=None, story_id=1)
    return renderer


def built(environ: Mapping[str, str]) -> Services:
    """The services of a process."""
    return replace(build(read_settings(environ)), renderer=_renderer())


@dataclass
class World:
    """`now` is an hour after the issue appeared: all of it is due, and none of the next one's."""

    folder: Path
    url: str
    now: datetime
    environ: dict[str, str]
    #: what was ever mailed to whom is told by the sink alone
    sink: Sink
    #: subscriber id → address, of everybody who is to get the issue
    readers: dict[int, str] = field(default_factory=dict)
    #: the same of everybody who is to get a letter
    asked: dict[int, str] = field(default_factory=dict)

    def services(self) -> Services:
        """Those of a process of its own, until the caller disposes of the engine."""
        return built(self.environ)

    def issue(self) -> Issue | None:
        """The one issue there is, if it was planned yet."""
        engine = open_engine(self.url)
        try:
            with reading(engine) as session:
                return session.scalars(select(Issue)).one_or_none()
        finally:
            engine.dispose()

    def finish(self) -> None:
        """What a process does that finds all this: ticks, while hours pass, until nothing is left."""
        services = self.services()
        try:
            for hours in range(4):
                time_passes(services.engine)
                tick(services, self.now + timedelta(hours=hours))
        finally:
            services.engine.dispose()


def new_world(folder: Path, url: str, sink: Sink, *, readers: int, letters: int, real_time: bool) -> World:
    """A database, empty or migrated, with everything in it from which the issue is made.

    The newsletter's zone is one in which it is noon, so that no midnight comes in between.
    """
    now = datetime.now(UTC) if real_time else datetime(2026, 1, 8, 12, tzinfo=UTC)
    ahead = now.hour - 12
    zone = f"Etc/GMT{ahead:+d}" if ahead else "UTC"
    publication = folder / "publication.toml"
    publication.write_text(PUBLICATION.format(zone=zone))
    environ = {
        **SETTINGS,
        **sink.settings(),
        "DATABASE_URL": url,
        "PUBLICATION": str(publication),
        "MAIL_FOLDER": str(folder / "mail"),
    }
    world = World(folder, url, now, environ, sink)
    services = world.services()
    migrate(services.engine)
    with writing(services.engine) as session:
        sync(session, services.site)
        story = a_story("A model passes a test", companies=(), category=None)
        take_in(session, [Incoming("1", story, "test")], now=now.replace(minute=0) - timedelta(hours=3))
    world.readers = _subscribe(services, readers, zone, now - timedelta(days=3))
    world.asked = _ask(services, letters, now)
    services.engine.dispose()
    return world


def _subscribe(services: Services, number: int, zone: str, now: datetime) -> dict[int, str]:
    rhythm = Rhythm(zone, 11)
    people = [Person(n, parse(f"reader{n}@inbox.example"), rhythm) for n in range(number)]
    terms = Terms(("daily",), "paper form, autumn fair", "Yes")
    with writing(services.engine) as session:
        import_people(session, people, terms, fingerprints=services.fingerprints, now=now)
        return {subscriber.id: subscriber.email for subscriber in session.scalars(select(Subscriber))}


def _ask(services: Services, number: int, now: datetime) -> dict[int, str]:
    people = [Applicant(parse(f"asked{n}@inbox.example"), Lens(), Rhythm()) for n in range(number)]
    with writing(services.engine) as session:
        asked = enrol(session, people, now=now).values() if people else ()
        for subscriber in asked:
            evidence = Evidence(Channel.FORM, "", None, now)
            line = evidence.write(session, Act.REQUESTED, subscriber, ["daily"])
            session.flush()
            queue_confirmation(session, subscriber_id=subscriber.id, consent_id=line.id, now=now)
        return {subscriber.id: subscriber.email for subscriber in asked}


def time_passes(engine: Engine) -> None:
    """Every lease that somebody holds runs out, and every gate opens."""
    earlier = {
        "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', {0}, '-1 day')",
        "postgresql": "{0} - interval '1 day'",
    }[engine.dialect.name]
    with writing(engine) as session:
        for table, column in (("delivery", "lease_until"), ("pace", "closed_until")):
            then = earlier.format(column)
            session.execute(text(f"UPDATE {table} SET {column} = {then} WHERE {column} IS NOT NULL"))
        if engine.dialect.name == "sqlite":
            then = earlier.format("lease_until")
            session.execute(text(f"UPDATE job SET lease_until = {then} WHERE lease_until IS NOT NULL"))
