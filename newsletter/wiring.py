"""The composition root: Settings in, the services that the doors work with out.

The only place that names concrete providers and queues. Building connects to nothing.
"""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session

from newsletter.alert_desk.looking_over import look_over_alert
from newsletter.alert_desk.remembering import Counts
from newsletter.composition import Composer
from newsletter.config import ROOT, Settings
from newsletter.dispatch.dispatcher import Dispatcher, Limits
from newsletter.links import CountedLinks
from newsletter.mail import Provider, Sender
from newsletter.models import Alert, Issue
from newsletter.preflight.findings import Finding
from newsletter.preflight.inspection import Errand, errand
from newsletter.preflight.look import Leaving, look_over
from newsletter.providers.dkim import read_keys
from newsletter.providers.folder import FolderProvider
from newsletter.providers.sendgrid import SendGridProvider
from newsletter.providers.smtp import SmtpProvider
from newsletter.queue.distributed import DistributedQueue
from newsletter.queue.local import LocalQueue
from newsletter.queue.port import Queue
from newsletter.rendering.renderer import Renderer
from newsletter.return_path import ReturnPaths
from newsletter.site import Site, load_site
from newsletter.store.engine import open_engine
from subscribers.fingerprints import Fingerprints
from subscribers.tokens import Tokens

#: the task that hands over what is due: one claim, or a few
HAND_OVER = "hand over"
#: the task that tells readers at once what breaks
ALERT = "alert"
NO_POSTAL_ADDRESS = "No postal address yet: set POSTAL_ADDRESS before mail leaves this machine"


@dataclass(frozen=True)
class Services:
    settings: Settings
    site: Site
    engine: Engine
    tokens: Tokens
    fingerprints: Fingerprints
    renderer: Renderer
    provider: Provider
    queue: Queue
    #: where mailboxes send what they could not deliver; None: to the sender
    return_paths: ReturnPaths | None

    def wake(self, session: Session) -> None:
        """Let a worker look into the outbox as soon as the caller's transaction is committed.

        Called by whoever has put a letter into it. Whatever nobody wakes for, the clock finds.
        """
        self.queue.enqueue(session, HAND_OVER, 0)

    def look_out(self, session: Session) -> None:
        """Let a worker look whom the news concern, as soon as the caller's transaction is committed.

        Called by whoever has taken stories in; the clock finds what nobody called for.
        """
        if self.site.alerts:
            self.queue.enqueue(session, ALERT, 0)

    def look_over(self, session: Session, issue: Issue, now: datetime) -> tuple[Finding, ...]:
        """`look_over` of preflight, with what it must know of how mail leaves here."""
        leaving = self._leaving(self.settings.mail_from)
        return look_over(session, issue, self.renderer, leaving, now=now)

    def look_over_alert(self, session: Session, alert: Alert, now: datetime) -> tuple[Finding, ...]:
        """The same of an alert."""
        leaving = self._leaving(self.settings.alert_sender)
        return look_over_alert(session, alert, self.renderer, leaving, now=now)

    def _leaving(self, sender: Sender) -> Leaving:
        settings = self.settings
        return Leaving(
            self.site, settings.mail_provider, settings.postal_address, sender, settings.public_url
        )

    def errand(self, session: Session, issue: Issue, now: datetime) -> Errand:
        """`errand` of preflight, likewise: what is to be asked about the issue as it is now."""
        return errand(
            session,
            issue,
            self.renderer,
            site=self.site,
            sender=self.settings.mail_from,
            public_url=self.settings.public_url,
            now=now,
        )

    @cached_property
    def counts(self) -> Counts:
        """Of alerts; one for all the threads of a process."""
        return Counts()

    @cached_property
    def composer(self) -> Composer:
        """One for all the threads of a process: what it remembers is large."""
        return Composer(
            self.engine,
            self.renderer,
            self.tokens,
            self.site,
            sender=self.settings.mail_from,
            alert_sender=self.settings.alert_sender,
            public_url=self.settings.public_url,
            return_paths=self.return_paths,
        )

    def dispatcher(self) -> Dispatcher:
        """A worker's hands, with an identity of their own."""
        limits = Limits(
            per_claim=self.settings.mails_per_claim,
            in_doubt=self.settings.mails_in_doubt,
            lease=timedelta(seconds=self.settings.lease_seconds),
        )
        return Dispatcher(
            self.engine,
            self.provider,
            self.composer,
            sender=self.settings.mail_from.address,
            alert_sender=self.settings.alert_sender.address,
            limits=limits,
        )


def build(settings: Settings) -> Services:
    """Everything the doors need. Raises BadPublication for a publication file that is none."""
    site = load_site(settings.publication)
    keys = _signing_keys(settings)
    tokens = Tokens(keys)
    engine = open_engine(settings.database_url)
    return Services(
        settings=settings,
        site=site,
        engine=engine,
        tokens=tokens,
        fingerprints=Fingerprints(keys),
        renderer=Renderer(
            ROOT / "templates" / "email",
            site_name=site.name,
            site_url=site.url,
            postal_address=settings.postal_address or NO_POSTAL_ADDRESS,
            counted_links=CountedLinks(settings.public_url, tokens),
        ),
        provider=_provider(settings),
        queue=LocalQueue(engine) if engine.dialect.name == "sqlite" else DistributedQueue(engine),
        return_paths=ReturnPaths(settings.bounce_address, keys) if settings.bounce_address else None,
    )


def _provider(settings: Settings) -> Provider:
    if settings.mail_provider == "smtp" and settings.smtp_url:
        keys = read_keys(settings.dkim_selector, settings.dkim_key.get_secret_value())
        return SmtpProvider(settings.smtp_url.get_secret_value(), keys=keys)
    if settings.mail_provider == "sendgrid" and settings.sendgrid_api_key:
        return SendGridProvider(settings.sendgrid_api_key.get_secret_value(), host=settings.sendgrid_api_url)
    return FolderProvider(settings.mail_folder)


def _signing_keys(settings: Settings) -> tuple[str, ...]:
    """The configured keys; an embedded instance without any makes one and keeps it by its database."""
    if settings.secret_key:
        return tuple(key.get_secret_value() for key in settings.secret_key)
    path = _embedded_home(settings) / "secret.key"
    if not path.exists():
        _keep_new_key(path)
    return (path.read_text().strip(),)


def _keep_new_key(path: Path) -> None:
    """Make the key file; of two programs that start at once, one makes it and both read it whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent) as draft:  # only the owner may read it
        draft.write(secrets.token_hex(32))
        draft.flush()
        with suppress(FileExistsError):
            os.link(draft.name, path)


def _embedded_home(settings: Settings) -> Path:
    database = make_url(settings.database_url)
    if database.get_backend_name() == "sqlite" and database.database:
        return Path(database.database).parent
    return ROOT / "var"
