"""Editors' alerts for tests: readers of alerts, a draft, and the acts on it."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.alert_desk import letting_go
from newsletter.alert_desk.editing import Wanted, change, draft
from newsletter.alert_desk.letting_go import approve, draft_hash
from newsletter.alerting import strike
from newsletter.models import Alert, AlertReader, Newsletter, Story
from newsletter.newsletters import ALERT
from newsletter.release import Actor
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import consent
from subscribers.address import parse
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.models import Subscriber
from subscribers.rhythm import Rhythm
from tests.builders import NOON, a_story
from tests.issues import tell

LIFE = timedelta(hours=24)
MINUTE = timedelta(minutes=1)
ADA = Actor("Ada", NOON)
AIMED = Wanted(line="It cannot wait.", audiences=("Investors", "Policymakers"))


def subscribe(services: Services, name: str, *newsletters: str, zone: str = "UTC", **terms: list[str]) -> int:
    """A reader of these newsletters, or else of the alerts; returns their number."""
    with writing(services.engine) as session:
        address = parse(f"{name}@reader.example")
        consent.attest(
            session,
            address,
            list(newsletters) or ["alerts"],
            lens=Lens.of(**terms),
            rhythm=Rhythm(zone, 7, frozenset(range(7))),
            name=None,
            source="test",
            channel=Channel.COMMAND,
            fingerprints=services.fingerprints,
            now=NOON - timedelta(days=30),
        )
        query = select(Subscriber.id).where(Subscriber.email_key == address.key)
        return session.scalars(query).one()


def a_draft(services: Services, wanted: Wanted = AIMED, actor: Actor = ADA) -> int:
    """An alert of a story that has just come in."""
    tell(services, a_story("France signs with Mistral AI"), at=NOON)
    with writing(services.engine) as session:
        alert = draft(session, session.scalars(select(Story)).one(), actor, life=LIFE)
        change(session, alert, wanted, actor)
        return alert.id


def do(services: Services, alert_id: int, act: Callable[[Session, Alert], object]) -> None:
    with writing(services.engine) as session:
        act(session, session.get_one(Alert, alert_id))


def approved(
    services: Services,
    alert_id: int,
    actor: Actor = ADA,
    *,
    after: timedelta | None = None,
    shown: str | None = None,
) -> None:
    """Approve it as it is now, or was `shown`, to leave so long `after` now, or as soon as it can."""
    at = None if after is None else actor.now + after

    def act(session: Session, alert: Alert) -> None:
        seen = shown or draft_hash(session, alert, services.renderer)
        approve(
            session, alert, services.renderer, services.look_over_alert, actor, seen=seen, life=LIFE, at=at
        )

    do(services, alert_id, act)


def release(services: Services, minutes: float) -> list[str]:
    """What the clock does with approved alerts so many minutes after noon."""
    with writing(services.engine) as session:
        return letting_go.release_due(session, now=NOON + minutes * MINUTE)


def spread(services: Services, minutes: float = 1) -> None:
    """All that is due then, up to the outbox."""
    strike(services, NOON + minutes * MINUTE)


def seen(services: Services, alert_id: int) -> Alert:
    with reading(services.engine) as session:
        alert = session.get_one(Alert, alert_id)
        session.expunge_all()
        return alert


def fates(services: Services, alert_id: int) -> dict[str, int]:
    """State → number of the readers of an alert."""
    with reading(services.engine) as session:
        query = select(AlertReader.state, func.count()).where(AlertReader.alert_id == alert_id)
        return dict(session.execute(query.group_by(AlertReader.state)).all())


def two_persons(services: Services) -> None:
    with writing(services.engine) as session:
        session.scalars(select(Newsletter).where(Newsletter.cadence == ALERT)).one().two_persons = True
