"""What people do at the doors while mail is on its way, as the doors do it."""

import logging
from collections.abc import Callable
from datetime import datetime

import uvicorn
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import alerting, erasure
from newsletter.alert_desk import letting_go
from newsletter.alerts import concerning, mailing
from newsletter.desk import approval
from newsletter.importing import Import
from newsletter.models import Alert, Issue
from newsletter.models.alert import AlertKind
from newsletter.release import Actor
from newsletter.store.engine import writing
from newsletter.tick import tick
from newsletter.web.app import create_app
from newsletter.wiring import Services
from subscribers import consent, roster
from subscribers.address import parse
from subscribers.ledger import Channel
from subscribers.transfer.taking import Terms
from tests.chaos.points import PORTION

#: whom the acts are about
READER = "reader3@inbox.example"


def _issue(session: Session) -> Issue:
    return session.scalars(select(Issue).with_for_update(of=Issue)).one()


def approve(services: Services, now: datetime) -> None:
    with writing(services.engine) as session:
        approval.approve(session, _issue(session), services.renderer, by="an editor", now=now)


def hold(services: Services, now: datetime) -> None:
    with writing(services.engine) as session:
        approval.hold(_issue(session), by="an editor")


def pause(services: Services, now: datetime) -> None:
    with writing(services.engine) as session:
        approval.pause(_issue(session), by="an editor")


def resume(services: Services, now: datetime) -> None:
    with writing(services.engine) as session:
        approval.resume(_issue(session), by="an editor")


def cancel(services: Services, now: datetime) -> None:
    with writing(services.engine) as session:
        approval.cancel(session, _issue(session), by="an editor", now=now)


def erase(services: Services, now: datetime, address: str = READER) -> None:
    with writing(services.engine) as session:
        erasure.erase(
            session,
            parse(address),
            mail_folder=services.settings.mail_folder,
            channel=Channel.COMMAND,
            fingerprints=services.fingerprints,
            now=now,
        )


def unsubscribe(services: Services, now: datetime, address: str = READER, newsletter: str = "daily") -> None:
    with writing(services.engine) as session:
        subscriber = roster.find(session, address)
        assert subscriber is not None
        consent.unsubscribe(
            session, subscriber.public_id, newsletter, channel=Channel.ONE_CLICK, wording="Stop", now=now
        )


def tick_in_portions(services: Services, now: datetime) -> None:
    """A tick of a process to which a few readers are many; nobody else is in it."""
    for module, name, number in (
        *((alerting, name, PORTION) for name in ("FIRST", "CHUNK")),
        (concerning, "MOST_RULES", 1),
        (mailing, "PORTION", PORTION),
    ):
        setattr(module, name, number)
    tick(services, now)


def cancel_alert(services: Services, now: datetime) -> None:
    """The one that the editors chose."""
    with writing(services.engine) as session:
        alert = session.scalars(select(Alert).where(Alert.kind == AlertKind.EDITORS)).one()
        letting_go.cancel(session, alert, Actor("an editor", now))


def take_in_file(services: Services, now: datetime) -> None:
    terms = Terms(("daily",), "paper form, autumn fair", "Yes")
    path = services.settings.publication.with_name("people.csv")
    with path.open("rb") as data:
        work = Import(services.engine, services.site, services.fingerprints, data, terms)
        work.take(file_name=path.name, now=now, begun=lambda _: None)


def serve(services: Services, now: datetime) -> None:
    """The pages, until somebody kills whoever serves them."""
    app = create_app(services)
    uvicorn.run(app, port=services.settings.port, access_log=False, log_level=logging.CRITICAL)


ACTS: dict[str, Callable[[Services, datetime], object]] = {
    act.__name__: act
    for act in (
        *(approve, hold, pause, resume, cancel, erase, unsubscribe),
        *(take_in_file, serve, tick_in_portions, cancel_alert),
    )
}
